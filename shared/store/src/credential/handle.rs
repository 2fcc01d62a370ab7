//! The handle of credentials. Its methods are in the other files of this folder.

use crate::table::Table;

/// Credentials, by id or name.
#[derive(Debug, Clone)]
pub struct Credentials(pub(crate) Table);
