//! A chat under way: reads the stream or the plain body to its end.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::stream::{self, Stream, StreamExt};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tokio::time::timeout;

use crate::assembly::{Assembly, Chunk};
use crate::classify::{self, Origin};
use crate::completion::Completion;
use crate::error::{Error, Failure};
use crate::said::{Listener, Said};
use crate::timeouts::{Clock, Limit};
use crate::{halves, text};

/// How long the end of the body may take once the answer is complete.
const DRAIN: Duration = Duration::from_millis(250);

/// A chat that OpenRouter has accepted and whose answer is still to be read. Dropping it closes the connection. Whether
/// the provider then stops, and stops billing, depends on the provider.
#[derive(Debug)]
pub struct Call {
    pub(crate) response: Response,
    pub(crate) clock: Clock,
    pub(crate) generation_id: Option<String>,
    pub(crate) model: String,
    pub(crate) max_tokens: u32,
    pub(crate) most_bytes: usize,
}

impl Call {
    /// OpenRouter's id of the generation, from the `X-Generation-Id` header. It is known before the answer.
    pub fn generation_id(&self) -> Option<&str> {
        self.generation_id.as_deref()
    }

    /// Reads the answer to its end, usage and cost included. A plain JSON answer is read as well.
    ///
    /// # Errors
    /// A [`Failure`] with what was received before it.
    pub async fn finish(self) -> Result<Completion, Failure> {
        self.finish_telling(&mut |_| {}).await
    }

    /// The same, and tells meanwhile what the model has written since it told so last. What it tells is the beginning of the
    /// answer's reasoning and text.
    ///
    /// # Errors
    /// A [`Failure`] with what was received before it.
    pub async fn finish_telling(
        self,
        tell: &mut impl FnMut(Said<'_>),
    ) -> Result<Completion, Failure> {
        let Self {
            response,
            clock,
            generation_id,
            model,
            max_tokens,
            most_bytes,
        } = self;
        let status = response.status().as_u16();
        let origin = Origin {
            status,
            retry_after: classify::wait_in_headers(response.headers()),
            model: Some(&model),
        };
        let content_type = content_type(&response);
        let mut assembly = Assembly::new(generation_id);
        let mut listener = Listener::new(tell);
        let is_stream = content_type
            .as_deref()
            .is_some_and(|kind| kind.contains("event-stream"));
        let read = if is_stream {
            read_events(
                chunks(response, clock, most_bytes),
                clock,
                &mut assembly,
                &mut listener,
            )
            .await
        } else {
            read_plain(response, clock, most_bytes, &mut assembly, &mut listener).await
        };
        match read {
            Ok(()) => assembly
                .complete(origin, max_tokens)
                .map_err(|failure| *failure),
            // Usage follows the finish reason. Where it does not come, the answer is good without it.
            Err(_) if assembly.is_settled() => assembly
                .complete(origin, max_tokens)
                .map_err(|failure| *failure),
            Err(error) => Err(assembly.failure(match error {
                Error::UnexpectedAnswer { excerpt, .. } => Error::UnexpectedAnswer {
                    status,
                    content_type: content_type.as_deref().map(text::message),
                    excerpt,
                },
                other => other,
            })),
        }
    }
}

pub(crate) fn content_type(response: &Response) -> Option<String> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.to_ascii_lowercase())
}

/// The body's bytes, each piece within the idle timeout, and so many in all.
fn chunks(
    response: Response,
    clock: Clock,
    most: usize,
) -> impl Stream<Item = Result<Bytes, Error>> {
    stream::unfold(
        (response, 0_usize),
        move |(mut response, read)| async move {
            let next = match clock.within(Limit::Idle, response.chunk()).await {
                Ok(Ok(None)) => return None,
                Ok(Ok(Some(bytes))) => Ok(bytes),
                Ok(Err(error)) => Err(cut(error)),
                Err(timeout) => Err(timeout),
            };
            let read = read.saturating_add(next.as_ref().map_or(0, Bytes::len));
            let next = if read > most {
                Err(too_long(most))
            } else {
                next
            };
            Some((next, (response, read)))
        },
    )
}

/// Reads server-sent events. Comments only keep the connection alive.
pub(crate) async fn read_events(
    bytes: impl Stream<Item = Result<Bytes, Error>>,
    clock: Clock,
    assembly: &mut Assembly,
    listener: &mut Listener<'_, impl FnMut(Said<'_>)>,
) -> Result<(), Error> {
    // The last event counts even without the blank line after it.
    let end = stream::iter([Ok(Bytes::from_static(b"\n\n"))]);
    let mut events = pin!(bytes.chain(end).eventsource());
    // The first event that could not be read, and whether the last event looks cut in the middle.
    let mut unreadable: Option<Error> = None;
    let mut is_cut = false;
    loop {
        let limit = if assembly.is_settled() {
            Limit::Tail
        } else if assembly.has_begun() {
            Limit::Total
        } else {
            Limit::FirstToken
        };
        let Some(event) = clock.within(limit, events.next()).await? else {
            return if is_cut {
                Err(Error::StreamCut {
                    reason: "it ended within an event".into(),
                })
            } else {
                readable(assembly, unreadable)
            };
        };
        let event = event.map_err(|error| match error {
            EventStreamError::Transport(error) => error,
            EventStreamError::Utf8(_) => unexpected("a stream that is not UTF-8"),
            EventStreamError::Parser(_) => unexpected("a stream with lines that are no events"),
        })?;
        let data = event.data.trim();
        if data == "[DONE]" {
            assembly.end_stream();
            // Only after a body that was read to its end can the next call use the connection.
            let rest = async { while let Some(Ok(_)) = events.next().await {} };
            let _ = timeout(DRAIN, rest).await;
            return readable(assembly, unreadable);
        }
        if data.is_empty() {
            continue;
        }
        match read_chunk(data) {
            Some(chunk) => {
                assembly.absorb(chunk);
                assembly.note_piece(clock.elapsed());
                listener.hear(assembly);
                is_cut = false;
            }
            None => {
                assembly.skip();
                // Several events, and none could be read: the server does not speak this API. It is not one event that was cut.
                is_cut = unreadable.is_none() || assembly.is_answer();
                unreadable.get_or_insert_with(|| unexpected(data));
            }
        }
    }
}

/// One chunk of JSON; the halves of characters in it are marked.
fn read_chunk(json: &str) -> Option<Chunk> {
    serde_json::from_str(&halves::mark(json)).ok()
}

/// An event that could not be read is skipped where the other events say that the answer is complete.
fn readable(assembly: &Assembly, unreadable: Option<Error>) -> Result<(), Error> {
    match unreadable {
        Some(error) if !assembly.tells_its_end() => Err(error),
        _ => Ok(()),
    }
}

/// Reads an answer whose content type is not that of a stream: JSON, or a stream nevertheless.
async fn read_plain(
    response: Response,
    clock: Clock,
    most: usize,
    assembly: &mut Assembly,
    listener: &mut Listener<'_, impl FnMut(Said<'_>)>,
) -> Result<(), Error> {
    let body = read(response, clock, most).await;
    let content = classify::without_comments(&body.text);
    if content.starts_with("data:") {
        let bytes = Bytes::copy_from_slice(content.as_bytes());
        let bytes = stream::iter([Ok(bytes)]).chain(stream::iter(body.broken.map(Err)));
        return read_events(bytes, clock, assembly, listener).await;
    }
    match (read_chunk(content), body.broken) {
        (Some(chunk), _) => {
            assembly.absorb(chunk);
            if !assembly.is_answer() {
                return Err(unexpected(content));
            }
            assembly.end_plain();
            Ok(())
        }
        (None, Some(error)) => Err(error),
        (None, None) if content.is_empty() => Err(unexpected("an empty body")),
        (None, None) => Err(unexpected(content)),
    }
}

/// The part of a body that could be read.
pub(crate) struct Body {
    pub(crate) text: String,
    /// Why it ends early, if it does.
    pub(crate) broken: Option<Error>,
}

pub(crate) async fn read(response: Response, clock: Clock, most: usize) -> Body {
    let mut bytes = Vec::new();
    let mut broken = None;
    let mut pieces = pin!(chunks(response, clock, most));
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    Body {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        broken,
    }
}

fn too_long(most: usize) -> Error {
    unexpected(&format!("longer than {most} bytes, the most that is read"))
}

/// The status and the content type are filled in where they are known.
fn unexpected(body: &str) -> Error {
    Error::UnexpectedAnswer {
        status: 200,
        content_type: None,
        excerpt: text::excerpt(body),
    }
}

/// The error of a connection that failed after the request was sent.
pub(crate) fn cut(error: reqwest::Error) -> Error {
    Error::StreamCut {
        reason: innermost(&error.without_url()),
    }
}

/// The innermost reason of a chain of errors.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    text::message(&inner.to_string())
}
