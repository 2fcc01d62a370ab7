//! The lease of a node: while a call goes on it is kept alive, and a run that is cancelled is noticed.

use jiff::Timestamp;
use steps_nodes::Failed;
use steps_store::{Lease, Nodes, Store, aborted};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use crate::deadlines::{LEASE, LEASE_RENEWED_EVERY, NOTICED_WITHIN};

/// Watches over one attempt.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    nodes: Nodes,
    lease: &'a Lease,
    renew: Interval,
    look: Interval,
}

impl<'a> Watch<'a> {
    /// Begins now.
    pub(crate) fn new(store: &Store, lease: &'a Lease) -> Self {
        let every = |period| {
            let mut interval = interval_at(tokio::time::Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self {
            nodes: store.nodes(),
            lease,
            renew: every(LEASE_RENEWED_EVERY),
            look: every(NOTICED_WITHIN),
        }
    }

    /// Does the work, unless the run is cancelled first: then the work is dropped where it stands.
    pub(crate) async fn over<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Cancelled> {
        // Side by side: the work goes on while the table is slow to answer.
        tokio::select! {
            done = work => Ok(done),
            cancelled = self.cancelled() => Err(cancelled),
        }
    }

    /// Keeps the lease alive until the run is cancelled.
    async fn cancelled(&mut self) -> Cancelled {
        loop {
            tokio::select! {
                _ = self.renew.tick() => {
                    if let Err(error) = self.nodes.renew(self.lease, Timestamp::now() + LEASE).await {
                        tracing::warn!(%error, "the lease could not be renewed");
                    }
                }
                _ = self.look.tick() => match self.nodes.is_cancelled(self.lease).await {
                    Ok(false) => {}
                    Ok(true) => return Cancelled,
                    Err(error) => tracing::warn!(%error, "whether the run was cancelled is not known"),
                }
            }
        }
    }
}

/// The run was cancelled.
#[derive(Debug)]
pub(crate) struct Cancelled;

impl From<Cancelled> for Failed {
    fn from(Cancelled: Cancelled) -> Self {
        let cause = "the run was cancelled while the model answered";
        aborted(Some(cause.to_owned())).into()
    }
}
