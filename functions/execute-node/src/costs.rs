//! What calls cost whose answer did not say, because it broke off or its function died: asked of OpenRouter afterwards.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use steps_metrics::Sweep;
use steps_problem::Problem;
use steps_store::{Attempt, Due, DueItem, RunStatus, Unit};
use steps_workflow::Workflow;
use tokio::time::{Instant, sleep};

use crate::answer::Answer;
use crate::app::App;
use crate::scope::RunScope;

/// OpenRouter writes a generation down a while after it ended. A node behind which nothing comes is not visited again, so
/// its last visit waits a little.
const PAUSES_AT_THE_END: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// How long OpenRouter is asked for a cost before it is given up.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// How many nodes one visit asks about.
const AT_ONCE: usize = 50;

/// When a node is asked about again that cannot be asked about now.
const PUT_OFF: Duration = Duration::from_secs(3600);

/// Asks for every cost that is due, one after the other, as long as there is time. A node that cannot be asked about does
/// not stop the others, and is asked about later than they are.
pub(crate) async fn recover_due_costs(app: &App, remaining: Duration) -> Result<Answer, Problem> {
    let end = Instant::now() + remaining.min(Duration::from_secs(240));
    let due = app.store.due();
    let mut sweep = Sweep {
        name: "Costs",
        due: 0,
        not_swept: 0,
        oldest: None,
    };
    let (mut costs, mut failed) = (0, None);
    let mut seen = BTreeSet::new();
    'all: loop {
        let now = Timestamp::now();
        let items = due.list(Due::Cost, now, AT_ONCE).await?;
        // The index is a moment behind: it may still have those that were asked about.
        let new = |item: &DueItem| seen.insert((item.run_id.clone(), item.node_id.clone()));
        let items: Vec<DueItem> = items.into_iter().filter(new).collect();
        let first = items.first().map(|item| item.due_for(now));
        sweep.oldest = sweep.oldest.or(first);
        sweep.due += items.len();
        if items.is_empty() {
            break;
        }
        for item in &items {
            if Instant::now() > end {
                break 'all;
            }
            match recover_node(app, item, end).await {
                Ok(found) => costs += found,
                Err(problem) => {
                    tracing::warn!(run = item.run_id, code = problem.code, "not asked about");
                    if let Err(error) = due.again(item, Timestamp::now(), PUT_OFF).await {
                        tracing::warn!(run = item.run_id, %error, "not put off");
                    }
                    sweep.not_swept += 1;
                    failed = Some(problem);
                }
            }
        }
    }
    sweep.write();
    failed.map_or(Ok(Answer::Recovered { costs }), Err)
}

/// Records the costs of these attempts of a node, each with its index. One that stays unknown is due to be asked
/// for again; nothing fails because of it.
///
/// `patient` where nothing waits for this function. Else OpenRouter is asked once, and the rest is the schedule's.
pub(crate) async fn recover_costs(
    scope: &RunScope<'_>,
    unpriced: Vec<(usize, Attempt)>,
    patient: bool,
) {
    let pauses: &[Duration] = if patient { &PAUSES_AT_THE_END } else { &[] };
    let mut pauses = pauses.iter();
    let mut unpriced = unpriced;
    loop {
        unpriced = ask_for(scope, unpriced).await;
        match pauses.next() {
            Some(pause) if !unpriced.is_empty() => sleep(*pause).await,
            _ => break,
        }
    }
    for (index, attempt) in unpriced {
        tracing::info!(
            run = scope.run.id,
            node = scope.unit,
            generation = attempt.generation_id,
            attempt = index + 1,
            "what the generation cost is not known yet"
        );
    }
}

/// How many costs of the node could be recorded.
async fn recover_node(app: &App, item: &DueItem, until: Instant) -> Result<usize, Problem> {
    let Some(node_id) = &item.node_id else {
        return Ok(0);
    };
    let now = Timestamp::now();
    let work = match app
        .store
        .nodes()
        .work(&item.run_id, node_id, &[], None)
        .await
    {
        Ok(work) => work,
        // The run has expired meanwhile.
        Err(steps_store::Error::NotFound { .. }) => {
            app.store.due().done(item).await?;
            return Ok(0);
        }
        Err(error) => return Err(error.into()),
    };
    let workflow = work.run.document(Workflow::from_stored).ok();
    let node = workflow
        .as_ref()
        .and_then(|workflow| workflow.node(Unit::of(node_id).node()));
    let (Some(node), Some(record)) = (node, &work.node) else {
        app.store.due().done(item).await?;
        return Ok(0);
    };
    let goes_on = record.lease_until.is_some_and(|until| until > now)
        || (work.run.status == RunStatus::Running && record.ended_at.is_none());
    if goes_on {
        // Its function, or the next one, asks by itself.
        app.store
            .due()
            .again(item, now, Duration::from_secs(120))
            .await?;
        return Ok(0);
    }
    let unpriced: Vec<(usize, Attempt)> = record
        .attempts
        .iter()
        .cloned()
        .enumerate()
        .filter(|(_, attempt)| attempt.is_unpriced())
        .collect();
    let asked = unpriced.len();
    let scope = RunScope::new(app, &work.run, (node, node_id), until);
    let unknown = ask_for(&scope, unpriced).await;
    let since = record
        .attempts
        .last()
        .map_or(work.run.started_at, |attempt| attempt.started_at);
    let age = now.duration_since(since);
    if unknown.is_empty() {
        if asked == 0 {
            // Its function has settled it since, perhaps after the run's end.
            let costs = app.store.costs();
            costs.has_come_late(&item.run_id, now).await?;
            app.store.due().done(item).await?;
        }
    } else if age > GIVEN_UP_AFTER {
        for (_, attempt) in &unknown {
            tracing::warn!(
                run = item.run_id,
                node = node_id,
                generation = attempt.generation_id,
                "OpenRouter does not say what the generation cost"
            );
        }
        app.store.due().done(item).await?;
    } else {
        // Later and later, as the generation gets older.
        let pause = Duration::try_from(age)
            .unwrap_or_default()
            .clamp(Duration::from_secs(60), Duration::from_secs(3600));
        app.store.due().again(item, now, pause).await?;
    }
    if work.run.status != RunStatus::Running {
        // Lists show what was noted in the run's head, and more is known now.
        app.store.runs().note_totals(&item.run_id).await?;
    }
    Ok(asked - unknown.len())
}

/// Records the costs that OpenRouter knows; gives back the attempts whose cost it does not.
async fn ask_for(scope: &RunScope<'_>, unpriced: Vec<(usize, Attempt)>) -> Vec<(usize, Attempt)> {
    let mut left = unpriced.len();
    let mut unknown = Vec::new();
    for (index, attempt) in unpriced {
        let last = left == 1;
        match recover(scope, index, &attempt, last).await {
            Ok(true) => left -= 1,
            Ok(false) => unknown.push((index, attempt)),
            Err(problem) => {
                tracing::warn!(code = problem.code, "a generation could not be asked about");
                unknown.push((index, attempt));
            }
        }
    }
    unknown
}

/// Whether OpenRouter knew the cost, and it is recorded.
async fn recover(
    scope: &RunScope<'_>,
    index: usize,
    attempt: &Attempt,
    last: bool,
) -> Result<bool, Problem> {
    let Some(id) = &attempt.generation_id else {
        return Ok(true);
    };
    let Some(charged) = scope.node.kind.cost(id, scope).await? else {
        return Ok(false);
    };
    let credentials = scope.node.kind.credentials();
    let payer = credentials.first().map(|(_, reference)| *reference);
    let payer = payer.and_then(|reference| scope.run.credential_of(reference).ok());
    let attempt = &Attempt {
        model: charged.model.or_else(|| attempt.model.clone()),
        credential_id: attempt.credential_id.clone().or(payer.map(str::to_owned)),
        ..attempt.clone()
    };
    let nodes = scope.app.store.nodes();
    let (run, node) = (&scope.run.id, scope.unit);
    nodes
        .recover_cost(
            run,
            node,
            (index, attempt),
            (charged.cost_usd, &charged.usage),
            last,
        )
        .await?;
    Ok(true)
}
