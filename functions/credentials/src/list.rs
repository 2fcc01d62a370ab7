//! `GET /credentials`: every credential, or those that were deleted and can come back.

use steps_api::CredentialList;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// All credentials; with `?deleted=true` the deleted ones.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let store = app.store.credentials();
    let list: CredentialList = if request.flag("deleted")? == Some(true) {
        store.list_deleted().await?.into_iter().collect()
    } else {
        store.list().await?.into_iter().collect()
    };
    Answer::json(200, &list)
}
