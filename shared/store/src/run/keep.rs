//! A run is kept for longer: all its records and its texts. A run that is resumed is.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::run::record::{KEPT_AT, RunHead, Runs};
use crate::table::key::{Key, PK, SK};
use crate::table::texts::objects_of;
use crate::table::{Change, Item, Query, Table};

impl Runs {
    /// Keeps all records and texts of a run that goes on, or ends, as long as those of a run that ends at its deadline, where
    /// nothing has done so for so long. A record lives from its own writing, and a run may go on for longer than that.
    pub async fn keep(
        &self,
        id: &str,
        head: &RunHead,
        after: SignedDuration,
        now: Timestamp,
    ) -> Result<(), Error> {
        if now.duration_since(head.kept_at) < after {
            return Ok(());
        }
        let expires = self.0.expires(head.deadline.max(now));
        keep(&self.0, id, expires).await?;
        let change = Change::of(keys::run(id))
            .when(PK.exists())
            .set(KEPT_AT, now);
        self.0.write(change).await?;
        Ok(())
    }

    /// How often a run that goes on has to be kept, so that no record or text of it expires: half the time that they live.
    pub fn keep_every(&self) -> SignedDuration {
        let start = Timestamp::UNIX_EPOCH;
        SignedDuration::from_secs((self.0.expires(start) - start.as_second()) / 2)
    }
}

/// How many records or texts are kept for longer at the same time.
const AT_ONCE: usize = 32;

/// Lets every record of the run expire at `expires` (seconds since 1970) or later, and its texts in S3 as long after this
/// moment as new ones.
pub(super) async fn keep(table: &Table, run_id: &str, expires: i64) -> Result<(), Error> {
    let pk = keys::run(run_id).pk;
    let mut start = None;
    // A list may have very many items: they are not all read at once.
    loop {
        let (items, next) = table.page(Query::of(PK.is(&pk)).start(start)).await?;
        let renewed = items.iter().map(|item| keep_item(table, item, expires));
        let renewed: Vec<_> = renewed.collect();
        let renewed = stream::iter(renewed).buffer_unordered(AT_ONCE);
        renewed.try_collect::<()>().await?;
        match next {
            Some(_) => start = next,
            None => return Ok(()),
        }
    }
}

async fn keep_item(table: &Table, item: &Item, expires: i64) -> Result<(), Error> {
    for object in objects_of(item) {
        table.texts().renew(&object).await?;
    }
    if EXPIRES_AT
        .find(item)?
        .is_none_or(|before| before >= expires)
    {
        return Ok(());
    }
    let key = Key::new(PK.get(item)?, SK.get(item)?);
    let change = Change::of(key)
        .when(EXPIRES_AT.is_below(expires))
        .set(EXPIRES_AT, expires);
    table.write(change).await?;
    Ok(())
}
