//! Watching a run: by the stream of `run-events`, to which callers are sent with a token, or by long-poll.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use steps_api::{MadeEventsToken, NewEventsToken, RunEvents, Secret};
use steps_lambda::{Answer, Request, invalid};
use steps_live::{Asked, Opened, TokenFor, Watcher, Window};
use steps_problem::Problem;

use crate::app::App;

/// How long the token is good with which a caller is sent to the stream: it is used at once.
const AT_ONCE: i64 = 60;

/// Kept back from Lambda's deadline for the answer.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// `GET /runs/{id}/events`: the address of the stream, with a token.
pub(crate) async fn redirect(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let url = url(app)?;
    app.store.runs().head(id).await?;
    let token = token(app, id, Timestamp::now().as_second() + AT_ONCE).await?;
    let texts = match request.query("texts") {
        Some("all") => "&texts=all",
        _ => "",
    };
    // What is no window is refused here, and not where an `EventSource` cannot tell why.
    let items = match request.query("items") {
        Some(items) => {
            Window::parse(items)?;
            format!("&items={}", items.replace('$', "%24").replace(':', "%3A"))
        }
        None => String::new(),
    };
    Ok(Answer::elsewhere(format!(
        "{url}?token={token}{texts}{items}"
    )))
}

/// `POST /runs/{id}/events-token`: a token to hand to a page.
pub(crate) async fn make_token(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let body: NewEventsToken = request.json_or_default()?;
    if !body.is_allowed() {
        return Err(invalid("`ttlSeconds` has to be from 60 to 3600"));
    }
    let url = url(app)?.to_owned();
    app.store.runs().head(id).await?;
    let expires = Timestamp::now().as_second() + i64::from(body.ttl_seconds);
    let token = token(app, id, expires).await?;
    let answer = MadeEventsToken {
        url,
        token: Secret(SecretString::from(token)),
        expires_at: Timestamp::from_second(expires).unwrap_or(Timestamp::MAX),
    };
    Answer::json(200, &answer)
}

/// `GET /runs/{id}?wait=&after=`: the events, as soon as there are any.
pub(crate) async fn poll(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let wait = Duration::from_secs(request.number("wait", 0..=20, 0)?);
    let after = request.query("after");
    let asked = Asked {
        all_texts: request.query("texts") == Some("all"),
        items: request.query("items").map(Window::parse).transpose()?,
    };
    let opened = Watcher::open(&app.store, &app.plans, id, after, asked).await?;
    let answer = match opened {
        Opened::Over => RunEvents {
            events: Vec::new(),
            after: after.unwrap_or_default().to_owned(),
            ended: true,
            retry_milliseconds: 0,
        },
        Opened::Watches(mut watcher) => {
            let most = wait.min(request.remaining().saturating_sub(CLOSING_TIME));
            let (events, again) = watcher.wait(most).await?;
            RunEvents {
                events,
                after: watcher.id(),
                ended: watcher.has_ended(),
                retry_milliseconds: u64::try_from(again.as_millis()).unwrap_or_default(),
            }
        }
    };
    Answer::json(200, &answer)
}

async fn token(app: &App, run_id: &str, expires_at: i64) -> Result<String, Problem> {
    let of = TokenFor {
        run_id: run_id.to_owned(),
        expires_at,
    };
    Ok(of.token(&app.events_key.read().await?))
}

fn url(app: &App) -> Result<&str, Problem> {
    app.events_url.as_deref().ok_or_else(|| {
        Problem::new(
            409,
            "EventsNotStreamed",
            "Events Not Streamed",
            "this stack was deployed without the stream of runs",
        )
        .solution([
            "Read the same events by long-poll: GET /runs/{id}?wait=20, then with `after`",
            "Or deploy the stack with the parameter LiveProgress=stream",
        ])
    })
}
