//! Credentials: their records, their deletion, who uses them, and what was done to them.

mod audit;
mod deleted;
mod handle;
pub(crate) mod record;
pub(crate) mod users;

pub use audit::Action;
pub use deleted::DeletedCredential;
pub use handle::Credentials;
pub use record::{Check, Credential, LastRotation, OldKey, Rotation};
pub use users::CredentialUser;
