#![doc = include_str!("../README.md")]

mod api_key;
mod credential_type;
mod redact;

pub use api_key::{ApiKey, MalformedApiKey};
pub use credential_type::CredentialType;
pub use redact::redact;
