//! `DELETE /tokens/{id}`: a token is good no more.

use jiff::Timestamp;
use serde_json::Value;
use steps_lambda::Answer;
use steps_problem::Problem;
use steps_store::{Actor, AuditEntry};

use crate::app::App;

/// Revokes it. The authorizer reads it anew each time that API Gateway asks.
pub(crate) async fn revoke(app: &App, id: &str, actor: &Actor) -> Result<Answer, Problem> {
    let entry = AuditEntry::now("revoked", actor, Value::Null);
    app.store
        .tokens()
        .revoke(id, Timestamp::now(), &entry)
        .await?;
    Ok(Answer::empty())
}
