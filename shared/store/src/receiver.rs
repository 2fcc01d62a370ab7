//! Hosts that are slow to take callbacks. Such a host is posted to by one function at a time, so that it does not hold up the
//! others. A host that is quick has no record.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::table::{Attribute, Change, Delete, Table};

/// Until when the one place of the host is taken.
const BUSY_UNTIL: Attribute<Timestamp> = Attribute::new("busyUntil");

/// After so long without a slow post a host counts as quick again.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Whether a host may be posted to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// It is not known as slow.
    Free,
    /// It is slow, and the caller has its one place.
    Alone,
    /// It is slow, and its place is taken until this time.
    Taken(Timestamp),
}

/// Hosts by name and port.
#[derive(Debug, Clone)]
pub struct Receivers(pub(crate) Table);

impl Receivers {
    /// Asks for a place at the host: for `lease`, where it is slow.
    pub async fn ask(&self, host: &str, now: Timestamp, lease: Duration) -> Result<Pass, Error> {
        let Some(item) = self.0.get(keys::receiver(host)).await? else {
            return Ok(Pass::Free);
        };
        let busy_until = BUSY_UNTIL.get(&item)?;
        if busy_until > now {
            return Ok(Pass::Taken(busy_until));
        }
        let until = now + lease;
        let take = Change::of(keys::receiver(host))
            .when(BUSY_UNTIL.is(busy_until))
            .set(BUSY_UNTIL, until);
        Ok(if self.0.write(take).await? {
            Pass::Alone
        } else {
            Pass::Taken(until)
        })
    }

    /// A post to the host was slow. Its place is free.
    pub async fn was_slow(&self, host: &str, now: Timestamp) -> Result<(), Error> {
        let change = Change::of(keys::receiver(host))
            .set(BUSY_UNTIL, now)
            .set(EXPIRES_AT, (now + FORGOTTEN_AFTER).as_second());
        self.0.write(change).await?;
        Ok(())
    }

    /// A post to a host that was slow was quick: it counts as slow no more.
    pub async fn was_quick(&self, host: &str) -> Result<(), Error> {
        self.0.write(Delete::of(keys::receiver(host))).await?;
        Ok(())
    }
}
