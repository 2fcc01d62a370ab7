//! The items of a node's list as its lanes take them: which are done, and which comes next.
//!
//! A list has as many hands as its `concurrency` says, and each hand has one item. Whoever ends an item moves its hand to the
//! next one, in one conditional write. So no more items are in hand than may be, and none is lost: where a function dies
//! behind that write, whoever tells of the same item again finds the item that nobody has begun. The claim of an item is the
//! only lock.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::lane::ready::{DONE, TAKE};
use crate::lane::{Lanes, Told};
use crate::table::item::{Kept, Numbers};
use crate::table::key::PK;
use crate::table::{Attribute, Change, Item};
use crate::unit::Unit;

/// How many items one set counts.
const CHUNK: u32 = 200;

/// The item that comes next.
const NEXT: Attribute<u32> = Attribute::new("next");
/// The hands of the list, each with the item that it has: as many as items are executed at once.
const HANDS: Attribute<AttributeValue> = Attribute::new("hands");
/// The items that this take of the run began with.
const FIRST: Attribute<Numbers> = Attribute::new("first");

/// The items that a list begins with in a take of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Their places.
    pub first: BTreeSet<u32>,
    /// Whether this call began it.
    pub now: bool,
}

/// One hand for each of these items.
fn first_hands(first: &BTreeSet<u32>) -> Result<AttributeValue, Error> {
    let hands = (0..).zip(first).map(|(hand, item): (u8, &u32)| {
        let item = item.write()?;
        Ok((hand.to_string(), item))
    });
    Ok(AttributeValue::M(hands.collect::<Result<Item, Error>>()?))
}

/// What comes behind an item of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextItem {
    /// The item at this place.
    Item(u32),
    /// The item's hand has gone on before. These units were taken by hands and nobody has begun them: functions that took
    /// them may have died.
    Promised(Vec<String>),
    /// Nothing: all items are taken.
    None,
}

/// The item of each hand.
fn hands(counter: &Item) -> Result<BTreeMap<u8, u32>, Error> {
    let malformed = || Error::Malformed {
        attribute: HANDS.name(),
    };
    let Some(hands) = HANDS.find(counter)? else {
        return Ok(BTreeMap::new());
    };
    let hands = hands.as_m().map_err(|_| malformed())?.iter();
    let hand =
        |(hand, item): (&String, &AttributeValue)| Some((hand.parse().ok()?, u32::read(item)?));
    hands
        .map(|entry| hand(entry).ok_or_else(malformed))
        .collect()
}

impl Lanes {
    /// Begins a list of so many items in this take of the run: with so many of those that are not done. Where it has begun
    /// before, the items that it began with are given again.
    pub async fn begin_list(
        &self,
        run_id: &str,
        take: u32,
        node: &str,
        (total, concurrency): (u32, u32),
    ) -> Result<Begun, Error> {
        let key = keys::next_item(run_id, node);
        loop {
            let counter = self.0.get(key.clone()).await?.unwrap_or_default();
            if TAKE.find(&counter)?.is_some_and(|of| of >= take) {
                return Ok(Begun {
                    first: FIRST.find(&counter)?.unwrap_or_default().0,
                    now: false,
                });
            }
            let left = self.undone_items(run_id, node, total).await?;
            let most = usize::try_from(concurrency).unwrap_or(usize::MAX);
            let first: BTreeSet<u32> = left.into_iter().take(most).collect();
            let next = first.last().map_or(total, |last| last + 1);
            let mut change = Change::of(key.clone())
                .when(PK.missing().or(TAKE.is_below(take)))
                .set(TAKE, take)
                .set(NEXT, next)
                .set(HANDS, first_hands(&first)?)
                .set(EXPIRES_AT, self.0.expires(Timestamp::now()));
            change = if first.is_empty() {
                change.remove(FIRST)
            } else {
                change.set(FIRST, Numbers(first.clone()))
            };
            if self.0.write(change).await? {
                return Ok(Begun { first, now: true });
            }
        }
    }

    /// Notes that an item is done. `done` is the length of the list where all of its items are, else 0.
    pub async fn tell_item(
        &self,
        run_id: &str,
        node: &str,
        (index, total): (u32, u32),
    ) -> Result<Told, Error> {
        let chunk = index / CHUNK;
        let key = keys::done_items(run_id, node, chunk);
        let told = self.add_done(key, BTreeSet::from([index])).await?;
        let size = |chunk: u32| total.saturating_sub(chunk * CHUNK).min(CHUNK);
        let is_full =
            |told: Told, size: u32| u32::try_from(told.done).is_ok_and(|done| done >= size);
        if !is_full(told, size(chunk)) {
            return Ok(Told { done: 0, ..told });
        }
        let chunks = total.div_ceil(CHUNK);
        let all = usize::try_from(total).unwrap_or(usize::MAX);
        if chunks == 1 {
            return Ok(Told { done: all, ..told });
        }
        let of_chunks = self
            .add_done(keys::done_chunks(run_id, node), BTreeSet::from([chunk]))
            .await?;
        let done = if is_full(of_chunks, chunks) { all } else { 0 };
        Ok(Told {
            done,
            again: of_chunks.again,
        })
    }

    /// Goes on behind an item that is done, in a list of so many: the hand that had it takes the next one from the counter.
    pub async fn next_item(
        &self,
        run_id: &str,
        take: u32,
        (node, rank): (&str, u16),
        (index, total): (u32, u32),
    ) -> Result<NextItem, Error> {
        let key = keys::next_item(run_id, node);
        loop {
            let counter = self.0.get(key.clone()).await?.unwrap_or_default();
            if TAKE.find(&counter)? != Some(take) {
                return Ok(NextItem::None);
            }
            let hands = hands(&counter)?;
            let Some((hand, _)) = hands.iter().find(|(_, item)| **item == index) else {
                let promised = self.promised(run_id, take, (node, rank), &hands, total);
                return Ok(NextItem::Promised(promised.await?));
            };
            let hand = HANDS.path().field_named(&hand.to_string());
            let has_it = TAKE.is(take).and(hand.clone().is(index.write()?));
            let change = Change::of(key.clone())
                .when(has_it)
                .set_from(hand, NEXT)
                .add(NEXT, 1);
            if let Some(before) = self.0.change_if(change).await? {
                let next = NEXT.get(&before)?;
                // Behind the list's end a hand has no item.
                return Ok(if next < total {
                    NextItem::Item(next)
                } else {
                    NextItem::None
                });
            }
        }
    }

    /// Units that a hand of the list has taken, and that nobody has begun or made ready in this take of the run. `None` where
    /// every item of the list is done.
    pub async fn items_left(
        &self,
        run_id: &str,
        take: u32,
        (node, rank): (&str, u16),
        total: u32,
    ) -> Result<Option<Vec<String>>, Error> {
        let counter = self.0.get(keys::next_item(run_id, node)).await?;
        if self.undone_items(run_id, node, total).await?.is_empty() {
            return Ok(None);
        }
        let hands = hands(&counter.unwrap_or_default())?;
        let promised = self
            .promised(run_id, take, (node, rank), &hands, total)
            .await?;
        Ok(Some(promised))
    }

    async fn promised(
        &self,
        run_id: &str,
        take: u32,
        (node, rank): (&str, u16),
        hands: &BTreeMap<u8, u32>,
        total: u32,
    ) -> Result<Vec<String>, Error> {
        let items = hands.values().filter(|index| **index < total);
        let units = items.map(|&index| Unit::Item(node, index).to_string());
        self.untouched(run_id, take, units.collect(), rank).await
    }

    /// The places of the items that are not done, in the list's order.
    pub async fn undone_items(
        &self,
        run_id: &str,
        node: &str,
        total: u32,
    ) -> Result<Vec<u32>, Error> {
        let sets = self
            .0
            .all_under(&keys::all_done_items(run_id, node))
            .await?;
        let all = keys::done_chunks(run_id, node);
        let mut done = BTreeSet::new();
        for set in &sets {
            if !all.is_of(set)? {
                done.extend(DONE.find(set)?.unwrap_or_default().0);
            }
        }
        Ok((0..total).filter(|index| !done.contains(index)).collect())
    }
}
