//! Any bytes at all are read as a stream without a panic and within time and memory, however they are cut in pieces.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::assembly::Assembly;
use crate::call::read_events;
use crate::classify::Origin;
use crate::said::{Listener, Said};
use crate::timeouts::{Clock, Timeouts};
use crate::{Completion, Failure};

/// Longest that one stream may take, in a build that is not optimized and on a busy machine.
const SLOWEST: Duration = Duration::from_secs(10);

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().unwrap();
}

/// Some value where a chunk has another one, or what a chunk has there.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"type": "text", "text": "a"}, {"text": 1}, 7])),
        Just(json!([{"index": 0, "id": "call", "function": {"name": "f", "arguments": "{"}}])),
        Just(json!({"message": "no", "code": 429, "metadata": {"raw": "[]"}})),
        Just(json!("1e-400")),
    ]
}

fn chunk() -> impl Strategy<Value = String> {
    let delta = prop::sample::select(vec![
        "content",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "annotations",
        "tool_calls",
        "images",
    ]);
    let finish = prop::sample::select(vec![
        "null",
        "\"stop\"",
        "\"length\"",
        "\"error\"",
        "\"content_filter\"",
        "\"tool_calls\"",
        "7",
    ]);
    prop_oneof![
        4 => ("\\PC{0,12}", finish).prop_map(|(text, finish)| {
            format!(r#"{{"id":"gen-1","model":"m","choices":[{{"index":0,"delta":{{"content":{}}},"finish_reason":{finish}}}]}}"#, json!(text))
        }),
        3 => (delta, odd(), 0..3_u8).prop_map(|(name, value, index)| {
            json!({"choices": [{"index": index, "delta": {name: value}}]}).to_string()
        }),
        1 => odd().prop_map(|usage| json!({"choices": [], "usage": usage}).to_string()),
        1 => (odd(), odd()).prop_map(|(cost, tokens)| {
            json!({"usage": {"cost": cost, "prompt_tokens": tokens, "completion_tokens": 2}}).to_string()
        }),
        1 => odd().prop_map(|error| json!({"error": error}).to_string()),
        1 => odd().prop_map(|value| json!({"choices": value, "id": value, "model": value}).to_string()),
        // Halves of characters, whole and broken.
        1 => "(\\\\ud83d|\\\\ude00|\\\\u|\\\\|a){0,4}".prop_map(|halves| {
            format!(r#"{{"choices":[{{"delta":{{"content":"{halves}"}}}}]}}"#)
        }),
        1 => "\\PC{0,20}",
    ]
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => chunk().prop_map(|chunk| format!("data: {chunk}\n\n").into_bytes()),
        1 => Just(b": OPENROUTER PROCESSING\n\n".to_vec()),
        1 => Just(b"data: [DONE]\n\n".to_vec()),
        1 => "(data|event|id|retry|:|\n|\r|\r\n| ){0,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..12),
    ]
}

/// Bytes, and where they are cut.
fn cut() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    vec(piece(), 0..16).prop_flat_map(|pieces| {
        let bytes = pieces.concat();
        let length = bytes.len();
        (Just(bytes), vec(0..=length, 0..8))
    })
}

fn in_pieces(bytes: &[u8], cuts: &[usize]) -> Vec<Bytes> {
    let mut cuts = cuts.to_vec();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    let mut from = 0;
    cuts.into_iter()
        .map(|to| {
            let piece = Bytes::copy_from_slice(&bytes[from..to]);
            from = to;
            piece
        })
        .collect()
}

fn read(pieces: Vec<Bytes>) -> Result<Completion, Failure> {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let clock = Clock::start(&Timeouts::default());
            let mut assembly = Assembly::new(None);
            let (mut thought, mut told) = (String::new(), String::new());
            let mut tell = |said: Said<'_>| match said {
                Said::Reasoning(piece) => thought.push_str(piece),
                Said::Text(piece) => told.push_str(piece),
            };
            let read = read_events(
                stream::iter(pieces.into_iter().map(Ok)),
                clock,
                &mut assembly,
                &mut Listener::new(&mut tell),
            )
            .await;
            let origin = Origin {
                status: 200,
                retry_after: None,
                model: Some("m"),
            };
            let read = match read {
                Ok(()) => assembly.complete(origin, 100).map_err(|failure| *failure),
                Err(error) => Err(assembly.failure(error)),
            };
            // What was told on the way is the beginning of what there is.
            match &read {
                Ok(completion) => {
                    assert!(completion.text.starts_with(&told));
                    let whole = completion.reasoning.as_deref().unwrap_or_default();
                    assert!(whole.starts_with(&thought));
                }
                Err(failure) => assert!(failure.partial_text.starts_with(&told)),
            }
            read
        })
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_in_time_and_memory_however_they_are_cut((bytes, cuts) in cut()) {
        let began = Instant::now();
        let mut read_whole = None;
        let whole = in_pieces(&bytes, &[]);
        let used = allocation_counter::measure(|| read_whole = Some(read(whole)));
        let read_cut = read(in_pieces(&bytes, &cuts));
        prop_assert!(began.elapsed() < SLOWEST, "{:?}", began.elapsed());
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let most = (256 << 10) + 64 * size;
        prop_assert!(used.bytes_max < most, "{} of {most}", used.bytes_max);
        match (read_whole, read_cut) {
            (Some(Ok(mut whole)), Ok(mut cut)) => {
                (whole.first_token_after, cut.first_token_after) = (None, None);
                let most = bytes.len().saturating_mul(3);
                prop_assert!(whole.text.len() <= most, "U+FFFD has three bytes");
                prop_assert_eq!(whole, cut);
            }
            (Some(Err(whole)), Err(cut)) => {
                prop_assert_eq!(whole.error.to_string(), cut.error.to_string());
                prop_assert_eq!(whole.partial_text, cut.partial_text);
            }
            (whole, cut) => prop_assert!(false, "{whole:?} and {cut:?}"),
        }
    }
}
