//! A delivery: what one request, event or firing asks a run to be started with.

use serde_json::Value;
use steps_lambda::{Request, invalid};
use steps_problem::Problem;
use steps_signatures::{Delivery as Signed, Mode};
use steps_store::Trigger;

use crate::context::context;

/// Longest id of a delivery.
const LONGEST_ID: usize = 255;

/// One delivery of a trigger.
#[derive(Debug)]
pub struct Delivery {
    /// What delivered it.
    pub trigger: Trigger,
    /// What makes a repeated delivery the same run; `None` where every delivery is a run of its own.
    pub identity: Option<String>,
    /// Where the run is posted to once it has ended.
    pub callback_url: Option<String>,
    /// The run's input.
    pub input: Value,
}

/// The door that a request came through.
#[derive(Debug, Clone, Copy)]
pub enum Door<'a> {
    /// One behind the API's token; templates see this word as `trigger.type`.
    Token(&'a str),
    /// A webhook, whose mode says where its deliveries carry their id.
    Webhook {
        /// Its name.
        name: &'a str,
        /// How its senders prove themselves.
        mode: Mode,
    },
}

/// The delivery of a request. Ids count within one door: those of two webhooks never meet.
///
/// # Errors
/// `InvalidRequest` where the delivery's id is empty or too long.
pub fn delivery(request: &Request, door: Door<'_>, input: Value) -> Result<Delivery, Problem> {
    let (kind, mode, webhook) = match door {
        Door::Token(kind) => (kind, Mode::None, None),
        Door::Webhook { name, mode } => ("webhook", mode, Some(name)),
    };
    let header = |name: &str| request.header(name);
    let signed = Signed {
        header: &header,
        body: request.body(),
    };
    let id = signed.identity(mode);
    if let Some(id) = &id
        && !(1..=LONGEST_ID).contains(&id.len())
    {
        return Err(invalid(format!(
            "the delivery's id has {} characters; it may have 1 to {LONGEST_ID}",
            id.len()
        )));
    }
    let door = webhook.map_or_else(|| kind.to_owned(), |name| format!("{kind}/{name}"));
    Ok(Delivery {
        trigger: Trigger {
            kind: kind.to_owned(),
            context: context(request, id.as_deref(), webhook),
        },
        identity: id.map(|id| format!("{door}/{id}")),
        callback_url: request.query("callbackUrl").map(str::to_owned),
        input,
    })
}
