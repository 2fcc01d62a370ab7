//! The types of credentials.

use serde::{Deserialize, Serialize};

/// Which kind of secret a credential has. It is stored beside the secret as `type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialType {
    /// An [`ApiKey`](crate::ApiKey) of OpenRouter. A secret that is stored without a type is of this type, too.
    #[default]
    OpenRouter,
}

impl CredentialType {
    /// The type with this name; `None` where there is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        (name == Self::OpenRouter.as_str()).then_some(Self::OpenRouter)
    }

    /// The type's name, in the store and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenRouter => "openrouter",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CredentialType;

    #[test]
    fn a_type_is_known_by_its_name() {
        let openrouter = CredentialType::OpenRouter;
        assert_eq!(CredentialType::parse(openrouter.as_str()), Some(openrouter));
        assert_eq!(CredentialType::parse("http"), None);
        assert_eq!(CredentialType::default(), openrouter);
    }
}
