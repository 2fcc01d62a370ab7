//! The lease of a node: while a call goes on it is kept alive, a run that is cancelled is noticed, and what the model writes
//! is told to those who watch.

use jiff::Timestamp;
use steps_nodes::Failed;
use steps_store::{Lease, Live, Nodes, Store, aborted};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use crate::deadlines::{LEASE, LEASE_RENEWED_EVERY, NOTICED_WITHIN};
use crate::live::Heard;

/// Watches over one attempt.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    nodes: Nodes,
    live: Live,
    lease: &'a Lease,
    heard: &'a Heard,
    renew: Interval,
    look: Interval,
}

impl<'a> Watch<'a> {
    /// Begins now.
    pub(crate) fn new(store: &Store, lease: &'a Lease, heard: &'a Heard) -> Self {
        let every = |period| {
            let mut interval = interval_at(tokio::time::Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self {
            nodes: store.nodes(),
            live: store.live(),
            lease,
            heard,
            renew: every(LEASE_RENEWED_EVERY),
            look: every(NOTICED_WITHIN),
        }
    }

    /// Does the work, unless the run is cancelled first: then the work is dropped where it stands.
    pub(crate) async fn over<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Cancelled> {
        let (heard, live, lease) = (self.heard, self.live.clone(), self.lease);
        // Side by side: the work goes on while the table is slow to answer.
        tokio::select! {
            done = work => Ok(done),
            cancelled = self.cancelled() => Err(cancelled),
            never = heard.tell(&live, lease) => match never {},
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
                _ = self.look.tick() => match self.nodes.look(self.lease).await {
                    Ok(look) if look.is_cancelled => return Cancelled,
                    Ok(look) => self.heard.watched(look.watched_until),
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
