//! Sends a body piece by piece, with the pauses and cuts of a fault, and charges for what was sent.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, unfold};

use crate::answer::Usage;
use crate::faults::{Fault, FaultCall};
use crate::state::{Shared, locked};

/// Bytes that are sent together.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    /// How many completion tokens have been sent after this frame.
    pub(crate) tokens: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Send(Frame),
    Wait(Duration),
    /// The connection breaks.
    Break,
    /// Nothing more is sent, and the connection stays open.
    Hang,
}

/// The frames of a body with the waits, cuts and breaks of a fault.
pub(crate) fn pace(frames: Vec<Frame>, call: Option<&FaultCall>) -> Vec<Step> {
    let send = |frames: Vec<Frame>| frames.into_iter().map(Step::Send).collect();
    let Some(call) = call else {
        return send(frames);
    };
    match call.fault {
        Fault::SlowBody => {
            let wait = Duration::from_millis(call.argument("ms", 200));
            let steps = frames.into_iter();
            steps
                .flat_map(|frame| [Step::Wait(wait), Step::Send(frame)])
                .collect()
        }
        Fault::Stall => {
            let after = usize::try_from(call.argument("after", 0)).unwrap_or(usize::MAX);
            let mut steps: Vec<_> = frames.into_iter().take(after).map(Step::Send).collect();
            steps.push(Step::Hang);
            steps
        }
        Fault::StreamCut => {
            let mut steps: Vec<_> = send(frames);
            // Time for the text to be sent before the connection breaks.
            steps.push(Step::Wait(Duration::from_millis(20)));
            steps.push(Step::Break);
            steps
        }
        Fault::Utf8Split => send(frames.into_iter().flat_map(split).collect()),
        _ => send(frames),
    }
}

/// The frames one after the other, as a model writes them.
pub(crate) fn as_one_reads(frames: Vec<Frame>) -> Vec<Step> {
    let pause = Duration::from_millis(60);
    let steps = frames.into_iter();
    steps
        .flat_map(|frame| [Step::Wait(pause), Step::Send(frame)])
        .collect()
}

/// Pieces of at most 11 bytes. Characters of several bytes are cut, too.
fn split(frame: Frame) -> Vec<Frame> {
    let mut cuts = vec![];
    let mut start = 0;
    for (place, byte) in frame.bytes.iter().enumerate() {
        if place > start && (place - start >= 11 || byte & 0b1100_0000 == 0b1000_0000) {
            cuts.push((start, place));
            start = place;
        }
    }
    cuts.push((start, frame.bytes.len()));
    let last = cuts.len() - 1;
    cuts.into_iter()
        .enumerate()
        .map(|(number, (from, to))| Frame {
            bytes: frame.bytes.slice(from..to),
            tokens: frame.tokens.filter(|_| number == last),
        })
        .collect()
}

/// What a streamed generation costs when its stream ends by itself.
pub(crate) enum Settlement {
    Whole(Usage),
    AsSent,
    Nothing,
}

/// Charges a streamed generation as its text is sent, and notices where the client goes away.
pub(crate) struct Meter {
    pub(crate) stand_in: Shared,
    pub(crate) id: String,
    pub(crate) usage: Usage,
    pub(crate) settlement: Settlement,
    pub(crate) finished: bool,
}

impl Meter {
    fn sent(&self, tokens: u64) {
        if let Some(generation) = locked(&self.stand_in.ledger).find(&self.id) {
            generation.completion_tokens = tokens;
            if !matches!(self.settlement, Settlement::Nothing) {
                generation.cost = self.usage.cost_of(tokens);
            }
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        if let Some(generation) = locked(&self.stand_in.ledger).find(&self.id) {
            generation.finished = true;
            if let Settlement::Whole(usage) = &self.settlement {
                generation.completion_tokens = usage.completion_tokens;
                generation.reasoning_tokens = usage.reasoning_tokens;
                generation.cost = usage.cost();
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let Some(generation) = locked(&self.stand_in.ledger).find(&self.id) {
            generation.finished = true;
            generation.cancelled = true;
            generation.finish_reason = None;
            generation.native_finish_reason = None;
        }
    }
}

struct Playback {
    steps: VecDeque<Step>,
    meter: Option<Meter>,
}

impl Playback {
    fn settle(&mut self) {
        if let Some(meter) = &mut self.meter
            && !meter.finished
        {
            meter.finish();
        }
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            let step = self.steps.pop_front();
            // It is settled with the last bytes: a client that goes away at [DONE] has not cancelled it.
            let last_bytes = matches!(step, Some(Step::Send(_))) && self.steps.is_empty();
            match step {
                None => {
                    self.settle();
                    return None;
                }
                Some(Step::Wait(duration)) => tokio::time::sleep(duration).await,
                Some(Step::Hang) => std::future::pending().await,
                Some(Step::Break) => {
                    self.settle();
                    return Some(Err(io::Error::other("the stand-in broke the connection")));
                }
                Some(Step::Send(frame)) => {
                    if let (Some(meter), Some(tokens)) = (&self.meter, frame.tokens) {
                        meter.sent(tokens);
                    }
                    if last_bytes {
                        self.settle();
                    }
                    return Some(Ok(frame.bytes));
                }
            }
        }
    }
}

pub(crate) fn play(
    steps: Vec<Step>,
    meter: Option<Meter>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let playback = Playback {
        steps: steps.into(),
        meter,
    };
    unfold(playback, |mut playback| async move {
        let item = playback.next().await;
        item.map(|item| (item, playback))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_cuts_inside_characters() {
        let frame = Frame {
            bytes: Bytes::from_static("data: Grüße 🌍\n\n".as_bytes()),
            tokens: Some(3),
        };
        let pieces = split(frame.clone());
        assert!(
            pieces
                .iter()
                .any(|piece| std::str::from_utf8(&piece.bytes).is_err())
        );
        let joined: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.bytes.to_vec())
            .collect();
        assert_eq!(joined, frame.bytes);
        assert_eq!(pieces.last().unwrap().tokens, Some(3));
    }
}
