//! A webhook as it is answered. Its secret is shown in the one answer that made it.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_store::{Webhook, millis};

/// The answer to a change, with the secret where it was made here.
pub(crate) fn answer(
    status: u16,
    webhook: &Webhook,
    secret: Option<SecretString>,
) -> Result<Answer, Problem> {
    let mut shown = shown(webhook);
    if let (Value::Object(fields), Some(secret)) = (&mut shown, secret) {
        fields.insert("secret".to_owned(), json!(secret.expose_secret()));
    }
    let path = format!(
        "/workflows/{}/webhooks/{}",
        webhook.workflow_id, webhook.name
    );
    Ok(Answer::json(status, &shown)?.location(path))
}

/// What everybody with the API's token may see.
pub(crate) fn shown(webhook: &Webhook) -> Value {
    json!({
        "workflowId": webhook.workflow_id,
        "name": webhook.name,
        "mode": webhook.mode,
        "toleranceSeconds": webhook.tolerance_seconds,
        "enabled": webhook.enabled,
        "path": format!("/hooks/{}/{}", webhook.workflow_id, webhook.name),
        "createdAt": millis::text(webhook.created_at),
        "rotatedAt": webhook.rotated_at.map(millis::text),
        "previousSecretUntil": webhook.previous_until.map(millis::text),
    })
}
