//! An attempt ends once, and what it cost is counted once: in the node, the run and every budget, all or none.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use steps_problem::Problem;
use steps_usage::Usage;

use crate::attribute::{n, nested, s, time};
use crate::claim::Lease;
use crate::due::{DUE, DUE_AT, Due};
use crate::node::{NODE, node_key, read_node};
use crate::run::{RUN, RunError, run_key};
use crate::store::key;
use crate::transaction::Transacted;
use crate::{Attempt, Error, NodeStatus, Reserved, Store};

/// How an attempt ended.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// With an answer: the node's variable.
    Succeeded(&'a Value),
    /// With a failure that may pass: the next attempt begins at `until`.
    Waiting {
        /// When the next attempt begins.
        until: Timestamp,
        /// What happened.
        problem: &'a Problem,
    },
    /// With a failure that will not pass.
    Failed(&'a Problem),
}

impl Outcome<'_> {
    fn status(&self) -> NodeStatus {
        match self {
            Self::Succeeded(_) => NodeStatus::Succeeded,
            Self::Waiting { .. } => NodeStatus::Waiting,
            Self::Failed(_) => NodeStatus::Failed,
        }
    }
}

/// The end of an attempt, as it is to be written.
struct End {
    attempt: Attempt,
    /// What is still to be counted.
    cost: Decimal,
    /// What is still to be given back.
    reserved: Option<Reserved>,
    /// What is still to be counted.
    usage: Usage,
    unpriced: bool,
    /// Whether another function has counted the cost already.
    recovered: bool,
    now: Timestamp,
}

/// What an attempt adds to its run.
struct Charge<'a> {
    cost: Decimal,
    reserved: Option<&'a Reserved>,
    usage: &'a Usage,
    failed: Option<&'a RunError>,
}

/// When OpenRouter is asked again about a cost that it did not know at the attempt's end.
const FIRST_ASKED: Duration = Duration::from_secs(60);

impl Store {
    /// Records, once, what an attempt turned out to cost whose answer did not say, and of what it `used` all that the
    /// answer did not say either. `last` where no other attempt of
    /// the node is unpriced: it need not be looked at again.
    pub async fn recover_cost(
        &self,
        run_id: &str,
        node_id: &str,
        (index, attempt): (usize, &Attempt),
        (cost_usd, used): (Decimal, &Usage),
        last: bool,
    ) -> Result<(), Error> {
        let at = format!("attempts[{index}]");
        let known = attempt.usage.clone().unwrap_or_default();
        let more = known.missing_from(used);
        let mut condition = format!("attribute_not_exists({at}.costUsd)");
        if attempt.usage.is_none() {
            // An end that was written since may know it.
            condition.push_str(&format!(" AND attribute_not_exists({at}.#usage)"));
        }
        let mut remove = format!("{at}.reserved");
        let mut node = self
            .update(run_id, &node_key(node_id))
            .condition_expression(condition)
            .expression_attribute_names("#usage", "usage")
            .expression_attribute_values(":text", s(cost_usd.to_string()))
            .expression_attribute_values(":usage", nested(&known.with(&more), "usage")?)
            .expression_attribute_values(":cost", n(cost_usd));
        if last {
            remove.push_str(", #due, #dueAt");
            node = node
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#dueAt", DUE_AT);
        }
        let node = node.update_expression(format!(
            "SET {at}.costUsd = :text, {at}.#usage = :usage REMOVE {remove} ADD costUsd :cost"
        ));
        let charges = self.charge(
            run_id,
            &Charge {
                cost: cost_usd,
                reserved: attempt.reserved.as_ref(),
                usage: &more,
                failed: None,
            },
        )?;
        self.transact([node].into_iter().chain(charges)).await?;
        Ok(())
    }

    /// Ends the attempt under this lease: the node's new state and what it cost, in one transaction with the run's
    /// total. An answer that comes after the node has ended another way is not stored, but its cost is counted; an
    /// end that was written before changes nothing. `unpriced` where OpenRouter has yet to say what this attempt or
    /// an earlier one cost: it is due to be asked.
    pub async fn settle(
        &self,
        lease: &Lease,
        attempt: &Attempt,
        outcome: &Outcome<'_>,
        unpriced: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut end = End {
            attempt: Attempt {
                execution: lease.execution,
                ..attempt.clone()
            },
            cost: attempt.cost_usd.unwrap_or_default(),
            reserved: lease.reserved.clone(),
            usage: attempt.usage.clone().unwrap_or_default(),
            unpriced,
            recovered: false,
            now,
        };
        if end.attempt.is_unpriced() {
            // What is held back stays so until the cost is known.
            end.attempt.reserved = end.reserved.take();
        }
        let kept = match outcome {
            Outcome::Succeeded(output) => {
                let number = lease.attempt + 1;
                let object = format!("runs/{}/{}.{number}.json.gz", lease.run_id, lease.node_id);
                Some(self.texts.keep(&object, &output.to_string()).await?)
            }
            _ => None,
        };
        if self
            .write_end(lease, &end, Some(outcome), kept.as_ref())
            .await?
        {
            return Ok(());
        }
        let node = self.node(&lease.run_id, &lease.node_id).await?;
        let recorded = node
            .as_ref()
            .and_then(|node| node.attempts.get(lease.attempt));
        match recorded {
            None => {
                return Err(Error::Malformed {
                    attribute: "attempts",
                });
            }
            Some(recorded) if recorded.ended_at.is_some() => return Ok(()),
            Some(Attempt {
                cost_usd: Some(cost),
                usage,
                ..
            }) => {
                // Another function took this one for dead, asked OpenRouter, and counted what that said.
                let counted = usage.clone().unwrap_or_default();
                end.usage = counted.missing_from(&end.usage);
                end.attempt.usage = Some(counted.with(&end.usage));
                end.attempt.cost_usd = Some(*cost);
                end.attempt.reserved = None;
                end.cost = Decimal::ZERO;
                end.reserved = None;
                end.recovered = true;
                if self
                    .write_end(lease, &end, Some(outcome), kept.as_ref())
                    .await?
                {
                    return Ok(());
                }
            }
            Some(_) => {}
        }
        tracing::warn!(
            run = lease.run_id,
            node = lease.node_id,
            "the node had ended another way: only the attempt's end and cost are recorded"
        );
        self.write_end(lease, &end, None, None).await?;
        Ok(())
    }

    /// Whether the end could be written: with its outcome as far as the node's state allows it, without one as far
    /// as it has not been written before.
    async fn write_end(
        &self,
        lease: &Lease,
        end: &End,
        outcome: Option<&Outcome<'_>>,
        kept: Option<&AttributeValue>,
    ) -> Result<bool, Error> {
        let at = format!("attempts[{}]", lease.attempt);
        let mut set = format!("{at} = :attempt");
        let mut remove = Vec::new();
        let mut condition = format!("attribute_not_exists({at}.endedAt)");
        if !end.recovered {
            condition.push_str(&format!(" AND attribute_not_exists({at}.costUsd)"));
        }
        let mut node = self
            .update(&lease.run_id, &node_key(&lease.node_id))
            .expression_attribute_values(":attempt", nested(&end.attempt, "attempts")?)
            .expression_attribute_values(":cost", n(end.cost));
        if end.unpriced {
            set.push_str(", #due = :due, #dueAt = :dueAt");
            node = node
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#dueAt", DUE_AT)
                .expression_attribute_values(":due", s(Due::Cost.as_str()))
                .expression_attribute_values(":dueAt", time(end.now + FIRST_ASKED));
        }
        if let Some(outcome) = outcome {
            set.push_str(", #status = :status");
            remove.extend(["leaseUntil", "#owner"]);
            node = node
                .expression_attribute_names("#status", "status")
                .expression_attribute_names("#owner", "owner")
                .expression_attribute_names("#error", "error")
                .expression_attribute_values(":status", s(outcome.status().as_str()));
            match outcome {
                Outcome::Succeeded(_) => {
                    // The first answer wins, even if the lease has gone to another function meanwhile.
                    condition.push_str(" AND #status IN (:running, :waiting)");
                    set.push_str(", #output = :output, endedAt = :now");
                    remove.push("#error");
                    node = node
                        .expression_attribute_names("#output", "output")
                        .expression_attribute_values(":running", s(NodeStatus::Running.as_str()))
                        .expression_attribute_values(":waiting", s(NodeStatus::Waiting.as_str()));
                    if let Some(kept) = kept {
                        node = node.expression_attribute_values(":output", kept.clone());
                    }
                }
                Outcome::Waiting { until, problem } => {
                    condition.push_str(" AND #owner = :owner");
                    set.push_str(", #error = :error, waitUntil = :until");
                    node = node
                        .expression_attribute_values(":owner", s(&lease.owner))
                        .expression_attribute_values(":error", nested(problem, "error")?)
                        .expression_attribute_values(":until", time(*until));
                }
                Outcome::Failed(problem) => {
                    condition.push_str(" AND #owner = :owner");
                    set.push_str(", #error = :error, endedAt = :now");
                    node = node
                        .expression_attribute_values(":owner", s(&lease.owner))
                        .expression_attribute_values(":error", nested(problem, "error")?);
                }
            }
            if !matches!(outcome, Outcome::Waiting { .. }) {
                node = node.expression_attribute_values(":now", time(end.now));
            }
        }
        let mut expression = format!("SET {set}");
        if !remove.is_empty() {
            expression.push_str(&format!(" REMOVE {}", remove.join(", ")));
        }
        expression.push_str(" ADD costUsd :cost");
        let node = node
            .update_expression(expression)
            .condition_expression(condition);
        let failed = match outcome {
            Some(Outcome::Failed(problem)) => Some(RunError {
                problem: (*problem).clone(),
                node: Some(lease.node_id.clone()),
            }),
            _ => None,
        };
        let charges = self.charge(
            &lease.run_id,
            &Charge {
                cost: end.cost,
                reserved: end.reserved.as_ref(),
                usage: &end.usage,
                failed: failed.as_ref(),
            },
        )?;
        let written = self.transact([node].into_iter().chain(charges)).await?;
        Ok(matches!(written, Transacted::Done))
    }

    /// Adds an attempt to the run's totals, and settles what was held back for it.
    fn charge(&self, run_id: &str, charge: &Charge<'_>) -> Result<Vec<UpdateBuilder>, Error> {
        let mut add = String::from("ADD costUsd :cost");
        let mut run = self
            .update(run_id, RUN)
            .expression_attribute_values(":cost", n(charge.cost));
        for (name, number) in charge.usage.numbers() {
            add.push_str(&format!(", {name} :{name}"));
            run = run.expression_attribute_values(format!(":{name}"), n(number));
        }
        if let Some(reserved) = charge.reserved.filter(|reserved| reserved.in_run()) {
            add.push_str(", budgetLeftUsd :back");
            run = run.expression_attribute_values(":back", n(reserved.usd - charge.cost));
        }
        if let Some(error) = charge.failed {
            // The first node to fail is the one that the run failed of.
            add = format!("SET #error = if_not_exists(#error, :error) {add}");
            run = run
                .expression_attribute_names("#error", "error")
                .expression_attribute_values(":error", nested(error, "error")?);
        }
        let mut writes = vec![run.update_expression(add)];
        if let Some(reserved) = charge.reserved {
            writes.extend(self.settle_days(reserved, charge.cost));
        }
        Ok(writes)
    }

    /// Makes due every node of an ended run that may have cost what nobody has recorded.
    pub async fn ask_for_costs(&self, run_id: &str, now: Timestamp) -> Result<(), Error> {
        for item in self.all_under(&run_key(run_id), NODE).await? {
            let node = read_node(&item)?;
            let lost = node.status == NodeStatus::Running;
            if !lost && !node.attempts.iter().any(Attempt::is_unpriced) {
                continue;
            }
            // A function that still works on it settles it by itself.
            let at = node.lease_until.unwrap_or(now).max(now) + FIRST_ASKED;
            self.client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key(&run_key(run_id), &node_key(&node.id))))
                .update_expression("SET #due = :due, #dueAt = :at")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#dueAt", DUE_AT)
                .expression_attribute_values(":due", s(Due::Cost.as_str()))
                .expression_attribute_values(":at", time(at))
                .send()
                .await
                .map_err(Error::dynamodb)?;
        }
        Ok(())
    }
}
