//! The account's keys at OpenRouter, through its management key.

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use steps_openrouter::{ApiKey, CreatedKey, Error, KeyChange, KeyRecord, NewKey};
use steps_problem::Problem;

/// The management key is read anew for each rotation: they are rare, and a replaced one is to be good at once.
#[derive(Debug)]
pub(crate) struct Management {
    pub(crate) secrets: Client,
    pub(crate) secret_id: String,
    pub(crate) openrouter: steps_openrouter::Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    api_key: SecretString,
}

impl Management {
    pub(crate) async fn create(&self, new: &NewKey) -> Result<CreatedKey, Problem> {
        let created = self.openrouter.create_key(&self.key().await?, new).await;
        created.map_err(refused)
    }

    pub(crate) async fn list(&self) -> Result<Vec<KeyRecord>, Problem> {
        let listed = self.openrouter.keys(&self.key().await?).await;
        listed.map_err(refused)
    }

    pub(crate) async fn disable(&self, hash: &str) -> Result<(), Problem> {
        let disabled = KeyChange {
            disabled: Some(true),
            ..KeyChange::default()
        };
        let key = self.key().await?;
        let changed = self.openrouter.change_key(&key, hash, &disabled).await;
        changed.map(|_| ()).map_err(refused)
    }

    /// The secret is the key itself, or `{"apiKey": ...}`.
    async fn key(&self) -> Result<ApiKey, Problem> {
        let text =
            steps_secrets::read_text(&self.secrets, &self.secret_id, "management key").await?;
        let fields: Option<Fields> = serde_json::from_str(text.expose_secret()).ok();
        let key = fields.map_or(text, |fields| fields.api_key);
        ApiKey::parse(key.expose_secret()).map_err(refused)
    }
}

/// What OpenRouter says of a bad key must not be taken for the credential's.
fn refused(error: Error) -> Problem {
    let code = error.code();
    if !matches!(
        code,
        "InvalidApiKey" | "PermissionDenied" | "MalformedApiKey"
    ) {
        return error.into();
    }
    let problem = Problem::from(&error);
    Problem::new(
        409,
        "ManagementKeyRefused",
        "Management Key Refused",
        format!("the key in the secret of ManagementKeySecretArn manages no keys ({code})"),
    )
    .solution([
        "Create a management key at https://openrouter.ai/settings/management-keys",
        "Store it in that secret, as the whole text or as {\"apiKey\": ...}",
        "Rotate again with POST /credentials/{id}/rotate",
    ])
    .upstream(problem.upstream)
}
