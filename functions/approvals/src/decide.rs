//! `POST /approvals/{token}`: decides, once. The body is the page's form, or JSON.

use serde_json::{Value, json};
use steps_api::{DecideByLink, Decided};
use steps_approvals::Given;
use steps_lambda::{Answer, Request, invalid};
use steps_problem::Problem;
use steps_store::{Actor, AuditEntry};

use crate::app::App;
use crate::page;
use crate::show::{find, read, wants_page};

/// Who decides by a link: nobody knows more of them.
const BY: &str = "link";

/// Decides what the link leads to. What was decided has a row in the audit.
pub(crate) async fn decide(app: &App, token: &str, request: &Request) -> Result<Answer, Problem> {
    let decided = by_link(app, token, request).await;
    if !wants_page(request) {
        return Answer::json(200, &decided?);
    }
    Ok(match decided {
        Ok(decided) => page::decided(decided.approved),
        Err(problem) => page::problem(&problem),
    })
}

async fn by_link(app: &App, token: &str, request: &Request) -> Result<Decided, Problem> {
    let link = read(app, token).await?;
    let asked = body(request)?;
    let question = find(app, &link).await?;
    let given = Given {
        approved: asked.approved()?,
        comment: asked.comment,
        data: asked.data,
        by: BY.to_owned(),
    };
    let decision = question.decide(&app.store, &app.executions, given).await?;
    let decided = Decided::of(&question, &decision);
    let actor = Actor {
        principal: BY.to_owned(),
        source_ip: request.caller().source_ip.clone(),
    };
    // Never the path: it has the link's token.
    let details = json!({
        "node": decided.node, "index": decided.index, "approved": decided.approved, "status": 200,
    });
    let entry = AuditEntry::now("POST /approvals/{token}", &actor, details)
        .about(format!("runs/{}", question.run_id));
    if let Err(error) = app.store.audits().add(&entry).await {
        tracing::error!(%error, run = question.run_id, "a decision has no row in the audit");
    }
    Ok(decided)
}

/// What was sent: JSON, or the fields of the page's form.
fn body(request: &Request) -> Result<DecideByLink, Problem> {
    let content_type = request.header("content-type").unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return request.json();
    }
    let mut asked = DecideByLink::default();
    for (name, value) in form_urlencoded::parse(request.body()) {
        match name.as_ref() {
            "decision" => asked.decision = value.into_owned(),
            "comment" => asked.comment = Some(value.into_owned()),
            "data" if !value.trim().is_empty() => asked.data = Some(data(&value)?),
            _ => {}
        }
    }
    Ok(asked)
}

/// The data as the page sends it: the text of JSON.
fn data(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| invalid(format!("`data` is no JSON: {error}")))
}
