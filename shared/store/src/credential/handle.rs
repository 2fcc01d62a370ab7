//! The handle of credentials; what it does is told by the other files.

use crate::table::Table;

/// Credentials, by id or name.
#[derive(Debug, Clone)]
pub struct Credentials(pub(crate) Table);
