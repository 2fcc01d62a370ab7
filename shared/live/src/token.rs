//! Tokens that let somebody watch one run for a while: `v1.<run>.<expiry>.<signature>`. They are kept nowhere.

use jiff::Timestamp;
use secrecy::SecretString;
use steps_access::{Signed, sign};
use steps_problem::Problem;

/// What the signature begins with, so that it is of no use elsewhere.
const PURPOSE: &str = "events";

/// Longer than any token.
const LONGEST: usize = 256;

/// What a token lets watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFor {
    /// The run.
    pub run_id: String,
    /// Until when: seconds since 1970.
    pub expires_at: i64,
}

/// A token as it was sent. It is not known yet whether it is good.
#[derive(Debug)]
pub struct EventsToken<'a> {
    signed: Signed<'a>,
    of: TokenFor,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is none, or is not of this stack, or was altered.
    Invalid,
    /// It was good once.
    Expired,
}

impl TokenFor {
    /// The token, signed with the stack's secret.
    pub fn token(&self, secret: &SecretString) -> String {
        let text = format!("{}.{}", self.run_id, self.expires_at);
        sign(PURPOSE, &text, secret)
    }
}

impl<'a> EventsToken<'a> {
    /// Reads what was sent; `None` for what has not the form of a token.
    pub fn parse(token: &'a str) -> Option<Self> {
        let (signed, text) = Signed::parse(PURPOSE, token, LONGEST)?;
        let (run_id, expires_at) = text.split_once('.')?;
        Some(Self {
            signed,
            of: TokenFor {
                run_id: run_id.to_owned(),
                expires_at: expires_at.parse().ok()?,
            },
        })
    }

    /// Whether it was signed with this secret. It takes as long whichever byte is wrong.
    pub fn is_signed_with(&self, secret: &SecretString) -> bool {
        self.signed.is_signed_with(secret)
    }

    /// What it lets watch now. To be asked only of one that is signed.
    ///
    /// # Errors
    /// [`Refused::Expired`].
    pub fn at(self, now: Timestamp) -> Result<TokenFor, Refused> {
        if self.of.expires_at <= now.as_second() {
            return Err(Refused::Expired);
        }
        Ok(self.of)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let again = "Ask for another one with POST /runs/{id}/events-token";
        match refused {
            Refused::Invalid => Self::new(
                401,
                "EventsTokenInvalid",
                "Events Token Invalid",
                "the token is none of this stack that lets a run be watched, or it was altered",
            )
            .solution([
                "Send it in `?token=`, or in `Authorization: Bearer`; the API's own tokens do not work here",
                again,
            ]),
            Refused::Expired => Self::new(
                401,
                "EventsTokenExpired",
                "Events Token Expired",
                "the token that lets the run be watched has expired",
            )
            .solution([again, "Go on with the last event's id in `Last-Event-ID`"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_as_it_was_made_until_it_expires_and_no_byte_of_it_can_be_another() {
        let secret = SecretString::from("of this stack");
        let of = TokenFor {
            run_id: "019ab000-0000-7000-8000-000000000000".to_owned(),
            expires_at: 1_795_622_400,
        };
        let token = of.token(&secret);
        let read = EventsToken::parse(&token).unwrap();
        assert!(read.is_signed_with(&secret));
        assert!(!read.is_signed_with(&SecretString::from("of another")));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(read.at(at(1_795_622_399)), Ok(of));
        let late = EventsToken::parse(&token).unwrap();
        assert_eq!(late.at(at(1_795_622_400)), Err(Refused::Expired));
        for place in 0..token.len() {
            for other in ["A", "0", ".", "~"] {
                let mut altered = token.clone();
                altered.replace_range(place..=place, other);
                // The last letter of base64 has bits that mean nothing, and those have to be zero.
                let is_good =
                    EventsToken::parse(&altered).is_some_and(|read| read.is_signed_with(&secret));
                assert!(!is_good || altered == token, "{altered}");
            }
        }
        for none in ["", "v1", "v1..", "v1.a.b.c", "v2.a.1.AA", &"v".repeat(300)] {
            let is_good = EventsToken::parse(none).is_some_and(|read| read.is_signed_with(&secret));
            assert!(!is_good, "{none}");
        }
    }
}
