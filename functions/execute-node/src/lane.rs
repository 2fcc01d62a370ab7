//! A task of a lane of a run: its node is executed, and its token is answered with what the lane does next.

use std::sync::Arc;
use std::time::Duration;

use steps_lanes::{RunBoard, Task, Worked, Worker, step};
use steps_problem::Problem;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::app::App;
use crate::event::LaneTask;
use crate::known_run::KnownRun;
use crate::recorded::{self, Unit};

/// Executes the task.
pub(crate) async fn execute(
    app: &App,
    task: &LaneTask,
    remaining: Duration,
) -> Result<Answer, Problem> {
    let until = Instant::now() + remaining;
    let known = app.known_runs.find(&app.store, &task.run_id).await?;
    let board = RunBoard {
        lanes: &app.store.lanes(),
        tokens: &app.executions,
        plan: &known.plan,
        run_id: &task.run_id,
        take: task.take,
        lane: task.lane,
    };
    let nodes = Nodes {
        app,
        task,
        known: &known,
        until,
    };
    let asked = Task {
        unit: task.unit.clone(),
        listed: task.listed,
        was: task.was.clone(),
        token: task.token.clone(),
        call: task.call.clone(),
    };
    step(&board, &known.plan, &nodes, &asked).await?;
    Ok(Answer::Told)
}

/// The nodes of the lane's run.
struct Nodes<'a> {
    app: &'a App,
    task: &'a LaneTask,
    known: &'a Arc<KnownRun>,
    until: Instant,
}

impl Worker for Nodes<'_> {
    type Error = Problem;

    async fn work(&self, node_id: &str) -> Result<Worked, Problem> {
        let unit = Unit {
            run_id: &self.task.run_id,
            take: self.task.take,
            lane: self.task.lane,
            node_id,
        };
        let node = self.known.plan.node(node_id);
        let reads = node.map_or(&[][..], |node| &node.reads);
        let known = Some(Arc::clone(self.known));
        let executed = recorded::execute(self.app, &unit, reads, known, self.until).await?;
        Ok(match executed {
            (Answer::Wait { seconds, .. }, _) => Worked::Wait { seconds },
            (_, now) => Worked::Done { now },
        })
    }
}
