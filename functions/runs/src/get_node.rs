//! `GET /runs/{id}/nodes/{node}`: one node of a run, with its whole answer.

use steps_lambda::Answer;
use steps_problem::Problem;

use crate::app::App;

/// The node with its attempts, and its output whole.
pub(crate) async fn get_node(app: &App, run: &str, node: &str) -> Result<Answer, Problem> {
    Answer::json(200, &app.store.run_node_view(run, node).await?)
}
