//! What the function works with.

use steps_callbacks::CallbackQueue;
use steps_events::EventBus;
use steps_executions::Executions;
use steps_starts::Starts;
use steps_store::Store;

/// The store of runs, Step Functions, and what ends of runs lead to: the queue of callbacks, starts of other runs, and the
/// event bus.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) executions: Executions,
    pub(crate) callbacks: CallbackQueue,
    pub(crate) starts: Starts,
    pub(crate) events: EventBus,
}
