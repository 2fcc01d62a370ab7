//! The root token of the API: the one that the stack is deployed with. The text before the present one stays good for an
//! hour, so that who replaces it has the time to tell those that use it.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use secrecy::SecretString;
use steps_fresh::Fresh;

use crate::named::{Name, NamedError};
use crate::vault::{Refusal, text_of};

/// How long the text before stays good once it has been replaced.
const OVERLAP: Duration = Duration::from_secs(3600);

/// How long a warm function uses what it has read.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// A stranger's token is compared with what was read so long ago at most. Whoever sends many of them has it read no more
/// often than that.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The root token, read through a cache.
#[derive(Debug)]
pub struct RootToken {
    name: Name,
    client: Client,
    secret_id: String,
    known: Fresh<(), Vec<SecretString>>,
    just_read: Fresh<(), ()>,
}

impl RootToken {
    /// The secret with this name or ARN in Secrets Manager.
    pub fn new(client: Client, secret_id: impl Into<String>) -> Self {
        Self::of(Name::ApiToken, client, secret_id)
    }

    /// Another secret that is replaced in the same way.
    pub(crate) fn of(name: Name, client: Client, secret_id: impl Into<String>) -> Self {
        Self {
            name,
            client,
            secret_id: secret_id.into(),
            known: Fresh::new(TRUSTED_FOR, 1),
            just_read: Fresh::new(READ_AGAIN_AFTER, 1),
        }
    }

    /// The present text.
    ///
    /// # Errors
    /// [`NamedError`] where it cannot be read.
    pub(crate) async fn current(&self) -> Result<SecretString, NamedError> {
        let known = self.known.get(&());
        if let Some(text) = known.and_then(|texts| texts.into_iter().next()) {
            return Ok(text);
        }
        let texts = self.read_named().await?;
        let first = texts.first().cloned();
        self.known.put((), texts);
        first.ok_or(NamedError {
            name: self.name,
            refusal: Refusal::Missing,
        })
    }

    /// Whether `is_one` says so of a text of the token that is good now. Where it does not, the token is read again: it
    /// may have been replaced since.
    ///
    /// # Errors
    /// [`NamedError`] where it cannot be read.
    pub async fn any(&self, is_one: impl Fn(&SecretString) -> bool) -> Result<bool, NamedError> {
        if let Some(known) = self.known.get(&()) {
            if known.iter().any(&is_one) {
                return Ok(true);
            }
            if self.just_read.get(&()).is_some() {
                return Ok(false);
            }
        }
        let texts = self.read_named().await?;
        let found = texts.iter().any(&is_one);
        self.known.put((), texts);
        self.just_read.put((), ());
        Ok(found)
    }

    async fn read_named(&self) -> Result<Vec<SecretString>, NamedError> {
        let name = self.name;
        let texts = self.read().await;
        texts.map_err(|refusal| NamedError { name, refusal })
    }

    /// The present text, and the one before where it is still good.
    async fn read(&self) -> Result<Vec<SecretString>, Refusal> {
        let get = self.client.get_secret_value().secret_id(&self.secret_id);
        let current = get.send().await?;
        let made_at = current
            .created_date()
            .and_then(|at| SystemTime::try_from(*at).ok());
        let text = current.secret_string.ok_or(Refusal::Missing)?;
        let mut texts = vec![SecretString::from(text)];
        let age = made_at.and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age < OVERLAP) {
            let get = self.client.get_secret_value().secret_id(&self.secret_id);
            match text_of(get.version_stage("AWSPREVIOUS")).await {
                Ok(previous) => texts.push(previous),
                // It was never replaced.
                Err(Refusal::Missing) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(texts)
    }
}
