//! One try to deliver the end of a run. Every post of it carries the same `webhook-id`, so a receiver can tell a repeated
//! one. What comes of a post is recorded with the delivery.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use steps_api::RunView;
use steps_callbacks::{Message, host_of};
use steps_executions::ExecutionName;
use steps_problem::{Problem, short};
use steps_store::{Delivery, DeliveryAttempt, DeliveryStatus, Error, Pass};

use crate::app::App;
use crate::pause::{after_tries, for_a_place};
use crate::post::{LONGEST_POST, post};
use crate::sign::{Signed, sign};

/// So many posts are made before a delivery has failed.
const MOST_TRIES: u32 = 8;

/// A post that takes longer makes its receiver count as slow.
const SLOW: Duration = Duration::from_secs(2);

/// For how long a function has the one place of a slow receiver: longer than it runs for one message.
const PLACE: Duration = Duration::from_secs(30);

/// Most characters of why a post failed.
const LONGEST_REASON: usize = 300;

/// What becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It leaves the queue.
    Done,
    /// It comes back after so many seconds.
    Again(i32),
}

/// What a try to post came to.
struct Tried {
    status: Option<u16>,
    error: Option<String>,
}

/// Posts the run as it ended with the message's execution. A run that was resumed since, or whose record has expired,
/// is not posted; nor is one that the receiver has taken.
///
/// # Errors
/// What passes: the store or Secrets Manager did not answer.
pub(crate) async fn deliver(app: &App, message: &Message) -> Result<Next, Problem> {
    let Some(name) = message.execution() else {
        return Ok(Next::Done);
    };
    let Some(url) = app.store.runs().callback_url(name.run_id).await? else {
        return not_posted(app, &name).await;
    };
    let before = app.store.deliveries().find(name.run_id, name.take).await?;
    if let Some(before) = &before
        && before.status == DeliveryStatus::Delivered
    {
        // SQS has handed out a message twice.
        return Ok(Next::Done);
    }
    let host = host_of(&url);
    let pass = app
        .store
        .receivers()
        .ask(&host, Timestamp::now(), PLACE)
        .await?;
    if let Pass::Taken(until) = pass {
        return Ok(Next::Again(for_a_place(until, message.tries())));
    }
    let view = RunView::read(&app.store, name.run_id).await;
    if let Ok(view) = &view
        && (view.execution != name.take || !view.status.has_ended())
    {
        // It was resumed: its next end is posted.
        if before.is_some() {
            note(app, &name, |delivery| {
                delivery.status = DeliveryStatus::Superseded;
                delivery.next_at = None;
            })
            .await?;
        }
        free(app, &host, pass, Duration::ZERO).await?;
        return Ok(Next::Done);
    }
    let (at, begun) = (Timestamp::now(), Instant::now());
    let tried = try_post(app, message.text(), &url, view).await?;
    let took = begun.elapsed();
    free(app, &host, pass, took).await?;
    let attempt = DeliveryAttempt {
        at,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        status: tried.status,
        error: tried.error,
    };
    ended(app, &name, &host, attempt).await
}

/// The run's record has expired, or its texts were erased: nothing of it is posted any more.
async fn not_posted(app: &App, name: &ExecutionName<'_>) -> Result<Next, Problem> {
    let before = app.store.deliveries();
    let before = before.find(name.run_id, name.take).await?;
    if before.is_some_and(|before| before.status == DeliveryStatus::Pending) {
        note(app, name, |delivery| {
            delivery.status = DeliveryStatus::Failed;
            delivery.next_at = None;
        })
        .await?;
    }
    Ok(Next::Done)
}

/// Reads, signs and posts. What will not pass is what the try came to, as an answer that is not 2xx is.
async fn try_post(
    app: &App,
    id: &str,
    url: &str,
    view: Result<RunView, Error>,
) -> Result<Tried, Problem> {
    let made = async {
        let view = view?;
        let body = serde_json::to_vec(&view).map_err(Problem::unwritable)?;
        let signed = Signed {
            id,
            at: Timestamp::now().as_second(),
            body: &body,
        };
        let signature = sign(app, &view.workflow_id, &signed).await?;
        Ok::<_, Problem>(post(app, url, &signed, signature).await)
    };
    let refused = |error| Tried {
        status: None,
        error: Some(error),
    };
    match made.await {
        Ok(Ok(status)) if status.is_success() => Ok(Tried {
            status: Some(status.as_u16()),
            error: None,
        }),
        Ok(Ok(status)) => Ok(Tried {
            status: Some(status.as_u16()),
            error: Some(format!("it answered {status}")),
        }),
        Ok(Err(error)) => Ok(refused(error)),
        Err(problem) if problem.retryable => Err(problem),
        Err(problem) => Ok(refused(short(&problem.redacted().cause, LONGEST_REASON))),
    }
}

/// Gives the place at a slow receiver back, or notes that it is slow.
async fn free(app: &App, host: &str, pass: Pass, took: Duration) -> Result<(), Problem> {
    let receivers = app.store.receivers();
    if took > SLOW {
        receivers.was_slow(host, Timestamp::now()).await?;
    } else if pass == Pass::Alone {
        receivers.was_quick(host).await?;
    }
    Ok(())
}

/// Records the attempt, and says what becomes of the message. One that the receiver has not taken with its last try is kept
/// in the queue of lost ones.
async fn ended(
    app: &App,
    name: &ExecutionName<'_>,
    host: &str,
    attempt: DeliveryAttempt,
) -> Result<Next, Problem> {
    let failed = attempt.error.is_some();
    let delivery = note(app, name, |delivery| {
        if delivery.status == DeliveryStatus::Failed {
            // It was put back from the queue of lost ones.
            delivery.requeue(attempt.at);
        }
        delivery.attempted(attempt.clone());
        delivery.next_at = None;
        delivery.status = match (failed, delivery.tries < MOST_TRIES) {
            (false, _) => DeliveryStatus::Delivered,
            (true, false) => DeliveryStatus::Failed,
            (true, true) => {
                delivery.next_at = Some(attempt.at + pause(delivery.tries));
                DeliveryStatus::Pending
            }
        };
    })
    .await?;
    if !failed {
        return Ok(Next::Done);
    }
    if delivery.status == DeliveryStatus::Failed {
        app.lost.send(name, host).await?;
        return Ok(Next::Done);
    }
    Ok(Next::Again(after_tries(delivery.tries)))
}

fn pause(tries: u32) -> Duration {
    Duration::from_secs(u64::try_from(after_tries(tries)).unwrap_or_default())
}

async fn note(
    app: &App,
    name: &ExecutionName<'_>,
    how: impl Fn(&mut Delivery),
) -> Result<Delivery, Error> {
    let deliveries = app.store.deliveries();
    let now = Timestamp::now();
    deliveries.change(name.run_id, name.take, now, how).await
}

/// Not less than a post may take, and what comes before and after it.
const _: () = assert!(PLACE.as_secs() > LONGEST_POST.as_secs());
