//! Watching a run through the API: tokens for its stream, and its events by long-poll.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_live::Event;
use steps_store::millis;

use crate::run_view::RunView;
use crate::secret::Secret;

/// For how many seconds a token for events may be good.
const TTL_SECONDS: std::ops::RangeInclusive<u32> = 60..=3600;

/// The body of `POST /runs/{id}/events-token`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NewEventsToken {
    /// For how many seconds it is good.
    #[schemars(range(min = 60, max = 3600))]
    pub ttl_seconds: u32,
}

impl Default for NewEventsToken {
    fn default() -> Self {
        Self { ttl_seconds: 900 }
    }
}

impl NewEventsToken {
    /// Whether its time is one that a token may have.
    pub fn is_allowed(&self) -> bool {
        TTL_SECONDS.contains(&self.ttl_seconds)
    }
}

/// The answer of `POST /runs/{id}/events-token`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeEventsToken {
    /// Where the run is streamed. The token goes into `?token=`, or into `Authorization: Bearer`.
    pub url: String,
    /// Lets whoever has it watch this run.
    pub token: Secret,
    /// Until when a connection may begin with it.
    #[serde(with = "millis")]
    #[schemars(with = "Timestamp")]
    pub expires_at: Timestamp,
}

/// Events of a run, by long-poll.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunEvents {
    /// In their order.
    pub events: Vec<Event>,
    /// The `after` of the next request, and an event's id in the stream.
    pub after: String,
    /// Whether nothing will come any more.
    pub ended: bool,
    /// How soon to ask again.
    pub retry_milliseconds: u64,
}

/// The answer of `GET /runs/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RunAnswer {
    /// With `wait` or `after`: its events.
    Events(RunEvents),
    /// The run.
    Run(Box<RunView>),
}
