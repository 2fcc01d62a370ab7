//! Why a delivery is not accepted.

use std::borrow::Cow;

use steps_problem::Problem;

/// Why a delivery is not accepted. It says only what an honest sender needs, never a secret or an expected signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the webhook's mode needs is missing.
    #[error("the delivery has no `{0}` header, which this webhook asks for")]
    Missing(Cow<'static, str>),
    /// A header that the webhook's mode needs has the wrong form.
    #[error("the delivery's `{0}` header is not of the form that this webhook asks for")]
    Malformed(Cow<'static, str>),
    /// The signature or token was made with no secret of the webhook.
    #[error(
        "the delivery's signature or token was not made with this webhook's secret for this body"
    )]
    Mismatch,
    /// The signature is good, but too old.
    #[error("the delivery was signed more than {tolerance} seconds ago")]
    TooOld {
        /// How many seconds the webhook allows.
        tolerance: u32,
    },
    /// The signature is good, but its time is in the future.
    #[error("the delivery was signed with a time more than {tolerance} seconds in the future")]
    TooEarly {
        /// How many seconds the webhook allows.
        tolerance: u32,
    },
}

impl Refusal {
    pub(crate) fn missing(header: &'static str) -> Self {
        Self::Missing(Cow::Borrowed(header))
    }

    pub(crate) fn malformed(header: &'static str) -> Self {
        Self::Malformed(Cow::Borrowed(header))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let cause = refusal.to_string();
        match refusal {
            Refusal::Missing(_) | Refusal::Malformed(_) => {
                Self::new(401, "WebhookUnsigned", "Webhook Unsigned", cause).solution([
                    "Let the sender sign as the webhook's `mode` says",
                    "Or put the webhook with the mode, and the form of the signature, that the sender has",
                ])
            }
            Refusal::Mismatch => Self::new(
                401,
                "WebhookSignatureInvalid",
                "Webhook Signature Invalid",
                cause,
            )
            .solution([
                "Check that the sender has the webhook's current secret, and signs exactly the bytes that it sends",
                "Rotate the secret if nobody knows it any more",
            ]),
            Refusal::TooOld { .. } | Refusal::TooEarly { .. } => {
                Self::new(401, "WebhookTimeRefused", "Webhook Time Refused", cause).solution([
                    "Set the sender's clock, and let it sign again for each try",
                    "Or raise the webhook's `toleranceSeconds`",
                ])
            }
        }
    }
}
