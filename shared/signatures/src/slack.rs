//! Slack's scheme, <https://docs.slack.dev/authentication/verifying-requests-from-slack>.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::{Delivery, HmacAlgorithm, Refusal, mac};

const SIGNATURE: &str = "x-slack-signature";
const TIMESTAMP: &str = "x-slack-request-timestamp";

/// What the signature begins with, and what is signed first.
const VERSION: &str = "v0";

/// Checks the signature; gives the time of sending, in seconds since 1970.
pub(crate) fn verify(delivery: &Delivery<'_>, secrets: &[SecretString]) -> Result<i64, Refusal> {
    let timestamp = delivery.required(TIMESTAMP)?;
    let sent = timestamp
        .parse()
        .map_err(|_| Refusal::malformed(TIMESTAMP))?;
    let signature = delivery
        .required(SIGNATURE)?
        .strip_prefix(VERSION)
        .and_then(|signature| hex::decode(signature.strip_prefix('=')?).ok())
        .ok_or(Refusal::malformed(SIGNATURE))?;
    let keys = secrets
        .iter()
        .map(|secret| secret.expose_secret().as_bytes());
    let parts = [
        VERSION.as_bytes(),
        b":",
        timestamp.as_bytes(),
        b":",
        delivery.body,
    ];
    if mac::any_signed(HmacAlgorithm::Sha256, keys, &parts, &[signature]) {
        Ok(sent)
    } else {
        Err(Refusal::Mismatch)
    }
}

/// The id of the event in the body, which Slack sends again with each try.
pub(crate) fn event_id(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        event_id: String,
    }
    let event: Event = serde_json::from_slice(body).ok()?;
    Some(event.event_id)
}

/// The challenge, where the body is Slack's question whether the address is the owner's. It has to be answered with it.
///
/// <https://docs.slack.dev/reference/events/url_verification>
pub(crate) fn challenge(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Question {
        r#type: String,
        challenge: String,
    }
    let question: Question = serde_json::from_slice(body).ok()?;
    (question.r#type == "url_verification").then_some(question.challenge)
}
