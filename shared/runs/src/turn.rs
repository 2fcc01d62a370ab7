//! The runs of a schedule that take turns: each one names the run before it, so two can never take the same turn.

use aws_sdk_dynamodb::types::Put;
use aws_sdk_dynamodb::types::builders::PutBuilder;

use crate::attribute::{find_s, get_s, s};
use crate::run::NewRun;
use crate::store::key;
use crate::{Error, Store};

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

const TURN: &str = "TURN";

fn turn_key(workflow: &str, schedule: &str) -> String {
    format!("SCHEDULE#{workflow}#{schedule}")
}

impl Store {
    /// The last turn of a schedule, where one was taken.
    pub async fn last_turn(
        &self,
        workflow_id: &str,
        schedule: &str,
    ) -> Result<Option<LastTurn>, Error> {
        let item = self.get(&turn_key(workflow_id, schedule), TURN).await?;
        item.map(|item| {
            Ok(LastTurn {
                run_id: get_s(&item, "runId")?.to_owned(),
                identity: find_s(&item, "identity").map(str::to_owned),
                stops: find_s(&item, "stops").map(str::to_owned),
            })
        })
        .transpose()
    }

    pub(crate) fn take_turn(&self, turn: &Turn<'_>, run: &NewRun<'_>) -> PutBuilder {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(key(&turn_key(run.workflow_id, turn.schedule), TURN)))
            .item("runId", s(run.id))
            .item("expiresAt", self.expires(run.started_at));
        let put = match turn.after {
            Some(after) => put
                .condition_expression("runId = :after")
                .expression_attribute_values(":after", s(after)),
            None => put.condition_expression("attribute_not_exists(pk)"),
        };
        let put = match run.identity {
            Some(identity) => put.item("identity", s(identity)),
            None => put,
        };
        match turn.stops {
            Some(stops) => put.item("stops", s(stops)),
            None => put,
        }
    }
}
