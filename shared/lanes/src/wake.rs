//! Lanes that sleep are woken, or ended where the run is over.

use futures_util::future::try_join_all;
use steps_store::Lane;
use steps_workflow::Plan;

use crate::board::{Answer, Board, Next};

/// Whether the lanes have settled every unit.
pub(crate) fn is_over(plan: &Plan, lanes: &[Lane]) -> bool {
    let settled: usize = lanes.iter().map(|lane| lane.settled).sum();
    settled >= plan.nodes().len()
}

/// Wakes up to so many lanes that sleep.
pub(crate) async fn wake_some<B: Board>(board: &B, wanted: usize) -> Result<(), B::Error> {
    if wanted == 0 {
        return Ok(());
    }
    let mut left = wanted;
    for lane in board.lanes().await? {
        let Some(token) = &lane.token else { continue };
        if wake(board, lane.number, token, Answer::Next(Next::default())).await? {
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Ends every lane that sleeps.
pub(crate) async fn end_all<B: Board>(board: &B, lanes: &[Lane]) -> Result<(), B::Error> {
    let asleep = lanes.iter().filter_map(|lane| {
        let token = lane.token.as_deref()?;
        Some(wake(board, lane.number, token, Answer::Done))
    });
    try_join_all(asleep).await?;
    let waiting = lanes.iter().filter_map(|lane| {
        let heir = lane.heir.as_ref()?;
        Some(async move {
            board.answer(&heir.token, Answer::Done).await?;
            board.disinherit(lane.number, &heir.token).await
        })
    });
    try_join_all(waiting).await?;
    Ok(())
}

/// Answers the token of a lane that sleeps. The answer comes first: whoever dies behind it leaves an old token, no lost
/// lane. `false` where the lane was awake.
pub(crate) async fn wake<B: Board>(
    board: &B,
    lane: u8,
    token: &str,
    answer: Answer<'_>,
) -> Result<bool, B::Error> {
    let woken = board.answer(token, answer).await?;
    board.wake(lane, token).await?;
    Ok(woken)
}
