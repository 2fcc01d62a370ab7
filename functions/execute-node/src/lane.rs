//! A task of a lane of a run: its unit is executed, and its token is answered with what the lane does next.

use std::sync::Arc;
use std::time::Duration;

use steps_lanes::{RunBoard, Task, Worked, Worker, step};
use steps_problem::Problem;
use steps_store::{Record, Unit};
use steps_workflow::{ForEach, Node, OnItemError};
use tokio::time::Instant;

use crate::answer::Answer;
use crate::app::App;
use crate::event::LaneTask;
use crate::executed::{Executed, UnitOfRun};
use crate::known_run::KnownRun;
use crate::list;
use crate::recorded;

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

/// The units of the lane's run.
struct Nodes<'a> {
    app: &'a App,
    task: &'a LaneTask,
    known: &'a Arc<KnownRun>,
    until: Instant,
}

impl Worker for Nodes<'_> {
    type Error = Problem;

    async fn work(&self, unit: &str) -> Result<Worked, Problem> {
        let of = UnitOfRun {
            run_id: &self.task.run_id,
            take: self.task.take,
            lane: self.task.lane,
            unit,
        };
        let unit = Unit::of(unit);
        let node = self.node(unit.node())?;
        if matches!(unit, Unit::Gathering(_)) || list::is_last(node, unit) {
            return self.gather(&of, node).await;
        }
        let planned = self.known.plan.node(unit.node());
        let list = planned.and_then(|node| node.list.as_ref());
        let reads = match (unit.index(), list, planned) {
            (Some(_), Some(list), _) => &list.reads[..],
            (_, _, Some(node)) => &node.reads,
            _ => &[],
        };
        let known = Some(Arc::clone(self.known));
        let executed = recorded::execute(self.app, &of, reads, known, self.until).await?;
        Ok(match (executed, unit.index()) {
            (Executed::Wait(Answer::Wait { seconds, .. }), _) => Worked::Wait { seconds },
            (Executed::Wait(_), _) => Worked::Wait { seconds: 1 },
            (Executed::Paused { .. }, _) => Worked::Paused,
            (Executed::Opened { total: 0 }, _) => {
                let now = list::gather(self.app, &of, node).await?;
                Worked::Done { now }
            }
            (Executed::Opened { total }, _) => Worked::Opened { total },
            (Executed::Done { now, .. }, None) => Worked::Done { now },
            (Executed::Done { failed, .. }, Some(_)) => {
                self.item_done(&of, unit, failed.as_deref()).await?
            }
        })
    }
}

impl Nodes<'_> {
    fn node(&self, id: &str) -> Result<&Node, Problem> {
        let node = self.known.workflow.node(id);
        Ok(node.ok_or_else(|| Record::Node.not_found(id))?)
    }

    /// Gathers the outputs of a node's items: behind the last unit, where its kind has one.
    async fn gather(&self, of: &UnitOfRun<'_>, node: &Node) -> Result<Worked, Problem> {
        let last = list::last_item(self.app, of.run_id, node).await?;
        if let (Some(_), Some(unit)) = (last, list::last(node)) {
            let of_last = UnitOfRun { unit: &unit, ..*of };
            let list = self
                .known
                .plan
                .node(&node.id)
                .and_then(|node| node.list.as_ref());
            let reads = list.map_or(&[][..], |list| &list.reads);
            let known = Some(Arc::clone(self.known));
            let executed = recorded::execute(self.app, &of_last, reads, known, self.until).await?;
            match executed {
                Executed::Wait(Answer::Wait { seconds, .. }) => {
                    return Ok(Worked::Wait { seconds });
                }
                Executed::Wait(_) => return Ok(Worked::Wait { seconds: 1 }),
                Executed::Paused { .. } => return Ok(Worked::Paused),
                Executed::Done { .. } | Executed::Opened { .. } => {}
            }
        }
        let now = list::gather(self.app, of, node).await?;
        Ok(Worked::Done { now })
    }

    /// What the end of an item means: its list goes on, or has ended.
    async fn item_done(
        &self,
        of: &UnitOfRun<'_>,
        unit: Unit<'_>,
        failed: Option<&Problem>,
    ) -> Result<Worked, Problem> {
        let node = self.node(unit.node())?;
        let keeps = |list: &ForEach| list.on_item_error == OnItemError::Keep;
        match failed {
            Some(problem) if !node.list().as_deref().is_some_and(keeps) => {
                let now = list::end_failed(self.app, of, node, problem).await?;
                Ok(Worked::Done { now })
            }
            _ => {
                let lists = &self.app.known_lists;
                let list = lists.find(&self.app.store, of.run_id, &node.id).await?;
                let total = u32::try_from(list.len()).unwrap_or(u32::MAX);
                Ok(Worked::ItemDone { total })
            }
        }
    }
}
