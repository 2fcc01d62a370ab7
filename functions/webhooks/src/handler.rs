//! A secret is shown in the one answer that made it. A secret's version is written first and counts once the record
//! names it, so of two changes at once one wins whole.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use steps_lambda::{Answer, Request};
use steps_problem::{Fault, Problem};
use steps_runs::{SecretVersion, Store, Webhook};
use steps_secrets::{WebhookSecret, WebhookSecrets};
use steps_webhooks::{Mode, check_secret, generate_secret};
use uuid::Uuid;

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Webhooks {
    pub(crate) store: Store,
    pub(crate) secrets: WebhookSecrets,
}

/// Seconds that a signed time may be off, both ways: the default, and the most.
const TOLERANCE: u32 = 300;
const MOST_TOLERANCE: u32 = 86_400;

/// Seconds that an old secret stays good behind a new one: the default, and the most.
const OVERLAP: u32 = 86_400;
const MOST_OVERLAP: u32 = 30 * 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutBody {
    mode: Mode,
    #[serde(default = "tolerance")]
    tolerance_seconds: u32,
    #[serde(default = "enabled")]
    enabled: bool,
    #[serde(default)]
    secret: Option<SecretString>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RotateBody {
    #[serde(default)]
    overlap_seconds: Option<u32>,
    #[serde(default)]
    secret: Option<SecretString>,
}

fn tolerance() -> u32 {
    TOLERANCE
}

fn enabled() -> bool {
    true
}

impl Webhooks {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let workflow = request.parameter("id")?;
        let name = || request.parameter("webhook");
        match request.route() {
            "GET /workflows/{id}/webhooks" => self.list(workflow).await,
            "PUT /workflows/{id}/webhooks/{webhook}" => {
                self.put(workflow, name()?, request.json()?).await
            }
            "GET /workflows/{id}/webhooks/{webhook}" => {
                let webhook = self.store.webhook(workflow, name()?).await?;
                Answer::json(200, &shown(&webhook))
            }
            "POST /workflows/{id}/webhooks/{webhook}/rotate" => {
                let body = if request.has_body() {
                    request.json()?
                } else {
                    RotateBody::default()
                };
                self.rotate(workflow, name()?, body).await
            }
            "DELETE /workflows/{id}/webhooks/{webhook}" => {
                let removed = self.store.remove_webhook(workflow, name()?).await?;
                if let Some(at) = &removed.secret {
                    self.secrets.delete(&at.id).await?;
                }
                Ok(Answer::empty())
            }
            _ => Err(request.no_route()),
        }
    }

    async fn list(&self, workflow: &str) -> Result<Answer, Problem> {
        // An unknown workflow is told from one without webhooks.
        self.store.workflow(workflow).await?;
        let webhooks = self.store.webhooks(workflow).await?;
        let webhooks: Vec<Value> = webhooks.iter().map(shown).collect();
        Answer::json(200, &json!({ "webhooks": webhooks }))
    }

    /// The secret stays where the mode does and none is given.
    async fn put(&self, workflow: &str, name: &str, body: PutBody) -> Result<Answer, Problem> {
        let mut faults = name_faults(name);
        if !(1..=MOST_TOLERANCE).contains(&body.tolerance_seconds) {
            faults.push(Fault::at(
                "toleranceSeconds",
                format!("must be from 1 to {MOST_TOLERANCE}"),
            ));
        }
        faults.extend(secret_fault(body.mode, body.secret.as_ref()));
        refuse(faults)?;
        self.store.workflow(workflow).await?;
        let before = self.store.find_webhook(workflow, name).await?;
        let keeps = body.secret.is_none() && before.as_ref().is_some_and(|b| b.mode == body.mode);
        let now = format!("{:.3}", Timestamp::now());
        let mut webhook = Webhook {
            workflow_id: workflow.to_owned(),
            name: name.to_owned(),
            mode: body.mode,
            tolerance_seconds: body.tolerance_seconds,
            enabled: body.enabled,
            secret: None,
            created_at: before
                .as_ref()
                .map_or_else(|| now.clone(), |before| before.created_at.clone()),
            rotated_at: None,
            previous_until: None,
            revision: before.as_ref().map_or(0, |before| before.revision) + 1,
        };
        let status = if before.is_some() { 200 } else { 201 };
        if let Some(before) = before.as_ref().filter(|_| keeps) {
            webhook.secret.clone_from(&before.secret);
            webhook.rotated_at.clone_from(&before.rotated_at);
            webhook.previous_until.clone_from(&before.previous_until);
            self.store.put_webhook(&webhook).await?;
            return answer(status, &webhook, None);
        }
        let kept_at = before.and_then(|before| before.secret);
        let made = match (body.mode, body.secret) {
            (Mode::None, _) => None,
            (_, Some(given)) => Some((given, false)),
            // Stripe makes an endpoint's secret itself, and takes none.
            (Mode::Stripe, None) => {
                return Err(invalid(vec![Fault::at(
                    "secret",
                    "mode `stripe` needs the endpoint's signing secret, which Stripe shows once the endpoint is made",
                )]));
            }
            (mode, None) => Some((generate(mode)?, true)),
        };
        if let Some((secret, _)) = &made {
            let secret = WebhookSecret::new(secret.clone());
            webhook.secret = Some(self.keep(kept_at.as_ref(), &secret).await?);
            if status == 200 {
                webhook.rotated_at = Some(now);
            }
        }
        if let Err(error) = self.store.put_webhook(&webhook).await {
            if let (None, Some(at)) = (&kept_at, &webhook.secret) {
                // Without its record nobody could find the secret again.
                self.secrets.delete(&at.id).await?;
            }
            return Err(error.into());
        }
        if let (Some(at), None) = (&kept_at, &webhook.secret) {
            self.secrets.delete(&at.id).await?;
        }
        let shown = made.filter(|(_, generated)| *generated);
        answer(status, &webhook, shown.map(|(secret, _)| secret))
    }

    /// A new secret; the old one stays good for the overlap.
    async fn rotate(
        &self,
        workflow: &str,
        name: &str,
        body: RotateBody,
    ) -> Result<Answer, Problem> {
        let mut webhook = self.store.webhook(workflow, name).await?;
        let overlap = body.overlap_seconds.unwrap_or(OVERLAP);
        let mut faults = Vec::new();
        if overlap > MOST_OVERLAP {
            faults.push(Fault::at(
                "overlapSeconds",
                format!("must be from 0 to {MOST_OVERLAP}"),
            ));
        }
        faults.extend(secret_fault(webhook.mode, body.secret.as_ref()));
        if webhook.mode == Mode::Stripe && body.secret.is_none() {
            faults.push(Fault::at(
                "secret",
                "mode `stripe` needs the new secret: roll it in Stripe, which shows it",
            ));
        }
        let Some(at) = webhook.secret.clone() else {
            return Err(invalid(vec![Fault::at(
                "mode",
                "mode `none` has no secret that could be rotated",
            )]));
        };
        refuse(faults)?;
        let (secret, generated) = match body.secret {
            Some(given) => (given, false),
            None => (generate(webhook.mode)?, true),
        };
        let now = Timestamp::now();
        let until = now + SignedDuration::from_secs(i64::from(overlap));
        let next = self
            .secrets
            .read(&at.id, &at.version)
            .await?
            .replaced_by(secret.clone(), until.as_second());
        webhook.secret = Some(self.keep(Some(&at), &next).await?);
        webhook.rotated_at = Some(format!("{now:.3}"));
        webhook.previous_until = Some(format!("{until:.3}"));
        webhook.revision += 1;
        self.store.put_webhook(&webhook).await?;
        answer(200, &webhook, generated.then_some(secret))
    }

    async fn keep(
        &self,
        at: Option<&SecretVersion>,
        secret: &WebhookSecret,
    ) -> Result<SecretVersion, Problem> {
        let (id, version) = match at {
            Some(at) => (at.id.clone(), self.secrets.replace(&at.id, secret).await?),
            None => {
                let id = Uuid::now_v7().to_string();
                let version = self.secrets.create(&id, secret).await?;
                (id, version)
            }
        };
        Ok(SecretVersion { id, version })
    }
}

fn generate(mode: Mode) -> Result<SecretString, Problem> {
    generate_secret(mode).ok_or_else(|| {
        Problem::new(
            500,
            "NoRandomness",
            "No Randomness",
            "the system gave no random bytes for a secret",
        )
        .solution(["Try again"])
        .retryable(true)
    })
}

fn name_faults(name: &str) -> Vec<Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Vec::new();
    }
    vec![Fault::at(
        "name",
        "a webhook's name (in the path) has 1 to 64 characters: letters, digits, `-` and `_`",
    )]
}

fn secret_fault(mode: Mode, secret: Option<&SecretString>) -> Option<Fault> {
    let bad = check_secret(mode, secret?).err()?;
    Some(Fault::at("secret", bad.to_string()))
}

fn refuse(faults: Vec<Fault>) -> Result<(), Problem> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(invalid(faults))
    }
}

fn invalid(faults: Vec<Fault>) -> Problem {
    Problem::new(
        400,
        "InvalidWebhook",
        "Invalid Webhook",
        "the webhook has faults; nothing was changed",
    )
    .solution(["Correct what `faults` names and send it again"])
    .faults(faults)
}

fn answer(status: u16, webhook: &Webhook, secret: Option<SecretString>) -> Result<Answer, Problem> {
    let mut shown = shown(webhook);
    if let (Value::Object(fields), Some(secret)) = (&mut shown, secret) {
        fields.insert("secret".to_owned(), json!(secret.expose_secret()));
    }
    let path = format!(
        "/workflows/{}/webhooks/{}",
        webhook.workflow_id, webhook.name
    );
    Ok(Answer::json(status, &shown)?.location(path))
}

/// What everybody with the API's token may see.
fn shown(webhook: &Webhook) -> Value {
    json!({
        "workflowId": webhook.workflow_id,
        "name": webhook.name,
        "mode": webhook.mode,
        "toleranceSeconds": webhook.tolerance_seconds,
        "enabled": webhook.enabled,
        "path": format!("/hooks/{}/{}", webhook.workflow_id, webhook.name),
        "createdAt": webhook.created_at,
        "rotatedAt": webhook.rotated_at,
        "previousSecretUntil": webhook.previous_until,
    })
}
