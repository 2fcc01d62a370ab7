//! `POST /hooks/{id}`: starts a run as a webhook's delivery would, from a sender that has a token of the API.

use steps_lambda::Request;
use steps_starts::{Door, NotStarted, Start, Started, delivery, input};

use crate::app::App;

/// Starts a run with the body as its input.
pub(crate) async fn hook(app: &App, id: &str, request: &Request) -> Result<Started, NotStarted> {
    let delivery = delivery(request, Door::Token("webhook"), input(request)?)?;
    let document = app.store.workflows().get(id).await?;
    app.starts.start(Start::new(&document, &delivery)).await
}
