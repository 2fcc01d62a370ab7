//! A new credential, and what every key and name has to be.

use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use steps_lambda::Answer;
use steps_openrouter::ApiKey;
use steps_problem::{Fault, Problem, redact};
use steps_runs::{Action, Actor, AuditEntry, Check, Credential};
use uuid::Uuid;

use crate::handler::Credentials;

const PROVIDER: &str = "openrouter";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewCredential {
    name: String,
    #[serde(default = "provider")]
    provider: String,
    api_key: SecretString,
    #[serde(default)]
    max_cost_usd_per_day: Option<Decimal>,
}

fn provider() -> String {
    PROVIDER.to_owned()
}

impl Credentials {
    pub(crate) async fn create(
        &self,
        new: NewCredential,
        actor: &Actor,
    ) -> Result<Answer, Problem> {
        let mut faults = Vec::new();
        let name = checked_name(&new.name, &mut faults);
        if new.provider != PROVIDER {
            faults.push(Fault::at("provider", "the only provider is `openrouter`"));
        }
        let api_key = parsed_key(&new.api_key, &mut faults);
        check_limit(new.max_cost_usd_per_day, &mut faults);
        let Some(api_key) = api_key.filter(|_| faults.is_empty()) else {
            return Err(invalid(faults));
        };
        self.name_is_free(name).await?;
        self.accepted(&api_key).await?;
        let now = Timestamp::now();
        let credential = Credential {
            id: Uuid::now_v7().to_string(),
            name: name.to_owned(),
            provider: new.provider,
            last_four: api_key.last_four(),
            created_at: format!("{now:.3}"),
            last_used_at: None,
            last_check: Some(Check::new(now, None)),
            max_cost_usd_per_day: new.max_cost_usd_per_day,
            rotation: None,
            last_rotation: None,
            revision: 1,
        };
        let details = json!({ "name": credential.name, "lastFour": credential.last_four });
        let entry = AuditEntry::now(Action::Created, actor, details);
        let secret = SecretString::from(api_key.expose().to_owned());
        self.secrets.put(&credential.id, &secret).await?;
        if let Err(error) = self.store.add_credential(&credential, &entry).await {
            // Without its record nobody could find the key again.
            self.secrets.delete(&credential.id).await?;
            return Err(error.into());
        }
        let location = format!("/credentials/{}", credential.id);
        Ok(Answer::json(201, &credential)?.location(location))
    }

    /// Tells a name in use before anything is done; the claim on it tells one taken meanwhile.
    pub(crate) async fn name_is_free(&self, name: &str) -> Result<(), Problem> {
        let known = self.store.credentials().await?;
        if known.iter().any(|credential| credential.name == name) {
            return Err(steps_runs::Error::NameTaken {
                what: "credential",
                name: name.to_owned(),
            }
            .into());
        }
        Ok(())
    }

    /// Asks OpenRouter whether the key is good for models.
    pub(crate) async fn accepted(&self, api_key: &ApiKey) -> Result<(), Problem> {
        if !self.openrouter.key(api_key).await?.is_management_key {
            return Ok(());
        }
        Err(Problem::new(
            400,
            "ManagementKey",
            "Management Key",
            "this is a management key, which cannot run models",
        )
        .solution(["Create an ordinary key at https://openrouter.ai/settings/keys"]))
    }
}

/// The name without blanks around it. References are ids or names, so no name may look like an id.
pub(crate) fn checked_name<'a>(name: &'a str, faults: &mut Vec<Fault>) -> &'a str {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        faults.push(Fault::at(
            "name",
            "a name has 1 to 64 characters, none of them a control character",
        ));
    } else if Uuid::try_parse(name).is_ok() {
        faults.push(Fault::at("name", "a name must not look like an id"));
    } else if redact(name) != name {
        faults.push(Fault::at(
            "name",
            "a name must not hold a key: names are shown and logged",
        ));
    }
    name
}

pub(crate) fn check_limit(limit: Option<Decimal>, faults: &mut Vec<Fault>) {
    if limit.is_some_and(|limit| limit < Decimal::ZERO) {
        faults.push(Fault::at("maxCostUsdPerDay", "must not be negative"));
    }
}

pub(crate) fn parsed_key(api_key: &SecretString, faults: &mut Vec<Fault>) -> Option<ApiKey> {
    match ApiKey::parse(api_key.expose_secret()) {
        Ok(api_key) => Some(api_key),
        Err(error) => {
            faults.push(Fault::at("apiKey", error.to_string()));
            None
        }
    }
}

pub(crate) fn invalid(faults: Vec<Fault>) -> Problem {
    Problem::new(
        400,
        "InvalidCredential",
        "Invalid Credential",
        "the credential cannot be stored as it is",
    )
    .solution(["Correct the fields named in `faults`"])
    .faults(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_printable_no_id_and_no_key() {
        let faults = |name: &str| {
            let mut faults = Vec::new();
            checked_name(name, &mut faults);
            faults.len()
        };
        for good in ["main", " main ", "Team A / EU", &"x".repeat(64)] {
            assert_eq!(faults(good), 0, "{good}");
        }
        for bad in [
            "",
            "  ",
            "a\nb",
            &"x".repeat(65),
            "019ab000-0000-7000-8000-000000000000",
            "key sk-or-v1-abc",
        ] {
            assert_eq!(faults(bad), 1, "{bad}");
        }
    }
}
