//! Answers that are sent piece by piece, through a function URL. Its requests come as API Gateway's do (payload format 2.0),
//! but from everybody: there is no authorizer.

use std::convert::Infallible;
use std::pin::Pin;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use lambda_runtime::{LambdaEvent, MetadataPrelude, StreamResponse, service_fn};
use steps_problem::{Problem, ProblemAnswer};
use tracing::Instrument;

use crate::serve::{TaskError, deadline, log};
use crate::{Main, Request};

/// The pieces of a body. It cannot fail: what fails after the status was sent would be in the body as text.
pub type Pieces = Pin<Box<dyn Stream<Item = String> + Send>>;

/// An answer that is sent piece by piece.
pub struct Streamed {
    status: StatusCode,
    content_type: &'static str,
    pieces: Pieces,
}

impl Streamed {
    /// Server-sent events: each piece is one or more of them, whole.
    pub fn events(pieces: Pieces) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "text/event-stream",
            pieces,
        }
    }

    /// 204, no body.
    pub fn empty() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            content_type: "text/event-stream",
            pieces: stream::empty().boxed(),
        }
    }

    /// A failure. It is one piece: Lambda takes status and headers only of an answer that is streamed.
    fn problem(problem: &Problem, request_id: &str) -> Self {
        let answer = ProblemAnswer::new(problem, request_id);
        let body = serde_json::to_string(&answer).unwrap_or_default();
        Self {
            status: StatusCode::from_u16(problem.status)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type: "application/problem+json",
            pieces: stream::iter([body]).boxed(),
        }
    }

    fn response(self, request_id: &str) -> StreamResponse<PiecesOfBytes> {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::CONTENT_TYPE, self.content_type);
        set(header::CACHE_CONTROL, "no-store");
        // The token is in the address.
        set(header::REFERRER_POLICY, "no-referrer");
        set(HeaderName::from_static("x-request-id"), request_id);
        StreamResponse {
            metadata_prelude: MetadataPrelude {
                status_code: self.status,
                headers,
                cookies: Vec::new(),
            },
            stream: self.pieces.map(|piece| Ok(Bytes::from(piece))).boxed(),
        }
    }
}

type PiecesOfBytes = Pin<Box<dyn Stream<Item = Result<Bytes, Infallible>> + Send>>;

/// Serves the requests of everybody, and streams the answers. The handler has to check the sender itself.
pub async fn serve_stream<H, F>(handler: H) -> Main
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Streamed, Problem>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(
        move |event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
            let LambdaEvent { payload, context } = event;
            let request_id = &context.request_id;
            let span = tracing::info_span!("stream", request_id);
            let answered = async {
                let request = Request::new(payload, deadline(context.deadline))?;
                handler(request).await
            };
            let answer = answered.instrument(span.clone()).await;
            let answer = answer.unwrap_or_else(|problem| {
                let _entered = span.entered();
                let problem = problem.redacted();
                log(&problem);
                Streamed::problem(&problem, request_id)
            });
            Ok::<_, TaskError>(answer.response(request_id))
        },
    ))
    .await
}
