//! `GET /runs/{id}`: one run, with its nodes.

use steps_api::RunView;
use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// The run with its input, its texts as far as they fit, and every node.
pub(crate) async fn get(app: &App, id: &str) -> Result<Answer, Problem> {
    Answer::json(200, &RunView::read(&app.store, id).await?)
}
