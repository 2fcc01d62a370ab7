//! `GET /credentials`: every credential, or those that were deleted and can come back.

use serde_json::json;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// All credentials; with `?deleted=true` the deleted ones.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    if request.flag("deleted")? == Some(true) {
        let credentials = app.store.credentials().list_deleted().await?;
        return Answer::json(200, &json!({ "credentials": credentials }));
    }
    let credentials = app.store.credentials().list().await?;
    Answer::json(200, &json!({ "credentials": credentials }))
}
