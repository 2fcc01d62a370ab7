//! By schedule: units that wait without a lane, and whose time has come. They are offered to the lanes of their runs.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use steps_lanes::{Offered, offer_again};
use steps_metrics::Sweep;
use steps_problem::Problem;
use steps_store::{Due, DueItem, NodeStatus, Unit};
use tokio::time::Instant;

use crate::app::App;

/// How many units are read at once.
const AT_ONCE: usize = 100;

/// How many runs are looked at at the same time.
const RUNS_AT_ONCE: usize = 16;

/// The time that the rest of the sweep needs.
const REST: Duration = Duration::from_secs(20);

/// After so long a unit is offered again that nobody has taken. Later and later, as it gets older.
const SHORTEST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Offers the units whose time has come, the longest due first, as long as there are any and there is time. What cannot be
/// offered does not stop the others.
pub(crate) async fn sweep_timers(app: &App, until: Instant) -> Result<(), Problem> {
    let mut failed = None;
    let (mut seen, mut not_swept, mut oldest) = (0, 0, None);
    loop {
        let now = Timestamp::now();
        let due = app.store.due().list(Due::Timer, now, AT_ONCE).await?;
        seen += due.len();
        oldest = oldest.max(due.first().map(|item| item.due_for(now)));
        let mut of_runs: BTreeMap<&str, Vec<&DueItem>> = BTreeMap::new();
        for item in &due {
            of_runs.entry(&item.run_id).or_default().push(item);
        }
        let offered = of_runs.iter().map(|(run, items)| offer(app, run, items));
        let offered: Vec<_> = offered.collect();
        let offered: Vec<_> = stream::iter(offered)
            .buffer_unordered(RUNS_AT_ONCE)
            .collect()
            .await;
        for problem in offered.into_iter().filter_map(Result::err) {
            tracing::warn!(code = problem.code, "units of a run are not offered");
            failed = Some(problem);
            not_swept += 1;
        }
        if due.len() < AT_ONCE || failed.is_some() || Instant::now() + REST > until {
            break;
        }
    }
    Sweep {
        name: "Timers",
        due: seen,
        not_swept,
        oldest,
    }
    .write();
    failed.map_or(Ok(()), Err)
}

/// Offers units of one run. They stay due until they are settled: whoever takes them may die.
async fn offer(app: &App, run_id: &str, items: &[&DueItem]) -> Result<(), Problem> {
    let due = app.store.due();
    let now = Timestamp::now();
    let mut waiting = Vec::new();
    for item in items {
        let Some(unit) = &item.node_id else { continue };
        match stands(app, run_id, unit, now).await? {
            Stands::Due => waiting.push((*item, unit.clone())),
            Stands::NotBefore(time) => {
                let pause = time.duration_since(now).try_into().unwrap_or_default();
                due.again(item, now, pause).await?;
            }
            Stands::Done => due.delete(item).await?,
        }
    }
    let units: Vec<String> = waiting.iter().map(|(_, unit)| unit.clone()).collect();
    let which = Offered::Units(&units);
    let goes_on = offer_again(&app.store, &app.executions, run_id, which).await?;
    for (item, _) in &waiting {
        if goes_on {
            let pause = item.due_for(now).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
            due.again(item, now, pause).await?;
        } else {
            // Where the run is resumed, its lanes begin with all that is not done.
            due.done(item).await?;
        }
    }
    Ok(())
}

/// Where a unit stands that is due.
enum Stands {
    /// Its time has come, or its message; or a function works on it.
    Due,
    /// Whoever wanted to tell it something has not. Its time is this one.
    NotBefore(Timestamp),
    /// Nothing has to be done for it.
    Done,
}

async fn stands(app: &App, run_id: &str, unit: &str, now: Timestamp) -> Result<Stands, Problem> {
    let nodes = app.store.nodes();
    let Some(record) = nodes.get(run_id, unit).await? else {
        return Ok(Stands::Done);
    };
    if Unit::of(unit).index().is_some() {
        // The failure of another item may have ended the list.
        let list = nodes.get(run_id, Unit::of(unit).node()).await?;
        if list.is_none_or(|list| list.status != NodeStatus::Running) {
            return Ok(Stands::Done);
        }
    }
    let until = record.wait_until.filter(|until| *until > now);
    let awaits = record
        .pause
        .as_ref()
        .and_then(|pause| pause.awaits.as_deref());
    Ok(match (record.status, until, awaits) {
        (NodeStatus::Waiting, Some(until), None) => Stands::NotBefore(until),
        (NodeStatus::Waiting, Some(until), Some(name)) => {
            if nodes.is_told(run_id, name).await? {
                Stands::Due
            } else {
                Stands::NotBefore(until)
            }
        }
        (NodeStatus::Waiting | NodeStatus::Running, _, _) => Stands::Due,
        _ => Stands::Done,
    })
}
