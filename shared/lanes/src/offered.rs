//! What somebody does who is no lane and finds that a unit waits no more.

use steps_problem::Problem;
use steps_store::Unit;

use crate::run_board::{RunBoard, Tokens};
use crate::step::wake_some;

/// Lists the unit for any lane, and wakes one that sleeps. A lane that is about to sleep looks at the list behind its token, so
/// it finds the unit. The lane that has waited for it asks later, and finds it done or in another function's hands.
///
/// # Errors
/// What the table and Step Functions answer.
pub async fn offer<T: Tokens>(board: &RunBoard<'_, T>, unit: &str) -> Result<(), Problem> {
    let node = board.plan.node(Unit::of(unit).node());
    let ranked = (unit, node.map_or(0, |node| node.rank));
    board.lanes.free(board.run_id, board.take, ranked).await?;
    wake_some(board, 1).await
}
