//! A unit that is executed, and what has come of one try at it.

use std::cell::Cell;

use steps_problem::Problem;
use steps_store::Part;

use crate::answer::Answer;

/// A unit of a run, for one of its lanes.
pub(crate) struct UnitOfRun<'a> {
    pub(crate) run_id: &'a str,
    pub(crate) take: u32,
    /// 0 for a task that has no lane.
    pub(crate) lane: u8,
    /// The unit: a node, or an item of its list.
    pub(crate) unit: &'a str,
    /// Where the part is noted that the run is at, for a lane that hands it over.
    pub(crate) seen: Option<&'a Cell<Option<Part>>>,
}

/// What has come of one try at a unit.
#[derive(Debug)]
pub(crate) enum Executed {
    /// The unit is done. `now` where it is known to have been settled by this call.
    Done {
        now: bool,
        /// Why it failed, where the run goes on all the same.
        failed: Option<Box<Problem>>,
    },
    /// The node is executed for each of so many items: their list is known.
    Opened { total: u32 },
    /// It has to be tried again later.
    Wait(Answer),
    /// It waits without a lane: for its next attempt, of which `code` is the failure, or for something else.
    Paused {
        code: Option<String>,
        /// The message that it awaits, where it has paused in this call.
        awaits: Option<String>,
    },
}

impl Executed {
    /// It has succeeded, or was skipped.
    pub(crate) fn done(now: bool) -> Self {
        Self::Done { now, failed: None }
    }

    pub(crate) fn look_again(seconds: u64) -> Self {
        Self::Wait(Answer::look_again(seconds))
    }
}
