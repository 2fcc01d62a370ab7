//! The four steps of a rotation. Secrets Manager may repeat any of them, so each looks first at what is there already.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use steps_openrouter::{ApiKey, Client, KeyRecord, NewKey};
use steps_problem::Problem;
use steps_runs::{Action, Actor, AuditEntry, Check, Credential, LastRotation, OldKey, Store};
use steps_secrets::{Rotating, Secrets, StoredKey};

use crate::management::Management;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct RotateKey {
    pub(crate) management: Management,
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
}

/// What Secrets Manager hands over.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Event {
    /// The secret's ARN.
    secret_id: String,
    /// The version that the rotation makes.
    client_request_token: String,
    step: Step,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

/// How often a record that others change at the same moment is tried again.
const TRIES: u32 = 5;

impl RotateKey {
    pub(crate) async fn handle(&self, event: Event) -> Result<(), Problem> {
        let token = &event.client_request_token;
        let rotating = self.secrets.rotating(&event.secret_id, token).await?;
        match event.step {
            Step::Create => self.create(&rotating, token).await?,
            // A key made at OpenRouter is good at OpenRouter.
            Step::Set => {
                self.new_key(&rotating).await?;
            }
            Step::Test => self.test(&rotating).await?,
            Step::Finish => self.finish(rotating, token).await?,
        }
        tracing::info!(token, step = ?event.step, "done");
        Ok(())
    }

    /// Makes the new key, with the limits of the old one.
    async fn create(&self, rotating: &Rotating, token: &str) -> Result<(), Problem> {
        if self.secrets.new_key(rotating).await?.is_some() {
            return Ok(());
        }
        let credential = self.store.credential(&rotating.credential_id).await?;
        let old = self.secrets.old_key(rotating).await?;
        let old = old.ok_or_else(|| missing(rotating))?;
        let keys = self.management.list().await?;
        let new = NewKey {
            name: format!("{} ({token})", credential.name),
            ..self.limits(&old, &keys).await?
        };
        // An earlier try that ended before it stored its key: OpenRouter shows a key once, so nobody has it.
        for lost in keys
            .iter()
            .filter(|key| key.name == new.name && !key.disabled)
        {
            self.management.disable(&lost.hash).await?;
        }
        let created = self.management.create(&new).await?;
        let stored = StoredKey {
            api_key: SecretString::from(created.key.expose().to_owned()),
            hash: Some(created.record.hash),
        };
        if !self.secrets.put_new_key(rotating, &stored).await?
            && let Some(hash) = &stored.hash
        {
            self.management.disable(hash).await?;
        }
        Ok(())
    }

    /// What the old key may spend, from OpenRouter's answer to it or, where it is refused, from the account's list.
    async fn limits(&self, old: &StoredKey, keys: &[KeyRecord]) -> Result<NewKey, Problem> {
        let key = ApiKey::parse(old.api_key.expose_secret())?;
        let error = match self.openrouter.key(&key).await {
            Ok(info) => {
                return Ok(NewKey {
                    limit: info.limit,
                    limit_reset: info.limit_reset,
                    include_byok_in_limit: info.include_byok_in_limit,
                    ..NewKey::default()
                });
            }
            Err(error) => error,
        };
        let known = keys
            .iter()
            .find(|key| Some(&key.hash) == old.hash.as_ref())
            .filter(|_| error.code() == "InvalidApiKey");
        // A key without the old one's limit might spend everything: better no new key than such a one.
        let record = known.ok_or(error)?;
        Ok(NewKey {
            limit: record.limit,
            limit_reset: record.limit_reset.clone(),
            include_byok_in_limit: record.include_byok_in_limit,
            ..NewKey::default()
        })
    }

    /// OpenRouter accepts the new key. Where there is none, Secrets Manager only tries out a rotation that was just set
    /// up, and the current key serves for that.
    async fn test(&self, rotating: &Rotating) -> Result<(), Problem> {
        let stored = match self.secrets.new_key(rotating).await? {
            Some(new) => new,
            None => self
                .secrets
                .old_key(rotating)
                .await?
                .ok_or_else(|| missing(rotating))?,
        };
        let key = ApiKey::parse(stored.api_key.expose_secret())?;
        self.openrouter.key(&key).await?;
        Ok(())
    }

    /// The new key is the current one from now on, and the old one is refused. In this order: a run that reads the key
    /// again in between gets a good one.
    async fn finish(&self, mut rotating: Rotating, token: &str) -> Result<(), Problem> {
        let new = self.new_key(&rotating).await?;
        self.secrets.make_current(&mut rotating).await?;
        let old = self.secrets.old_key(&rotating).await?;
        let retired = self.retire(old.as_ref(), &new).await;
        let old_four = old.as_ref().and_then(|old| last_four(old).ok());
        self.record(&rotating, token, &new, old_four, &retired.old_key)
            .await?;
        match retired.problem {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// Tells of the rotation once, and once more where a repeat has disabled the old key that was left before.
    async fn record(
        &self,
        rotating: &Rotating,
        token: &str,
        new: &StoredKey,
        old_four: Option<String>,
        old_key: &OldKey,
    ) -> Result<(), Problem> {
        let id = &rotating.credential_id;
        for _ in 0..TRIES {
            let before = self.store.credential(id).await?;
            let told = before.last_rotation.as_ref().is_some_and(|last| {
                last.version == token
                    && (last.old_key == *old_key || last.old_key == OldKey::Disabled)
            });
            if told {
                return Ok(());
            }
            let now = Timestamp::now();
            // Its owner may have put a key of theirs in the new one's place meanwhile.
            let current = StoredKey::new(self.secrets.read_again(id).await?);
            let after = Credential {
                last_four: last_four(&current)?,
                last_check: Some(Check::new(now, None)),
                last_rotation: Some(LastRotation {
                    at: format!("{now:.3}"),
                    version: token.to_owned(),
                    old_key: old_key.clone(),
                }),
                ..before.clone()
            };
            let details = json!({
                "lastFour": last_four(new)?,
                "lastFourBefore": old_four,
                "oldKey": old_key,
            });
            let actor = Actor {
                principal: "secrets-manager".to_owned(),
                source_ip: None,
            };
            let entry = AuditEntry::now(Action::Rotated, &actor, details);
            match self.store.change_credential(&before, after, &entry).await {
                Err(steps_runs::Error::Conflict { .. }) => {}
                changed => return changed.map(|_| ()).map_err(Problem::from),
            }
        }
        Err(steps_runs::Error::Conflict {
            what: "credential",
            id: id.clone(),
        }
        .into())
    }

    async fn new_key(&self, rotating: &Rotating) -> Result<StoredKey, Problem> {
        let new = self.secrets.new_key(rotating).await?;
        new.ok_or_else(|| missing(rotating))
    }
}

fn last_four(stored: &StoredKey) -> Result<String, steps_openrouter::Error> {
    Ok(ApiKey::parse(stored.api_key.expose_secret())?.last_four())
}

/// A step before this one has not been done.
fn missing(rotating: &Rotating) -> Problem {
    steps_secrets::Error::NotRotating {
        id: rotating.credential_id.clone(),
    }
    .into()
}
