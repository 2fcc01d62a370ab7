//! `GET /runs/{id}/nodes/{node}`: one node of a run, with its output, or with a piece of it.

use steps_api::NodeView;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;

/// Past any output, and exact in a JSON number of any language.
const FARTHEST: u64 = 1 << 40;

/// The node with its attempts and its output; with `?offset=`, the piece of the output that begins there.
pub(crate) async fn get_node(
    app: &App,
    run: &str,
    node: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    if request.query("offset").is_none() {
        return Answer::json(200, &NodeView::read(&app.store, run, node).await?);
    }
    let offset = request.number("offset", 0..=FARTHEST, 0)? as usize;
    let view = NodeView::read_piece(&app.store, run, node, offset).await?;
    Answer::json(200, &view)
}
