//! A key comes in once, is checked, goes to Secrets Manager, and is never shown again.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use steps_lambda::{Answer, Request};
use steps_openrouter::{ApiKey, Client};
use steps_problem::{Fault, Problem};
use steps_runs::{Check, Credential, Store};
use steps_secrets::Secrets;
use uuid::Uuid;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
}

const PROVIDER: &str = "openrouter";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewCredential {
    name: String,
    #[serde(default = "provider")]
    provider: String,
    api_key: SecretString,
}

fn provider() -> String {
    PROVIDER.to_owned()
}

impl Credentials {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        match request.route() {
            ("POST", path) if path == ["credentials"] => self.create(request.json()?).await,
            ("GET", path) if path == ["credentials"] => self.list().await,
            (method, path) => match (method, path.as_slice()) {
                ("GET", ["credentials", id]) => {
                    Answer::json(200, &self.store.credential(id).await?)
                }
                ("POST", ["credentials", id, "check"]) => self.check(id).await,
                ("DELETE", ["credentials", id]) => self.delete(id).await,
                _ => Err(request.no_route()),
            },
        }
    }

    async fn create(&self, new: NewCredential) -> Result<Answer, Problem> {
        let name = new.name.trim();
        let mut faults = Vec::new();
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            faults.push(Fault::at(
                "name",
                "a name has 1 to 64 characters, none of them a control character",
            ));
        }
        if new.provider != PROVIDER {
            faults.push(Fault::at("provider", "the only provider is `openrouter`"));
        }
        let api_key = match ApiKey::parse(new.api_key.expose_secret()) {
            Ok(api_key) => Some(api_key),
            Err(error) => {
                faults.push(Fault::at("apiKey", error.to_string()));
                None
            }
        };
        let Some(api_key) = api_key.filter(|_| faults.is_empty()) else {
            return Err(Problem::new(
                400,
                "InvalidCredential",
                "Invalid Credential",
                "the credential cannot be stored as it is",
            )
            .solution(["Correct the fields named in `faults`"])
            .faults(faults));
        };
        let known = self.store.credentials().await?;
        if known.iter().any(|credential| credential.name == name) {
            return Err(steps_runs::Error::NameTaken {
                what: "credential",
                name: name.to_owned(),
            }
            .into());
        }
        let key = self.openrouter.key(&api_key).await?;
        if key.is_management_key {
            return Err(Problem::new(
                400,
                "ManagementKey",
                "Management Key",
                "this is a management key, which cannot run models",
            )
            .solution(["Create an ordinary key at https://openrouter.ai/settings/keys"]));
        }
        let now = Timestamp::now();
        let credential = Credential {
            id: Uuid::now_v7().to_string(),
            name: name.to_owned(),
            provider: new.provider,
            last_four: api_key.last_four(),
            created_at: format!("{now:.3}"),
            last_check: Some(Check::new(now, None)),
            max_cost_usd_per_day: None,
        };
        let secret = SecretString::from(api_key.expose().to_owned());
        self.secrets.put(&credential.id, &secret).await?;
        if let Err(error) = self.store.add_credential(&credential).await {
            // Without its record nobody could find the key again.
            self.secrets.delete(&credential.id).await?;
            return Err(error.into());
        }
        let location = format!("/credentials/{}", credential.id);
        Ok(Answer::json(201, &credential)?.location(location))
    }

    async fn list(&self) -> Result<Answer, Problem> {
        let credentials = self.store.credentials().await?;
        Answer::json(200, &json!({ "credentials": credentials }))
    }

    async fn check(&self, id: &str) -> Result<Answer, Problem> {
        let mut credential = self.store.credential(id).await?;
        let stored = self.secrets.read_again(id).await?;
        let refusal = match ApiKey::parse(stored.expose_secret()) {
            Ok(key) => self.openrouter.key(&key).await.err(),
            Err(error) => Some(error),
        };
        // What does not say anything about the key is no result of the check.
        if let Some(error) = &refusal
            && error.retryable()
        {
            return Err(Problem::from(error));
        }
        let code = refusal.map(|error| error.code().to_owned());
        let check = Check::new(Timestamp::now(), code);
        self.store.record_check(id, &check).await?;
        credential.last_check = Some(check);
        Answer::json(200, &credential)
    }

    async fn delete(&self, id: &str) -> Result<Answer, Problem> {
        self.store.remove_credential(id).await?;
        self.secrets.delete(id).await?;
        Ok(Answer::empty())
    }
}
