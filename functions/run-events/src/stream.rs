//! One connection: looks again and again, and sends what there is to tell.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::unfold;
use steps_lambda::Pieces;
use steps_live::Watcher;
use tokio::time::{Instant, sleep};

/// How long a connection lasts. Lambda does not notice that a reader has left, and bills on.
const LASTS: Duration = Duration::from_secs(60);

/// How long nothing may be sent: proxies take a connection for dead on which nothing comes.
const SILENCE: Duration = Duration::from_secs(15);

/// How soon the reader is to come back, milliseconds.
const RETRY: u64 = 200;

/// The same after the table could not be read so often in a row.
const RETRY_AFTER_TROUBLE: u64 = 3_000;
const MOST_TROUBLE: u32 = 5;

/// A connection under way.
struct Connection {
    watcher: Watcher,
    until: Instant,
    sent: Instant,
    /// How long to wait before the next look.
    pause: Duration,
    trouble: u32,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Begins,
    Goes,
    Over,
}

/// The pieces that are sent to this reader.
pub(crate) fn events(watcher: Watcher) -> Pieces {
    let connection = Connection {
        watcher,
        until: Instant::now() + LASTS,
        sent: Instant::now(),
        pause: Duration::ZERO,
        trouble: 0,
        state: State::Begins,
    };
    unfold(connection, async |mut connection| {
        let piece = connection.next().await?;
        Some((piece, connection))
    })
    .boxed()
}

impl Connection {
    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        match self.state {
            State::Over => return None,
            State::Goes => {}
            State::Begins => {
                self.state = State::Goes;
                return Some(retry(RETRY));
            }
        }
        loop {
            sleep(self.pause).await;
            let mut piece = String::new();
            match self.watcher.look().await {
                Ok(news) => {
                    self.trouble = 0;
                    piece.extend(news.iter().filter_map(|news| news.sse().ok()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the run could not be looked at");
                    self.trouble += 1;
                }
            }
            self.pause = self.watcher.pause();
            if self.watcher.has_ended() || Instant::now() + self.pause > self.until {
                self.state = State::Over;
            } else if self.trouble >= MOST_TROUBLE {
                piece.push_str(&retry(RETRY_AFTER_TROUBLE));
                self.state = State::Over;
            } else if let Some(nap) = self.watcher.nap() {
                let nap = u64::try_from(nap.as_millis()).unwrap_or(RETRY);
                piece.push_str(&retry(nap.max(RETRY)));
                self.state = State::Over;
            }
            if piece.is_empty() && self.sent.elapsed() + self.pause > SILENCE {
                piece.push_str(": nothing new\n\n");
            }
            if !piece.is_empty() {
                self.sent = Instant::now();
                return Some(piece);
            }
            if self.state == State::Over {
                return None;
            }
        }
    }
}

fn retry(milliseconds: u64) -> String {
    format!("retry: {milliseconds}\n\n")
}
