//! The audit as it is answered: a page of rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_store::{AuditEntry, Page};

/// The answer of `GET /audit` and of `GET /credentials/{id}/audit`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// Who did what, the newest first.
    pub audit: Vec<AuditEntry>,
    /// Asks for the next page; `null` on the last.
    pub cursor: Option<String>,
}

impl From<Page<AuditEntry>> for AuditPage {
    fn from(page: Page<AuditEntry>) -> Self {
        Self {
            audit: page.rows,
            cursor: page.cursor,
        }
    }
}
