//! A webhook's deliveries: its mode says how the sender proves itself, and what makes a delivery the same one.

use jiff::Timestamp;
use serde_json::Value;
use steps_lambda::{Request, invalid};
use steps_problem::Problem;
use steps_runs::Trigger;
use steps_webhooks::{Delivery as Signed, Mode};

use crate::context::context;
use crate::input;
use crate::start::{Delivery, StartRun};

/// Longest id of a delivery.
const LONGEST_ID: usize = 255;

impl StartRun {
    /// A delivery to the workflow's webhook of this name, once it is known to be genuine.
    pub(crate) async fn webhook_delivery(
        &self,
        workflow: &str,
        name: &str,
        request: &Request,
    ) -> Result<Delivery, Problem> {
        let webhook = self.store.webhook(workflow, name).await?;
        if !webhook.enabled {
            return Err(Problem::new(
                403,
                "WebhookDisabled",
                "Webhook Disabled",
                format!("the webhook `{name}` takes no deliveries at present"),
            )
            .solution(["Put the webhook with `enabled` true"]));
        }
        let now = Timestamp::now().as_second();
        let secrets = match &webhook.secret {
            Some(at) => self
                .webhook_secrets
                .read(&at.id, &at.version)
                .await?
                .good_at(now),
            None => Vec::new(),
        };
        let header = |name: &str| request.header(name);
        let signed = Signed {
            header: &header,
            body: request.body(),
        };
        signed.verify(webhook.mode, &secrets, webhook.tolerance_seconds, now)?;
        let input = input::input(request)?;
        delivery(request, "webhook", webhook.mode, Some(name), input)
    }

    /// A delivery that the API's token let in.
    pub(crate) fn token_delivery(
        &self,
        request: &Request,
        kind: &str,
        input: Value,
    ) -> Result<Delivery, Problem> {
        delivery(request, kind, Mode::None, None, input)
    }
}

/// Ids count within one door: those of two webhooks never meet.
fn delivery(
    request: &Request,
    kind: &str,
    mode: Mode,
    webhook: Option<&str>,
    input: Value,
) -> Result<Delivery, Problem> {
    let header = |name: &str| request.header(name);
    let signed = Signed {
        header: &header,
        body: request.body(),
    };
    let id = signed.identity(mode);
    if let Some(id) = &id
        && !(1..=LONGEST_ID).contains(&id.len())
    {
        return Err(invalid(format!(
            "the delivery's id has {} characters; it may have 1 to {LONGEST_ID}",
            id.len()
        )));
    }
    let door = webhook.map_or_else(|| kind.to_owned(), |name| format!("{kind}/{name}"));
    Ok(Delivery {
        trigger: Trigger {
            kind: kind.to_owned(),
            context: context(request, id.as_deref(), webhook),
        },
        identity: id.map(|id| format!("{door}/{id}")),
        callback_url: request.query("callbackUrl").map(str::to_owned),
        input,
    })
}
