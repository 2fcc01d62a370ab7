//! `PUT /workflows/{id}/webhooks/{webhook}`: makes or changes a webhook.

use jiff::Timestamp;
use steps_api::{PutWebhook, Secret};
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem, name_fault};
use steps_secrets::WebhookSecret;
use steps_signatures::{HmacForm, Mode};
use steps_store::Webhook;

use crate::app::App;
use crate::faults::{hmac_faults, invalid, own_secret_fault, refuse, secret_fault};
use crate::secret::{generate, keep};
use crate::shown::answer;

/// Most characters of a webhook's name.
const LONGEST_NAME: usize = 64;

/// The most seconds by which a signed time may differ from the present.
const MOST_TOLERANCE: u32 = 86_400;

/// Makes the webhook, or changes the one that exists to what the body says. Where the mode stays and the body has no
/// secret, the secret stays too.
pub(crate) async fn put(
    app: &App,
    workflow: &str,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let body: PutWebhook = request.json()?;
    let name_fault = name_fault("name", "a webhook's name", name, LONGEST_NAME);
    let mut faults: Vec<Fault> = name_fault.into_iter().collect();
    if !(1..=MOST_TOLERANCE).contains(&body.tolerance_seconds) {
        faults.push(Fault::at(
            "toleranceSeconds",
            format!("must be from 1 to {MOST_TOLERANCE}"),
        ));
    }
    faults.extend(hmac_faults(body.mode, body.hmac.as_ref()));
    faults.extend(secret_fault(body.mode, body.secret.as_deref()));
    refuse(faults)?;
    app.store.workflows().must_exist(workflow).await?;
    let before = app.store.webhooks().find(workflow, name).await?;
    let keeps = body.secret.is_none() && before.as_ref().is_some_and(|b| b.mode == body.mode);
    let now = Timestamp::now();
    let mut webhook = Webhook {
        workflow_id: workflow.to_owned(),
        name: name.to_owned(),
        mode: body.mode,
        hmac: body.hmac.map(HmacForm::in_lower_case),
        tolerance_seconds: body.tolerance_seconds,
        enabled: body.enabled,
        secret: None,
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        rotated_at: None,
        previous_until: None,
        revision: before.as_ref().map_or(0, |before| before.revision) + 1,
    };
    let status = if before.is_some() { 200 } else { 201 };
    if let Some(before) = before.as_ref().filter(|_| keeps) {
        webhook.secret.clone_from(&before.secret);
        webhook.rotated_at = before.rotated_at;
        webhook.previous_until = before.previous_until;
        app.store.webhooks().put(&webhook).await?;
        return answer(status, webhook, None);
    }
    let kept_at = before.and_then(|before| before.secret);
    let made = match (body.mode, body.secret) {
        (Mode::None, _) => None,
        (_, Some(Secret(given))) => Some((given, false)),
        (mode, None) => match own_secret_fault(mode) {
            Some(fault) => return Err(invalid(vec![fault])),
            None => Some((generate(mode)?, true)),
        },
    };
    if let Some((secret, _)) = &made {
        let secret = WebhookSecret::new(secret.clone());
        webhook.secret = Some(keep(app, kept_at.as_ref(), &secret).await?);
        if status == 200 {
            webhook.rotated_at = Some(now);
        }
    }
    if let Err(error) = app.store.webhooks().put(&webhook).await {
        // The write may have been made, and its answer lost: then a repeat of it has met the record that it made.
        let stored = app.store.webhooks().find(workflow, name).await?;
        let secret = stored.and_then(|stored| stored.secret);
        if webhook.secret.is_none() || secret != webhook.secret {
            if let (None, Some(at)) = (&kept_at, &webhook.secret) {
                // Without its record nobody could find the secret again.
                app.secrets.delete(&at.id).await?;
            }
            return Err(error.into());
        }
    }
    if let (Some(at), None) = (&kept_at, &webhook.secret) {
        app.secrets.delete(&at.id).await?;
    }
    let shown = made.filter(|(_, generated)| *generated);
    answer(status, webhook, shown.map(|(secret, _)| secret))
}
