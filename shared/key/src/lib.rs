#![doc = include_str!("../README.md")]

mod api_key;
mod credential_type;
mod http_secret;
mod redact;

pub use api_key::{ApiKey, MalformedApiKey};
pub use credential_type::CredentialType;
pub use http_secret::{HttpAuth, HttpSecret, is_header_name};
pub use redact::redact;
