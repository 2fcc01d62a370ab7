//! The signatures of a post, as Standard Webhooks has them: of the workflow's own secret and private key, and of what signed
//! before them while that is good; of the stack's secret where the workflow has none of its own.

use secrecy::SecretString;
use steps_problem::Problem;
use steps_secrets::Signer;

use crate::app::App;

/// What is signed.
pub(crate) struct Signed<'a> {
    /// `webhook-id`.
    pub(crate) id: &'a str,
    /// `webhook-timestamp`: seconds since 1970.
    pub(crate) at: i64,
    pub(crate) body: &'a [u8],
}

/// `webhook-signature`: one signature after the other, a space between them.
pub(crate) async fn sign(
    app: &App,
    workflow_id: &str,
    signed: &Signed<'_>,
) -> Result<String, Problem> {
    let signers = match app.store.callback_secrets().find(workflow_id).await? {
        Some(record) => {
            let at = &record.secret;
            app.vault
                .read(&at.id, &at.version)
                .await?
                .good_at(signed.at)
        }
        None => vec![Signer::Stack],
    };
    let mut signatures = Vec::new();
    for signer in signers {
        match signer {
            Signer::Own(pair) => {
                signatures.push(signed.with(&pair.secret)?);
                let Signed { id, at, body } = *signed;
                let signature = steps_signatures::sign_asymmetric(&pair.private_key, id, at, body);
                signatures.push(signature.ok_or_else(|| malformed("private key"))?);
            }
            Signer::Stack => signatures.push(signed.with(&app.secret.read().await?)?),
        }
    }
    Ok(signatures.join(" "))
}

impl Signed<'_> {
    fn with(&self, secret: &SecretString) -> Result<String, Problem> {
        steps_signatures::sign(secret, self.id, self.at, self.body)
            .ok_or_else(|| malformed("callback secret"))
    }
}

fn malformed(what: &str) -> Problem {
    Problem::new(
        500,
        "CallbackSecretMissing",
        "Callback Secret Missing",
        format!("the {what} is not base64"),
    )
}
