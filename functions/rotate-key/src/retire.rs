//! Disables the key that a rotation has replaced.

use steps_openrouter::Error;
use steps_problem::Problem;
use steps_secrets::StoredKey;
use steps_store::OldKey;

use crate::app::App;

/// What became of the old key, and the problem to report where another try may succeed.
pub(crate) struct Retired {
    pub(crate) old_key: OldKey,
    pub(crate) problem: Option<Problem>,
}

impl From<OldKey> for Retired {
    fn from(old_key: OldKey) -> Self {
        Self {
            old_key,
            problem: None,
        }
    }
}

/// Disables the old key. Warm functions may still hold it. Where OpenRouter refuses a key, execute-node reads it again
/// and repeats the call, so no run fails because of this.
pub(crate) async fn retire(app: &App, old: Option<&StoredKey>, new: &StoredKey) -> Retired {
    let Some(old) = old else {
        return left("Secrets Manager has no version before the new one").into();
    };
    match disable(app, old, new).await {
        Ok(old_key) => old_key.into(),
        Err(problem) => Retired {
            old_key: left(format!("{}: {}", problem.code, problem.cause)),
            problem: problem.retryable.then_some(problem),
        },
    }
}

async fn disable(app: &App, old: &StoredKey, new: &StoredKey) -> Result<OldKey, Problem> {
    if let Some(hash) = &old.hash {
        app.management.disable(hash).await?;
        return Ok(OldKey::Disabled);
    }
    let label = match app.openrouter.key(&old.api_key).await {
        Ok(info) => info.label,
        // Its owner has revoked it, or an earlier try has disabled it.
        Err(Error::InvalidApiKey(_)) => return Ok(OldKey::Disabled),
        Err(error) => return Err(error.into()),
    };
    // A label may be a plain name, which a key of another account may have too.
    let Some(label) = label.filter(|label| old.api_key.is_labelled(label)) else {
        return Ok(left("OpenRouter gives no label by which it could be found"));
    };
    let keys = app.management.list().await?;
    let mut alike = keys
        .iter()
        .filter(|key| !key.disabled && key.label.as_deref() == Some(&label))
        .filter(|key| Some(&key.hash) != new.hash.as_ref());
    match (alike.next(), alike.next()) {
        (Some(key), None) => {
            app.management.disable(&key.hash).await?;
            Ok(OldKey::Disabled)
        }
        (None, _) => Ok(left(
            "the management key's account has no key with its label",
        )),
        (Some(_), Some(_)) => Ok(left("several keys of the account have its label")),
    }
}

fn left(reason: impl Into<String>) -> OldKey {
    OldKey::Left {
        reason: reason.into(),
    }
}
