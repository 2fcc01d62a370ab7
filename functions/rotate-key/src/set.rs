//! The second step, `setSecret`: nothing is left to do, for a key made at OpenRouter is good at OpenRouter.

use steps_problem::Problem;
use steps_secrets::Rotating;

use crate::app::App;
use crate::stored::new_key;

/// Checks that the step before has stored the new key.
pub(crate) async fn set(app: &App, rotating: &Rotating) -> Result<(), Problem> {
    new_key(app, rotating).await.map(|_| ())
}
