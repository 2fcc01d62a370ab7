//! The secrets that sign workflows' callbacks, each with its private key. After a replacement the ones before sign too, for a
//! while.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use steps_fresh::Fresh;

use crate::named::{Name, NamedError};
use crate::vault::{Refusal, Vault};

/// How many versions a warm function remembers at most.
const REMEMBERED: usize = 1000;

/// The callback secrets under one prefix of Secrets Manager.
///
/// A version never changes, so a warm function remembers it without end. The workflow's record names the version to use, so
/// an old one is never used by mistake.
#[derive(Debug)]
pub struct CallbackVault {
    vault: Vault,
    remembered: Fresh<String, CallbackKeys>,
}

/// What signs a post: the shared secret and the private key.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackPair {
    /// `whsec_` and base64; the receivers have it too.
    pub secret: SecretString,
    /// `whsk_` and base64; nobody else has it.
    pub private_key: SecretString,
}

/// A workflow's pair and, for a while, what signed before it.
#[derive(Debug, Clone, Deserialize)]
pub struct CallbackKeys {
    current: CallbackPair,
    previous: Option<Previous>,
}

#[derive(Debug, Clone, Deserialize)]
struct Previous {
    /// `None` for the secret of the stack.
    pair: Option<CallbackPair>,
    /// Seconds since 1970.
    until: i64,
}

/// Something that signs a post.
#[derive(Debug, Clone)]
pub enum Signer {
    /// A pair of the workflow's own.
    Own(CallbackPair),
    /// The secret of the stack.
    Stack,
}

impl CallbackKeys {
    /// A workflow's first pair. The stack's secret signs beside it until `until` (seconds since 1970).
    pub fn first(pair: CallbackPair, until: i64) -> Self {
        Self {
            current: pair,
            previous: Some(Previous { pair: None, until }),
        }
    }

    /// The new `pair`. This one signs beside it until `until` (seconds since 1970).
    #[must_use]
    pub fn replaced_by(&self, pair: CallbackPair, until: i64) -> Self {
        Self {
            current: pair,
            previous: Some(Previous {
                pair: Some(self.current.clone()),
                until,
            }),
        }
    }

    /// What signs at `now` (seconds since 1970), the newest first.
    pub fn good_at(&self, now: i64) -> Vec<Signer> {
        let previous = self.previous.iter().filter(|previous| now < previous.until);
        let previous = previous.map(|previous| match &previous.pair {
            Some(pair) => Signer::Own(pair.clone()),
            None => Signer::Stack,
        });
        std::iter::once(Signer::Own(self.current.clone()))
            .chain(previous)
            .collect()
    }

    fn stored(&self) -> String {
        let previous = self.previous.as_ref().map(|previous| {
            json!({ "pair": previous.pair.as_ref().map(stored), "until": previous.until })
        });
        json!({ "current": stored(&self.current), "previous": previous }).to_string()
    }
}

fn stored(pair: &CallbackPair) -> Value {
    json!({
        "secret": pair.secret.expose_secret(),
        "privateKey": pair.private_key.expose_secret(),
    })
}

impl CallbackVault {
    /// Secrets named `<prefix>/<id>`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            vault: Vault::new(client, prefix),
            remembered: Fresh::new(Duration::MAX, REMEMBERED),
        }
    }

    /// Stores a workflow's first keys; gives their version.
    pub async fn create(&self, id: &str, keys: &CallbackKeys) -> Result<String, NamedError> {
        let description = "Signs a workflow's callbacks, stored by openrouter-steps";
        let made = self.vault.create(id, description, keys.stored()).await;
        made.map_err(refused)
    }

    /// Stores the next version, and gives it. The versions before it can still be read.
    pub async fn replace(&self, id: &str, keys: &CallbackKeys) -> Result<String, NamedError> {
        self.vault.replace(id, keys.stored()).await.map_err(refused)
    }

    /// One version. A warm function that has read it before takes it from memory.
    pub async fn read(&self, id: &str, version: &str) -> Result<CallbackKeys, NamedError> {
        if let Some(keys) = self.remembered.get(version) {
            return Ok(keys);
        }
        let text = self
            .vault
            .read_version(id, version)
            .await
            .map_err(refused)?;
        let keys: CallbackKeys =
            serde_json::from_str(text.expose_secret()).map_err(|_| refused(Refusal::Missing))?;
        self.remembered.put(version.to_owned(), keys.clone());
        Ok(keys)
    }

    /// Schedules the deletion. A secret that is gone already is no error.
    pub async fn delete(&self, id: &str) -> Result<(), NamedError> {
        self.vault.delete(id).await.map_err(refused)
    }
}

fn refused(refusal: Refusal) -> NamedError {
    NamedError {
        name: Name::WorkflowCallbackSecret,
        refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> CallbackPair {
        CallbackPair {
            secret: SecretString::from(format!("whsec_{name}")),
            private_key: SecretString::from(format!("whsk_{name}")),
        }
    }

    fn signers(keys: &CallbackKeys, now: i64) -> Vec<String> {
        let signers = keys.good_at(now).into_iter();
        let name = |signer| match signer {
            Signer::Own(pair) => pair.secret.expose_secret().to_owned(),
            Signer::Stack => "stack".to_owned(),
        };
        signers.map(name).collect()
    }

    #[test]
    fn what_signed_before_signs_too_until_the_overlap_ends() {
        let first = CallbackKeys::first(pair("first"), 100);
        let read =
            |keys: &CallbackKeys| -> CallbackKeys { serde_json::from_str(&keys.stored()).unwrap() };
        let first = read(&first);
        assert_eq!(signers(&first, 99), ["whsec_first", "stack"]);
        assert_eq!(signers(&first, 100), ["whsec_first"]);
        let second = read(&first.replaced_by(pair("second"), 200));
        assert_eq!(signers(&second, 199), ["whsec_second", "whsec_first"]);
        assert_eq!(signers(&second, 200), ["whsec_second"]);
        let third = second.replaced_by(pair("third"), 300);
        assert!(!third.stored().contains("first"));
        assert!(!format!("{third:?}").contains("third"));
    }
}
