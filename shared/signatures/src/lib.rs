#![doc = include_str!("../README.md")]

mod asymmetric;
mod delivery;
mod hmac_form;
mod mac;
mod refusal;
mod secret;
mod slack;
mod standard;
mod stripe;

pub use asymmetric::{generate_private_key, public_key, sign_asymmetric};
pub use delivery::{Delivery, Mode, Scheme};
pub use hmac_form::{HmacAlgorithm, HmacEncoding, HmacForm};
pub use mac::is_secret;
pub use refusal::Refusal;
pub use secret::{BadSecret, check_secret, generate_secret};
pub use standard::{ID, SIGNATURE, TIMESTAMP, sign};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
