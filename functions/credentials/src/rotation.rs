//! Rotation by Secrets Manager, for stacks that have OpenRouter's management key.

use serde_json::json;
use steps_problem::Problem;
use steps_store::{Action, Actor, AuditEntry, Credential, Rotation, retry_conflict};

use crate::app::App;

/// The function that rotates keys, or how to get one.
pub(crate) fn rotate_key_arn(app: &App) -> Result<&str, Problem> {
    app.rotate_key_arn.as_deref().ok_or_else(|| {
        Problem::new(
            409,
            "RotationNotConfigured",
            "Rotation Not Configured",
            "this stack has no management key of OpenRouter, and a rotation needs one to make and disable keys",
        )
        .solution([
            "Create a management key at https://openrouter.ai/settings/management-keys",
            "Store it in Secrets Manager: aws secretsmanager create-secret --name openrouter-management-key --secret-string file://key.txt",
            "Deploy the template with that secret's ARN as the parameter ManagementKeySecretArn",
            "Until then, replace the key with PUT /credentials/{id} {\"apiKey\": ...}",
        ])
    })
}

/// Tells Secrets Manager to rotate the key every so many days, or to stop rotating it.
pub(crate) async fn set_rotation(
    app: &App,
    before: Credential,
    rotation: Option<Rotation>,
    actor: &Actor,
) -> Result<Credential, Problem> {
    match rotation {
        Some(rotation) => {
            let function = rotate_key_arn(app)?;
            let days = i64::from(rotation.every_days);
            app.secrets.rotate_every(&before.id, function, days).await?;
        }
        None => app.secrets.rotate_no_more(&before.id).await?,
    }
    // Secrets Manager has changed. The record follows it, also where it was changed by someone else in between.
    retry_conflict(async || {
        let before = app.store.credentials().get(&before.id).await?;
        let details = json!({ "from": before.rotation, "to": rotation });
        let after = Credential {
            rotation,
            ..before.clone()
        };
        let entry = AuditEntry::now(Action::RotationSet, actor, details);
        Ok(app.store.credentials().change(&before, after, &entry).await)
    })
    .await
}
