//! Turns: runs of a schedule that may not overlap. Each run names the run before it, so two can never take the same turn.

use crate::Error;
use crate::keys;
use crate::run::record::Runs;
use crate::table::key::PK;
use crate::table::{Attribute, Put};

/// The turn that a run is about to take.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The schedule whose turn it is.
    pub schedule: &'a str,
    /// The run that has the turn now, as last read.
    pub after: Option<&'a str>,
    /// The run to stop once this one has started.
    pub stops: Option<&'a str>,
}

/// Who took a schedule's last turn.
#[derive(Debug)]
pub struct LastTurn {
    /// The run.
    pub run_id: String,
    /// The delivery that started it.
    pub identity: Option<String>,
    /// The run to stop once it has started.
    pub stops: Option<String>,
}

const RUN_ID: Attribute<String> = Attribute::new("runId");
const IDENTITY: Attribute<String> = Attribute::new("identity");
const STOPS: Attribute<String> = Attribute::new("stops");

impl Runs {
    /// The last turn of a schedule, where one was taken.
    pub async fn last_turn(
        &self,
        workflow_id: &str,
        schedule: &str,
    ) -> Result<Option<LastTurn>, Error> {
        let item = self.0.get(keys::turn(workflow_id, schedule)).await?;
        item.map(|item| {
            Ok(LastTurn {
                run_id: RUN_ID.get(&item)?,
                identity: IDENTITY.find(&item)?,
                stops: STOPS.find(&item)?,
            })
        })
        .transpose()
    }
}

/// The write with which a run takes the turn. It fails where another run has taken it since it was read.
pub(super) fn take(
    turn: &Turn<'_>,
    workflow_id: &str,
    run_id: &str,
    identity: Option<&str>,
) -> Put {
    let free = match turn.after {
        Some(after) => RUN_ID.is(after),
        None => PK.missing(),
    };
    Put::of(keys::turn(workflow_id, turn.schedule))
        .when(free)
        .set(RUN_ID, run_id)
        .set_some(IDENTITY, identity)
        .set_some(STOPS, turn.stops)
}
