//! What the function works with.

use steps_catalogue::Catalogue;
use steps_fresh::Fresh;
use steps_openrouter::Client;
use steps_problem::Problem;

/// OpenRouter, and the cache of its list.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) openrouter: Client,
    pub(crate) catalogue: Catalogue,
    /// Why OpenRouter could not be asked, for as long as it is not asked again.
    pub(crate) failure: Fresh<(), Problem>,
}
