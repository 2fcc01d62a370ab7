//! The second step, `setSecret`: only a check. OpenRouter made the key itself, so it accepts the key already.

use steps_problem::Problem;
use steps_secrets::Rotating;

use crate::app::App;
use crate::stored::new_key;

/// Checks that the step before has stored the new key.
pub(crate) async fn set(app: &App, rotating: &Rotating) -> Result<(), Problem> {
    new_key(app, rotating).await.map(|_| ())
}
