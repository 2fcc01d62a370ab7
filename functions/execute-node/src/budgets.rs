//! The budgets that have to cover a call: the run's, and those of the workflow's and the credential's day.

use std::time::Duration;

use rust_decimal::Decimal;
use steps_fresh::Fresh;
use steps_problem::Problem;
use steps_store::{Budget, OverBudget, Run, Store};

/// How long a warm function goes by a credential's limit as it read it.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// Most credentials whose limits a warm function remembers.
const REMEMBERED: usize = 1000;

/// The daily limits of credentials, by id, as far as they were read in the last minute.
pub(crate) type DayLimits = Fresh<String, Option<Decimal>>;

/// No limits are known yet.
pub(crate) fn day_limits() -> DayLimits {
    Fresh::new(KNOWN_FOR, REMEMBERED)
}

async fn day_limit(
    known: &DayLimits,
    store: &Store,
    credential_id: &str,
) -> Result<Option<Decimal>, Problem> {
    if let Some(limit) = known.get(credential_id) {
        return Ok(limit);
    }
    let limit = store
        .credentials()
        .get(credential_id)
        .await?
        .max_cost_usd_per_day;
    known.put(credential_id.to_owned(), limit);
    Ok(limit)
}

/// The budgets of a node of this run that names these credentials; none for a node that names none, for it costs
/// nothing.
pub(crate) async fn budgets(
    day_limits: &DayLimits,
    store: &Store,
    run: &Run,
    credentials: &[&str],
) -> Result<Vec<Budget>, Problem> {
    if credentials.is_empty() {
        return Ok(Vec::new());
    }
    let of_run = run.max_cost_usd.map(|limit| Budget::Run { limit });
    let of_workflow = run.max_cost_usd_per_day.map(|limit| Budget::WorkflowDay {
        workflow_id: run.workflow_id.clone(),
        limit,
    });
    let mut budgets: Vec<Budget> = of_run.into_iter().chain(of_workflow).collect();
    for reference in credentials {
        let credential_id = run.credential_of(reference)?;
        if let Some(limit) = day_limit(day_limits, store, credential_id).await? {
            budgets.push(Budget::CredentialDay {
                credential_id: credential_id.to_owned(),
                limit,
            });
        }
    }
    Ok(budgets)
}

/// A budget does not cover what the call may cost.
pub(crate) fn over_budget(over: &OverBudget) -> Problem {
    let limit = over.budget.limit();
    let (whose, raise) = match &over.budget {
        Budget::Run { .. } => (
            "the run's `limits.maxCostUsd`".to_owned(),
            "Resume the run with a higher `maxCostUsd`, and raise `limits.maxCostUsd` in the workflow for the next",
        ),
        Budget::WorkflowDay { workflow_id, .. } => (
            format!("today's `limits.maxCostUsdPerDay` of the workflow `{workflow_id}`"),
            "Raise `limits.maxCostUsdPerDay` in the workflow and resume the run, or resume it after 00:00 UTC",
        ),
        Budget::CredentialDay { credential_id, .. } => (
            format!("today's `maxCostUsdPerDay` of the credential `{credential_id}`"),
            "Raise the credential's `maxCostUsdPerDay` and resume the run, or resume it after 00:00 UTC",
        ),
    };
    Problem::new(
        402,
        "BudgetExceeded",
        "Budget Exceeded",
        format!(
            "the call may cost up to {} USD, and of {whose} of {limit} USD {} USD are left",
            over.needed, over.left
        ),
    )
    .solution([
        raise,
        "Or lower the node's `maxTokens`, or choose a cheaper model",
    ])
}
