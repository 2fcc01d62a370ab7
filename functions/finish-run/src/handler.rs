//! The events of finish-run.

use serde_json::Value;
use steps_problem::Problem;

use crate::app::App;
use crate::event::Event;
use crate::{follow, sweep};

/// Answers an event by what it has.
pub(crate) async fn handle(app: &App, event: &Value) -> Result<(), Problem> {
    match Event::read(event)? {
        Event::Changed(detail) => follow::changed(app, detail).await,
        Event::Sweep => sweep::sweep(app).await,
    }
}
