//! What a warm function remembers of a run: its texts never change, so its document is read and planned once.

use std::sync::Arc;
use std::time::Duration;

use steps_fresh::Fresh;
use steps_problem::Problem;
use steps_store::{RunTexts, Store, Unit};
use steps_workflow::{Plan, Workflow};

/// A run's texts, its document, and the graph of its nodes.
#[derive(Debug)]
pub(crate) struct KnownRun {
    pub(crate) texts: Arc<RunTexts>,
    pub(crate) workflow: Workflow,
    pub(crate) plan: Plan,
}

impl KnownRun {
    /// Whether other units wait for this one.
    pub(crate) fn goes_on_behind(&self, unit: Unit<'_>) -> bool {
        let node = self.plan.node(unit.node());
        unit.index().is_some() || node.is_some_and(|node| !node.after.is_empty())
    }
}

/// Runs by id.
#[derive(Debug)]
pub(crate) struct KnownRuns(Fresh<String, Arc<KnownRun>>);

/// How long a run is remembered: longer than most go on.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// Most runs that a warm function remembers: their texts may be large.
const REMEMBERED: usize = 4;

/// No run is known yet.
pub(crate) fn known_runs() -> KnownRuns {
    KnownRuns(Fresh::new(KNOWN_FOR, REMEMBERED))
}

impl KnownRuns {
    pub(crate) fn get(&self, run_id: &str) -> Option<Arc<KnownRun>> {
        self.0.get(run_id)
    }

    /// Remembers a run by its texts.
    pub(crate) fn learn(
        &self,
        run_id: &str,
        texts: &Arc<RunTexts>,
    ) -> Result<Arc<KnownRun>, Problem> {
        let workflow = texts.document(Workflow::from_stored)?;
        let known = Arc::new(KnownRun {
            texts: Arc::clone(texts),
            plan: workflow.plan(),
            workflow,
        });
        self.0.put(run_id.to_owned(), Arc::clone(&known));
        Ok(known)
    }

    /// The run, which is read where it is not known.
    pub(crate) async fn find(&self, store: &Store, run_id: &str) -> Result<Arc<KnownRun>, Problem> {
        match self.get(run_id) {
            Some(known) => Ok(known),
            None => {
                let texts = Arc::new(store.runs().texts(run_id).await?);
                self.learn(run_id, &texts)
            }
        }
    }
}
