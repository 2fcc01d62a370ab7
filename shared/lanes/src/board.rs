//! What the lanes of a run share, as one lane sees it.

use steps_store::{BegunList, Lane, NextItem, Told};

/// What a task of a lane is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The lane goes on.
    Next(Next<'a>),
    /// The lane waits so long, and then takes the same unit.
    Wait {
        /// How long.
        seconds: u64,
        /// The unit.
        unit: &'a str,
        /// Whether it is listed as READY.
        listed: bool,
    },
    /// The lane ends: there is nothing left in the run.
    Done,
}

/// How a lane goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Next<'a> {
    /// With this unit; `None` where it looks for one itself.
    pub unit: Option<&'a str>,
    /// Whether that is listed as READY.
    pub listed: bool,
    /// The unit before, whose READY record can go once this answer is heard.
    pub was: Option<&'a str>,
}

/// What the lanes of a run share, as one lane sees it. Each call is one request to AWS.
#[allow(
    async_fn_in_trait,
    reason = "a function works on one task at a time, so no future crosses threads"
)]
pub trait Board {
    /// What can go wrong.
    type Error;

    /// The units that this lane may take, the highest rank first: those that it has taken before, and those that nobody
    /// has. Each with whether it has taken it.
    async fn takeable(&self) -> Result<Vec<(String, bool)>, Self::Error>;

    /// Takes a unit that is listed; `false` where another lane was faster.
    async fn take(&self, unit: &str) -> Result<bool, Self::Error>;

    /// Lists a unit as READY, unless it is.
    async fn offer(&self, unit: &str) -> Result<(), Self::Error>;

    /// Lists a unit that this lane has taken, or kept, for any lane.
    async fn release(&self, unit: &str) -> Result<(), Self::Error>;

    /// Lists a unit that had paused, for any lane, whoever has taken it.
    async fn offer_again(&self, unit: &str) -> Result<(), Self::Error>;

    /// Takes a unit that has paused from the list, where this lane has taken it and nobody has listed it again.
    async fn put_down(&self, unit: &str) -> Result<(), Self::Error>;

    /// Takes a unit that is done from the list.
    async fn unlist(&self, unit: &str) -> Result<(), Self::Error>;

    /// Notes that this need of a node is done.
    async fn tell(&self, node: &str, need: u32) -> Result<Told, Self::Error>;

    /// Which of these units, of one node, nobody has begun or listed. The gathering of a list has begun where it is done.
    async fn untouched(&self, units: Vec<String>) -> Result<Vec<String>, Self::Error>;

    /// Begins a node's list of so many items, of which so many are in hand at once. Where it has begun, the items that it
    /// began with are given again.
    async fn begin_list(
        &self,
        node: &str,
        total: u32,
        concurrency: u32,
    ) -> Result<BegunList, Self::Error>;

    /// Notes that an item of a node's list of so many is done. `done` is above 0 where all are.
    async fn tell_item(&self, node: &str, index: u32, total: u32) -> Result<Told, Self::Error>;

    /// Goes on behind an item of a node's list of so many: its hand takes the next one.
    async fn next_item(&self, node: &str, index: u32, total: u32) -> Result<NextItem, Self::Error>;

    /// Units that hands of a node's list of so many have taken, and that nobody has begun or listed. `None` where every item
    /// is done.
    async fn items_left(&self, node: &str, total: u32) -> Result<Option<Vec<String>>, Self::Error>;

    /// All lanes.
    async fn lanes(&self) -> Result<Vec<Lane>, Self::Error>;

    /// Notes that this lane sleeps under this token. Changes nothing where a later call of the lane has done so.
    async fn sleep(&self, token: &str, call: &str) -> Result<(), Self::Error>;

    /// Notes that a lane does not sleep under this token any more.
    async fn wake(&self, lane: u8, token: &str) -> Result<(), Self::Error>;

    /// Answers a task's token. `false` where the task has been answered before, or given up.
    async fn answer(&self, token: &str, answer: Answer<'_>) -> Result<bool, Self::Error>;
}
