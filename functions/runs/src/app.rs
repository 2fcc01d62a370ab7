//! What the function works with.

use steps_callbacks::CallbackQueue;
use steps_executions::Executions;
use steps_live::Plans;
use steps_secrets::EventsKey;
use steps_store::Store;

/// The store that runs are read from, Step Functions, which stops one, what it takes to watch one, and the queue in which a
/// delivery is sent again.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) events_key: EventsKey,
    /// Where runs are streamed, where they are.
    pub(crate) events_url: Option<String>,
    pub(crate) plans: Plans,
    pub(crate) callbacks: CallbackQueue,
}
