//! Lanes of a run as they are recorded: the token of one that sleeps, and what the nodes that it took have used and cost.
//!
//! A run's totals are the sum over its lanes. So the end of a node writes to its own lane only, and no two nodes meet.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use steps_usage::Usage;

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::table::item::{Kept, Words, kept_by_serde};
use crate::table::{Attribute, Change, Item, Table};

/// A lane as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its number, from 1. The record of number 0 counts what no lane has taken.
    pub number: u8,
    /// The token of the task in which it sleeps.
    pub token: Option<String>,
    /// How many units it has settled.
    pub settled: usize,
}

/// The token of its task while it sleeps.
const TOKEN: Attribute<String> = Attribute::new("token");
/// Which of the lane's calls wrote the token last: a later call's is greater.
const CALL: Attribute<String> = Attribute::new("call");
const SETTLED: Attribute<usize> = Attribute::new("settled");
const COST_USD: Attribute<Decimal> = Attribute::new("costUsd");
const SERVICE_TIERS: Attribute<Words> = Attribute::new("serviceTiers");
/// How many times a cost was added: sums of the same run are told apart by it.
pub(crate) const CHARGES: Attribute<usize> = Attribute::new("charges");

/// What a run has used and cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Totals {
    #[serde(with = "rust_decimal::serde::str")]
    pub(crate) cost_usd: Decimal,
    pub(crate) usage: Usage,
    pub(crate) charges: usize,
}

kept_by_serde!(Totals);

impl Totals {
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            cost_usd: self.cost_usd + other.cost_usd,
            usage: self.usage.clone().plus(&other.usage),
            charges: self.charges + other.charges,
        }
    }
}

/// The sum over the lanes among a run's items.
pub(crate) fn totals_of(items: &[Item]) -> Result<Totals, Error> {
    let mut sum = Totals::default();
    for item in items {
        if keys::lane_of(item)?.is_some() {
            sum = sum.plus(&Totals {
                cost_usd: COST_USD.find(item)?.unwrap_or_default(),
                usage: usage_of(item)?,
                charges: CHARGES.find(item)?.unwrap_or_default(),
            });
        }
    }
    Ok(sum)
}

/// The usage that an item adds up.
pub(crate) fn usage_of(item: &Item) -> Result<Usage, Error> {
    Ok(Usage {
        service_tiers: SERVICE_TIERS.find(item)?.unwrap_or_default().0,
        ..Usage::from_numbers(|name| Decimal::read(item.get(name)?))
    })
}

/// Lanes of runs.
#[derive(Debug, Clone)]
pub struct Lanes(pub(crate) Table);

impl Lanes {
    /// The lanes of the run that have been anywhere yet.
    pub async fn list(&self, run_id: &str) -> Result<Vec<Lane>, Error> {
        let items = self.items(run_id).await?;
        let mut lanes = Vec::with_capacity(items.len());
        for item in &items {
            if let Some(number) = keys::lane_of(item)? {
                lanes.push(Lane {
                    number,
                    token: TOKEN.find(item)?,
                    settled: SETTLED.find(item)?.unwrap_or_default(),
                });
            }
        }
        Ok(lanes)
    }

    /// Notes where the lane sleeps. `call` tells the lane's calls apart, a later one is greater: a call that has been
    /// followed by another one changes nothing.
    pub async fn sleep(
        &self,
        run_id: &str,
        lane: u8,
        token: &str,
        call: &str,
    ) -> Result<(), Error> {
        let change = Change::of(keys::lane(run_id, lane))
            .when(CALL.missing().or(CALL.is_at_most(call)))
            .set(TOKEN, token)
            .set(CALL, call)
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()));
        self.0.write(change).await?;
        Ok(())
    }

    /// Notes that the lane does not sleep under this token any more.
    pub async fn wake(&self, run_id: &str, lane: u8, token: &str) -> Result<(), Error> {
        let change = Change::of(keys::lane(run_id, lane))
            .when(TOKEN.is(token))
            .remove(TOKEN);
        self.0.write(change).await?;
        Ok(())
    }

    /// The change that adds to a lane what an attempt used and cost, and whether it settled a unit.
    pub(crate) fn charge(
        &self,
        run_id: &str,
        lane: u8,
        (cost, usage): (Decimal, &Usage),
        settles: bool,
    ) -> Change {
        let mut change = Change::of(keys::lane(run_id, lane))
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()))
            .add(COST_USD, cost)
            .add(CHARGES, 1);
        if settles {
            change = change.add(SETTLED, 1);
        }
        for (name, number) in usage.numbers() {
            change = change.add(Attribute::new(name), number);
        }
        if let Some(tier) = &usage.service_tier {
            change = change.add(SERVICE_TIERS, Words(BTreeSet::from([tier.clone()])));
        }
        change
    }

    /// The records of the run's lanes.
    pub(crate) async fn items(&self, run_id: &str) -> Result<Vec<Item>, Error> {
        self.0.all_under(&keys::lanes(run_id)).await
    }

    /// Counts those of the `done` units that no lane has counted: answers of an earlier run, or of a release without lanes.
    /// The units have to be read before. It can be called again, and while the run goes on.
    pub async fn count_done(&self, run_id: &str, done: usize) -> Result<(), Error> {
        loop {
            let lanes = self.list(run_id).await?;
            let counted: usize = lanes.iter().map(|lane| lane.settled).sum();
            if done <= counted {
                return Ok(());
            }
            // Tasks that have no lane count in this record too.
            let of_none = lanes.iter().find(|lane| lane.number == 0);
            let before = of_none.map_or(0, |lane| lane.settled);
            let as_seen = match before {
                0 => SETTLED.missing(),
                before => SETTLED.is(before),
            };
            let change = Change::of(keys::lane(run_id, 0))
                .when(as_seen)
                .set(SETTLED, before + done - counted)
                .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()));
            if self.0.write(change).await? {
                return Ok(());
            }
        }
    }
}
