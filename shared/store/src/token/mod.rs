//! Named tokens of the API, without their secrets.

mod record;

pub use record::{TokenRecord, Tokens};
