//! The events of finish-run.

use std::time::Duration;

use serde_json::Value;
use steps_problem::Problem;
use tokio::time::Instant;

use crate::app::App;
use crate::event::Event;
use crate::{follow, sweep};

/// Answers an event by what it has.
pub(crate) async fn handle(app: &App, event: &Value, remaining: Duration) -> Result<(), Problem> {
    let until = Instant::now() + remaining;
    match Event::read(event)? {
        Event::Changed(detail) => follow::changed(app, detail).await,
        Event::Sweep => sweep::sweep(app, until).await,
    }
}
