//! What the function works with.

use steps_catalogue::Catalogue;
use steps_openrouter::Client;
use steps_secrets::Secrets;
use steps_store::Store;

use crate::budgets::DayLimits;

/// OpenRouter, the store of runs, Secrets Manager, which keeps the keys, the models, and the limits of credentials.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    pub(crate) catalogue: Catalogue,
    pub(crate) day_limits: DayLimits,
}
