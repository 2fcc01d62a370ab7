//! `GET` at the function's own address: checks the token, then opens the run.

use jiff::Timestamp;
use steps_lambda::{Request, Streamed};
use steps_live::{Asked, EventsToken, Opened, Refused, Watcher, Window};
use steps_problem::Problem;

use crate::app::App;
use crate::stream::events;

/// The events of the run that the token is for, from where the reader was. Nothing is read from the table before the token is
/// known to be good.
pub(crate) async fn handle(app: &App, request: &Request) -> Result<Streamed, Problem> {
    let run_id = run_of(app, request).await?;
    let after = request
        .header("last-event-id")
        .or_else(|| request.query("after"));
    let asked = Asked {
        all_texts: request.query("texts") == Some("all"),
        items: request.query("items").map(Window::parse).transpose()?,
    };
    let opened = Watcher::open(&app.store, &app.plans, &run_id, after, asked).await?;
    Ok(match opened {
        Opened::Over => Streamed::empty(),
        Opened::Watches(watcher) => Streamed::events(events(*watcher)),
    })
}

/// The run that the request's token lets watch. The address wins: on one host, curl sends the API's own token along when it is
/// sent here.
async fn run_of(app: &App, request: &Request) -> Result<String, Problem> {
    let header = request.header("authorization");
    let bearer = header.and_then(|header| header.strip_prefix("Bearer "));
    let token = request.query("token").or(bearer).unwrap_or_default();
    let token = EventsToken::parse(token).ok_or(Refused::Invalid)?;
    if !app.key.any(|secret| token.is_signed_with(secret)).await? {
        return Err(Refused::Invalid.into());
    }
    Ok(token.at(Timestamp::now())?.run_id)
}
