//! The account's keys at OpenRouter, through its management key.

use steps_key::ApiKey;
use steps_openrouter::{Client, CreatedKey, Error, KeyChange, KeyRecord, NewKey};
use steps_problem::Problem;
use steps_secrets::{NamedSecret, api_key_in};

/// The management key, and OpenRouter, which it opens.
#[derive(Debug)]
pub(crate) struct Management {
    pub(crate) key: NamedSecret,
    pub(crate) openrouter: Client,
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

    async fn key(&self) -> Result<ApiKey, Problem> {
        let text = self.key.read().await?;
        api_key_in(&text).map_err(|malformed| refused(malformed.into()))
    }
}

/// A failure of the management key must not look like one of the credential's key.
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
