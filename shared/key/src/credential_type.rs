//! The types of credentials.

use serde::{Deserialize, Serialize};

/// What kind of secret a credential keeps. Stored beside the secret as `type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialType {
    /// An [`ApiKey`](crate::ApiKey) of OpenRouter. Also what was stored without a type.
    #[default]
    OpenRouter,
}

impl CredentialType {
    /// The type of this name; `None` where there is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        (name == Self::OpenRouter.as_str()).then_some(Self::OpenRouter)
    }

    /// The type's name, as it is stored and as the API has it.
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
