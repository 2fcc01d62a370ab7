//! Serves a handler to the Lambda runtime: HTTP requests, events, or both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use steps_problem::Problem;
use steps_store::Audits;
use tracing::Instrument;

use crate::audit::{Change, Rows};
use crate::logging::log_lines;
use crate::{Answer, Main, Request};

/// Sets up logging and TLS. Every `main` calls it first, with the name of its own crate (`CARGO_CRATE_NAME`).
pub fn start(function: &'static str) {
    log_lines(function);
    // This fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Serves HTTP requests whose token has the scope of their route; a problem becomes an `application/problem+json` answer.
pub async fn serve_http<H, F>(handler: H) -> Main
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Answer, Problem>>,
{
    serve(&(), Door::Token, handler).await
}

/// Serves HTTP requests as [`serve_http`] does, and adds a row to the audit for each change that was made.
pub async fn serve_audited_http<H, F>(audits: Audits, handler: H) -> Main
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Answer, Problem>>,
{
    serve(&audits, Door::Token, handler).await
}

/// Serves HTTP requests that the authorizer has let in and that change nothing, whatever their method: no row is added to
/// the audit.
pub async fn serve_reading_http<H, F>(handler: H) -> Main
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Answer, Problem>>,
{
    serve(&(), Door::Token, handler).await
}

/// Serves HTTP requests of everybody, without the authorizer. The handler has to check the sender itself, or to be public.
pub async fn serve_open_http<H, F>(handler: H) -> Main
where
    H: Fn(Request) -> F,
    F: Future<Output = Result<Answer, Problem>>,
{
    serve(&(), Door::Open, handler).await
}

/// Whose requests are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// Those of tokens with the scope of the route.
    Token,
    /// Everybody's.
    Open,
}

async fn serve<A, H, F>(audits: &A, door: Door, handler: H) -> Main
where
    A: Rows,
    H: Fn(Request) -> F,
    F: Future<Output = Result<Answer, Problem>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(
        move |event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
            let LambdaEvent { payload, context } = event;
            Ok::<_, TaskError>(answer(payload, &context, (audits, door), handler).await)
        },
    ))
    .await
}

/// Answers a request. Its id is API Gateway's, or the invocation's own where the event has none; every line that is logged
/// meanwhile has it.
async fn answer<A, H, F>(
    mut event: ApiGatewayV2httpRequest,
    context: &Context,
    (audits, door): (&A, Door),
    handler: &H,
) -> ApiGatewayV2httpResponse
where
    A: Rows,
    H: Fn(Request) -> F,
    F: Future<Output = Result<Answer, Problem>>,
{
    let given = event.request_context.request_id.take();
    let request_id = given.unwrap_or_else(|| context.request_id.clone());
    let span = tracing::info_span!("http", request_id);
    let answered = answer_request(event, context, (audits, door), handler, &request_id);
    let answer = answered.instrument(span.clone()).await;
    answer
        .unwrap_or_else(|problem| {
            let _entered = span.entered();
            let problem = problem.redacted();
            log(&problem);
            Answer::problem(&problem, &request_id)
        })
        .to(&request_id)
}

async fn answer_request<A, H, F>(
    event: ApiGatewayV2httpRequest,
    context: &Context,
    (audits, door): (&A, Door),
    handler: &H,
    request_id: &str,
) -> Result<Answer, Problem>
where
    A: Rows,
    H: Fn(Request) -> F,
    F: Future<Output = Result<Answer, Problem>>,
{
    let request = Request::new(event, deadline(context.deadline))?;
    if door == Door::Open {
        return handler(request).await;
    }
    request.check_access()?;
    let change = Change::of(&request);
    let answer = handler(request).await?;
    if let Some(change) = change {
        // Boxed: the clients of AWS have futures of many layers, and this is in every function that serves HTTP.
        Box::pin(change.note(audits, &answer, request_id)).await;
    }
    Ok(answer)
}

/// Serves HTTP requests as [`serve_audited_http`] does, and every other event as [`serve_task`] does.
pub async fn serve_audited_http_and_events<H, HF, E, EF>(audits: Audits, http: H, events: E) -> Main
where
    H: Fn(Request) -> HF,
    HF: Future<Output = Result<Answer, Problem>>,
    E: Fn(Task<Value>) -> EF,
    EF: Future<Output = Result<Value, Problem>>,
{
    let (audits, http, events) = (&audits, &http, &events);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        if event.payload.pointer("/requestContext/http").is_none() {
            return task(event, events).await;
        }
        let request = serde_json::from_value(event.payload).map_err(unreadable)?;
        let door = (&*audits, Door::Token);
        serde_json::to_value(answer(request, &event.context, door, http).await).map_err(unreadable)
    }))
    .await
}

/// API Gateway's own format, which this code and AWS agree on.
fn unreadable(error: serde_json::Error) -> TaskError {
    let problem = Problem::new(400, "InvalidRequest", "Invalid Request", error.to_string())
        .solution(["Send the event as API Gateway's payload format 2.0 has it"]);
    log(&problem);
    TaskError(problem)
}

/// One invocation of a function that is no HTTP door.
#[derive(Debug)]
pub struct Task<T> {
    /// What it was handed.
    pub event: T,
    /// Lambda's id of the invocation: the same when Lambda tries an event again.
    pub request_id: String,
    deadline: SystemTime,
}

impl<T> Task<T> {
    /// How long the function may still take.
    pub fn remaining(&self) -> Duration {
        self.deadline
            .duration_since(SystemTime::now())
            .unwrap_or_default()
    }
}

/// Serves events; a problem's code becomes the `errorType` that Step Functions matches.
pub async fn serve_task<T, R, H, F>(handler: H) -> Main
where
    T: DeserializeOwned,
    R: Serialize,
    H: Fn(Task<T>) -> F,
    F: Future<Output = Result<R, Problem>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<T>| {
        task(event, handler).await
    }))
    .await
}

/// The deadline that the runtime gives: milliseconds since 1970. `cargo lambda watch` gives the time left instead,
/// which read as a moment would lie in 1970.
pub(crate) fn deadline(milliseconds: u64) -> SystemTime {
    const A_MOMENT_AFTER_2001: u64 = 1_000_000_000_000;
    let given = Duration::from_millis(milliseconds);
    if milliseconds >= A_MOMENT_AFTER_2001 {
        UNIX_EPOCH + given
    } else {
        SystemTime::now() + given
    }
}

async fn task<T, R, H, F>(event: LambdaEvent<T>, handler: &H) -> Result<R, TaskError>
where
    H: Fn(Task<T>) -> F,
    F: Future<Output = Result<R, Problem>>,
{
    let task = Task {
        event: event.payload,
        request_id: event.context.request_id,
        deadline: deadline(event.context.deadline),
    };
    handler(task).await.map_err(|problem| {
        let problem = problem.redacted();
        log(&problem);
        TaskError(problem)
    })
}

/// A problem that is given to the Lambda runtime as the failure of an invocation.
#[derive(Debug)]
pub struct TaskError(pub Problem);

impl From<TaskError> for Diagnostic {
    fn from(TaskError(problem): TaskError) -> Self {
        Self {
            error_message: problem.to_string(),
            error_type: problem.code,
        }
    }
}

/// Failures are logged once, here, as fields.
pub(crate) fn log(problem: &Problem) {
    let upstream = problem.upstream.as_ref().map(|upstream| &upstream.message);
    if problem.status >= 500 {
        tracing::error!(
            code = problem.code,
            cause = problem.cause,
            upstream,
            "failed"
        );
    } else {
        tracing::info!(
            code = problem.code,
            cause = problem.cause,
            upstream,
            "refused"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_error_type_that_step_functions_matches() {
        let problem = Problem::new(422, "InvalidApiKey", "Invalid API Key", "the key is wrong");
        let diagnostic = Diagnostic::from(TaskError(problem));
        assert_eq!(diagnostic.error_type, "InvalidApiKey");
        assert_eq!(
            diagnostic.error_message,
            "Invalid API Key: the key is wrong"
        );
    }

    #[test]
    fn a_deadline_is_a_moment_or_what_is_left() {
        let hour = Duration::from_secs(3600);
        let moment = SystemTime::now() + hour;
        let since_1970 = moment.duration_since(UNIX_EPOCH).unwrap().as_millis();
        for given in [u64::try_from(since_1970).unwrap(), 3_600_000] {
            let left = deadline(given).duration_since(SystemTime::now()).unwrap();
            assert!(
                left <= hour && left > hour - Duration::from_secs(60),
                "{given}"
            );
        }
    }
}
