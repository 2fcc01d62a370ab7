//! The audit's row of a change that came through the API: who, by which route, to which record.

use serde_json::json;
use steps_store::{Actor, AuditEntry, Audits, Error};

use crate::http::{Answer, Request};

/// Where rows of the audit go.
pub(crate) trait Rows {
    /// Adds a row.
    async fn add(&self, entry: &AuditEntry) -> Result<(), Error>;
}

impl Rows for Audits {
    async fn add(&self, entry: &AuditEntry) -> Result<(), Error> {
        Audits::add(self, entry).await
    }
}

/// Nowhere. A function that keeps no audit is built without the client of the table.
impl Rows for () {
    async fn add(&self, _: &AuditEntry) -> Result<(), Error> {
        Ok(())
    }
}

/// Routes that change nothing though their method is not GET.
const UNCHANGING: [&str; 1] = ["POST /workflows/import"];

/// A request that may change something.
#[derive(Debug)]
pub(crate) struct Change {
    route: String,
    path: String,
    actor: Actor,
}

impl Change {
    /// The change that a request asks for; `None` where it only reads.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let changes = request.method() != "GET" && !UNCHANGING.contains(&request.route());
        changes.then(|| Self {
            route: request.route().to_owned(),
            path: request.filled_route(),
            actor: request.caller().into(),
        })
    }

    /// Adds the row of a change that was made. It cannot be taken back because its row is not taken, so such a row goes
    /// to the log.
    pub(crate) async fn note(self, audits: &impl Rows, answer: &Answer, request_id: &str) {
        let Self { route, path, actor } = self;
        let details = json!({ "path": path, "status": answer.status(), "requestId": request_id });
        let subject = subject(answer.made_at().unwrap_or(&path));
        let entry = AuditEntry::now(route, &actor, details).about(subject);
        if let Err(error) = audits.add(&entry).await {
            tracing::error!(
                %error,
                action = entry.action,
                subject = entry.subject,
                principal = entry.actor.principal,
                "a change has no row in the audit"
            );
        }
    }
}

/// The record that a path leads to, or to a part of: `/workflows/post/webhooks/x` is about `workflows/post`.
fn subject(path: &str) -> String {
    let parts: Vec<&str> = path
        .trim_start_matches('/')
        .splitn(3, '/')
        .take(2)
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::subject;

    #[test]
    fn a_change_is_about_the_record_that_its_path_begins_with() {
        for (path, about) in [
            ("/workflows/post/webhooks/x", "workflows/post"),
            ("/workflows/post", "workflows/post"),
            ("/runs/1", "runs/1"),
            ("/stack", "stack"),
            ("", ""),
        ] {
            assert_eq!(subject(path), about, "{path}");
        }
    }
}
