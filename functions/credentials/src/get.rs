//! `GET /credentials/{id}`: one credential, with what OpenRouter says of its key at this moment.

use std::time::Duration;

use steps_api::CredentialWithKey;
use steps_key::{CredentialType, redact};
use steps_lambda::Answer;
use steps_openrouter::{Error, KeyInfo};
use steps_problem::Problem;
use tokio::time::timeout;

use crate::app::App;

/// How long to wait for OpenRouter. After that the credential is shown without what OpenRouter says of its key.
const PATIENCE: Duration = Duration::from_secs(10);

/// The record and, of a key, OpenRouter's own view of it (`key`), or why it could not be had (`keyProblem`).
pub(crate) async fn get(app: &App, reference: &str) -> Result<Answer, Problem> {
    let credential = app.store.credentials().get(reference).await?;
    let (key, key_problem) = match credential.of_type() {
        CredentialType::Http => (None, None),
        CredentialType::OpenRouter => match key_now(app, &credential.id).await {
            Ok(info) => (Some(info.into()), None),
            Err(problem) => (None, Some(problem.redacted())),
        },
    };
    Answer::json(
        200,
        &CredentialWithKey {
            credential: credential.into(),
            key,
            key_problem,
        },
    )
}

async fn key_now(app: &App, id: &str) -> Result<KeyInfo, Problem> {
    let key = app.secrets.read_again(id).await?;
    let info = timeout(PATIENCE, app.openrouter.key(&key))
        .await
        .map_err(|_| Error::TotalTimeout { after: PATIENCE })??;
    Ok(KeyInfo {
        label: info.label.map(|label| masked(&label, key.expose())),
        ..info
    })
}

/// The label as it may be shown. OpenRouter's own label is the key with its middle left out. Where a label shows more
/// of the key than its ends, the key is removed from it.
fn masked(label: &str, key: &str) -> String {
    const HEAD: usize = 12;
    const TAIL: usize = 4;
    let is_masked = label
        .split_once("...")
        .is_some_and(|(head, tail)| head.chars().count() <= HEAD && tail.chars().count() <= TAIL);
    if is_masked && !label.contains(key) {
        return label.to_owned();
    }
    redact(label)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_label_shows_the_ends_of_a_key_at_most() {
        const KEY: &str = "sk-or-v1-abcdefghijklmnopqrstuvwxyz567890";
        for (label, want) in [
            ("sk-or-v1-abc...890", "sk-or-v1-abc...890"),
            ("my laptop", "my laptop"),
            (KEY, "[key removed]"),
            ("sk-or-v1-abcdefghijklmn...890", "[key removed]"),
            ("sk-or-v1-abc...uvwxyz567890", "[key removed]"),
            ("mine: sk-or-v1-abcdefg", "mine: [key removed]"),
        ] {
            assert_eq!(masked(label, KEY), want);
        }
    }
}
