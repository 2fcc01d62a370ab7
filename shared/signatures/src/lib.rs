#![doc = include_str!("../README.md")]

mod delivery;
mod mac;
mod mode;
mod refusal;
mod secret;
mod standard;
mod stripe;

pub use delivery::Delivery;
pub use mac::is_secret;
pub use mode::Mode;
pub use refusal::Refusal;
pub use secret::{BadSecret, check_secret, generate_secret};
pub use standard::{ID, SIGNATURE, TIMESTAMP, sign};

#[cfg(test)]
mod tests;
