//! `GET /approvals/{token}`: what is asked. It changes nothing: scanners of mail open every link.

use jiff::Timestamp;
use steps_api::ApprovalView;
use steps_approvals::{Link, Linked, Question, Refused};
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::page;

/// The question as a page for browsers, else as JSON.
pub(crate) async fn show(app: &App, token: &str, request: &Request) -> Result<Answer, Problem> {
    let shown = open(app, token).await;
    if !wants_page(request) {
        return Answer::json(200, &ApprovalView::from(shown?));
    }
    Ok(match shown {
        Ok(question) => page::question(&question),
        Err(problem) => page::problem(&problem),
    })
}

/// The question that the link leads to, where nobody has decided it.
async fn open(app: &App, token: &str) -> Result<Question, Problem> {
    let link = read(app, token).await?;
    let question = find(app, &link).await?;
    question.check_open(&app.store).await?;
    Ok(question)
}

/// The link, where it is of this stack and has not expired. Nothing is read of the table before.
pub(crate) async fn read(app: &App, token: &str) -> Result<Link, Problem> {
    let linked = Linked::parse(token).ok_or(Refused::Invalid)?;
    if !app.key.any(|secret| linked.is_signed_with(secret)).await? {
        return Err(Refused::Invalid.into());
    }
    Ok(linked.at(Timestamp::now())?)
}

/// The question that the link was made for.
pub(crate) async fn find(app: &App, link: &Link) -> Result<Question, Problem> {
    Question::find(&app.store, &link.run_id, &link.unit, Some(link.take)).await
}

/// Whether a person looks.
pub(crate) fn wants_page(request: &Request) -> bool {
    let accepts = request.header("accept").unwrap_or_default();
    accepts.contains("text/html")
}
