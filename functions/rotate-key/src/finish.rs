//! The fourth step, `finishSecret`: the new key is current, the old one is retired, and the record says so.

use jiff::Timestamp;
use serde_json::json;
use steps_problem::Problem;
use steps_secrets::{Rotating, StoredKey};
use steps_store::{
    Action, Actor, AuditEntry, Check, Credential, LastRotation, OldKey, retry_conflict,
};

use crate::app::App;
use crate::retire::retire;
use crate::stored::new_key;

/// Makes the new key the current one, then disables the old one. In this order, because a run may
/// read the key again in between, and then gets a good one.
pub(crate) async fn finish(app: &App, mut rotating: Rotating, token: &str) -> Result<(), Problem> {
    let new = new_key(app, &rotating).await?;
    if app.secrets.is_overtaken(&rotating, &new) {
        return give_up(app, &rotating, &new).await;
    }
    app.secrets.make_current(&mut rotating).await?;
    let old = app.secrets.old_key(&rotating).await?;
    let retired = retire(app, old.as_ref(), &new).await;
    let old_four = old.as_ref().map(|old| old.api_key.last_four());
    record(app, &rotating, token, &new, old_four, &retired.old_key).await?;
    match retired.problem {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// The key's owner has put another one since the rotation began: that one stays, and the new one is disabled.
async fn give_up(app: &App, rotating: &Rotating, new: &StoredKey) -> Result<(), Problem> {
    if let Some(hash) = &new.hash {
        app.management.disable(hash).await?;
    }
    app.secrets.give_up(rotating).await?;
    Err(Problem::new(
        409,
        "RotationOvertaken",
        "Rotation Overtaken",
        "the key was replaced while it was being rotated: the key that was put is current, and the one that the rotation made is disabled",
    )
    .solution(["Nothing has to be done: the next rotation begins with the key that was put"]))
}

/// Records the rotation once, and once more where a repeat has disabled an old key that the first try left as it was.
async fn record(
    app: &App,
    rotating: &Rotating,
    token: &str,
    new: &StoredKey,
    old_four: Option<String>,
    old_key: &OldKey,
) -> Result<(), Problem> {
    let id = &rotating.credential_id;
    retry_conflict(async || {
        let before = app.store.credentials().get(id).await?;
        let told = before.last_rotation.as_ref().is_some_and(|last| {
            last.version == token && (last.old_key == *old_key || last.old_key == OldKey::Disabled)
        });
        if told {
            return Ok(Ok(()));
        }
        let now = Timestamp::now();
        // Meanwhile the credential's owner may have replaced the new key by another one.
        let current = app.secrets.read_again(id).await?;
        let after = Credential {
            last_four: current.last_four(),
            last_check: Some(Check::new(now, None)),
            last_rotation: Some(LastRotation {
                at: now,
                version: token.to_owned(),
                old_key: old_key.clone(),
            }),
            ..before.clone()
        };
        let details = json!({
            "lastFour": new.api_key.last_four(),
            "lastFourBefore": old_four,
            "oldKey": old_key,
        });
        let actor = Actor {
            principal: "secrets-manager".to_owned(),
            source_ip: None,
        };
        let entry = AuditEntry::now(Action::Rotated, &actor, details);
        let changed = app.store.credentials().change(&before, after, &entry).await;
        Ok(changed.map(drop))
    })
    .await
}
