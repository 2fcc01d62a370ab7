//! Units that are ready, and of those that are not, which of their needs are done.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::lane::Lanes;
use crate::node;
use crate::table::item::Numbers;
use crate::table::key::PK;
use crate::table::{Attribute, Change, Delete, Put, Query};
use crate::unit::Unit;

/// A unit that a lane may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyUnit {
    /// Its id.
    pub unit: String,
    /// Whether the lane that asks has taken it already.
    pub taken: bool,
}

/// What is known of a node once some of its needs were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// How many of its needs are done.
    pub done: usize,
    /// Whether these had been told before: by a function that died, or by a request whose answer was lost.
    pub again: bool,
}

/// The lane that has taken it.
const LANE: Attribute<u8> = Attribute::new("lane");
/// The take of the run in which it was made ready, or taken.
pub(super) const TAKE: Attribute<u32> = Attribute::new("take");
/// The needs that are done, by their places among the node's needs.
pub(super) const DONE: Attribute<Numbers> = Attribute::new("done");

/// How many units are read at once. Most of them have been taken by other lanes, of which there are 40 at most.
const AT_ONCE: usize = 100;

impl Lanes {
    /// Units that this lane may take: those that it has taken before, and those that nobody has taken in this take of the
    /// run. The highest rank is first. Empty only where there is none.
    pub async fn takeable(
        &self,
        run_id: &str,
        take: u32,
        lane: u8,
    ) -> Result<Vec<ReadyUnit>, Error> {
        let under = keys::all_ready(run_id);
        let mut start = None;
        loop {
            let query = Query::under(&under).limit(AT_ONCE).start(start);
            let (items, next) = self.0.page(query).await?;
            let mut units = Vec::new();
            for item in &items {
                let Some(unit) = keys::unit_of(item)? else {
                    continue;
                };
                let by = LANE
                    .find(item)?
                    .filter(|_| TAKE.find(item).ok().flatten() == Some(take));
                if by.is_none_or(|by| by == lane) {
                    units.push(ReadyUnit {
                        unit,
                        taken: by == Some(lane),
                    });
                }
            }
            start = next;
            if !units.is_empty() || start.is_none() {
                return Ok(units);
            }
        }
    }

    /// Makes a unit ready, unless it is so in this take of the run. `lane` where one has been told to begin with it.
    pub async fn offer(
        &self,
        run_id: &str,
        take: u32,
        (unit, rank): (&str, u16),
        lane: Option<u8>,
    ) -> Result<(), Error> {
        let put = Put::of(keys::ready(run_id, rank, unit))
            .when(PK.missing().or(TAKE.is_below(take)))
            .set(TAKE, take)
            .set_some(LANE, lane)
            .set(EXPIRES_AT, self.0.expires(Timestamp::now()));
        self.0.write(put).await?;
        Ok(())
    }

    /// Makes a unit that had paused ready for any lane, also where a lane has taken it: that one may have looked before
    /// there was something to go on with.
    pub async fn offer_again(
        &self,
        run_id: &str,
        take: u32,
        (unit, rank): (&str, u16),
    ) -> Result<(), Error> {
        let put = Put::of(keys::ready(run_id, rank, unit))
            .set(TAKE, take)
            .set(EXPIRES_AT, self.0.expires(Timestamp::now()));
        self.0.write(put).await?;
        Ok(())
    }

    /// Makes a unit no longer ready that has paused in this lane's hands. It stays ready where somebody has offered it again
    /// since.
    pub async fn put_down(
        &self,
        run_id: &str,
        (unit, rank): (&str, u16),
        lane: u8,
    ) -> Result<(), Error> {
        let delete = Delete::of(keys::ready(run_id, rank, unit)).when(LANE.is(lane));
        self.0.write(delete).await?;
        Ok(())
    }

    /// Takes a unit that is ready; `false` where another lane has taken it.
    pub async fn take(
        &self,
        run_id: &str,
        take: u32,
        (unit, rank): (&str, u16),
        lane: u8,
    ) -> Result<bool, Error> {
        let free = LANE.missing().or(TAKE.is_below(take));
        let change = Change::of(keys::ready(run_id, rank, unit))
            .when(PK.exists().and(free))
            .set(LANE, lane)
            .set(TAKE, take);
        self.0.write(change).await
    }

    /// Gives back a unit that this lane has taken or kept: any lane may take it.
    pub async fn release(
        &self,
        run_id: &str,
        take: u32,
        (unit, rank): (&str, u16),
        lane: u8,
    ) -> Result<(), Error> {
        let change = Change::of(keys::ready(run_id, rank, unit))
            .when(LANE.missing().or(LANE.is(lane)))
            .set(TAKE, take)
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()))
            .remove(LANE);
        self.0.write(change).await?;
        Ok(())
    }

    /// Makes a unit no longer ready: it is done, and its lane has gone on.
    pub async fn unlist(&self, run_id: &str, (unit, rank): (&str, u16)) -> Result<(), Error> {
        self.0
            .write(Delete::of(keys::ready(run_id, rank, unit)))
            .await?;
        Ok(())
    }

    /// Notes that some needs of a node are done.
    pub async fn tell(
        &self,
        run_id: &str,
        node: &str,
        needs: BTreeSet<u32>,
    ) -> Result<Told, Error> {
        self.add_done(keys::needs(run_id, node), needs).await
    }

    /// Adds to a set of what is done.
    pub(super) async fn add_done(
        &self,
        key: keys::Key,
        done: BTreeSet<u32>,
    ) -> Result<Told, Error> {
        let change = Change::of(key)
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()))
            .add(DONE, Numbers(done.clone()));
        let before = self.0.change(change).await?;
        let before = DONE.find(&before)?.unwrap_or_default().0;
        Ok(Told {
            done: before.union(&done).count(),
            again: before.is_superset(&done),
        })
    }

    /// Which of these units, which have the same rank, nobody has begun in this take of the run, nor made ready. The
    /// gathering of a list has begun where its node is done.
    pub async fn untouched(
        &self,
        run_id: &str,
        take: u32,
        units: Vec<String>,
        rank: u16,
    ) -> Result<Vec<String>, Error> {
        let records = units.iter().map(|unit| keys::unit(run_id, unit));
        let ready = units.iter().map(|unit| keys::ready(run_id, rank, unit));
        let found = self
            .0
            .get_many(&records.chain(ready).collect::<Vec<_>>())
            .await?;
        let now = Timestamp::now();
        let mut touched = BTreeSet::new();
        for item in &found {
            if let Some(unit) = keys::unit_of(item)? {
                if TAKE.find(item)?.is_none_or(|of| of >= take) {
                    touched.insert(unit);
                }
            } else if let Some(record) = node::read(item)? {
                if record.is_open() {
                    // Its gathering may begin.
                    continue;
                }
                let free_in = record.claimable_in(take, now);
                if record.execution >= take || free_in.is_none_or(|wait| !wait.is_zero()) {
                    let gathering = Unit::Gathering(&record.id).to_string();
                    touched.insert(gathering);
                    touched.insert(record.row.id);
                }
            }
        }
        let mut units = units;
        units.retain(|unit| !touched.contains(unit));
        Ok(units)
    }
}
