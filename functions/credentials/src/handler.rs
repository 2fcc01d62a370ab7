//! A key comes in once, is checked, goes to Secrets Manager, and is never shown again. Each change leaves a row that
//! tells who made it.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;
use steps_lambda::{Answer, Request};
use steps_openrouter::{ApiKey, Client};
use steps_problem::Problem;
use steps_runs::{Check, Store};
use steps_secrets::Secrets;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    /// The function that rotates keys, where the stack has one.
    pub(crate) rotate_key_arn: Option<String>,
}

impl Credentials {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let id = || request.parameter("id");
        match request.route() {
            "POST /credentials" => self.create(request.json()?, request.actor()).await,
            "GET /credentials" => self.list(request).await,
            "GET /credentials/{id}" => self.get(id()?).await,
            "PUT /credentials/{id}" => self.change(id()?, request.json()?, request.actor()).await,
            "DELETE /credentials/{id}" => self.delete(id()?, request).await,
            "POST /credentials/{id}/check" => self.check(id()?).await,
            "POST /credentials/{id}/restore" => self.restore(id()?, request).await,
            "POST /credentials/{id}/rotate" => self.rotate(id()?, request.actor()).await,
            "GET /credentials/{id}/audit" => self.audit(id()?, request).await,
            _ => Err(request.no_route()),
        }
    }

    async fn list(&self, request: &Request) -> Result<Answer, Problem> {
        if request.flag("deleted")? == Some(true) {
            let credentials = self.store.deleted_credentials().await?;
            return Answer::json(200, &json!({ "credentials": credentials }));
        }
        let credentials = self.store.credentials().await?;
        Answer::json(200, &json!({ "credentials": credentials }))
    }

    async fn check(&self, reference: &str) -> Result<Answer, Problem> {
        let mut credential = self.store.credential(reference).await?;
        let stored = self.secrets.read_again(&credential.id).await?;
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
        self.store.record_check(&credential.id, &check).await?;
        credential.last_check = Some(check);
        Answer::json(200, &credential)
    }

    /// What was done to it; a deleted one is found by its id.
    async fn audit(&self, reference: &str, request: &Request) -> Result<Answer, Problem> {
        let limit = request.number("limit", 1..=100, 50)?;
        let known = self.store.credential(reference).await;
        let id = known
            .as_ref()
            .map_or(reference, |credential| credential.id.as_str());
        let page = self
            .store
            .audit_of(id, limit as usize, request.query("cursor"))
            .await?;
        if page.rows.is_empty() && request.query("cursor").is_none() {
            known?;
        }
        Answer::json(200, &json!({ "audit": page.rows, "cursor": page.cursor }))
    }
}
