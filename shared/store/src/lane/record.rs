//! Lanes of a run as they are recorded: the token of one that sleeps, and what the nodes that it took have used and cost.
//!
//! A run's totals are the sum over its lanes. So the end of a node writes to its own lane only, and no two nodes meet. What a
//! lane has done of a node's list is a record beside it, so that the node's own sum is known too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use steps_usage::Usage;

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::lane::number::{self, HOLDER, Heir, TOKEN_OF, is_held_by};
use crate::node::ItemCounts;
use crate::run::Part;
use crate::table::item::{Kept, Words, kept_by_serde};
use crate::table::{Attribute, Change, Item, Table};
use crate::unit::Unit;

/// A lane as recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lane {
    /// Its number, from 1. The record of number 0 counts what no lane has taken.
    pub number: u8,
    /// The token of the task in which it sleeps.
    pub token: Option<String>,
    /// The part of the run whose lane sleeps under it.
    pub token_of: Option<Part>,
    /// The call of the lane that wrote last. A later one is greater, as text.
    pub call: Option<String>,
    /// How many units it has settled.
    pub settled: usize,
    /// The part whose lane has taken the number; its own number is 0 where nobody has it. See [`Lane::held_by`].
    pub holder: Option<Part>,
    /// Who waits for the number.
    pub heir: Option<Heir>,
}

impl Lane {
    /// Whether a lane sleeps under its token, or waits for the number.
    pub fn is_asleep(&self) -> bool {
        self.token.is_some() || self.heir.is_some()
    }
}

/// The token of its task while it sleeps.
pub(super) const TOKEN: Attribute<String> = Attribute::new("token");
/// Which of the lane's calls wrote the token last: a later call's is greater.
pub(super) const CALL: Attribute<String> = Attribute::new("call");
const SETTLED: Attribute<usize> = Attribute::new("settled");
/// The same of the items of a list.
const SETTLED_ITEMS: Attribute<u32> = Attribute::new("settled");
const COST_USD: Attribute<Decimal> = Attribute::new("costUsd");
const SERVICE_TIERS: Attribute<Words> = Attribute::new("serviceTiers");
/// How many items of a list have failed and are kept.
const FAILED: Attribute<u32> = Attribute::new("failed");
/// How many times a cost was added: sums of the same run are told apart by it.
pub(crate) const CHARGES: Attribute<usize> = Attribute::new("charges");

/// How a unit is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settles {
    Succeeded,
    /// It has failed, and the run goes on.
    Failed,
}

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
        if keys::lane_of(item)?.is_some() || keys::list_of_lane(item)?.is_some() {
            sum = sum.plus(&totals_in(item)?);
        }
    }
    Ok(sum)
}

fn totals_in(item: &Item) -> Result<Totals, Error> {
    Ok(Totals {
        cost_usd: COST_USD.find(item)?.unwrap_or_default(),
        usage: usage_of(item)?,
        charges: CHARGES.find(item)?.unwrap_or_default(),
    })
}

/// What the lanes among a run's items have done of each node's list, by the node's id: its counts, without the total, and
/// what it cost.
pub(crate) fn lists_of(items: &[Item]) -> Result<BTreeMap<String, (ItemCounts, Decimal)>, Error> {
    let mut lists: BTreeMap<String, (ItemCounts, Decimal)> = BTreeMap::new();
    for item in items {
        if let Some(node) = keys::list_of_lane(item)? {
            let totals = totals_in(item)?;
            let (counts, cost) = lists.entry(node).or_default();
            counts.done += SETTLED_ITEMS.find(item)?.unwrap_or_default();
            counts.failed += FAILED.find(item)?.unwrap_or_default();
            counts.usage = counts.usage.clone().plus(&totals.usage);
            *cost += totals.cost_usd;
        }
    }
    Ok(lists)
}

/// The usage that an item adds up.
pub(crate) fn usage_of(item: &Item) -> Result<Usage, Error> {
    Ok(Usage {
        service_tiers: SERVICE_TIERS.find(item)?.unwrap_or_default().0,
        ..Usage::from_numbers(|name| Decimal::read(item.get(name)?))
    })
}

/// The lane of this number that the item is.
pub(super) fn read(number: u8, item: &Item) -> Result<Lane, Error> {
    Ok(Lane {
        number,
        token: TOKEN.find(item)?,
        token_of: number::part(item, TOKEN_OF)?,
        call: CALL.find(item)?,
        settled: SETTLED.find(item)?.unwrap_or_default(),
        holder: number::part(item, HOLDER)?,
        heir: number::heir(item)?,
    })
}

/// Lanes of runs.
#[derive(Debug, Clone)]
pub struct Lanes(pub(crate) Table);

impl Lanes {
    /// The lanes of the run that have been anywhere yet.
    pub async fn list(&self, run_id: &str) -> Result<Vec<Lane>, Error> {
        let items = self.0.all_under(&keys::lanes(run_id)).await?;
        let mut lanes = Vec::with_capacity(items.len());
        for item in &items {
            if let Some(number) = keys::lane_of(item)? {
                lanes.push(read(number, item)?);
            }
        }
        Ok(lanes)
    }

    /// Notes where the lane of this part sleeps. `call` tells the lane's calls apart, a later one is greater: a call that has
    /// been followed by another one changes nothing, nor does one whose lane does not hold the number any more: `false`.
    pub async fn sleep(
        &self,
        run_id: &str,
        (lane, part): (u8, Part),
        token: &str,
        call: &str,
    ) -> Result<bool, Error> {
        let change = Change::of(keys::lane(run_id, lane))
            .when(CALL.missing().or(CALL.is_at_most(call)))
            .when(is_held_by(part))
            .set(TOKEN, token)
            .set(TOKEN_OF, part.to_string())
            .set(CALL, call)
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()));
        self.0.write(change).await
    }

    /// Notes that the lane does not sleep under this token any more.
    pub async fn wake(&self, run_id: &str, lane: u8, token: &str) -> Result<(), Error> {
        let change = Change::of(keys::lane(run_id, lane))
            .when(TOKEN.is(token))
            .remove(TOKEN)
            .remove(TOKEN_OF);
        self.0.write(change).await?;
        Ok(())
    }

    /// The change that adds to a lane what an attempt of a unit used and cost, and how it settled the unit, if it did.
    pub(crate) fn charge(
        &self,
        run_id: &str,
        (unit, lane): (Unit<'_>, u8),
        (cost, usage): (Decimal, &Usage),
        settles: Option<Settles>,
    ) -> Change {
        let is_item = unit.index().is_some();
        let key = if is_item {
            keys::lane_of_list(run_id, unit.node(), lane)
        } else {
            keys::lane(run_id, lane)
        };
        let mut change = Change::of(key)
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()))
            .add(COST_USD, cost)
            .add(CHARGES, 1);
        if settles.is_some() {
            change = change.add(SETTLED, 1);
        }
        if is_item && settles == Some(Settles::Failed) {
            change = change.add(FAILED, 1);
        }
        for (name, number) in usage.numbers() {
            change = change.add(Attribute::new(name), number);
        }
        if let Some(tier) = &usage.service_tier {
            change = change.add(SERVICE_TIERS, Words(BTreeSet::from([tier.clone()])));
        }
        change
    }

    /// The records of the run's lanes, and of what they have done of lists.
    pub(crate) async fn items(&self, run_id: &str) -> Result<Vec<Item>, Error> {
        self.0.all_under(&keys::lanes_and_lists(run_id)).await
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
