//! Budgets: what a call may cost at most is taken from each before it begins, and what it did not cost is given back.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::attribute::{Item, find_decimal, n};
use crate::run::{RUN, run_key};
use crate::store::key;

/// An amount that may not be exceeded, USD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Budget {
    /// Of the run.
    Run {
        /// Its `limits.maxCostUsd`.
        limit: Decimal,
    },
    /// Of all runs of a workflow on one day (UTC).
    WorkflowDay {
        /// The workflow.
        workflow_id: String,
        /// Its `limits.maxCostUsdPerDay`.
        limit: Decimal,
    },
    /// Of all calls that one credential pays for on one day (UTC).
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

    /// What the reservation is called in the attempt's record.
    fn name(&self, at: Timestamp) -> String {
        let day = at.strftime("%Y-%m-%d");
        match self {
            Self::Run { .. } => RUN.to_owned(),
            Self::WorkflowDay { workflow_id, .. } => format!("WORKFLOW#{workflow_id}#{day}"),
            Self::CredentialDay { credential_id, .. } => {
                format!("CREDENTIAL#{credential_id}#{day}")
            }
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

/// What is held back in budgets until the attempt's cost is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// USD.
    #[serde(with = "rust_decimal::serde::str")]
    pub usd: Decimal,
    /// `RUN`, `WORKFLOW#<id>#<day>`, `CREDENTIAL#<id>#<day>`.
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

const DAY: &str = "DAY";

/// Days after which a day's sum is dropped: no cost is asked for so late.
const KEPT_DAYS: i64 = 7;

fn day_key(name: &str) -> String {
    format!("SPEND#{name}")
}

impl Store {
    /// One write for each budget, in their order, none of which passes where its budget does not cover the call.
    pub(crate) fn reserve(
        &self,
        run_id: &str,
        reserve: &Reserve,
        now: Timestamp,
    ) -> Vec<UpdateBuilder> {
        let write = |budget: &Budget| {
            let update = Update::builder()
                .table_name(&self.table)
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
                .expression_attribute_values(":usd", n(reserve.usd));
            match budget {
                Budget::Run { .. } => update
                    .set_key(Some(key(&run_key(run_id), RUN)))
                    .update_expression("SET budgetLeftUsd = budgetLeftUsd - :usd")
                    .condition_expression("budgetLeftUsd >= :usd"),
                // A limit may change within the day: what is kept is what was committed, not what is left.
                Budget::WorkflowDay { limit, .. } | Budget::CredentialDay { limit, .. } => {
                    let room = limit - reserve.usd;
                    update
                        .set_key(Some(key(&day_key(&budget.name(now)), DAY)))
                        .update_expression(
                            "SET expiresAt = if_not_exists(expiresAt, :expires) ADD committedUsd :usd",
                        )
                        .condition_expression(if room.is_sign_negative() {
                            "committedUsd <= :room"
                        } else {
                            "attribute_not_exists(pk) OR committedUsd <= :room"
                        })
                        .expression_attribute_values(":room", n(room))
                        .expression_attribute_values(
                            ":expires",
                            n(now.as_second() + KEPT_DAYS * 24 * 60 * 60),
                        )
                }
            }
        };
        reserve.budgets.iter().map(write).collect()
    }

    /// The writes that put `cost` in the place of what is `reserved` in daily budgets. The run's own is settled with
    /// its total.
    pub(crate) fn settle_days(&self, reserved: &Reserved, cost: Decimal) -> Vec<UpdateBuilder> {
        let write = |name: &String| {
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key(&day_key(name), DAY)))
                .update_expression("ADD committedUsd :more")
                .expression_attribute_values(":more", n(cost - reserved.usd))
        };
        reserved
            .budgets
            .iter()
            .filter(|name| *name != RUN)
            .map(write)
            .collect()
    }
}

impl Reserved {
    /// Whether something is held back in the run's budget.
    pub(crate) fn in_run(&self) -> bool {
        self.budgets.iter().any(|name| name == RUN)
    }
}

/// What the refused budget's item says is left.
pub(crate) fn over_budget(
    reserve: &Reserve,
    index: usize,
    item: Option<&Item>,
) -> Option<OverBudget> {
    let budget = reserve.budgets.get(index)?.clone();
    let left = match &budget {
        Budget::Run { .. } => item.and_then(|item| find_decimal(item, "budgetLeftUsd")),
        _ => item
            .and_then(|item| find_decimal(item, "committedUsd"))
            .or(Some(Decimal::ZERO))
            .map(|committed| budget.limit() - committed),
    };
    Some(OverBudget {
        budget,
        needed: reserve.usd,
        left: left.unwrap_or_default().max(Decimal::ZERO),
    })
}
