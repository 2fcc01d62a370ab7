//! A task of a lane, and what has come of the unit that it tries.

use steps_store::Part;

/// A task of a lane.
#[derive(Debug, Clone)]
pub struct Task {
    /// The unit that is tried; `None` where the lane has yet to find one.
    pub unit: Option<String>,
    /// Whether the unit is listed as READY.
    pub listed: bool,
    /// The unit before, whose READY record can go now.
    pub was: Option<String>,
    /// The token of the task.
    pub token: String,
    /// Tells the lane's calls apart: a later one is greater, as text.
    pub call: String,
    /// The part of the run that the lane belongs to.
    pub part: Part,
    /// Whether the lane holds its number beyond doubt: it goes on from a unit, or begins a take.
    pub holds: bool,
}

/// What has come of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worked {
    /// Its node is done. `now` where it is known to have been settled by this call.
    Done {
        /// See there.
        now: bool,
    },
    /// It is a node that is executed for each of so many items, of which there is at least one.
    Opened {
        /// How many.
        total: u32,
    },
    /// It is an item of a list of so many, and is done.
    ItemDone {
        /// How many.
        total: u32,
    },
    /// It waits for a message or a time, and no lane waits with it: whoever has something to tell offers it again.
    Paused,
    /// It has to be looked at again after so many seconds.
    Wait {
        /// How many.
        seconds: u64,
    },
}

/// Who executes units.
#[allow(
    async_fn_in_trait,
    reason = "a function works on one task at a time, so no future crosses threads"
)]
pub trait Worker {
    /// What can go wrong. The task fails by it, and is tried again or fails the run.
    type Error;

    /// Tries the unit once, unless it is done.
    async fn work(&self, unit: &str) -> Result<Worked, Self::Error>;
}

/// A unit in a lane's hands.
pub(crate) struct Held {
    pub(crate) unit: String,
    pub(crate) listed: bool,
}

impl Held {
    pub(crate) fn kept(unit: String) -> Self {
        let listed = false;
        Self { unit, listed }
    }

    pub(crate) fn taken(unit: String) -> Self {
        let listed = true;
        Self { unit, listed }
    }
}
