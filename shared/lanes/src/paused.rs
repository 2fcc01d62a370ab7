//! Units that wait without a lane go on: they are offered to the lanes again.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use steps_problem::Problem;
use steps_store::{Error, RunStatus, Store};
use steps_workflow::Workflow;

use crate::board::Board;
use crate::run_board::{RunBoard, Tokens};
use crate::wake::wake_some;

/// Offers units that have paused to the lanes again, and wakes as many that sleep. Whoever takes one finds what it was told,
/// or that its time has come; where there is neither, it pauses again. It can be done as often as one likes.
///
/// # Errors
/// What the board answers. It has to be done again then.
pub async fn offer_paused<B: Board>(board: &B, units: &[String]) -> Result<(), B::Error> {
    try_join_all(units.iter().map(|unit| board.offer_again(unit))).await?;
    wake_some(board, units.len()).await
}

/// After so long the sweep looks at units whose message may have been told by somebody who died then.
const LOOKED_AT: SignedDuration = SignedDuration::from_secs(60);

/// Tells units of a run what they wait for, and offers them again. `false` where they were told before: that counts. The sweep
/// goes on where whoever tells dies.
///
/// # Errors
/// What the table and Step Functions answer. It has to be done again then.
pub async fn tell(
    store: &Store,
    tokens: &impl Tokens,
    run_id: &str,
    name: &str,
    value: &Value,
) -> Result<bool, Problem> {
    let nodes = store.nodes();
    let now = Timestamp::now();
    for paused in nodes.paused(run_id).await? {
        if paused.awaits.as_deref() == Some(name) {
            let at = now + LOOKED_AT;
            nodes.hasten(run_id, &paused.unit, at).await?;
        }
    }
    let is_first = nodes.tell(run_id, name, value, now).await?;
    // Also where it was told before: who told it may have died before this line.
    offer_again(store, tokens, run_id, Offered::Awaiting(name)).await?;
    Ok(is_first)
}

/// Which units of a run are offered again.
#[derive(Debug, Clone, Copy)]
pub enum Offered<'a> {
    /// Those that wait for the message of this name.
    Awaiting(&'a str),
    /// Those whose message has come.
    Told,
    /// These.
    Units(&'a [String]),
}

/// Offers units of a run that have paused to its lanes again, where the run is RUNNING. `false` where it is not: a resume
/// looks at all units.
///
/// # Errors
/// What the table and Step Functions answer.
pub async fn offer_again(
    store: &Store,
    tokens: &impl Tokens,
    run_id: &str,
    which: Offered<'_>,
) -> Result<bool, Problem> {
    let nodes = store.nodes();
    let units: Vec<String> = match which {
        Offered::Units(units) => units.to_vec(),
        Offered::Awaiting(name) => {
            let paused = nodes.paused(run_id).await?.into_iter();
            let waits = paused.filter(|paused| paused.awaits.as_deref() == Some(name));
            waits.map(|paused| paused.unit).collect()
        }
        Offered::Told => {
            let paused = nodes.paused(run_id).await?;
            let told = if paused.iter().any(|paused| paused.awaits.is_some()) {
                nodes.messages(run_id).await?
            } else {
                BTreeSet::new()
            };
            let is_told = |name: &String| told.contains(name);
            let told = paused
                .into_iter()
                .filter(|paused| paused.awaits.as_ref().is_some_and(is_told));
            told.map(|paused| paused.unit).collect()
        }
    };
    let head = match store.runs().head(run_id).await {
        Ok(head) if head.status == RunStatus::Running => head,
        Ok(_) | Err(Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    if units.is_empty() {
        return Ok(true);
    }
    let texts = store.runs().texts(run_id).await?;
    let board = RunBoard {
        lanes: &store.lanes(),
        tokens,
        plan: &texts.document(Workflow::from_stored)?.plan(),
        run_id,
        part: head.part,
        lane: 0,
        runs: &store.runs(),
        tasks: None,
    };
    offer_paused(&board, &units).await?;
    Ok(true)
}
