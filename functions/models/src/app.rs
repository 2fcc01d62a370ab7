//! What the function works with.

use std::time::Instant;

use steps_catalogue::Catalogue;
use steps_openrouter::Client;
use steps_problem::Problem;
use tokio::sync::Mutex;

/// OpenRouter, and the cache of its list.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) openrouter: Client,
    pub(crate) catalogue: Catalogue,
    /// Why OpenRouter could not be asked the last time, and when that was.
    pub(crate) failure: Mutex<Option<(Instant, Problem)>>,
}
