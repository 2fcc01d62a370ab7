//! The keys of a rotation as Secrets Manager has them.

use steps_problem::Problem;
use steps_secrets::{Rotating, StoredKey};

use crate::app::App;

/// The key that the first step stored.
pub(crate) async fn new_key(app: &App, rotating: &Rotating) -> Result<StoredKey, Problem> {
    let new = app.secrets.new_key(rotating).await?;
    new.ok_or_else(|| missing(rotating))
}

/// A step before this one has not been done.
pub(crate) fn missing(rotating: &Rotating) -> Problem {
    steps_secrets::Error::NotRotating {
        id: rotating.credential_id.clone(),
    }
    .into()
}
