//! Questions that wait for a person: `GET /approvals` lists them, `POST /runs/{id}/nodes/{node}/approve` and `reject` decide
//! one, and `POST /runs/{id}/nodes/{node}/approval-link` makes a link for somebody without a token.

use jiff::Timestamp;
use secrecy::SecretString;
use steps_api::{
    ApprovalLink, ApprovalPage, ApprovalView, DecideApproval, Decided, NewApprovalLink, Secret,
};
use steps_approvals::{Given, Link, Question};
use steps_lambda::{Answer, Request, invalid};
use steps_problem::Problem;
use steps_store::{Unit, Waiting};

use crate::app::App;

/// `GET /approvals`: what waits in runs that go on.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let limit = request.number("limit", 1..=100, 20)?;
    let nodes = app.store.nodes();
    let page = nodes
        .waiting_now(Waiting::Approval, limit as usize, request.query("cursor"))
        .await?;
    let questions = page
        .rows
        .iter()
        .filter_map(|(run_id, record)| Question::of(run_id, record));
    let page = ApprovalPage {
        approvals: questions.map(ApprovalView::from).collect(),
        cursor: page.cursor,
    };
    Answer::json(200, &page)
}

/// The routes that decide.
pub(crate) async fn decide(
    app: &App,
    (run_id, node): (&str, &str),
    approved: bool,
    request: &Request,
) -> Result<Answer, Problem> {
    let body: DecideApproval = request.json_or_default()?;
    if body.data.is_some() && !approved {
        return Err(invalid("`data` belongs to an approval, not to a rejection"));
    }
    let unit = unit(node, body.index);
    let question = Question::find(&app.store, run_id, &unit, None).await?;
    let given = Given {
        approved,
        comment: body.comment,
        data: body.data,
        by: request.caller().principal.clone(),
    };
    let decision = question.decide(&app.store, &app.executions, given).await?;
    Answer::json(200, &Decided::of(&question, &decision))
}

/// The route that makes a link.
pub(crate) async fn link(
    app: &App,
    (run_id, node): (&str, &str),
    request: &Request,
) -> Result<Answer, Problem> {
    let body: NewApprovalLink = request.json_or_default()?;
    if !body.is_allowed() {
        return Err(invalid("`ttlSeconds` has to be from 60 to 2592000"));
    }
    let unit = unit(node, body.index);
    let question = Question::find(&app.store, run_id, &unit, None).await?;
    question.check_open(&app.store).await?;
    let expires_at = Timestamp::now().as_second() + i64::from(body.ttl_seconds);
    let link = Link {
        run_id: question.run_id.clone(),
        unit: question.unit.clone(),
        take: question.take().unwrap_or(1),
        expires_at,
    };
    let token = link.token(&app.events_key.read().await?);
    let answer = ApprovalLink {
        path: Secret(SecretString::from(format!("/approvals/{token}"))),
        expires_at: Timestamp::from_second(expires_at).unwrap_or(Timestamp::MAX),
    };
    Answer::json(200, &answer)
}

fn unit(node: &str, index: Option<u32>) -> String {
    match index {
        Some(index) => Unit::Item(node, index).to_string(),
        None => node.to_owned(),
    }
}
