//! The costs of attempts: added to the run and taken from budgets. Also those that OpenRouter tells later.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use steps_usage::Usage;

use crate::Error;
use crate::budget::{self, Reserved};
use crate::due::{DUE, DUE_AT, Due, costs_change};
use crate::keys;
use crate::lane::{Lanes, Settles};
use crate::node::record::{
    ATTEMPT_COST_USD, ATTEMPT_CREDENTIAL_ID, ATTEMPT_MODEL, ATTEMPT_RESERVED, ATTEMPT_USAGE,
    ATTEMPTS, Attempt, Nodes, read,
};
use crate::node::row::{COST_USD, ITEMS, LEASE_UNTIL, NodeStatus};
use crate::run::RunError;
use crate::run::record as run;
use crate::table::key::{PK, SK, Under};
use crate::table::{Change, Item, Query, Transacted, Write};
use crate::unit::Unit;

/// What an attempt adds to its run.
pub(super) struct Charge<'a> {
    /// The unit that it is an attempt of, and the lane that it is counted in.
    pub(super) unit: &'a str,
    pub(super) lane: u8,
    pub(super) cost: Decimal,
    pub(super) reserved: Option<&'a Reserved>,
    pub(super) usage: &'a Usage,
    /// How its unit is done by it, if it is.
    pub(super) settles: Option<Settles>,
    /// Why the node failed for good, and in which take of the run. The first failure of a take is the run's.
    pub(super) failed: Option<(u32, &'a RunError)>,
    /// The run's record has expired: there is nothing to be written to it.
    pub(super) run_is_gone: bool,
}

/// How long after an attempt's end OpenRouter is asked again for a cost that it did not know then.
pub(super) const FIRST_ASKED: Duration = Duration::from_secs(60);

/// A unit that was tried.
pub(crate) struct TriedUnit {
    /// The unit.
    pub(crate) unit: String,
    /// Its attempts.
    pub(crate) attempts: Vec<Attempt>,
    /// Until when a function holds it.
    pub(crate) lease_until: Option<Timestamp>,
}

fn tried_unit(item: &Item) -> Result<Option<TriedUnit>, Error> {
    let Some(unit) = keys::unit_recorded(item)? else {
        return Ok(None);
    };
    Ok(Some(TriedUnit {
        unit,
        attempts: ATTEMPTS.find(item)?.unwrap_or_default(),
        lease_until: LEASE_UNTIL.find(item)?,
    }))
}

impl Nodes {
    /// The writes that add an attempt to its lane, and settle what was held back for it. The run's head is written only
    /// where the run has a budget, or fails; that write is refused where a failure is of an earlier take, or the run is gone.
    pub(super) fn charge(&self, run_id: &str, charge: &Charge<'_>) -> Vec<Write> {
        let lanes = Lanes(self.0.clone());
        let added = (charge.cost, charge.usage);
        let of = (Unit::of(charge.unit), charge.lane);
        let mut writes = vec![lanes.charge(run_id, of, added, charge.settles).into()];
        let of_run = charge.reserved.filter(|reserved| reserved.in_run());
        if !charge.run_is_gone && (of_run.is_some() || charge.failed.is_some()) {
            // A record that has expired is not made anew.
            let mut run = Change::of(keys::run(run_id)).when(PK.exists());
            if let Some(reserved) = of_run {
                run = run.add(run::BUDGET_LEFT_USD, reserved.usd - charge.cost);
            }
            if let Some((take, error)) = charge.failed {
                run = run
                    .when(run::EXECUTION.is(take))
                    .set_once(run::ERROR, error);
            }
            writes.push(run.into());
        }
        if let Some(reserved) = charge.reserved {
            writes.extend(budget::settle_days(reserved, charge.cost));
        }
        writes
    }

    /// Records the cost of an attempt whose answer did not say it, once, and of what it `used` the parts that the answer
    /// did not say, with its model and its credential as the `attempt` has them. `last` where the node has no other attempt
    /// without a cost: the node is then due no more.
    pub async fn recover_cost(
        &self,
        run_id: &str,
        node_id: &str,
        (index, attempt): (usize, &Attempt),
        (cost_usd, used): (Decimal, &Usage),
        last: bool,
    ) -> Result<(), Error> {
        let known = attempt.usage.clone().unwrap_or_default();
        let more = known.missing_from(used);
        let in_all = known.with(&more);
        let cost = || ATTEMPTS.at(index).field(ATTEMPT_COST_USD);
        let usage = || ATTEMPTS.at(index).field(ATTEMPT_USAGE);
        let node = || {
            let node = Change::of(keys::unit(run_id, node_id))
                .when(cost().missing())
                .set(cost(), cost_usd.to_string())
                .set(usage(), &in_all)
                .remove(ATTEMPTS.at(index).field(ATTEMPT_RESERVED))
                .add(COST_USD, cost_usd);
            let told = [
                (ATTEMPT_MODEL, &attempt.model),
                (ATTEMPT_CREDENTIAL_ID, &attempt.credential_id),
            ];
            let node = told
                .into_iter()
                .fold(node, |node, (name, told)| match told {
                    Some(told) => node.set(ATTEMPTS.at(index).field(name), told),
                    None => node,
                });
            // The attempt's end may have been written since, with the cost.
            let node = match attempt.usage {
                None => node.when(usage().missing()),
                Some(_) => node,
            };
            if last {
                node.remove(DUE).remove(DUE_AT)
            } else {
                node
            }
        };
        for run_is_gone in [false, true] {
            let charge = Charge {
                unit: node_id,
                lane: 0,
                cost: cost_usd,
                reserved: attempt.reserved.as_ref(),
                usage: &more,
                settles: None,
                failed: None,
                run_is_gone,
            };
            let writes = [node().into()].into_iter();
            let writes = writes.chain(self.charge(run_id, &charge));
            let writes = writes.chain([costs_change(&self.0, run_id, Timestamp::now())]);
            match self.0.transact(writes).await? {
                Transacted::Done | Transacted::Refused { index: 0, .. } => break,
                Transacted::Refused { .. } => {}
            }
        }
        Ok(())
    }

    /// The attempts of all units of the run, without their texts. They are read as they are now.
    pub(crate) async fn tried(&self, run_id: &str) -> Result<Vec<TriedUnit>, Error> {
        let mut units = Vec::new();
        let mut lists = Vec::new();
        for item in self.tried_under(&keys::nodes(run_id)).await? {
            if ITEMS.find(&item)?.is_some() {
                lists.extend(keys::unit_recorded(&item)?);
            }
            units.extend(tried_unit(&item)?);
        }
        for node in lists {
            for item in self.tried_under(&keys::items(run_id, &node)).await? {
                units.extend(tried_unit(&item)?);
            }
        }
        Ok(units)
    }

    async fn tried_under(&self, under: &Under) -> Result<Vec<Item>, Error> {
        let query = || {
            Query::under(under)
                .only(SK)
                .only(ATTEMPTS)
                .only(ITEMS)
                .only(LEASE_UNTIL)
        };
        self.0.all(query).await
    }

    /// Makes due every node of an ended run that may have a cost that is not recorded.
    pub async fn mark_costs_due(&self, run_id: &str, now: Timestamp) -> Result<(), Error> {
        let mut records = Vec::new();
        for item in self.0.all_under(&keys::nodes(run_id)).await? {
            if let Some(node) = read(&item)? {
                if node.items.is_some() {
                    for item in self.0.all_under(&keys::items(run_id, &node.id)).await? {
                        records.extend(read(&item)?);
                    }
                }
                records.push(node);
            }
        }
        for node in records {
            let lost = node.status == NodeStatus::Running && !node.is_open();
            if !lost && !node.attempts.iter().any(Attempt::is_unpriced) {
                continue;
            }
            // A function still works on this node and will settle it.
            let at = node.lease_until.unwrap_or(now).max(now) + FIRST_ASKED;
            let change = Change::of(keys::unit(run_id, &node.id))
                .set(DUE, Due::Cost)
                .set(DUE_AT, at);
            self.0.write(change).await?;
        }
        Ok(())
    }
}
