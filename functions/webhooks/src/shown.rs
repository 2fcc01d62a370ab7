//! The answer to a change of a webhook. A secret is shown only in the answer to the request that made it.

use secrecy::SecretString;
use steps_api::{Secret, WebhookView};
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_store::Webhook;

/// The webhook, with the secret where it was made here.
pub(crate) fn answer(
    status: u16,
    webhook: Webhook,
    secret: Option<SecretString>,
) -> Result<Answer, Problem> {
    let path = format!(
        "/workflows/{}/webhooks/{}",
        webhook.workflow_id, webhook.name
    );
    let shown = WebhookView {
        secret: secret.map(Secret),
        ..webhook.into()
    };
    Ok(Answer::json(status, &shown)?.location(path))
}
