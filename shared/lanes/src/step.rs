//! What a function does in one task of a lane.

use std::cmp::Reverse;

use futures_util::future::try_join_all;
use steps_store::{NextItem, Unit};
use steps_workflow::Plan;

use crate::board::{Answer, Board, Next};
use crate::hand_over::{Leave, end_older, enter, leave, pass_on};
use crate::task::{Held, Task, Worked, Worker};
use crate::wake::{end_all, is_over, wake, wake_some};

/// Executes a task: tries its unit, tells the nodes behind it, and answers the token of the task, or notes it.
///
/// # Errors
/// What the worker or the board answers. The task can be tried again.
pub async fn step<B: Board>(
    board: &B,
    plan: &Plan,
    worker: &impl Worker<Error = B::Error>,
    task: &Task,
) -> Result<(), B::Error> {
    if let Some(was) = &task.was {
        // The answer that named this task's unit was heard.
        board.unlist(was).await?;
    }
    let is_full = board.count().await?;
    let at = task.unit.clone().map(|unit| Held {
        unit,
        listed: task.listed,
    });
    if !task.holds {
        match enter(board, plan, task).await? {
            Leave::Works => {}
            Leave::Waits => return Ok(()),
            Leave::Ends => return leave(board, task, at).await,
        }
    }
    let mut at = match at {
        Some(at) => Some(at),
        None => take(board, None).await?,
    };
    let mut became = Became::default();
    let mut paused = false;
    if let Some(Held { unit, listed }) = &at {
        let of = Unit::of(unit);
        match worker.work(unit).await? {
            Worked::Wait { seconds } => {
                // It waits in the next execution.
                if hands_over(board, is_full).await?
                    && pass_on(board, task, Some(unit), None).await?
                {
                    return Ok(());
                }
                let answer = Answer::Wait {
                    seconds,
                    unit,
                    listed: *listed,
                };
                board.answer(&task.token, answer).await?;
                return Ok(());
            }
            Worked::Paused => paused = true,
            Worked::Done { now } => became = tell(board, plan, of.node(), now).await?,
            Worked::Opened { total } => became = open(board, plan, of.node(), total).await?,
            Worked::ItemDone { total } => {
                became = tell_item(board, plan, of, total).await?;
            }
        }
    }
    if paused && let Some(held) = at.take().filter(|held| held.listed) {
        // What was told since it looked has listed the unit again: that stays.
        board.put_down(&held.unit).await?;
    }
    let mut free = became.free.into_iter();
    let own = became.own.or_else(|| free.next().map(Held::kept));
    let others: Vec<String> = free.collect();
    try_join_all(others.iter().map(|unit| board.offer(unit))).await?;
    let next = match (own, &at) {
        (Some(own), _) => Some(own),
        (None, at) if paused || at.is_some() => take(board, at.as_ref()).await?,
        // It has looked just now, and looks once more behind its token.
        (None, _) => None,
    };
    wake_some(board, others.len() + became.begun).await?;
    match next {
        Some(next)
            if hands_over(board, is_full).await?
                && pass_on(board, task, Some(&next.unit), listed(at.as_ref())).await? =>
        {
            Ok(())
        }
        Some(next) => go_on(board, task, at.as_ref(), &next).await,
        None => rest(board, plan, task, at.as_ref()).await,
    }
}

/// Whether the lane's part is over. Hands the run over where its execution `is_full`.
async fn hands_over<B: Board>(board: &B, is_full: bool) -> Result<bool, B::Error> {
    let is_known = board.is_handed_over();
    if is_full && !is_known {
        board.hand_over().await?;
    }
    Ok(is_full || is_known)
}

/// What is ready now that a unit is done.
#[derive(Default)]
struct Became {
    /// What the lane goes on with, where that is not one of the others.
    own: Option<Held>,
    /// The units that nobody has begun or listed, the highest rank first.
    free: Vec<String>,
    /// How many others there are, in a repeat: who listed them may have died before it woke a lane for them.
    begun: usize,
}

impl Became {
    /// Of these units those that nobody has begun or listed; all of them, where nobody can have.
    async fn of<B: Board>(board: &B, units: Vec<String>, fresh: bool) -> Result<Self, B::Error> {
        if fresh || units.is_empty() {
            return Ok(Self {
                free: units,
                ..Self::default()
            });
        }
        let count = units.len();
        let free = board.untouched(units).await?;
        Ok(Self {
            begun: count - free.len(),
            free,
            own: None,
        })
    }
}

/// Tells the nodes behind this one that it is done. `now` where this call has settled it: in a repeat, somebody may have
/// begun or listed what became ready.
async fn tell<B: Board>(board: &B, plan: &Plan, node: &str, now: bool) -> Result<Became, B::Error> {
    let after = plan.node(node).map_or(&[][..], |node| &node.after);
    let told = after.iter().filter_map(|edge| {
        let node = plan.at(edge.node)?;
        Some(async move {
            let told = board.tell(&node.id, edge.need).await?;
            if told.done < node.needs.len() {
                return Ok(None);
            }
            // Who tells a need again does not know who made the set full.
            let is_first = now && !told.again;
            let became = Became::of(board, vec![node.id.clone()], is_first).await?;
            Ok(Some((node.rank, became)))
        })
    });
    let mut told: Vec<_> = try_join_all(told).await?.into_iter().flatten().collect();
    told.sort_by_key(|(rank, _)| Reverse(*rank));
    let mut all = Became::default();
    for (_, became) in told {
        all.free.extend(became.free);
        all.begun += became.begun;
    }
    Ok(all)
}

/// Begins a node's list: as many of its items are ready as it takes at once.
async fn open<B: Board>(
    board: &B,
    plan: &Plan,
    node: &str,
    total: u32,
) -> Result<Became, B::Error> {
    let list = plan.node(node).and_then(|node| node.list.as_ref());
    let concurrency = list.map_or(1, |list| list.concurrency);
    let begun = board.begin_list(node, total, concurrency).await?;
    let mut units: Vec<String> = begun
        .first
        .iter()
        .map(|&index| Unit::Item(node, index).to_string())
        .collect();
    if units.is_empty() {
        // A run that is resumed: every item is done.
        units.push(Unit::Gathering(node).to_string());
    }
    Became::of(board, units, begun.now).await
}

/// Notes that an item of a list is done. Whoever ends an item takes the list's next one; whoever ends the last one gathers
/// the list.
async fn tell_item<B: Board>(
    board: &B,
    plan: &Plan,
    unit: Unit<'_>,
    total: u32,
) -> Result<Became, B::Error> {
    let (node, index) = (unit.node(), unit.index().unwrap_or_default());
    let told = board.tell_item(node, index, total).await?;
    if told.done > 0 {
        let gathering = Unit::Gathering(node).to_string();
        return Became::of(board, vec![gathering], !told.again).await;
    }
    let next = match board.next_item(node, index, total).await? {
        NextItem::None => return Ok(Became::default()),
        NextItem::Item(index) => Unit::Item(node, index).to_string(),
        // Other lanes may have them: they take turns by the list.
        NextItem::Promised(units) => return Became::of(board, units, true).await,
    };
    Ok(match take_before(board, plan, node).await? {
        None => Became {
            own: Some(Held::kept(next)),
            ..Became::default()
        },
        // A longer path waits: the list's next item is any lane's.
        before => Became {
            own: before,
            free: vec![next],
            begun: 0,
        },
    })
}

/// Takes a unit from the list that has a higher rank than this node, where there is one.
async fn take_before<B: Board>(
    board: &B,
    plan: &Plan,
    node: &str,
) -> Result<Option<Held>, B::Error> {
    let rank = |node: &str| plan.node(node).map(|node| node.rank);
    for (unit, taken) in board.takeable().await? {
        let is_before = rank(Unit::of(&unit).node()) > rank(node);
        if is_before && !taken && board.take(&unit).await? {
            return Ok(Some(Held::taken(unit)));
        }
    }
    Ok(None)
}

/// Takes a unit from the list, but not the one that the lane is at.
async fn take<B: Board>(board: &B, at: Option<&Held>) -> Result<Option<Held>, B::Error> {
    let mut units = board.takeable().await?;
    units.retain(|(unit, _)| at.is_none_or(|at| at.unit != *unit));
    // Its own first: a function of this lane has taken it before it died.
    units.sort_by_key(|(_, taken)| !taken);
    for (unit, taken) in units {
        if taken || board.take(&unit).await? {
            return Ok(Some(Held::taken(unit)));
        }
    }
    Ok(None)
}

/// Names the lane's next unit.
async fn go_on<B: Board>(
    board: &B,
    task: &Task,
    at: Option<&Held>,
    next: &Held,
) -> Result<(), B::Error> {
    let answer = Next {
        unit: Some(&next.unit),
        listed: next.listed,
        was: listed(at),
    };
    if !board.answer(&task.token, Answer::Next(answer)).await? {
        // This function was taken for dead: another one goes on for the lane.
        board.release(&next.unit).await?;
        wake_some(board, 1).await?;
    }
    Ok(())
}

/// Finds nothing to do: ends the run if that is over, else lets the lane sleep.
async fn rest<B: Board>(
    board: &B,
    plan: &Plan,
    task: &Task,
    at: Option<&Held>,
) -> Result<(), B::Error> {
    let is_last = |at: &Held| {
        plan.node(Unit::of(&at.unit).node())
            .is_some_and(|node| node.after.is_empty())
    };
    if at.is_some_and(is_last) {
        let lanes = board.lanes().await?;
        if is_over(plan, &lanes) {
            end_all(board, &lanes).await?;
            board.answer(&task.token, Answer::Done).await?;
            return Ok(());
        }
    }
    if board.is_handed_over() && pass_on(board, task, None, listed(at)).await? {
        return Ok(());
    }
    if !board.sleep(&task.token, &task.call).await? {
        return leave(board, task, None).await;
    }
    if let Some(unit) = listed(at) {
        board.unlist(unit).await?;
    }
    // What was listed before the token was written has found nobody asleep.
    let found = !board.takeable().await?.is_empty();
    let part = board.part().await?;
    let lanes = board.lanes().await?;
    if is_over(plan, &lanes) {
        end_all(board, &lanes).await?;
    } else if let Some(part) = part.filter(|part| *part > task.part) {
        // Whoever handed the run over has not found this lane asleep.
        end_older(board, &lanes, part).await?;
    } else if found {
        let own = lanes
            .iter()
            .find(|lane| lane.token.as_deref() == Some(&task.token));
        if let Some(own) = own {
            wake(
                board,
                own.number,
                &task.token,
                Answer::Next(Next::default()),
            )
            .await?;
        }
    }
    Ok(())
}

/// The unit, where it is listed.
fn listed(at: Option<&Held>) -> Option<&str> {
    at.filter(|at| at.listed).map(|at| at.unit.as_str())
}
