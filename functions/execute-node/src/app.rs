//! What the function works with.

use steps_catalogue::Catalogue;
use steps_executions::Executions;
use steps_invocations::Invocations;
use steps_openrouter::Client;
use steps_secrets::Secrets;
use steps_store::Store;
use steps_web::Web;

use crate::budgets::DayLimits;
use crate::known_list::KnownLists;
use crate::known_run::KnownRuns;

/// OpenRouter, the store of runs, Secrets Manager, which keeps the keys, the models, the limits of credentials, the
/// documents and lists of runs, Step Functions, and what nodes may call beside OpenRouter.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    pub(crate) catalogue: Catalogue,
    pub(crate) day_limits: DayLimits,
    pub(crate) known_runs: KnownRuns,
    pub(crate) known_lists: KnownLists,
    pub(crate) executions: Executions,
    pub(crate) web: Web,
    pub(crate) invocations: Invocations,
    /// After so many tasks and retries an execution hands its run over.
    pub(crate) hand_over_after: u32,
}
