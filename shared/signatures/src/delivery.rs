//! A delivery, by the mode of its webhook: whether its sender is genuine, what makes it the same as an earlier one, and what
//! its sender wants to hear.

use std::fmt;

use ring::digest::{Context, SHA256};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{HmacAlgorithm, HmacForm, Refusal, mac, slack, standard, stripe};

const AUTHORIZATION: &str = "authorization";
const GITHUB_SIGNATURE: &str = "x-hub-signature-256";
const GITHUB_DELIVERY: &str = "x-github-delivery";
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How a sender proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`, or the same three named `svix-...`.
    Standard,
    /// `X-Hub-Signature-256`.
    Github,
    /// `Stripe-Signature`.
    Stripe,
    /// `X-Slack-Signature`, with `X-Slack-Request-Timestamp`.
    Slack,
    /// An HMAC of the body in a header, in the form that the webhook's `hmac` gives.
    Hmac,
    /// `Authorization: Bearer <secret>`.
    Bearer,
    /// The sender proves nothing: anybody who knows the address may deliver.
    None,
}

impl Mode {
    /// Whether this mode has a secret.
    pub fn has_secret(self) -> bool {
        self != Self::None
    }

    /// Who makes the secret where its sender does, and takes none from elsewhere.
    pub fn secret_maker(self) -> Option<&'static str> {
        match self {
            Self::Stripe => Some("Stripe"),
            Self::Slack => Some("Slack"),
            _ => None,
        }
    }

    /// Whether its senders may send JSON as the one field `payload` of a form.
    pub fn may_wrap_json(self) -> bool {
        matches!(self, Self::Github | Self::Slack)
    }
}

/// A mode with what it needs to know: how one webhook's senders prove themselves.
#[derive(Debug, Clone, Copy)]
pub struct Scheme<'a> {
    /// The mode.
    pub mode: Mode,
    /// The form of the signature in mode `hmac`. Without it that mode accepts nothing.
    pub hmac: Option<&'a HmacForm>,
}

impl From<Mode> for Scheme<'static> {
    fn from(mode: Mode) -> Self {
        Self { mode, hmac: None }
    }
}

/// A request as it was received.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Gives the value of a header. The name is in lower case.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The body's raw bytes.
    pub body: &'a [u8],
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Delivery<'a> {
    /// Checks that the sender has one of `secrets`. Where the mode signs a time, checks that it is at most `tolerance`
    /// seconds from `now` (seconds since 1970).
    ///
    /// # Errors
    /// Why it is not accepted. A wrong time is told only where the signature is good.
    pub fn verify(
        &self,
        scheme: Scheme<'_>,
        secrets: &[SecretString],
        tolerance: u32,
        now: i64,
    ) -> Result<(), Refusal> {
        match scheme.mode {
            Mode::Standard => in_time(standard::verify(self, secrets)?, tolerance, now),
            Mode::Stripe => in_time(stripe::verify(self, secrets)?, tolerance, now),
            Mode::Slack => in_time(slack::verify(self, secrets)?, tolerance, now),
            Mode::Github => self.verify_github(secrets),
            Mode::Hmac => match scheme.hmac {
                Some(form) => form.verify(self, secrets),
                None => Err(Refusal::Mismatch),
            },
            Mode::Bearer => self.verify_bearer(secrets),
            Mode::None => Ok(()),
        }
    }

    fn verify_github(&self, secrets: &[SecretString]) -> Result<(), Refusal> {
        let signature = self
            .required(GITHUB_SIGNATURE)?
            .strip_prefix("sha256=")
            .and_then(|signature| hex::decode(signature).ok())
            .ok_or(Refusal::malformed(GITHUB_SIGNATURE))?;
        let keys = secrets
            .iter()
            .map(|secret| secret.expose_secret().as_bytes());
        if mac::any_signed(HmacAlgorithm::Sha256, keys, &[self.body], &[signature]) {
            Ok(())
        } else {
            Err(Refusal::Mismatch)
        }
    }

    fn verify_bearer(&self, secrets: &[SecretString]) -> Result<(), Refusal> {
        let token = self
            .required(AUTHORIZATION)?
            .trim()
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim_start())
            .ok_or(Refusal::malformed(AUTHORIZATION))?;
        let same = secrets
            .iter()
            .fold(false, |same, secret| same | mac::is_secret(token, secret));
        if same { Ok(()) } else { Err(Refusal::Mismatch) }
    }

    /// The id that a repeated delivery has again; `None` where the delivery has no id.
    pub fn identity(&self, scheme: Scheme<'_>) -> Option<String> {
        let header = |name: &str| (self.header)(name).map(str::to_owned);
        match scheme.mode {
            Mode::Standard => standard::id(self).map(str::to_owned),
            Mode::Github => header(GITHUB_DELIVERY).or_else(|| header(IDEMPOTENCY_KEY)),
            Mode::Stripe => self.event_id().or_else(|| header(IDEMPOTENCY_KEY)),
            Mode::Slack => slack::event_id(self.body).or_else(|| header(IDEMPOTENCY_KEY)),
            Mode::Hmac => scheme
                .hmac
                .and_then(|form| header(form.id_header.as_deref()?))
                .or_else(|| header(IDEMPOTENCY_KEY)),
            Mode::Bearer | Mode::None => header(IDEMPOTENCY_KEY).or_else(|| header(standard::ID)),
        }
    }

    /// What makes a delivery the same one as an earlier one though its id is another: the signature, in a mode that does not sign
    /// the id. Who copies such a delivery can give it another id, and no other signature.
    pub fn twin(&self, mode: Mode) -> Option<String> {
        match mode {
            Mode::Github => (self.header)(GITHUB_SIGNATURE).map(str::to_owned),
            _ => None,
        }
    }

    /// What a repeated delivery has to have again beside its id: a hash of the body and of `others`. `None` where the
    /// sender's signature is what ties the body to the id, and where the service itself makes the id.
    pub fn fingerprint(&self, mode: Mode, others: &[&str]) -> Option<String> {
        if !matches!(mode, Mode::Bearer | Mode::None) {
            return None;
        }
        let mut hash = Context::new(&SHA256);
        hash.update(self.body);
        for other in others {
            // No body has this byte: it would be no text.
            hash.update(&[0xff]);
            hash.update(other.as_bytes());
        }
        Some(hex::encode(hash.finish()))
    }

    /// What the sender wants to hear back instead of a run: the challenge in Slack's question whether the address is the
    /// owner's. `None` for any other delivery.
    pub fn challenge(&self, mode: Mode) -> Option<String> {
        match mode {
            Mode::Slack => slack::challenge(self.body),
            _ => None,
        }
    }

    fn event_id(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Event {
            id: String,
        }
        serde_json::from_slice(self.body)
            .ok()
            .map(|event: Event| event.id)
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&'a str, Refusal> {
        (self.header)(name).ok_or(Refusal::missing(name))
    }
}

fn in_time(sent: i64, tolerance: u32, now: i64) -> Result<(), Refusal> {
    let age = now.saturating_sub(sent);
    if age > i64::from(tolerance) {
        Err(Refusal::TooOld { tolerance })
    } else if age < -i64::from(tolerance) {
        Err(Refusal::TooEarly { tolerance })
    } else {
        Ok(())
    }
}
