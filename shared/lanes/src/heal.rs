//! What the sweep does for lanes: two functions that die one after the other may leave a ready node that no lane knows of.

use steps_store::Unit;
use steps_workflow::Plan;

use crate::board::{Answer, Board, Next};
use crate::step::{end_all, is_over, wake};

/// Wakes the lanes that sleep where a node is ready and no function has it in hand, and ends them where the run is over.
/// A run whose lanes are all awake mends itself. `done` tells which nodes are, `held` those that a function works on or
/// that wait for their next attempt, `open` how many items those have whose list is executed now.
///
/// # Errors
/// What the board answers.
pub async fn heal<B: Board>(
    board: &B,
    plan: &Plan,
    done: impl Fn(&str) -> bool,
    held: impl Fn(&str) -> bool,
    open: impl Fn(&str) -> Option<u32>,
) -> Result<(), B::Error> {
    let lanes = board.lanes().await?;
    if lanes.iter().all(|lane| lane.token.is_none()) {
        return Ok(());
    }
    if is_over(plan, &lanes) {
        return end_all(board, &lanes).await;
    }
    let mut left = Vec::new();
    let mut may_be_taken = false;
    for node in plan.ready(done) {
        if let Some(total) = open(&node.id) {
            match board.items_left(&node.id, total).await? {
                Some(items) => {
                    left.extend(items);
                    // One that is listed may bear the number of a lane that sleeps.
                    may_be_taken = true;
                }
                None => left.push(Unit::Gathering(&node.id).to_string()),
            }
        } else if !held(&node.id) {
            left.push(node.id.clone());
        }
    }
    if left.is_empty() && !may_be_taken {
        return Ok(());
    }
    for unit in left {
        board.offer(&unit).await?;
    }
    // All of them: a unit may bear the number of any.
    for lane in &lanes {
        if let Some(token) = &lane.token {
            let next = Answer::Next(Next::default());
            wake(board, lane.number, token, next).await?;
        }
    }
    Ok(())
}
