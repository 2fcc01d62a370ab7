//! Deliveries: the posts of a run's ends to its callback address, each with its attempts. There is one for each take that
//! ended, whatever number of times it is posted.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::keys::{self, EXPIRES_AT};
use crate::table::item::kept_by_serde;
use crate::table::key::PK;
use crate::table::{Attribute, Put, Table};
use crate::{Error, Record, millis, retry_conflict};

/// Most attempts that a delivery keeps: the last ones.
const MOST_ATTEMPTS: usize = 50;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// It is in the queue: it is posted soon, or again after a pause.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// The receiver has not taken it with any of the tries, or the run's texts were erased before.
    Failed,
    /// The run was resumed before it was taken: its next end is delivered in its place.
    Superseded,
}

/// One post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryAttempt {
    /// When it began.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub at: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
    /// The status that the receiver answered with; `null` where it did not answer.
    pub status: Option<u16>,
    /// Why the receiver has not taken it; `null` where it has.
    pub error: Option<String>,
}

/// A delivery as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The take of the run whose end it tells of.
    pub take: u32,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// The posts, the first one first; at most the last 50.
    #[serde(default)]
    pub attempts: Vec<DeliveryAttempt>,
    /// How many of them were made since it was queued, or queued again.
    #[serde(default)]
    pub tries: u32,
    /// When it was queued, or queued again.
    #[serde(with = "millis")]
    pub queued_at: Timestamp,
    /// When it is posted again, about.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millis::option"
    )]
    pub next_at: Option<Timestamp>,
    /// Counts the changes.
    #[serde(default)]
    revision: u64,
}

impl Delivery {
    /// A delivery that is queued at this moment.
    pub fn queued(take: u32, now: Timestamp) -> Self {
        Self {
            take,
            status: DeliveryStatus::Pending,
            attempts: Vec::new(),
            tries: 0,
            queued_at: now,
            next_at: None,
            revision: 0,
        }
    }

    /// It is to be posted again, as often as a new one.
    pub fn requeue(&mut self, now: Timestamp) {
        self.status = DeliveryStatus::Pending;
        self.tries = 0;
        self.queued_at = now;
        self.next_at = None;
    }

    /// Notes a post that was made.
    pub fn attempted(&mut self, attempt: DeliveryAttempt) {
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(MOST_ATTEMPTS);
        self.attempts.drain(..surplus);
        self.tries += 1;
    }
}

const DELIVERY: Attribute<Delivery> = Attribute::new("delivery");
const REVISION: Attribute<u64> = Attribute::new("revision");

kept_by_serde!(Delivery);

/// Deliveries of runs.
#[derive(Debug, Clone)]
pub struct Deliveries(pub(crate) Table);

impl Deliveries {
    /// The delivery of the end of this take; `None` where it was never queued.
    pub async fn find(&self, run_id: &str, take: u32) -> Result<Option<Delivery>, Error> {
        let item = self.0.get(keys::delivery(run_id, take)).await?;
        item.map(|item| DELIVERY.get(&item)).transpose()
    }

    /// The error for a delivery that there is not. `id` is what was asked for.
    pub fn not_found(id: &str) -> Error {
        Record::Delivery.not_found(id)
    }

    /// Every delivery of the run, the first take's first.
    pub async fn list(&self, run_id: &str) -> Result<Vec<Delivery>, Error> {
        let items = self.0.all_under(&keys::deliveries(run_id)).await?;
        items.iter().map(|item| DELIVERY.get(item)).collect()
    }

    /// Changes the delivery as it is now, or makes it, and gives it as it was written. `how` may be called more than once.
    pub async fn change(
        &self,
        run_id: &str,
        take: u32,
        now: Timestamp,
        how: impl Fn(&mut Delivery),
    ) -> Result<Delivery, Error> {
        retry_conflict(async || {
            let found = self.find(run_id, take).await?;
            let before = found.as_ref().map(|found| found.revision);
            let mut delivery = found.unwrap_or_else(|| Delivery::queued(take, now));
            how(&mut delivery);
            delivery.revision += 1;
            let unchanged = match before {
                None => PK.missing(),
                Some(revision) => DELIVERY.field(REVISION).is(revision),
            };
            let put = Put::of(keys::delivery(run_id, take))
                .when(unchanged)
                .set(DELIVERY, &delivery)
                .set(EXPIRES_AT, self.0.expires(now));
            if self.0.write(put).await? {
                return Ok(Ok(delivery));
            }
            Ok(Err(Record::Delivery.conflict(run_id)))
        })
        .await
    }
}
