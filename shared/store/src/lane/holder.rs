//! Who holds a lane's number. Where a run is handed over, lane 3 of the next execution begins once lane 3 of the one before
//! has let go of the number. So no more units are in hand than the run has lanes, to the unit.
//!
//! In the first part of a take its lanes hold their numbers without a word in the table.

use jiff::Timestamp;

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::lane::number::{HEIR, HEIR_CALL, HEIR_OF, HOLDER, Heir, TOKEN_OF, free};
use crate::lane::record::{CALL, Lane, Lanes, TOKEN, read};
use crate::run::Part;
use crate::table::{Attribute, Change, Condition};

/// How many tasks, and tries of tasks, the lanes of a part have had, in tens.
const TASKS: Attribute<u32> = Attribute::new("tasks");

impl Lane {
    /// The part whose lane holds the number in this take; `None` where nobody does.
    pub fn held_by(&self, take: u32) -> Option<Part> {
        match self.holder {
            Some(holder) if holder.take >= take => Some(holder).filter(|holder| holder.number > 0),
            _ => Some(Part::first(take)),
        }
    }

    fn is_held_as_seen(&self) -> Condition {
        match self.holder {
            Some(holder) => HOLDER.is(holder.to_string()),
            None => HOLDER.missing(),
        }
    }
}

impl Lanes {
    /// The lane of this number.
    pub async fn get(&self, run_id: &str, number: u8) -> Result<Lane, Error> {
        let item = self.0.get(keys::lane(run_id, number)).await?;
        read(number, &item.unwrap_or_default())
    }

    /// Takes the number of a lane that was seen so, for the lane of this part: the lane is awake, in this call. `false` where
    /// the record has changed meanwhile.
    pub async fn hold(
        &self,
        run_id: &str,
        seen: &Lane,
        part: Part,
        call: &str,
    ) -> Result<bool, Error> {
        let mut change = Change::of(keys::lane(run_id, seen.number)).when(seen.is_held_as_seen());
        if seen.held_by(part.take) == Some(part) {
            // A call that has been followed by another one changes nothing.
            change = change.when(CALL.missing().or(CALL.is_at_most(call)));
        }
        let change = change
            .set(HOLDER, part.to_string())
            .set(CALL, call)
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()))
            .remove(TOKEN)
            .remove(TOKEN_OF);
        self.0.write(change).await
    }

    /// Lets go of the number of a lane that was seen so. `asleep` where its lane sleeps under this token: the record keeps it,
    /// until it is answered. The lane as it is then; `None` where it has changed meanwhile.
    pub async fn let_go(
        &self,
        run_id: &str,
        seen: &Lane,
        take: u32,
        asleep: Option<&str>,
    ) -> Result<Option<Lane>, Error> {
        let change = Change::of(keys::lane(run_id, seen.number)).when(seen.is_held_as_seen());
        let change = match asleep {
            Some(token) => change.when(TOKEN.is(token)),
            None => change,
        };
        let free = free(take);
        let change = change
            .set(HOLDER, free.to_string())
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()));
        let Some(before) = self.0.change_if(change).await? else {
            return Ok(None);
        };
        Ok(Some(Lane {
            holder: Some(free),
            ..read(seen.number, &before)?
        }))
    }

    /// Notes that this lane waits until the number is let go, in place of another one that was
    /// seen to wait. `false` where the record has changed meanwhile.
    pub async fn inherit(&self, run_id: &str, seen: &Lane, heir: &Heir) -> Result<bool, Error> {
        let change = Change::of(keys::lane(run_id, seen.number))
            .when(seen.is_held_as_seen())
            .when(match &seen.heir {
                Some(heir) => HEIR.is(&heir.token),
                None => HEIR.missing(),
            })
            .set(HEIR, &heir.token)
            .set(HEIR_OF, heir.part.to_string())
            .set(HEIR_CALL, &heir.call)
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()));
        self.0.write(change).await
    }

    /// Notes that no lane waits for this number under this token any more.
    pub async fn disinherit(&self, run_id: &str, number: u8, token: &str) -> Result<(), Error> {
        let change = Change::of(keys::lane(run_id, number))
            .when(HEIR.is(token))
            .remove(HEIR)
            .remove(HEIR_OF)
            .remove(HEIR_CALL);
        self.0.write(change).await?;
        Ok(())
    }

    /// Counts so many tasks of the lanes of a part more. How many there are now.
    pub async fn count_tasks(&self, run_id: &str, part: Part, tasks: u32) -> Result<u32, Error> {
        let change = Change::of(keys::tasks(run_id, &part.to_string()))
            .set_once(EXPIRES_AT, self.0.expires(Timestamp::now()))
            .add(TASKS, tasks);
        let before = self.0.change(change).await?;
        Ok(TASKS.find(&before)?.unwrap_or_default() + tasks)
    }
}
