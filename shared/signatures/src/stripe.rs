//! Stripe's scheme, <https://docs.stripe.com/webhooks#verify-manually>.

use secrecy::{ExposeSecret, SecretString};

use crate::{Delivery, HmacAlgorithm, Refusal, mac};

const HEADER: &str = "stripe-signature";

/// Checks the signatures; gives the time of sending, in seconds since 1970. Only the scheme `v1` counts: Stripe uses `v0`
/// for test events, and may add others.
pub(crate) fn verify(delivery: &Delivery<'_>, secrets: &[SecretString]) -> Result<i64, Refusal> {
    let mut timestamp = None;
    let mut signatures = Vec::new();
    for element in delivery.required(HEADER)?.split(',') {
        match element.trim().split_once('=') {
            Some(("t", value)) => timestamp = Some(value),
            Some(("v1", value)) => signatures.extend(hex::decode(value).ok()),
            _ => {}
        }
    }
    let (Some(timestamp), false) = (timestamp, signatures.is_empty()) else {
        return Err(Refusal::malformed(HEADER));
    };
    let sent = timestamp.parse().map_err(|_| Refusal::malformed(HEADER))?;
    let keys = secrets
        .iter()
        .map(|secret| secret.expose_secret().as_bytes());
    let parts = [timestamp.as_bytes(), b".", delivery.body];
    if mac::any_signed(HmacAlgorithm::Sha256, keys, &parts, &signatures) {
        Ok(sent)
    } else {
        Err(Refusal::Mismatch)
    }
}
