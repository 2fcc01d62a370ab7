//! Resuming: a run that did not succeed goes on, in a new execution of the same run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::Error;
use crate::due::{DUE, DUE_AT, Due};
use crate::keys::{self, EXPIRES_AT, STATUS_LIST};
use crate::run::keep::keep;
use crate::run::record::{
    BUDGET_LEFT_USD, CREDENTIALS, DEADLINE, ENDED_AT, ERROR, EXECUTION, FIRST_LOOK, MAX_COST_USD,
    MAX_COST_USD_PER_DAY, Run, RunStatus, Runs, STATUS,
};
use crate::table::Change;

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
}

impl Runs {
    /// Makes the run RUNNING again and gives the number of its next execution; `None` where it was changed by someone
    /// else since it was read.
    pub async fn resume(&self, resume: &Resume<'_>) -> Result<Option<u32>, Error> {
        let run = resume.run;
        let next = run.execution + 1;
        // Before it goes on: whatever it comes to need is then kept as long as the run.
        let expires = self.0.expires(resume.deadline.max(resume.at));
        keep(&self.0, &run.id, expires).await?;
        let status = RunStatus::Running;
        let list = keys::status_list(status.as_str(), &run.id)?;
        let change = Change::of(keys::run(&run.id))
            .when(STATUS.is(run.status).and(EXECUTION.is(run.execution)))
            .set(STATUS, status)
            .set(STATUS_LIST, list)
            .set(EXECUTION, next)
            .set(DEADLINE, resume.deadline)
            .set(EXPIRES_AT, expires)
            .set(CREDENTIALS, resume.credentials)
            .set(DUE, Due::Run)
            .set(DUE_AT, resume.at + FIRST_LOOK)
            .set_or_remove(MAX_COST_USD_PER_DAY, resume.max_cost_usd_per_day)
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
        Ok(self.0.write(change).await?.then_some(next))
    }
}
