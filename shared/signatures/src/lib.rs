#![doc = include_str!("../README.md")]

mod delivery;
mod hmac_form;
mod mac;
mod mode;
mod refusal;
mod secret;
mod slack;
mod standard;
mod stripe;

pub use delivery::Delivery;
pub use hmac_form::{HmacAlgorithm, HmacEncoding, HmacForm};
pub use mac::is_secret;
pub use mode::{Mode, Scheme};
pub use refusal::Refusal;
pub use secret::{BadSecret, check_secret, generate_secret};
pub use slack::slack_challenge;
pub use standard::{ID, SIGNATURE, TIMESTAMP, sign};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
