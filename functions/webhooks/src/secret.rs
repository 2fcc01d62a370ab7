//! Makes a webhook's secret and stores it. A new version is written first, and is used once the webhook's record names
//! it. So where two changes meet, one of them wins completely.

use secrecy::SecretString;
use steps_problem::Problem;
use steps_secrets::WebhookSecret;
use steps_signatures::{Mode, generate_secret};
use steps_store::SecretVersion;
use uuid::Uuid;

use crate::app::App;

/// Writes the secret as a new version of the stored one, or as the first version of a new one.
pub(crate) async fn keep(
    app: &App,
    at: Option<&SecretVersion>,
    secret: &WebhookSecret,
) -> Result<SecretVersion, Problem> {
    let (id, version) = match at {
        Some(at) => (at.id.clone(), app.secrets.replace(&at.id, secret).await?),
        None => {
            let id = Uuid::now_v7().to_string();
            let version = app.secrets.create(&id, secret).await?;
            (id, version)
        }
    };
    Ok(SecretVersion { id, version })
}

/// A new secret in the form of the mode.
pub(crate) fn generate(mode: Mode) -> Result<SecretString, Problem> {
    generate_secret(mode).ok_or_else(no_randomness)
}

/// The system gave no random bytes.
pub(crate) fn no_randomness() -> Problem {
    Problem::new(
        500,
        "NoRandomness",
        "No Randomness",
        "the system gave no random bytes for a secret",
    )
    .solution(["Try again"])
    .retryable(true)
}
