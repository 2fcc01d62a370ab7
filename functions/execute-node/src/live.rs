//! What a model writes, piece by piece, for those who watch the run. Nothing is written while nobody does, and nothing here
//! can fail, hold up or change the node: a piece that is lost is told with the answer.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use steps_nodes::Said;
use steps_store::{Lease, Live, Piece, PieceKind, Unit};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// The pause after a piece, and once an attempt has gone on for long.
const PAUSE: Duration = Duration::from_millis(400);
const LATER_PAUSE: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(30);

/// Most pieces of an attempt, and most bytes of a piece.
const MOST_PIECES: usize = 300;
const MOST_BYTES: usize = 16_384;

/// How long the writing of a piece may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was written so far in one attempt, and whether somebody watches.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    reasoning: RefCell<String>,
    text: RefCell<String>,
    watched_until: Cell<Option<Timestamp>>,
    news: Notify,
}

impl Heard {
    /// Notes what the model has written. Costs no time.
    pub(crate) fn hear(&self, said: Said<'_>) {
        match said {
            Said::Reasoning(piece) => self.reasoning.borrow_mut().push_str(piece),
            Said::Text(piece) => self.text.borrow_mut().push_str(piece),
        }
        self.news.notify_one();
    }

    /// Notes until when somebody watches the run.
    pub(crate) fn watched(&self, until: Option<Timestamp>) {
        self.watched_until.set(until);
        self.news.notify_one();
    }

    /// Whether somebody watches, as far as this function knows.
    pub(crate) fn is_watched(&self) -> bool {
        let until = self.watched_until.get();
        until.is_some_and(|until| Timestamp::now() < until)
    }

    /// Writes pieces for those who watch, as long as it is polled. Of the items of a list nothing is written: they are told by
    /// how many are done.
    pub(crate) async fn tell(&self, live: &Live, lease: &Lease) -> Infallible {
        if Unit::of(lease.node_id()).index().is_some() {
            return std::future::pending().await;
        }
        let began = Instant::now();
        let (mut reasoning, mut text) = (0, 0);
        let mut left = MOST_PIECES;
        loop {
            self.news.notified().await;
            while left > 0 && self.is_watched() {
                let Some(piece) = self.next(lease, reasoning, text) else {
                    break;
                };
                let end = piece.text.len();
                let told = live.tell(lease.run_id(), &piece, Timestamp::now());
                let is_told = matches!(timeout(PATIENCE, told).await, Ok(Ok(())));
                if is_told {
                    left -= 1;
                    match piece.kind {
                        PieceKind::Reasoning => reasoning += end,
                        PieceKind::Text => text += end,
                    }
                }
                // A piece that is full has more behind it.
                if !is_told || end < MOST_BYTES / 2 {
                    let is_late = began.elapsed() > LATER;
                    sleep(if is_late { LATER_PAUSE } else { PAUSE }).await;
                }
            }
        }
    }

    /// The next piece, where so many bytes were told.
    fn next(&self, lease: &Lease, reasoning: usize, text: usize) -> Option<Piece> {
        let of = |kind, whole: &RefCell<String>, told: usize| {
            let whole = whole.borrow();
            let rest = whole.get(told..).filter(|rest| !rest.is_empty())?;
            let (piece, _) = rest.split_at(rest.floor_char_boundary(MOST_BYTES));
            Some(Piece {
                node: lease.node_id().to_owned(),
                attempt: lease.tried(),
                kind,
                from: told as u64,
                text: piece.to_owned(),
            })
        };
        of(PieceKind::Reasoning, &self.reasoning, reasoning)
            .or_else(|| of(PieceKind::Text, &self.text, text))
    }
}
