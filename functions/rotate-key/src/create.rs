//! The first step, `createSecret`: makes the new key.

use steps_openrouter::{Error, KeyRecord, NewKey};
use steps_problem::Problem;
use steps_secrets::{Rotating, StoredKey};

use crate::app::App;
use crate::stored::missing;

/// Makes the new key at OpenRouter, with the limits and the end of the old one, and stores it as the pending version.
pub(crate) async fn create(app: &App, rotating: &Rotating, token: &str) -> Result<(), Problem> {
    if app.secrets.new_key(rotating).await?.is_some() {
        return Ok(());
    }
    let credential = app.store.credentials().get(&rotating.credential_id).await?;
    let old = app.secrets.old_key(rotating).await?;
    let old = old.ok_or_else(|| missing(rotating))?;
    let keys = app.management.list().await?;
    let new = NewKey {
        name: format!("{} ({token})", credential.name),
        ..limits(app, &old, &keys).await?
    };
    // Keys of earlier tries that ended before they stored their key. OpenRouter shows a key once, so nobody has these.
    for lost in keys
        .iter()
        .filter(|key| key.name == new.name && !key.disabled)
    {
        app.management.disable(&lost.hash).await?;
    }
    let created = app.management.create(&new).await?;
    let stored = StoredKey {
        api_key: created.key,
        hash: Some(created.record.hash),
        replaces: app.secrets.current_version(rotating),
    };
    if !app.secrets.put_new_key(rotating, &stored).await?
        && let Some(hash) = &stored.hash
    {
        app.management.disable(hash).await?;
    }
    Ok(())
}

/// What the old key may spend, from OpenRouter's answer to it or, where it is refused, from the account's list.
async fn limits(app: &App, old: &StoredKey, keys: &[KeyRecord]) -> Result<NewKey, Problem> {
    let error = match app.openrouter.key(&old.api_key).await {
        Ok(info) => {
            return Ok(NewKey {
                limit: info.limit,
                limit_reset: info.limit_reset,
                include_byok_in_limit: info.include_byok_in_limit,
                expires_at: info.expires_at,
                ..NewKey::default()
            });
        }
        Err(error) => error,
    };
    let known = keys
        .iter()
        .find(|key| Some(&key.hash) == old.hash.as_ref())
        .filter(|_| matches!(error, Error::InvalidApiKey(_)));
    // A new key without the old one's limit could spend everything, so none is made.
    let record = known.ok_or(error)?;
    Ok(NewKey {
        limit: record.limit,
        limit_reset: record.limit_reset.clone(),
        include_byok_in_limit: record.include_byok_in_limit,
        expires_at: record.expires_at.clone(),
        ..NewKey::default()
    })
}
