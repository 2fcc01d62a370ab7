//! `GET /runs/{id}/nodes/{node}`: one node of a run, with its whole answer.

use steps_api::NodeView;
use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// The node with its attempts, and its output whole.
pub(crate) async fn get_node(app: &App, run: &str, node: &str) -> Result<Answer, Problem> {
    Answer::json(200, &NodeView::read(&app.store, run, node).await?)
}
