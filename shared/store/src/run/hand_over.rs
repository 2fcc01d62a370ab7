//! A run is handed over to the next execution: it goes on with its next part.

use crate::Error;
use crate::keys;
use crate::run::part::Part;
use crate::run::record::{EXECUTION, LANES, PART, RunStatus, Runs, STATUS};
use crate::table::Change;

impl Runs {
    /// Hands the run over from this part to the next one, which has so many lanes. `false` where somebody has done so, or the
    /// run does not go on.
    pub async fn hand_over(&self, id: &str, from: Part, lanes: u8) -> Result<bool, Error> {
        let is_at = match from.number {
            1 => PART.missing(),
            number => PART.is(number),
        };
        let change = Change::of(keys::run(id))
            .when(STATUS.is(RunStatus::Running).and(EXECUTION.is(from.take)))
            .when(is_at)
            .set(PART, from.next().number)
            .set(LANES, lanes);
        self.0.write(change).await
    }

    /// The part that the run is at; `None` where it does not go on.
    pub async fn part(&self, id: &str) -> Result<Option<Part>, Error> {
        let head = match self.head(id).await {
            Ok(head) => head,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok((head.status == RunStatus::Running).then_some(head.part))
    }
}
