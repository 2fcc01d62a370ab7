//! The gate of a workflow with `limits.maxRuns`: how many of its runs go on at once, and which ones wait.
//!
//! A run takes a place in the transaction that makes it RUNNING, so there are never more than the gate has. Its place is
//! given back after its end is written. Where that was left undone, whoever finds the gate full gives it back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::Error;
use crate::due::{DUE, DUE_AT, Due};
use crate::keys::{self, STATUS_LIST};
use crate::run::record::{
    DEADLINE, EXECUTION, FIRST_LOOK, MAX_RUNS, QUEUED_AT, RunStatus, STARTED_AT, STATUS,
};
use crate::table::item::Words;
use crate::table::key::PK;
use crate::table::{Attribute, Change, Delete, Item, Put, Query, Table, Transacted, Write};

/// The most runs that a gate lets go on at once.
pub const MOST_AT_ONCE: u32 = 100;

/// How long a run waits at most. Then it ends as TIMED_OUT.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// How soon a gate is looked at where the runs that wait may have been left alone.
const LOOKED_AT_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// How often a place is given to a run that others want at the same moment.
const TRIES: usize = 40;

/// How a run of a workflow with `limits.maxRuns` begins.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// How many runs of the workflow may go on at once.
    pub most: u32,
    /// How long the run may take once it goes on, seconds; `Some` where it waits until it is let in.
    pub waits: Option<u64>,
}

/// A place that a run has: the run, and the number of its execution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The run's id.
    pub run_id: String,
    /// The number of its execution. A late end of an earlier one gives back no place of a later one.
    pub execution: u32,
}

impl Place {
    fn word(&self) -> Words {
        let word = format!("{}:{}", self.run_id, self.execution);
        Words(BTreeSet::from([word]))
    }

    fn read(word: &str) -> Option<Self> {
        let (run_id, execution) = word.split_once(':')?;
        Some(Self {
            run_id: run_id.to_owned(),
            execution: execution.parse().ok()?,
        })
    }
}

/// A gate as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    /// The runs that have a place, the one that was asked for first comes first.
    pub places: Vec<Place>,
    /// How many runs wait.
    pub waiting: u32,
    /// How many places there are, as the last start has said.
    pub most: u32,
}

/// The places that runs have.
const PLACES: Attribute<Words> = Attribute::new("places");
const WAITING: Attribute<u32> = Attribute::new("runsWaiting");
const MOST: Attribute<u32> = Attribute::new("most");
/// How long the run that waits may take once it goes on, seconds.
const TIMEOUT: Attribute<u64> = Attribute::new("timeoutSeconds");

/// The gates of workflows.
#[derive(Debug, Clone)]
pub struct Gates(pub(crate) Table);

impl Gates {
    /// The workflow's gate as it stands. One that no run has come to is open and empty.
    pub async fn get(&self, workflow_id: &str) -> Result<Gate, Error> {
        let item = self.0.get(keys::gate(workflow_id)).await?;
        read(&item.unwrap_or_default())
    }

    /// Gives a place back.
    pub async fn leave(&self, workflow_id: &str, place: &Place) -> Result<(), Error> {
        let change = Change::of(keys::gate(workflow_id))
            .when(PK.exists())
            .take_out(PLACES, place.word());
        self.0.write(change).await?;
        Ok(())
    }

    /// Gives back the place of a run whose execution has ended. The run's workflow where it has a gate, else `None`.
    pub async fn left(&self, run_id: &str, execution: u32) -> Result<Option<String>, Error> {
        let head = self.0.get(keys::run(run_id)).await?.unwrap_or_default();
        if MAX_RUNS.find(&head)?.is_none() {
            return Ok(None);
        }
        let workflow_id = keys::WORKFLOW_ID.get(&head)?;
        let goes_on = EXECUTION.get(&head)? == execution && !STATUS.get(&head)?.has_ended();
        if !goes_on {
            let place = Place {
                run_id: run_id.to_owned(),
                execution,
            };
            self.leave(&workflow_id, &place).await?;
        }
        Ok(Some(workflow_id))
    }

    /// Gives back the places of those of these runs that have ended. `true` where there was one.
    pub async fn heal(&self, workflow_id: &str, places: &[Place]) -> Result<bool, Error> {
        let keys: Vec<_> = places
            .iter()
            .map(|place| keys::run(&place.run_id))
            .collect();
        let mut heads = BTreeMap::new();
        for head in self.0.get_many(&keys).await? {
            heads.insert(keys::run_of(&head)?, head);
        }
        let mut healed = false;
        for place in places {
            let goes_on = match heads.get(&place.run_id) {
                Some(head) => {
                    STATUS.get(head)? == RunStatus::Running
                        && EXECUTION.get(head)? == place.execution
                }
                // Its record has expired.
                None => false,
            };
            if !goes_on {
                self.leave(workflow_id, place).await?;
                healed = true;
            }
        }
        Ok(healed)
    }

    /// Lets the run in that waits for the longest time, where there is a place: it is RUNNING from now on, and its execution
    /// has to be started. `None` where none waits, or there is no place.
    pub async fn next(&self, workflow_id: &str) -> Result<Option<Place>, Error> {
        for _ in 0..TRIES {
            let gate = self.get(workflow_id).await?;
            if gate.waiting == 0 {
                self.rest(workflow_id).await?;
                return Ok(None);
            }
            if gate.is_full() && !self.heal(workflow_id, &gate.places).await? {
                return Ok(None);
            }
            let query = Query::under(&keys::all_waiting(workflow_id)).limit(1);
            let (items, _) = self.0.page(query).await?;
            if let Some(first) = items.first()
                && let Some(place) = self.let_in(workflow_id, first, gate.most).await?
            {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Makes the run of this item RUNNING; `None` where somebody else did something to it or the gate at the same moment.
    async fn let_in(
        &self,
        workflow_id: &str,
        waits: &Item,
        most: u32,
    ) -> Result<Option<Place>, Error> {
        let run_id = keys::run_that_waits(waits)?;
        let place = Place {
            execution: EXECUTION.get(waits)?,
            run_id,
        };
        let run_id = &place.run_id;
        let now = Timestamp::now();
        let timeout = i64::try_from(TIMEOUT.get(waits)?).unwrap_or(i64::MAX);
        let status = RunStatus::Running;
        let head = Change::of(keys::run(run_id))
            .when(
                STATUS
                    .is(RunStatus::Queued)
                    .and(EXECUTION.is(place.execution)),
            )
            .set(STATUS, status)
            .set(STATUS_LIST, keys::status_list(status.as_str(), run_id)?)
            .set(STARTED_AT, now)
            .set(DEADLINE, now + SignedDuration::from_secs(timeout))
            .set(DUE, Due::Run)
            .set(DUE_AT, now + FIRST_LOOK);
        let gate = Change::of(keys::gate(workflow_id))
            .when(
                PLACES
                    .has_fewer_than(most as usize)
                    .and(WAITING.is_at_least(1)),
            )
            .add(PLACES, place.word())
            .subtract(WAITING, 1);
        let waits = Delete::of(keys::waits(workflow_id, run_id)).when(PK.exists());
        let writes = [head.into(), gate.into(), waits.into()];
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(Some(place)),
            Transacted::Refused { index: 0, .. } => {
                // Its record has expired, or has been changed by hand: nothing waits any more.
                let [gate, waits] = leaves_queue(workflow_id, run_id);
                self.0.transact([gate, waits]).await?;
                Ok(None)
            }
            Transacted::Refused { .. } => Ok(None),
        }
    }

    /// The gate need not be looked at any more where nothing waits.
    async fn rest(&self, workflow_id: &str) -> Result<(), Error> {
        let change = Change::of(keys::gate(workflow_id))
            .when(DUE.exists().and(WAITING.is(0)))
            .remove(DUE)
            .remove(DUE_AT);
        self.0.write(change).await?;
        Ok(())
    }

    /// The runs that have waited too long, and the number of the execution that each waited for. The oldest first.
    pub async fn overdue(&self, workflow_id: &str, now: Timestamp) -> Result<Vec<Place>, Error> {
        let items = self.0.all_under(&keys::all_waiting(workflow_id)).await?;
        let mut overdue = Vec::new();
        for item in items {
            if QUEUED_AT.get(&item)? + LONGEST_WAIT < now {
                overdue.push(Place {
                    run_id: keys::run_that_waits(&item)?,
                    execution: EXECUTION.get(&item)?,
                });
            }
        }
        Ok(overdue)
    }
}

impl Gate {
    /// Whether every place is taken.
    pub fn is_full(&self) -> bool {
        self.places.len() >= self.most as usize
    }
}

/// The gate that the item is.
pub(super) fn read(item: &Item) -> Result<Gate, Error> {
    let words = PLACES.find(item)?.unwrap_or_default();
    Ok(Gate {
        // The ids are UUIDv7, so their order is that of their times.
        places: words
            .0
            .iter()
            .filter_map(|word| Place::read(word))
            .collect(),
        waiting: WAITING.find(item)?.unwrap_or_default(),
        most: MOST.find(item)?.unwrap_or_default(),
    })
}

/// The writes with which an execution of a run comes to its workflow's gate: it takes a place, or waits. The first of them
/// is refused, and tells the gate, where there is no place, or another run waits.
pub(super) fn enter(workflow_id: &str, place: &Place, entry: &Entry, now: Timestamp) -> Vec<Write> {
    let gate = Change::of(keys::gate(workflow_id)).set(MOST, entry.most);
    let Some(timeout) = entry.waits else {
        // No run overtakes one that waits.
        let none_waits = WAITING.missing().or(WAITING.is(0));
        let free = PLACES.has_fewer_than(entry.most as usize).and(none_waits);
        let gate = gate.when(free).telling().add(PLACES, place.word());
        return vec![gate.into()];
    };
    let gate = gate
        .add(WAITING, 1)
        .set(DUE, Due::Gate)
        .set_once(DUE_AT, now + LOOKED_AT_AFTER);
    let waits = Put::of(keys::waits(workflow_id, &place.run_id))
        .set(EXECUTION, place.execution)
        .set(TIMEOUT, timeout)
        .set(QUEUED_AT, now);
    vec![gate.into(), waits.into()]
}

/// The writes with which a run waits no more.
pub(super) fn leaves_queue(workflow_id: &str, run_id: &str) -> [Write; 2] {
    let gate = Change::of(keys::gate(workflow_id))
        .when(WAITING.is_at_least(1))
        .subtract(WAITING, 1);
    let waits = Delete::of(keys::waits(workflow_id, run_id)).when(PK.exists());
    [gate.into(), waits.into()]
}
