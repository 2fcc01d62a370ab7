//! The rotation of a key by Secrets Manager: it is switched on and off here, and here are the versions that its four
//! steps make and move.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::types::RotationRulesType;
use secrecy::ExposeSecret;

use crate::vault::{Refusal, text_of};
use crate::{Error, Secrets, StoredKey};

const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";
const PREVIOUS: &str = "AWSPREVIOUS";

/// A rotation under way, as Secrets Manager describes the secret.
#[derive(Debug)]
pub struct Rotating {
    /// The credential that the secret belongs to.
    pub credential_id: String,
    /// Whether the new version is the current one already.
    pub finished: bool,
    secret: String,
    token: String,
    current: Option<String>,
    previous: Option<String>,
    is_pending: bool,
}

impl Secrets {
    /// Lets `function` rotate the key every so many days. The first rotation is within the first period, not now.
    pub async fn rotate_every(&self, id: &str, function: &str, days: i64) -> Result<(), Error> {
        let rules = RotationRulesType::builder().automatically_after_days(days);
        self.vault
            .client
            .rotate_secret()
            .secret_id(self.vault.name(id))
            .rotation_lambda_arn(function)
            .rotation_rules(rules.build())
            .rotate_immediately(false)
            .send()
            .await
            .map_err(|error| not_rotated(id, error))?;
        Ok(())
    }

    /// Lets `function` rotate the key now. The rotation has only begun when this returns.
    pub async fn rotate_now(&self, id: &str, function: &str) -> Result<(), Error> {
        self.vault
            .client
            .rotate_secret()
            .secret_id(self.vault.name(id))
            .rotation_lambda_arn(function)
            .send()
            .await
            .map_err(|error| not_rotated(id, error))?;
        Ok(())
    }

    /// Switches rotation off.
    pub async fn rotate_no_more(&self, id: &str) -> Result<(), Error> {
        self.vault
            .client
            .cancel_rotate_secret()
            .secret_id(self.vault.name(id))
            .send()
            .await
            .map_err(|error| Error::new(id, error.into()))?;
        Ok(())
    }

    /// The rotation of which Secrets Manager asks a step. `secret` is its ARN, `token` the version that it makes.
    ///
    /// # Errors
    /// [`Error::NotRotating`] where the secret has no such version, or no rotation made it.
    pub async fn rotating(&self, secret: &str, token: &str) -> Result<Rotating, Error> {
        let described = self
            .vault
            .client
            .describe_secret()
            .secret_id(secret)
            .send()
            .await
            .map_err(|error| Error::new(secret, error.into()))?;
        let id = described
            .name
            .as_deref()
            .and_then(|name| self.vault.id(name))
            .ok_or_else(|| Error::new(secret, Refusal::Missing))?;
        let versions = described.version_ids_to_stages.unwrap_or_default();
        let at = |stage: &str| {
            versions
                .iter()
                .find(|(_, stages)| stages.iter().any(|one| one == stage))
                .map(|(version, _)| version.clone())
        };
        let current = at(CURRENT);
        let finished = current.as_deref() == Some(token);
        let is_pending = at(PENDING).as_deref() == Some(token);
        if !finished && !is_pending {
            return Err(Error::NotRotating { id: id.to_owned() });
        }
        Ok(Rotating {
            credential_id: id.to_owned(),
            finished,
            secret: secret.to_owned(),
            token: token.to_owned(),
            current,
            previous: at(PREVIOUS),
            is_pending,
        })
    }

    /// The new key; `None` where it is not stored yet.
    pub async fn new_key(&self, rotating: &Rotating) -> Result<Option<StoredKey>, Error> {
        self.key_of(rotating, Some(&rotating.token)).await
    }

    /// The old key, which the rotation replaces. It is the current version until the last step, then the previous one.
    pub async fn old_key(&self, rotating: &Rotating) -> Result<Option<StoredKey>, Error> {
        let version = if rotating.finished {
            &rotating.previous
        } else {
            &rotating.current
        };
        self.key_of(rotating, version.as_deref()).await
    }

    async fn key_of(
        &self,
        rotating: &Rotating,
        version: Option<&str>,
    ) -> Result<Option<StoredKey>, Error> {
        let id = &rotating.credential_id;
        let Some(version) = version else {
            return Ok(None);
        };
        let get = self
            .vault
            .client
            .get_secret_value()
            .secret_id(&rotating.secret)
            .version_id(version);
        match text_of(get).await {
            Ok(text) if text.expose_secret().is_empty() => Ok(None),
            Ok(text) => StoredKey::parse(id, &text).map(Some),
            Err(Refusal::Missing) => Ok(None),
            Err(refusal) => Err(Error::new(id, refusal)),
        }
    }

    /// Stores the new key beside the current one; `false` where a repeat of this step has stored one already.
    pub async fn put_new_key(&self, rotating: &Rotating, key: &StoredKey) -> Result<bool, Error> {
        let put = self
            .vault
            .client
            .put_secret_value()
            .secret_id(&rotating.secret)
            .client_request_token(&rotating.token)
            .version_stages(PENDING)
            .secret_string(key.text())
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ResourceExistsException") => Ok(false),
            Err(error) => Err(Error::new(&rotating.credential_id, error.into())),
        }
    }

    /// Whether the key was replaced by its owner since the rotation made this new one. The oldest rotations did not note what
    /// they began with.
    pub fn is_overtaken(&self, rotating: &Rotating, new: &StoredKey) -> bool {
        !rotating.finished && new.replaces.is_some() && new.replaces != rotating.current
    }

    /// The version of the secret that is current; it is replaced unless its owner replaces it first.
    pub fn current_version(&self, rotating: &Rotating) -> Option<String> {
        rotating.current.clone()
    }

    /// Ends the rotation without a new key: the label AWSPENDING goes, and the current key stays.
    pub async fn give_up(&self, rotating: &Rotating) -> Result<(), Error> {
        if rotating.is_pending {
            self.vault
                .client
                .update_secret_version_stage()
                .secret_id(&rotating.secret)
                .version_stage(PENDING)
                .remove_from_version_id(&rotating.token)
                .send()
                .await
                .map_err(|error| Error::new(&rotating.credential_id, error.into()))?;
        }
        Ok(())
    }

    /// Makes the new key the current version; the old one becomes the previous. A repeat changes nothing.
    pub async fn make_current(&self, rotating: &mut Rotating) -> Result<(), Error> {
        let stage = || {
            self.vault
                .client
                .update_secret_version_stage()
                .secret_id(&rotating.secret)
        };
        if !rotating.finished {
            stage()
                .version_stage(CURRENT)
                .move_to_version_id(&rotating.token)
                .set_remove_from_version_id(rotating.current.clone())
                .send()
                .await
                .map_err(|error| Error::new(&rotating.credential_id, error.into()))?;
        }
        if rotating.is_pending {
            // The label AWSPENDING is removed: left where it is, the rotation would look as if it never ended.
            stage()
                .version_stage(PENDING)
                .remove_from_version_id(&rotating.token)
                .send()
                .await
                .map_err(|error| Error::new(&rotating.credential_id, error.into()))?;
        }
        if !rotating.finished {
            rotating.previous = rotating.current.replace(rotating.token.clone());
        }
        rotating.finished = true;
        rotating.is_pending = false;
        Ok(())
    }
}

fn not_rotated<E, R>(id: &str, error: aws_sdk_secretsmanager::error::SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    // AWS answers these texts while a rotation is under way, and after one that failed half way.
    if error.code() == Some("InvalidRequestException") {
        return Error::RotationUnderWay { id: id.to_owned() };
    }
    Error::new(id, error.into())
}
