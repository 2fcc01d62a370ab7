//! When a credential was used last. Whoever reads it wants to know whether it is still needed, so a minute more or less
//! is no matter, and a note that fails is no reason to fail a run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use steps_store::{Credential, Store};

/// Notes that a run with these credentials (reference to id) has started; `known` is how they were read.
pub(crate) async fn note_use(store: &Store, known: &[Credential], used: &BTreeMap<String, String>) {
    let now = Timestamp::now();
    for credential in known {
        if !used.values().any(|id| *id == credential.id) {
            continue;
        }
        if let Err(error) = store.credentials().note_use(credential, now).await {
            tracing::warn!(credential = credential.id, %error, "its use was not noted");
        }
    }
}
