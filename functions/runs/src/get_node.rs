//! `GET /runs/{id}/nodes/{node}` and `GET /runs/{id}/nodes/{node}/items/{index}`: one node of a run, or one item of its list,
//! with its output, or with a piece of it.

use steps_api::NodeView;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::Unit;

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

/// The same of an item of the node's list.
pub(crate) async fn get_item(
    app: &App,
    run: &str,
    node: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let index = request.parameter("index")?;
    let number = index.parse().map_err(|_| no_item(index))?;
    let unit = Unit::Item(node, number).to_string();
    get_node(app, run, &unit, request).await
}

fn no_item(index: &str) -> Problem {
    let cause = format!("`{index}` is no place of an item in a list");
    Problem::new(400, "InvalidRequest", "Invalid Request", cause)
        .solution(["Count the items of the list from 0"])
}
