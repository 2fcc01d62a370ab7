//! Budgets. Before a call begins, the most that it may cost is taken from each of its budgets. Afterwards the rest is given
//! back.

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::credential::Credentials;
use crate::keys::{self, EXPIRES_AT};
use crate::run::record::BUDGET_LEFT_USD;
use crate::table::key::PK;
use crate::table::{Attribute, Change, Item, Write};

/// A budget: an amount in USD that may not be exceeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Budget {
    /// The budget of one run.
    Run {
        /// Its `limits.maxCostUsd`.
        limit: Decimal,
    },
    /// The budget of all runs of a workflow on one day (UTC).
    WorkflowDay {
        /// The workflow.
        workflow_id: String,
        /// Its `limits.maxCostUsdPerDay`.
        limit: Decimal,
    },
    /// The budget of all calls that one credential pays for on one day (UTC).
    CredentialDay {
        /// The credential.
        credential_id: String,
        /// Its `maxCostUsdPerDay`.
        limit: Decimal,
    },
}

impl Budget {
    /// The amount.
    pub fn limit(&self) -> Decimal {
        match self {
            Self::Run { limit }
            | Self::WorkflowDay { limit, .. }
            | Self::CredentialDay { limit, .. } => *limit,
        }
    }

    /// The name of the reservation in the attempt's record.
    fn name(&self, at: Timestamp) -> String {
        let day = keys::day(at);
        match self {
            Self::Run { .. } => keys::RUN_BUDGET.to_owned(),
            Self::WorkflowDay { workflow_id, .. } => keys::workflow_day(workflow_id, day),
            Self::CredentialDay { credential_id, .. } => keys::credential_day(credential_id, day),
        }
    }
}

/// What a call may cost at most, and the budgets that have to cover it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserve {
    /// USD.
    pub usd: Decimal,
    /// Each of them.
    pub budgets: Vec<Budget>,
}

/// What budgets hold back until the attempt's cost is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reserved {
    /// USD.
    #[serde(with = "rust_decimal::serde::str")]
    #[schemars(with = "Decimal")]
    pub usd: Decimal,
    /// Their names.
    #[serde(rename = "in")]
    pub budgets: Vec<String>,
}

impl Reserve {
    pub(crate) fn reserved(&self, at: Timestamp) -> Reserved {
        Reserved {
            usd: self.usd,
            budgets: self.budgets.iter().map(|budget| budget.name(at)).collect(),
        }
    }
}

/// The budget that does not cover a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverBudget {
    /// Which.
    pub budget: Budget,
    /// What the call may cost at most, USD.
    pub needed: Decimal,
    /// What is left of the budget, USD.
    pub left: Decimal,
}

impl Reserved {
    /// Whether the run's own budget holds something back.
    pub(crate) fn in_run(&self) -> bool {
        self.budgets.iter().any(|name| name == keys::RUN_BUDGET)
    }
}

/// How much of a day's budget is spent or held back, USD. Not what is left: the limit may change within the day.
const COMMITTED_USD: Attribute<Decimal> = Attribute::new("committedUsd");

/// For how many days a day's sum is kept. No cost is asked for later than this.
const KEPT_DAYS: i64 = 7;

impl Credentials {
    /// How much of the credential's budget of this moment's day (UTC) is spent or held back, USD.
    pub async fn committed_usd(&self, id: &str, at: Timestamp) -> Result<Decimal, Error> {
        let day = keys::credential_day(id, keys::day(at));
        let item = self.0.get(keys::spend(&day)).await?;
        let committed = item.map(|item| COMMITTED_USD.find(&item)).transpose()?;
        Ok(committed.flatten().unwrap_or_default())
    }
}

/// One write for each budget, in their order. A write fails where its budget does not cover the call.
pub(crate) fn reserve(run_id: &str, reserve: &Reserve, now: Timestamp) -> Vec<Write> {
    let usd = reserve.usd;
    let write = |budget: &Budget| match budget {
        Budget::Run { .. } => Change::of(keys::run(run_id))
            .when(BUDGET_LEFT_USD.is_at_least(usd))
            .subtract(BUDGET_LEFT_USD, usd),
        Budget::WorkflowDay { limit, .. } | Budget::CredentialDay { limit, .. } => {
            let room = limit - usd;
            let covered = COMMITTED_USD.is_at_most(room);
            Change::of(keys::spend(&budget.name(now)))
                .when(if room.is_sign_negative() {
                    covered
                } else {
                    PK.missing().or(covered)
                })
                .set_once(EXPIRES_AT, now.as_second() + KEPT_DAYS * 24 * 60 * 60)
                .add(COMMITTED_USD, usd)
        }
    };
    let writes = reserve.budgets.iter().map(write);
    writes.map(|change| change.telling().into()).collect()
}

/// The writes that replace what is `reserved` in daily budgets by `cost`. The run's own budget is settled with the run's
/// total.
pub(crate) fn settle_days(reserved: &Reserved, cost: Decimal) -> Vec<Write> {
    let days = reserved
        .budgets
        .iter()
        .filter(|name| *name != keys::RUN_BUDGET);
    days.map(|name| {
        Change::of(keys::spend(name))
            .add(COMMITTED_USD, cost - reserved.usd)
            .into()
    })
    .collect()
}

/// What is left of the budget that refused the call, from its item.
pub(crate) fn over_budget(
    reserve: &Reserve,
    index: usize,
    item: Option<&Item>,
) -> Option<OverBudget> {
    let budget = reserve.budgets.get(index)?.clone();
    let left = match &budget {
        Budget::Run { .. } => item.and_then(|item| BUDGET_LEFT_USD.find(item).ok()?),
        _ => item
            .and_then(|item| COMMITTED_USD.find(item).ok()?)
            .or(Some(Decimal::ZERO))
            .map(|committed| budget.limit() - committed),
    };
    Some(OverBudget {
        budget,
        needed: reserve.usd,
        left: left.unwrap_or_default().max(Decimal::ZERO),
    })
}
