//! Links that let whoever holds one decide one question: `v1.<run>.<unit>.<take>.<expiry>.<signature>`. They are kept nowhere.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::SecretString;
use steps_access::{Signed, sign};
use steps_problem::Problem;

/// What the signature begins with, so that it is of no use elsewhere.
const PURPOSE: &str = "approval";

/// Longer than any token.
const LONGEST: usize = 400;

/// What a link lets decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The run.
    pub run_id: String,
    /// The node, or the item of its list.
    pub unit: String,
    /// The take of the run in which it is asked.
    pub take: u32,
    /// Until when: seconds since 1970.
    pub expires_at: i64,
}

/// A link's token as it was sent. It is not known yet whether it is good.
#[derive(Debug)]
pub struct Linked<'a> {
    signed: Signed<'a>,
    link: Link,
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is none, or is not of this stack, or was altered.
    Invalid,
    /// It was good once.
    Expired,
}

impl Link {
    /// Its token, signed with the stack's secret.
    pub fn token(&self, secret: &SecretString) -> String {
        let unit = URL_SAFE_NO_PAD.encode(&self.unit);
        let text = format!("{}.{unit}.{}.{}", self.run_id, self.take, self.expires_at);
        sign(PURPOSE, &text, secret)
    }
}

impl<'a> Linked<'a> {
    /// Reads what was sent; `None` for what has not the form of a token.
    pub fn parse(token: &'a str) -> Option<Self> {
        let (signed, text) = Signed::parse(PURPOSE, token, LONGEST)?;
        let mut parts = text.split('.');
        let mut next = || parts.next();
        let (run_id, unit, take, expires_at) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            signed,
            link: Link {
                run_id: run_id.to_owned(),
                unit: String::from_utf8(URL_SAFE_NO_PAD.decode(unit).ok()?).ok()?,
                take: take.parse().ok()?,
                expires_at: expires_at.parse().ok()?,
            },
        })
    }

    /// Whether it was signed with this secret. It takes as long whichever byte is wrong.
    pub fn is_signed_with(&self, secret: &SecretString) -> bool {
        self.signed.is_signed_with(secret)
    }

    /// What it lets decide now. To be asked only of one that is signed.
    ///
    /// # Errors
    /// [`Refused::Expired`].
    pub fn at(self, now: Timestamp) -> Result<Link, Refused> {
        if self.link.expires_at <= now.as_second() {
            return Err(Refused::Expired);
        }
        Ok(self.link)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let again = "Ask whoever sent it for another link: POST /runs/{id}/nodes/{node}/approval-link makes one";
        match refused {
            Refused::Invalid => Self::new(
                401,
                "ApprovalLinkInvalid",
                "Approval Link Invalid",
                "the link leads to no question of this stack, or it was altered",
            )
            .solution(["Open the link as it was sent, to its last letter", again]),
            Refused::Expired => Self::new(
                401,
                "ApprovalLinkExpired",
                "Approval Link Expired",
                "the link was good once, and has expired",
            )
            .solution([again]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_as_it_was_made_until_it_expires_and_no_byte_of_it_can_be_another() {
        let secret = SecretString::from("of this stack");
        let link = Link {
            run_id: "019ab000-0000-7000-8000-000000000000".to_owned(),
            unit: "ok$-#000003".to_owned(),
            take: 2,
            expires_at: 1_795_622_400,
        };
        let token = link.token(&secret);
        let read = Linked::parse(&token).unwrap();
        assert!(read.is_signed_with(&secret));
        assert!(!read.is_signed_with(&SecretString::from("of another")));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(read.at(at(1_795_622_399)), Ok(link));
        let late = Linked::parse(&token).unwrap();
        assert_eq!(late.at(at(1_795_622_400)), Err(Refused::Expired));
        for place in 0..token.len() {
            for other in ["A", "0", ".", "~"] {
                let mut altered = token.clone();
                altered.replace_range(place..=place, other);
                let is_good =
                    Linked::parse(&altered).is_some_and(|read| read.is_signed_with(&secret));
                assert!(!is_good || altered == token, "{altered}");
            }
        }
        for none in [
            "",
            "v1",
            "v1....",
            "v1.a.b.c.d.e.f",
            "v2.a.YQ.1.1.AA",
            &"v".repeat(500),
        ] {
            assert!(Linked::parse(none).is_none_or(|read| !read.is_signed_with(&secret)));
        }
    }
}
