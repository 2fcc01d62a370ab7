//! Standard Webhooks, <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::{Delivery, HmacAlgorithm, Refusal, mac};

/// The header of the delivery's id.
pub const ID: &str = "webhook-id";
/// The header of the time of sending, seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header of one or more signatures, a space between them.
pub const SIGNATURE: &str = "webhook-signature";

/// What a serialized secret begins with.
pub(crate) const PREFIX: &str = "whsec_";
/// The names of the three headers: the specification's, and those of Svix, which had the scheme first and sends it still.
const NAMES: [[&str; 3]; 2] = [
    [ID, TIMESTAMP, SIGNATURE],
    ["svix-id", "svix-timestamp", "svix-signature"],
];

const VERSION: &str = "v1,";

/// Checks the signatures; gives the time of sending, in seconds since 1970.
pub(crate) fn verify(delivery: &Delivery<'_>, secrets: &[SecretString]) -> Result<i64, Refusal> {
    let [id, timestamp, signature] = names(delivery);
    let id = delivery.required(id)?;
    let time = delivery.required(timestamp)?;
    let sent = time.parse().map_err(|_| Refusal::malformed(timestamp))?;
    let signatures: Vec<Vec<u8>> = delivery
        .required(signature)?
        .split_ascii_whitespace()
        .filter_map(|signature| STANDARD.decode(signature.strip_prefix(VERSION)?).ok())
        .collect();
    if signatures.is_empty() {
        return Err(Refusal::malformed(signature));
    }
    let keys = secrets.iter().filter_map(key);
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", delivery.body];
    if mac::any_signed(HmacAlgorithm::Sha256, keys, &parts, &signatures) {
        Ok(sent)
    } else {
        Err(Refusal::Mismatch)
    }
}

/// The delivery's id, in the header that the signature is checked with.
pub(crate) fn id<'a>(delivery: &Delivery<'a>) -> Option<&'a str> {
    let [id, ..] = names(delivery);
    (delivery.header)(id)
}

/// The names that the delivery has its headers under: all three of one set, told by the id's.
fn names(delivery: &Delivery<'_>) -> [&'static str; 3] {
    let [own, svix] = NAMES;
    let has = |[id, ..]: [&'static str; 3]| (delivery.header)(id).is_some();
    if !has(own) && has(svix) { svix } else { own }
}

/// The `webhook-signature` of a body sent at `timestamp` (seconds since 1970); `None` where the secret is no
/// Standard Webhooks secret.
pub fn sign(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let timestamp = timestamp.to_string();
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let code = mac::code(HmacAlgorithm::Sha256, &key(secret)?, &parts);
    Some(format!("{VERSION}{}", STANDARD.encode(code)))
}

pub(crate) fn key(secret: &SecretString) -> Option<Vec<u8>> {
    let secret = secret.expose_secret();
    STANDARD
        .decode(secret.strip_prefix(PREFIX).unwrap_or(secret))
        .ok()
}
