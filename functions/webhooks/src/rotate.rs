//! `POST /workflows/{id}/webhooks/{webhook}/rotate`: gives a webhook a new secret.

use jiff::{SignedDuration, Timestamp};
use steps_api::{RotateWebhook, Secret};
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};

use crate::app::App;
use crate::faults::{invalid, own_secret_fault, refuse, secret_fault};
use crate::secret::{generate, keep};
use crate::shown::answer;

/// Seconds that an old secret stays good after it was replaced: the default, and the most.
const OVERLAP: u32 = 86_400;

const MOST_OVERLAP: u32 = 30 * 86_400;

/// Stores a new secret; the old one stays good for the overlap.
pub(crate) async fn rotate(
    app: &App,
    workflow: &str,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let body: RotateWebhook = request.json_or_default()?;
    let mut webhook = app.store.webhooks().get(workflow, name).await?;
    let overlap = body.overlap_seconds.unwrap_or(OVERLAP);
    let mut faults = Vec::new();
    if overlap > MOST_OVERLAP {
        faults.push(Fault::at(
            "overlapSeconds",
            format!("must be from 0 to {MOST_OVERLAP}"),
        ));
    }
    faults.extend(secret_fault(webhook.mode, body.secret.as_deref()));
    if body.secret.is_none() {
        faults.extend(own_secret_fault(webhook.mode));
    }
    let Some(at) = webhook.secret.clone() else {
        return Err(invalid(vec![Fault::at(
            "mode",
            "mode `none` has no secret that could be rotated",
        )]));
    };
    refuse(faults)?;
    let (secret, generated) = match body.secret {
        Some(Secret(given)) => (given, false),
        None => (generate(webhook.mode)?, true),
    };
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(i64::from(overlap));
    let next = app
        .secrets
        .read(&at.id, &at.version)
        .await?
        .replaced_by(secret.clone(), until.as_second());
    webhook.secret = Some(keep(app, Some(&at), &next).await?);
    webhook.rotated_at = Some(now);
    webhook.previous_until = Some(until);
    webhook.revision += 1;
    app.store.webhooks().put(&webhook).await?;
    answer(200, webhook, generated.then_some(secret))
}
