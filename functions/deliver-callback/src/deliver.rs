//! One post of an ended run. Every try carries the same `webhook-id`, so a receiver can tell a repeated one.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::redirect::Policy;
use steps_api::RunView;
use steps_callbacks::Message;
use steps_problem::Problem;

use crate::app::App;

/// Posts the run as it ended with the message's execution. A run that was resumed since, or whose record has expired,
/// is not posted.
pub(crate) async fn deliver(app: &App, message: &Message) -> Result<(), Problem> {
    let Some(name) = message.execution() else {
        return Ok(());
    };
    let Some(url) = app.store.runs().callback_url(name.run_id).await? else {
        // Its record has expired.
        return Ok(());
    };
    let view = RunView::read(&app.store, name.run_id).await?;
    if view.execution != name.number || !view.status.has_ended() {
        // It was resumed: its next end is posted.
        return Ok(());
    }
    let body = serde_json::to_vec(&view).map_err(|error| undelivered(error.to_string()))?;
    let secret = app.secret.read().await?;
    let execution = message.text();
    let now = Timestamp::now().as_second();
    let signature = steps_signatures::sign(&secret, execution, now, &body)
        .ok_or_else(|| undelivered("the callback secret is not base64"))?;
    let answer = app
        .http
        .post(url)
        .header("content-type", "application/json")
        .header(steps_signatures::ID, execution)
        .header(steps_signatures::TIMESTAMP, now)
        .header(steps_signatures::SIGNATURE, signature)
        .body(body)
        .send()
        .await
        .map_err(|error| undelivered(innermost(&error.without_url())))?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(undelivered(format!("it answered {}", answer.status())))
    }
}

/// The client that posts. It follows no redirect: a redirect could lead to an address that no author allowed.
pub(crate) fn http(local: bool) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("openrouter-steps/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        .redirect(Policy::none())
        .https_only(!local);
    if let Some(roots) = steps_roots::bundled() {
        builder = builder.tls_certs_only(roots.flat_map(reqwest::Certificate::from_der));
    }
    builder.build()
}

/// The innermost reason of an error: `Connection refused` rather than `error sending request`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn undelivered(reason: impl Into<String>) -> Problem {
    Problem::new(
        502,
        "CallbackNotDelivered",
        "Callback Not Delivered",
        reason,
    )
    .retryable(true)
}
