//! A run that ended without success is taken up again, as a new execution of the same run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::attribute::{n, nested, s, time};
use crate::due::{DUE, DUE_AT, Due};
use crate::run::{FIRST_LOOK, MAX_COST_USD_PER_DAY, RUN, run_key};
use crate::store::{key, passed};
use crate::{Error, Run, RunStatus, Store};

/// How a run goes on.
#[derive(Debug)]
pub struct Resume<'a> {
    /// The run as it was read.
    pub run: &'a Run,
    /// The id of the credential behind each reference in the document, as it is now.
    pub credentials: &'a BTreeMap<String, String>,
    /// When it goes on.
    pub at: Timestamp,
    /// When no node may start or go on any more.
    pub deadline: Timestamp,
    /// The most that the run may spend from now on in all, where that changes, USD.
    pub max_cost_usd: Option<Decimal>,
    /// The most that all runs of the workflow may spend on one day, as it is now, USD.
    pub max_cost_usd_per_day: Option<Decimal>,
}

impl Store {
    /// Makes the run RUNNING again and gives the number of its next execution; `None` where it was changed by someone
    /// else since it was read.
    pub async fn resume_run(&self, resume: &Resume<'_>) -> Result<Option<u32>, Error> {
        let run = resume.run;
        let next = run.execution + 1;
        let mut set = String::from(
            "SET #status = :running, #execution = :next, deadline = :deadline, \
             credentials = :credentials, #due = :due, #dueAt = :dueAt",
        );
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(&run_key(&run.id), RUN)))
            .condition_expression("#status = :seen AND #execution = :execution")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#execution", "execution")
            .expression_attribute_names("#error", "error")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#dueAt", DUE_AT)
            .expression_attribute_values(":seen", s(run.status.as_str()))
            .expression_attribute_values(":execution", n(run.execution))
            .expression_attribute_values(":running", s(RunStatus::Running.as_str()))
            .expression_attribute_values(":next", n(next))
            .expression_attribute_values(":deadline", time(resume.deadline))
            .expression_attribute_values(":credentials", nested(resume.credentials, "credentials")?)
            .expression_attribute_values(":due", s(Due::Run.as_str()))
            .expression_attribute_values(":dueAt", time(resume.at + FIRST_LOOK));
        if let Some(most) = resume.max_cost_usd {
            // A run without a budget has spent what its nodes cost.
            set.push_str(
                ", maxCostUsd = :most, \
                 budgetLeftUsd = if_not_exists(budgetLeftUsd, :unspent) + :more",
            );
            update = update
                .expression_attribute_values(":most", n(most))
                .expression_attribute_values(
                    ":unspent",
                    n(run.max_cost_usd.unwrap_or(most) - run.cost_usd),
                )
                .expression_attribute_values(":more", n(most - run.max_cost_usd.unwrap_or(most)));
        }
        let mut remove = " REMOVE endedAt, #error".to_owned();
        update = update.expression_attribute_names("#perDay", MAX_COST_USD_PER_DAY);
        match resume.max_cost_usd_per_day {
            Some(most) => {
                set.push_str(", #perDay = :perDay");
                update = update.expression_attribute_values(":perDay", n(most));
            }
            None => remove.push_str(", #perDay"),
        }
        set.push_str(&remove);
        let resumed = passed(update.update_expression(set).send().await)?;
        Ok(resumed.then_some(next))
    }
}
