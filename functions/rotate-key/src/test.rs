//! The third step, `testSecret`: tries the new key.

use steps_problem::Problem;
use steps_secrets::Rotating;

use crate::app::App;
use crate::stored::missing;

/// Asks OpenRouter whether it accepts the new key. Where there is no new key, Secrets Manager only tries out a rotation
/// that was just set up: then the current key is tried.
pub(crate) async fn test(app: &App, rotating: &Rotating) -> Result<(), Problem> {
    let stored = match app.secrets.new_key(rotating).await? {
        Some(new) => new,
        None => app
            .secrets
            .old_key(rotating)
            .await?
            .ok_or_else(|| missing(rotating))?,
    };
    app.openrouter.key(&stored.api_key).await?;
    Ok(())
}
