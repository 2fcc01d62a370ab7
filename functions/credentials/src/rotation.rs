//! Rotation by Secrets Manager, for stacks that have OpenRouter's management key.

use serde_json::json;
use steps_lambda::Answer;
use steps_problem::{Fault, Problem};
use steps_runs::{Action, Actor, AuditEntry, Credential, Rotation};

use crate::handler::Credentials;

/// Secrets Manager's most.
const MOST_DAYS: u16 = 1000;

pub(crate) fn checked_rotation(rotation: &Rotation, faults: &mut Vec<Fault>) {
    if !(1..=MOST_DAYS).contains(&rotation.every_days) {
        faults.push(Fault::at(
            "rotation.everyDays",
            format!("a key is rotated every 1 to {MOST_DAYS} days"),
        ));
    }
}

impl Credentials {
    /// The function that rotates keys, or how to get one.
    pub(crate) fn rotate_key_arn(&self) -> Result<&str, Problem> {
        self.rotate_key_arn.as_deref().ok_or_else(|| {
            Problem::new(
                409,
                "RotationNotConfigured",
                "Rotation Not Configured",
                "this stack has no management key of OpenRouter, which rotation makes and disables keys with",
            )
            .solution([
                "Create a management key at https://openrouter.ai/settings/management-keys",
                "Store it in Secrets Manager: aws secretsmanager create-secret --name openrouter-management-key --secret-string file://key.txt",
                "Deploy the template with that secret's ARN as the parameter ManagementKeySecretArn",
                "Until then, replace the key with PUT /credentials/{id} {\"apiKey\": ...}",
            ])
        })
    }

    pub(crate) async fn set_rotation(
        &self,
        before: Credential,
        rotation: Option<Rotation>,
        actor: &Actor,
    ) -> Result<Credential, Problem> {
        match rotation {
            Some(rotation) => {
                let function = self.rotate_key_arn()?;
                let days = i64::from(rotation.every_days);
                self.secrets
                    .rotate_every(&before.id, function, days)
                    .await?;
            }
            None => self.secrets.rotate_no_more(&before.id).await?,
        }
        let details = json!({ "from": before.rotation, "to": rotation });
        let after = Credential {
            rotation,
            ..before.clone()
        };
        let entry = AuditEntry::now(Action::RotationSet, actor, details);
        Ok(self.store.change_credential(&before, after, &entry).await?)
    }

    /// Secrets Manager takes it from here; the audit tells when the key is rotated.
    pub(crate) async fn rotate(&self, reference: &str, actor: &Actor) -> Result<Answer, Problem> {
        let function = self.rotate_key_arn()?;
        let credential = self.store.credential(reference).await?;
        self.secrets.rotate_now(&credential.id, function).await?;
        let details = json!({ "lastFour": credential.last_four });
        let entry = AuditEntry::now(Action::RotationRequested, actor, details);
        self.store.audit(&credential.id, &entry).await?;
        Answer::json(202, &credential)
    }
}
