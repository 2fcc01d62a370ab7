//! `POST /hooks/{id}/{webhook}`: a delivery to a workflow's webhook. The webhook's mode says how the sender proves
//! itself, and what makes a delivery the same one.

use std::time::Duration;

use jiff::Timestamp;
use steps_api::Challenge;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_signatures::{Delivery, Mode};
use steps_starts::{
    Door, NotStarted, Start, answer, check_size, delivered, delivery, skipped, wait,
};
use steps_store::Webhook;

use crate::app::App;

/// Starts a run with the body as its input, once the delivery is known to be genuine.
pub(crate) async fn receive(
    app: &App,
    workflow: &str,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    check_size(request)?;
    let wait = wait(request)?;
    let webhook = app.store.webhooks().get(workflow, name).await?;
    let header = |name: &str| request.header(name);
    let signed = Delivery {
        header: &header,
        body: request.body(),
    };
    verify(app, &webhook, &signed).await?;
    if let Some(challenge) = signed.challenge(webhook.mode) {
        return Answer::json(200, &Challenge { challenge });
    }
    let door = Door::Webhook {
        name,
        scheme: webhook.scheme(),
    };
    let delivery = delivery(request, door, delivered(request, webhook.mode)?)?;
    let delivery = delivery.by(&format!("webhook/{workflow}/{name}"));
    let document = app.store.workflows().get(workflow).await?;
    let started = match app.starts.start(Start::new(&document, &delivery)).await {
        Err(NotStarted::Skipped(why)) => return skipped(&why),
        started => started?,
    };
    // Whoever is not asked for a secret may name somebody else's id: of a run that was started before they see no text.
    let shown = webhook.mode != Mode::None || !started.repeated;
    let wait = if shown { wait } else { Duration::ZERO };
    answer(&app.store, request, (wait, app.most_waiters), &started).await
}

/// Refuses a delivery to a webhook that is disabled, and one that its sender did not sign.
async fn verify(app: &App, webhook: &Webhook, signed: &Delivery<'_>) -> Result<(), Problem> {
    if !webhook.enabled {
        return Err(Problem::new(
            403,
            "WebhookDisabled",
            "Webhook Disabled",
            format!(
                "the webhook `{}` takes no deliveries at present",
                webhook.name
            ),
        )
        .solution(["Put the webhook with `enabled` true"]));
    }
    let now = Timestamp::now().as_second();
    let secrets = match &webhook.secret {
        Some(at) => app
            .webhook_secrets
            .read(&at.id, &at.version)
            .await?
            .good_at(now),
        None => Vec::new(),
    };
    Ok(signed.verify(webhook.scheme(), &secrets, webhook.tolerance_seconds, now)?)
}
