//! A run that is too long for one execution is handed over to the next. Each lane of the next one begins once the lane of the
//! same number in the one before has let go of the number.

use steps_store::{Lane, Part};
use steps_workflow::Plan;

use crate::board::{Answer, Board, Next};
use crate::task::{Held, Task};
use crate::wake::{end_all, is_over, wake, wake_some};

/// What a lane may do in a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It holds its number: it may take units.
    Works,
    /// It waits until the number is let go; its token is noted.
    Waits,
    /// Its part is over.
    Ends,
}

/// Takes the lane's number for its part, where that is its turn.
pub(crate) async fn enter<B: Board>(
    board: &B,
    plan: &Plan,
    task: &Task,
) -> Result<Leave, B::Error> {
    let part = task.part;
    loop {
        let own = board.own().await?;
        let held_by = own.held_by(part.take);
        if held_by == Some(part) {
            if own.call.as_ref().is_some_and(|call| *call > task.call) {
                // This function was taken for dead.
                return Ok(Leave::Ends);
            }
            // Nobody lets go of the number of a lane that has no token.
            if own.token.is_none() || board.hold(&own, &task.call).await? {
                return Ok(Leave::Works);
            }
            continue;
        }
        if held_by > Some(part) || board.part().await? != Some(part) {
            return Ok(Leave::Ends);
        }
        if let Some(heir) = own.heir.as_ref().filter(|heir| heir.part < part) {
            // Whoever handed the run over has yet to end that lane.
            board.answer(&heir.token, Answer::Done).await?;
        }
        if held_by.is_none() {
            if let Some(token) = &own.token {
                // Whoever let go of the number for a lane that slept has died before it ended that lane.
                board.answer(token, Answer::Done).await?;
            }
            if board.hold(&own, &task.call).await? {
                return Ok(Leave::Works);
            }
        } else if own.heir.as_ref().is_some_and(|heir| {
            // This function was taken for dead.
            heir.part == part && heir.call > task.call
        }) {
            return Ok(Leave::Ends);
        } else if board.inherit(&own, &task.token, &task.call).await? {
            return wait(board, plan, task, &own).await;
        }
    }
}

/// Looks once more, behind the token: nobody else would end this lane.
async fn wait<B: Board>(
    board: &B,
    plan: &Plan,
    task: &Task,
    own: &Lane,
) -> Result<Leave, B::Error> {
    let lanes = board.lanes().await?;
    let is_over = is_over(plan, &lanes);
    if is_over {
        end_all(board, &lanes).await?;
    }
    if is_over || board.part().await? != Some(task.part) {
        board.answer(&task.token, Answer::Done).await?;
        board.disinherit(own.number, &task.token).await?;
    }
    Ok(Leave::Waits)
}

/// Ends the lane's part: the units that it has in hand, and those that it came to, are any lane's, and its number is let go.
/// `done` is the listed unit that is done. `false` where the run is not handed over: nothing has changed.
pub(crate) async fn pass_on<B: Board>(
    board: &B,
    task: &Task,
    held: Option<&str>,
    done: Option<&str>,
) -> Result<bool, B::Error> {
    let Some(part) = board.part().await? else {
        // The run has ended.
        board.answer(&task.token, Answer::Done).await?;
        return Ok(true);
    };
    if part <= task.part {
        return Ok(false);
    }
    // Whoever handed it over may have died before it did.
    board.start(part).await?;
    if let Some(unit) = held {
        board.release(unit).await?;
    }
    if let Some(unit) = done {
        board.unlist(unit).await?;
    }
    end_older(board, &board.lanes().await?, part).await?;
    if held.is_some() {
        wake_some(board, 1).await?;
    }
    loop {
        let own = board.own().await?;
        if own.held_by(task.part.take) != Some(task.part) {
            break;
        }
        if let Some(free) = board.let_go(&own, None).await? {
            end_older(board, &[free], part).await?;
            break;
        }
    }
    board.answer(&task.token, Answer::Done).await?;
    Ok(true)
}

/// Ends the lanes of earlier parts than this one that sleep, and wakes those that wait for a number which is let go.
pub(crate) async fn end_older<B: Board>(
    board: &B,
    lanes: &[Lane],
    part: Part,
) -> Result<(), B::Error> {
    for lane in lanes {
        let mut lane = lane.clone();
        if let Some(token) = lane.token.clone()
            && lane.token_of.is_some_and(|of| of < part)
        {
            // First the number: who dies behind it leaves a token in the record, and no lane that is asleep for good.
            if lane.held_by(part.take) == lane.token_of {
                match board.let_go(&lane, Some(&token)).await? {
                    Some(free) => lane = free,
                    // It is awake, or somebody else has.
                    None => continue,
                }
            }
            wake(board, lane.number, &token, Answer::Done).await?;
        }
        let Some(heir) = &lane.heir else { continue };
        let answer = if heir.part < part {
            Answer::Done
        } else if lane.held_by(part.take).is_none_or(|by| by == heir.part) {
            // Free, or its own: a function of it that was taken for dead has taken the number since.
            Answer::Next(Next::default())
        } else {
            continue;
        };
        board.answer(&heir.token, answer).await?;
        board.disinherit(lane.number, &heir.token).await?;
    }
    Ok(())
}

/// The unit that a lane had in hand whose part is over.
pub(crate) async fn leave<B: Board>(
    board: &B,
    task: &Task,
    at: Option<Held>,
) -> Result<(), B::Error> {
    if let Some(at) = at {
        board.release(&at.unit).await?;
        wake_some(board, 1).await?;
    }
    if let Some(part) = board.part().await? {
        // A call before this one may have let go of the number, and died before it woke who waits for it.
        end_older(board, &board.lanes().await?, part).await?;
    }
    board.answer(&task.token, Answer::Done).await?;
    Ok(())
}
