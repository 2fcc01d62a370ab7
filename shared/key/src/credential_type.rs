//! The types of credentials.

use serde::{Deserialize, Serialize};

/// Which kind of secret a credential has. It is stored beside the secret as `type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialType {
    /// An [`ApiKey`](crate::ApiKey) of OpenRouter. A secret that is stored without a type is of this type, too.
    #[default]
    OpenRouter,
    /// An [`HttpSecret`](crate::HttpSecret), for requests of `http` nodes.
    Http,
}

impl CredentialType {
    /// The type with this name; `None` where there is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut types = [Self::OpenRouter, Self::Http].into_iter();
        types.find(|known| known.as_str() == name)
    }

    /// The type's name, in the store and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenRouter => "openrouter",
            Self::Http => "http",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CredentialType;

    #[test]
    fn a_type_is_known_by_its_name() {
        for known in [CredentialType::OpenRouter, CredentialType::Http] {
            assert_eq!(CredentialType::parse(known.as_str()), Some(known));
        }
        assert_eq!(CredentialType::parse("ftp"), None);
        assert_eq!(CredentialType::default(), CredentialType::OpenRouter);
    }
}
