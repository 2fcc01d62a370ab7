//! Resuming: a run that did not succeed goes on, in a new execution of the same run.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::Error;
use crate::due::{DUE, DUE_AT, Due};
use crate::keys::{self, EXPIRES_AT, STATUS_LIST};
use crate::run::gate::{self, Entry, Gate, LONGEST_WAIT, Place};
use crate::run::keep::keep;
use crate::run::record::{
    BUDGET_LEFT_USD, CREDENTIALS, DEADLINE, ENDED_AT, ERASED_AT, ERROR, EXECUTION, FIRST_LOOK,
    KEPT_AT, LANES, MAX_COST_USD, MAX_COST_USD_PER_DAY, MAX_RUNS, PART, QUEUED_AT, Run, RunStatus,
    Runs, STATUS,
};
use crate::table::{Change, Transacted};

/// How a run goes on.
#[derive(Debug)]
pub struct Resume<'a> {
    /// The run as it was read.
    pub run: &'a Run,
    /// The id of the credential behind each reference in the document, as it is now.
    pub credentials: &'a BTreeMap<String, String>,
    /// When it goes on.
    pub at: Timestamp,
    /// The deadline: from then on no node may start or go on.
    pub deadline: Timestamp,
    /// The new limit of what the run may spend in all, USD; `None` where it does not change.
    pub max_cost_usd: Option<Decimal>,
    /// The most that all runs of the workflow may spend on one day, as it is now, USD.
    pub max_cost_usd_per_day: Option<Decimal>,
    /// How it comes to the workflow's gate; `None` where there is no gate.
    pub entry: Option<Entry>,
}

/// The answer to [`Runs::resume`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resumed {
    /// It goes on, or waits at the gate: the number of its next execution.
    Next(u32),
    /// It was changed by someone else since it was read.
    Changed,
    /// As many runs of the workflow go on as may; nothing has changed. The gate as it stands.
    Full(Gate),
}

impl Runs {
    /// Makes the run RUNNING again, or QUEUED, and gives the number of its next execution.
    pub async fn resume(&self, resume: &Resume<'_>) -> Result<Resumed, Error> {
        let run = resume.run;
        let next = run.execution + 1;
        let entry = resume.entry;
        let waits = entry.and_then(|entry| entry.waits).is_some();
        let (status, longest_wait) = if waits {
            (RunStatus::Queued, LONGEST_WAIT)
        } else {
            (RunStatus::Running, SignedDuration::ZERO)
        };
        // Before it goes on: whatever it comes to need is then kept as long as the run.
        let expires = self
            .0
            .expires(resume.deadline.max(resume.at) + longest_wait);
        keep(&self.0, &run.id, expires).await?;
        let list = keys::status_list(status.as_str(), &run.id)?;
        let change = Change::of(keys::run(&run.id))
            .when(STATUS.is(run.status).and(EXECUTION.is(run.execution)))
            .when(ERASED_AT.missing())
            .set(STATUS, status)
            .set(STATUS_LIST, list)
            .set(EXECUTION, next)
            .set(DEADLINE, resume.deadline)
            .set(EXPIRES_AT, expires)
            .set(KEPT_AT, resume.at)
            .set(CREDENTIALS, resume.credentials)
            .set_or_remove(MAX_RUNS, entry.map(|entry| entry.most))
            .set_or_remove(MAX_COST_USD_PER_DAY, resume.max_cost_usd_per_day)
            .remove(PART)
            .remove(LANES)
            .remove(ENDED_AT)
            .remove(ERROR);
        let change = match resume.max_cost_usd {
            Some(most) => {
                let before = run.max_cost_usd.unwrap_or(most);
                // A run without a budget has spent what its nodes cost.
                change.set(MAX_COST_USD, most).add_to(
                    BUDGET_LEFT_USD,
                    before - run.cost_usd,
                    most - before,
                )
            }
            None => change,
        };
        let change = if waits {
            change.set(QUEUED_AT, resume.at)
        } else {
            change
                .set(DUE, Due::Run)
                .set(DUE_AT, resume.at + FIRST_LOOK)
        };
        let Some(entry) = &entry else {
            let written = self.0.write(change).await?;
            return Ok(if written {
                Resumed::Next(next)
            } else {
                Resumed::Changed
            });
        };
        let place = Place {
            run_id: run.id.clone(),
            execution: next,
        };
        let enters = gate::enter(&run.workflow_id, &place, entry, resume.at);
        let writes = [change.into()].into_iter().chain(enters);
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(Resumed::Next(next)),
            Transacted::Refused { index: 0, .. } => Ok(Resumed::Changed),
            Transacted::Refused { item, .. } => {
                Ok(Resumed::Full(gate::read(&item.unwrap_or_default())?))
            }
        }
    }
}
