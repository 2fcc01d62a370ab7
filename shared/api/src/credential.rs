//! Credentials: what callers send, and what they are answered. Never a key.

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use steps_key::HttpAuth;
use steps_openrouter::{FreeRequests, KeyInfo};
use steps_problem::{Fault, Problem};
use steps_store::{Check, Credential, DeletedCredential, LastRotation, Rotation, millis};

use crate::money::Usd;
use crate::secret::Secret;

/// The body of `POST /credentials`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCredential {
    /// What workflows call it: unique, 1 to 64 characters, not spelled as an id.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// What kind of secret it has: `openrouter` (a key of OpenRouter, where this is left out) or `http` (what `http` nodes
    /// prove with who sends their requests).
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["openrouter", "http"]))]
    pub of_type: Option<String>,
    /// The older name of `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["openrouter", "http"]))]
    pub provider: Option<String>,
    /// Of a credential of type `openrouter`, required: the key. It goes to Secrets Manager and is never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// Of a credential of type `http`, required: the secret. It goes to Secrets Manager and is never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpLogin>,
    /// Of a credential of type `http`: the hosts that the secret may be sent to, each with or without a port. Left out: it is
    /// sent only where a workflow's document spells out the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub hosts: Option<Vec<String>>,
    /// The most that may be spent with the key on one day (UTC), USD. Left out or `null`: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Usd>")]
    pub max_cost_usd_per_day: Option<Decimal>,
}

/// How an `http` credential proves who sends a request.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "auth", rename_all = "lowercase", deny_unknown_fields)]
pub enum HttpLogin {
    /// `Authorization: Bearer <token>`.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// `Authorization: Basic`, with the name and the password in base64.
    Basic {
        /// The user's name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A header of this name.
    Header {
        /// The header's name.
        name: String,
        /// Its value.
        value: Secret,
    },
}

impl From<HttpLogin> for HttpAuth {
    fn from(login: HttpLogin) -> Self {
        match login {
            HttpLogin::Bearer { token } => Self::Bearer { token: token.0 },
            HttpLogin::Basic { username, password } => Self::Basic {
                username,
                password: password.0,
            },
            HttpLogin::Header { name, value } => Self::Header {
                name,
                value: value.0,
            },
        }
    }
}

/// The body of `PUT /credentials/{id}`. What is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeCredential {
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub name: Option<String>,
    /// Another key, of a credential of type `openrouter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Secret>,
    /// Another secret, of a credential of type `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpLogin>,
    /// Other hosts that the secret of a credential of type `http` may be sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub hosts: Option<Vec<String>>,
    /// When Secrets Manager rotates the key; `null` switches it off.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given"
    )]
    #[schemars(with = "Option<Rotation>")]
    pub rotation: Option<Option<Rotation>>,
    /// The most that may be spent with the key on one day (UTC), USD; `null` takes the limit away.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "given"
    )]
    #[schemars(with = "Option<Usd>")]
    pub max_cost_usd_per_day: Option<Option<Decimal>>,
}

/// Tells `null` from a field that is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The body of `POST /credentials/{id}/restore`; it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreCredential {
    /// Another name, where the old one is taken by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub name: Option<String>,
}

/// A credential without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialView {
    /// UUIDv7.
    pub id: String,
    /// Unique, chosen by its owner.
    pub name: String,
    /// What kind of secret it has: `openrouter` or `http`.
    #[serde(rename = "type")]
    pub of_type: String,
    /// The older name of `type`.
    pub provider: String,
    /// Of a credential of type `http`, how its secret is sent: `bearer`, `basic` or `header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Of a credential of type `http`: the hosts that its secret may be sent to, where they are limited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The last four characters of the key or secret; empty for a secret of fewer than 16.
    pub last_four: String,
    /// When it was stored.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub created_at: Timestamp,
    /// When a run that uses it was started last, to the minute; absent before the first.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub last_used_at: Option<Timestamp>,
    /// The last check of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check: Option<Check>,
    /// The most that may be spent with the key on one day (UTC), USD; absent where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cost_usd_per_day: Option<Decimal>,
    /// When Secrets Manager rotates the key; absent where its owner does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<Rotation>,
    /// The last rotation of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_rotation: Option<LastRotation>,
    /// Counts the changes; 1 for the first.
    pub revision: u64,
    /// Of a deleted credential: when it was deleted.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub deleted_at: Option<Timestamp>,
    /// Of a deleted credential: until when it can be restored.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    #[schemars(with = "Option<Timestamp>")]
    pub restorable_until: Option<Timestamp>,
}

impl From<Credential> for CredentialView {
    fn from(credential: Credential) -> Self {
        Self {
            id: credential.id,
            name: credential.name,
            of_type: credential.provider.clone(),
            provider: credential.provider,
            auth: credential.auth,
            hosts: credential.hosts,
            last_four: credential.last_four,
            created_at: credential.created_at,
            last_used_at: credential.last_used_at,
            last_check: credential.last_check,
            max_cost_usd_per_day: credential.max_cost_usd_per_day,
            rotation: credential.rotation,
            last_rotation: credential.last_rotation,
            revision: credential.revision,
            deleted_at: None,
            restorable_until: None,
        }
    }
}

impl From<DeletedCredential> for CredentialView {
    fn from(deleted: DeletedCredential) -> Self {
        Self {
            deleted_at: Some(deleted.deleted_at),
            restorable_until: Some(deleted.restorable_until),
            ..deleted.credential.into()
        }
    }
}

/// The answer of `GET /credentials`: all of them, or those that were deleted and can be restored.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CredentialList {
    /// The oldest first.
    pub credentials: Vec<CredentialView>,
}

impl<T: Into<CredentialView>> FromIterator<T> for CredentialList {
    fn from_iter<I: IntoIterator<Item = T>>(credentials: I) -> Self {
        Self {
            credentials: credentials.into_iter().map(Into::into).collect(),
        }
    }
}

/// The answer of `GET /credentials/{id}`: the credential and, of type `openrouter`, either `key` or
/// `keyProblem`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialWithKey {
    /// The credential.
    #[serde(flatten)]
    pub credential: CredentialView,
    /// What OpenRouter says of the key at this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyView>,
    /// Why OpenRouter could not be asked, or does not accept the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_problem: Option<Problem>,
}

/// The answer of `PUT /credentials/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ChangedCredential {
    /// The credential as it is now.
    #[serde(flatten)]
    pub credential: CredentialView,
    /// The workflows that still name it by its old name.
    pub warnings: Vec<Fault>,
}

/// What OpenRouter knows of a key. Amounts are USD; periods are UTC, and weeks begin on Monday.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    /// The key's name, or the key itself with its middle left out.
    pub label: Option<String>,
    /// The most that the key may spend; `null` where it has no limit.
    pub limit: Option<Decimal>,
    /// What is left of `limit`.
    pub limit_remaining: Option<Decimal>,
    /// When `limit` begins anew: `daily`, `weekly`, `monthly`; `null` where it never does.
    pub limit_reset: Option<String>,
    /// Whether what a key of one's own at a provider costs counts for `limit` too.
    pub include_byok_in_limit: bool,
    /// Spent so far.
    pub usage: Option<Decimal>,
    /// Spent today.
    pub usage_daily: Option<Decimal>,
    /// Spent this week.
    pub usage_weekly: Option<Decimal>,
    /// Spent this month.
    pub usage_monthly: Option<Decimal>,
    /// Whether the account never bought credits.
    pub is_free_tier: bool,
    /// Whether this key manages other keys; such a key cannot run a chat.
    pub is_management_key: bool,
    /// When the key ends, as RFC 3339.
    pub expires_at: Option<String>,
    /// Today's requests to free models; it lags behind.
    pub free_model_daily_requests: Option<FreeRequests>,
}

impl From<KeyInfo> for KeyView {
    fn from(key: KeyInfo) -> Self {
        Self {
            label: key.label,
            limit: key.limit,
            limit_remaining: key.limit_remaining,
            limit_reset: key.limit_reset,
            include_byok_in_limit: key.include_byok_in_limit,
            usage: key.usage,
            usage_daily: key.usage_daily,
            usage_weekly: key.usage_weekly,
            usage_monthly: key.usage_monthly,
            is_free_tier: key.is_free_tier,
            is_management_key: key.is_management_key,
            expires_at: key.expires_at,
            free_model_daily_requests: key.free_model_daily_requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn null_takes_away_and_what_is_left_out_stays() {
        let read = |body: Value| serde_json::from_value::<ChangeCredential>(body).unwrap();
        let left_out = read(json!({}));
        assert!(left_out.rotation.is_none() && left_out.max_cost_usd_per_day.is_none());
        let null = read(json!({"rotation": null, "maxCostUsdPerDay": null}));
        assert_eq!(null.rotation, Some(None));
        assert_eq!(null.max_cost_usd_per_day, Some(None));
    }

    #[test]
    fn what_a_caller_sends_is_what_is_read_and_only_the_body_shows_the_key() {
        let body = json!({"name": "main", "provider": "openrouter", "apiKey": "sk-or-v1-abc"});
        let new: NewCredential = serde_json::from_value(body.clone()).unwrap();
        assert_eq!(serde_json::to_value(&new).unwrap(), body);
        assert!(!format!("{new:?}").contains("abc"), "{new:?}");
    }
}
