//! Tokens of the API: what callers send, and what they are answered. A token itself is in one answer only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_access::Scopes;
use steps_store::{Page, TokenRecord};

use crate::secret::Secret;

/// The body of `POST /tokens`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    /// What it is for, such as who has it: 1 to 64 characters.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// What it may do, at least one thing.
    #[schemars(length(min = 1))]
    pub scopes: Scopes,
    /// For how many days it is good. Left out: 90. `null`: until it is revoked.
    #[serde(default = "days")]
    #[schemars(range(min = 1, max = 3650))]
    pub expires_in_days: Option<u16>,
}

#[expect(clippy::unnecessary_wraps, reason = "the type of the field")]
fn days() -> Option<u16> {
    Some(90)
}

/// The answer of `POST /tokens`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MadeToken {
    /// What is known of it.
    #[serde(flatten)]
    pub record: TokenRecord,
    /// The token. It is in no other answer.
    pub token: Secret,
}

/// The answer of `GET /tokens`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TokenPage {
    /// The newest first; those that have ended too, for 90 days.
    pub tokens: Vec<TokenRecord>,
    /// Asks for the next page; `null` on the last.
    pub cursor: Option<String>,
}

impl From<Page<TokenRecord>> for TokenPage {
    fn from(page: Page<TokenRecord>) -> Self {
        Self {
            tokens: page.rows,
            cursor: page.cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_token_ends_by_itself_unless_that_is_not_wanted() {
        let days = |body: Value| {
            let new: NewToken = serde_json::from_value(body).unwrap();
            new.expires_in_days
        };
        assert_eq!(days(json!({"name": "a", "scopes": ["run"]})), Some(90));
        let never = json!({"name": "a", "scopes": ["run"], "expiresInDays": null});
        assert_eq!(days(never), None);
        let unknown = json!({"name": "a", "scopes": ["write"]});
        assert!(serde_json::from_value::<NewToken>(unknown).is_err());
    }
}
