//! `GET /tokens/{id}`: one token, without its secret.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// What is known of the token, also where it has ended.
pub(crate) async fn get(app: &App, id: &str) -> Result<Answer, Problem> {
    Answer::json(200, &app.store.tokens().get(id).await?)
}
