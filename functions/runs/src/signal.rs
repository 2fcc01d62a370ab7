//! `POST /runs/{id}/signals/{name}`: tells a run a signal, for nodes of type `signal`.

use serde_json::Value;
use steps_api::SentSignal;
use steps_lambda::{Answer, Request, invalid};
use steps_lanes::tell;
use steps_nodes::{is_signal, signal_message};
use steps_problem::Problem;
use steps_workflow::Workflow;

use crate::app::App;

/// Keeps the signal, and lets the nodes go on that wait for it. One that comes before its node waits is kept for it. The
/// first one of a name counts; the same once more changes nothing.
pub(crate) async fn send(
    app: &App,
    id: &str,
    name: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    if !is_signal(name) {
        return Err(invalid(
            "the name of a signal has 1 to 64 letters, digits, `_`, `.` or `-`",
        ));
    }
    let value: Value = request.json_or_default()?;
    let head = app.store.runs().head(id).await?;
    if head.status.has_ended() {
        return Err(ended(head.status.as_str()));
    }
    let texts = app.store.runs().texts(id).await?;
    check_awaited(&texts.document(Workflow::from_stored)?, name)?;
    let nodes = app.store.nodes();
    let message = signal_message(name);
    let is_first = tell(&app.store, &app.executions, id, &message, &value).await?;
    let before = match is_first {
        true => None,
        false => nodes.message(id, &message).await?,
    };
    if before.is_some_and(|before| before.value != value) {
        return Err(sent_before(name));
    }
    tracing::info!(run = id, signal = name, is_first, "told");
    let sent = SentSignal {
        run_id: id.to_owned(),
        name: name.to_owned(),
        repeated: !is_first,
    };
    Answer::json(202, &sent)
}

/// A name that no node can wait for is probably a slip.
fn check_awaited(workflow: &Workflow, name: &str) -> Result<(), Problem> {
    let mut templates = workflow.nodes.iter().filter_map(|node| node.kind.signal());
    if templates.any(|template| template.has_tags() || template.as_str().trim() == name) {
        return Ok(());
    }
    let cause = format!("no node of the run waits for a signal of the name `{name}`");
    Err(
        Problem::new(404, "SignalNotFound", "Signal Not Found", cause).solution([
            "Look at the nodes of type `signal` in the run's workflow: GET /runs/{id} names its version",
        ]),
    )
}

pub(crate) fn ended(status: &str) -> Problem {
    let cause = format!("the run is {status} already");
    Problem::new(409, "RunEnded", "Run Ended", cause).solution([
        "Where it failed: resume it with POST /runs/{id}/resume, and send this again",
        "Else nothing has to be done: the run does not go on",
    ])
}

fn sent_before(name: &str) -> Problem {
    Problem::new(
        409,
        "SignalSent",
        "Signal Sent",
        format!("the run was sent another signal `{name}` before, and that one counts"),
    )
    .solution(["Let each signal have a name of its own: the node's `signal` is a template"])
}
