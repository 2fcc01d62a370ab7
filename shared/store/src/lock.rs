//! Locks: one function at a time does something that no condition of AWS keeps apart. A lock ends by itself, so that one whose
//! owner has died is free again.

use jiff::Timestamp;
use uuid::Uuid;

use crate::Error;
use crate::keys::{self, Key};
use crate::table::key::PK;
use crate::table::{Attribute, Delete, Put, Table};

const OWNER: Attribute<String> = Attribute::new("owner");
/// When it is free again, whatever becomes of its owner.
const UNTIL: Attribute<Timestamp> = Attribute::new("until");

/// How many places are tried where many wait.
const TRIES: u32 = 4;

/// A lock that its owner has.
#[derive(Debug)]
pub struct Lock {
    key: Key,
    owner: String,
}

/// The locks.
#[derive(Debug, Clone)]
pub struct Locks(pub(crate) Table);

impl Locks {
    /// The lock of a schedule, until this time; `None` where somebody has it.
    pub async fn schedule(
        &self,
        (workflow_id, schedule): (&str, &str),
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lock>, Error> {
        let key = keys::schedule_lock(workflow_id, schedule);
        self.take(key, now, until).await
    }

    /// A place for a caller who waits for the end of a run, until this time, of `most` in all; `None` where those that were
    /// tried are taken. A function is held as long as its caller waits, so that those who only start runs find one free. There
    /// are never more than `most` places; where nearly all are taken, a free one may be overlooked.
    pub async fn waiting_place(
        &self,
        most: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lock>, Error> {
        let first = fastrand::u32(..);
        for step in 0..TRIES.min(most) {
            let number = first.wrapping_add(step) % most;
            let taken = self.take(keys::waiting_place(number), now, until).await?;
            if taken.is_some() {
                return Ok(taken);
            }
        }
        Ok(None)
    }

    async fn take(
        &self,
        key: Key,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lock>, Error> {
        let owner = Uuid::now_v7().to_string();
        let put = Put::of(key.clone())
            .when(PK.missing().or(UNTIL.is_below(now)))
            .set(OWNER, &owner)
            .set(UNTIL, until);
        let taken = self.0.write(put).await?;
        Ok(taken.then_some(Lock { key, owner }))
    }

    /// Gives it back.
    pub async fn give_back(&self, lock: Lock) -> Result<(), Error> {
        let delete = Delete::of(lock.key).when(OWNER.is(&lock.owner));
        self.0.write(delete).await?;
        Ok(())
    }
}
