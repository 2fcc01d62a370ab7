//! What the sweep does for lanes: two functions that die one after the other may leave a ready node that no lane knows of.

use steps_store::{Lane, Part, Unit};
use steps_workflow::Plan;

use crate::board::{Answer, Board, Next};
use crate::hand_over::end_older;
use crate::wake::{end_all, is_over, wake};

/// Wakes the lanes that sleep where a node is ready and no function has it in hand, and ends them where the run is over.
/// A run whose lanes are all awake mends itself. `part` is the one that the run is at. `done` tells which nodes are, `held` those that a function works on or
/// that wait for their next attempt, `open` how many items those have whose list is executed now.
///
/// # Errors
/// What the board answers.
pub async fn heal<B: Board>(
    board: &B,
    plan: &Plan,
    part: Part,
    done: impl Fn(&str) -> bool,
    held: impl Fn(&str) -> bool,
    open: impl Fn(&str) -> Option<u32>,
) -> Result<(), B::Error> {
    let lanes = board.lanes().await?;
    if lanes.iter().all(|lane| !lane.is_asleep()) {
        return Ok(());
    }
    if is_over(plan, &lanes) {
        return end_all(board, &lanes).await;
    }
    end_older(board, &lanes, part).await?;
    free_numbers(board, &lanes, part).await?;
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

/// Lets go of numbers that others wait for and whose execution has ended: a function that was taken for dead, and then died,
/// may have taken one.
async fn free_numbers<B: Board>(board: &B, lanes: &[Lane], part: Part) -> Result<(), B::Error> {
    for lane in lanes.iter().filter(|lane| lane.heir.is_some()) {
        let Some(holder) = lane.held_by(part.take).filter(|holder| *holder < part) else {
            continue;
        };
        if board.has_ended(holder).await?
            && let Some(free) = board.let_go(lane, None).await?
        {
            end_older(board, &[free], part).await?;
        }
    }
    Ok(())
}
