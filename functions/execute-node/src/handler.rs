//! The events of execute-node.

use serde_json::Value;
use steps_lambda::Task;
use steps_problem::Problem;

use crate::answer::Answer;
use crate::app::App;
use crate::deadlines::CLOSING_TIME;
use crate::event::Event;
use crate::{costs, credit, inline, lane, recorded};

/// Answers an event by what it has.
pub(crate) async fn handle(app: &App, task: Task<Value>) -> Result<Answer, Problem> {
    let remaining = task.remaining().saturating_sub(CLOSING_TIME);
    match Event::read(&task.event)? {
        Event::OfLane(task) => lane::execute(app, &task, remaining).await,
        Event::OfRun(node) => recorded::execute_alone(app, &node, remaining).await,
        Event::Inline(node) => inline::execute(app, node, remaining).await,
        Event::Costs => costs::recover_due_costs(app, remaining).await,
        Event::Credit => credit::watch_credit(app).await,
    }
}
