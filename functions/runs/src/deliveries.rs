//! `GET /runs/{id}/deliveries` and `POST /runs/{id}/deliveries/{delivery}/resend`: the posts of a run's ends to its callback
//! address.

use jiff::Timestamp;
use steps_api::{DeliveryList, DeliveryView};
use steps_callbacks::host_of;
use steps_executions::ExecutionName;
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_store::Deliveries;

use crate::app::App;

/// Every delivery of the run, with its attempts.
pub(crate) async fn list(app: &App, run_id: &str) -> Result<Answer, Problem> {
    // A run that is not there is told so.
    app.store.runs().head(run_id).await?;
    let host = host(app, run_id).await?.unwrap_or_default();
    let deliveries = app.store.deliveries().list(run_id).await?;
    let shown = deliveries.into_iter().map(|delivery| {
        let id = ExecutionName::of_take(run_id, delivery.take).to_string();
        DeliveryView::of(id, &host, delivery)
    });
    Answer::json(
        200,
        &DeliveryList {
            deliveries: shown.collect(),
        },
    )
}

/// Queues the delivery again, as if the run had just ended. It may be one that was taken.
pub(crate) async fn resend(app: &App, run_id: &str, id: &str) -> Result<Answer, Problem> {
    let head = app.store.runs().head(run_id).await?;
    let name = ExecutionName::parse(id).filter(|name| name.run_id == run_id && name.part == 1);
    let (Some(name), Some(host)) = (name, host(app, run_id).await?) else {
        return Err(Deliveries::not_found(id).into());
    };
    if name.take > head.execution {
        return Err(Deliveries::not_found(id).into());
    }
    if !head.status.has_ended() || name.take != head.execution {
        return Err(Problem::new(
            409,
            "DeliverySuperseded",
            "Delivery Superseded",
            "the run was resumed since, or has not ended: what was to be delivered is not how it stands",
        )
        .solution(["Wait for the run's end: it is delivered by itself"]));
    }
    let now = Timestamp::now();
    let deliveries = app.store.deliveries();
    let delivery = deliveries
        .change(run_id, name.take, now, |delivery| delivery.requeue(now))
        .await?;
    app.callbacks.send(&name, &host).await?;
    Answer::json(202, &DeliveryView::of(id.to_owned(), &host, delivery))
}

/// Whom the run is posted to; `None` where it is posted to nobody.
async fn host(app: &App, run_id: &str) -> Result<Option<String>, Problem> {
    let url = app.store.runs().callback_url(run_id).await?;
    Ok(url.map(|url| host_of(&url)))
}
