//! `/workflows/{id}/callback-secret`: what signs the posts of a workflow's ended runs. The secret is shown in the answer that
//! made it, the public key always.

use jiff::{SignedDuration, Timestamp};
use steps_api::{CallbackSecretView, RotateCallbackSecret, Secret};
use steps_lambda::{Answer, Request, invalid};
use steps_problem::{Fault, Problem};
use steps_secrets::{CallbackKeys, CallbackPair};
use steps_signatures::{Mode, generate_private_key, public_key};
use steps_store::{CallbackSecret, SecretVersion};
use uuid::Uuid;

use crate::app::App;
use crate::secret::{generate, no_randomness};

/// Seconds that what signed before signs too: the default, and the most.
const OVERLAP: u32 = 86_400;
const MOST_OVERLAP: u32 = 30 * 86_400;

/// `GET`: the workflow's own, without what is secret.
pub(crate) async fn get(app: &App, workflow: &str) -> Result<Answer, Problem> {
    let record = app.store.callback_secrets().get(workflow).await?;
    Answer::json(
        200,
        &CallbackSecretView::of(workflow, record, Timestamp::now()),
    )
}

/// `POST …/rotate`: makes the workflow's first one, or the next. What signed before, at first the stack's secret, signs
/// beside it for the overlap.
pub(crate) async fn rotate(
    app: &App,
    workflow: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let body: RotateCallbackSecret = request.json_or_default()?;
    let overlap = body.overlap_seconds.unwrap_or(OVERLAP);
    if overlap > MOST_OVERLAP {
        return Err(invalid("the body has a fault").faults(vec![Fault::at(
            "overlapSeconds",
            format!("must be from 0 to {MOST_OVERLAP}"),
        )]));
    }
    app.store.workflows().must_exist(workflow).await?;
    let before = app.store.callback_secrets().find(workflow).await?;
    let secret = generate(Mode::Standard)?;
    let private_key = generate_private_key().ok_or_else(no_randomness)?;
    let public_key = public_key(&private_key).ok_or_else(no_randomness)?;
    let pair = CallbackPair {
        secret: secret.clone(),
        private_key,
    };
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(i64::from(overlap));
    let kept = keep(app, before.as_ref(), pair, until).await?;
    let record = CallbackSecret {
        secret: kept,
        public_key,
        previous_public_key: before.as_ref().map(|before| before.public_key.clone()),
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        rotated_at: before.as_ref().map(|_| now),
        previous_until: Some(until),
        revision: before.as_ref().map_or(0, |before| before.revision) + 1,
    };
    if let Err(error) = app.store.callback_secrets().put(workflow, &record).await {
        // The write may have been made, and its answer lost: then a repeat of it has met the record that it made.
        let stored = app.store.callback_secrets().find(workflow).await?;
        if stored.is_none_or(|stored| stored.secret != record.secret) {
            if before.is_none() {
                // Without its record nobody could find the secret again.
                app.callbacks.delete(&record.secret.id).await?;
            }
            return Err(error.into());
        }
    }
    let status = if before.is_some() { 200 } else { 201 };
    let shown = CallbackSecretView {
        secret: Some(Secret(secret)),
        ..CallbackSecretView::of(workflow, record, now)
    };
    let path = format!("/workflows/{workflow}/callback-secret");
    Ok(Answer::json(status, &shown)?.location(path))
}

/// Writes the pair as the next version of what is stored, or as the first version of a new secret.
async fn keep(
    app: &App,
    before: Option<&CallbackSecret>,
    pair: CallbackPair,
    until: Timestamp,
) -> Result<SecretVersion, Problem> {
    let until = until.as_second();
    let Some(CallbackSecret { secret: at, .. }) = before else {
        let id = Uuid::now_v7().to_string();
        let first = CallbackKeys::first(pair, until);
        let version = app.callbacks.create(&id, &first).await?;
        return Ok(SecretVersion { id, version });
    };
    let stored = app.callbacks.read(&at.id, &at.version).await?;
    let next = stored.replaced_by(pair, until);
    let version = app.callbacks.replace(&at.id, &next).await?;
    Ok(SecretVersion {
        id: at.id.clone(),
        version,
    })
}

/// `DELETE`: from now on the stack's secret signs. The secret goes first, then its record: without it nobody could find the
/// secret again.
pub(crate) async fn delete(app: &App, workflow: &str) -> Result<Answer, Problem> {
    let record = app.store.callback_secrets().get(workflow).await?;
    app.callbacks.delete(&record.secret.id).await?;
    app.store.callback_secrets().remove(workflow).await?;
    Ok(Answer::empty())
}
