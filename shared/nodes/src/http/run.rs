//! One try: the request is sent, and its answer becomes the variable or a failure.

use http::HeaderName;
use http::header::HeaderValue;
use serde_json::{Map, Value, json};
use steps_key::HttpSecret;
use steps_openrouter::ModelList;
use steps_problem::Problem;
use steps_web::{Answer, Failure, Request};

use super::document::{Http, Shape};
use super::problem::error_status;
use super::secret;
use super::variable::{decoded, variable};
use crate::ended::{Ended, Failed};
use crate::node_kind::Ready;
use crate::preview::Preview;
use crate::scope::Scope;
use crate::unknown::outcome_unknown;

/// By this header the other side knows a request that it has carried out already.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Statuses of 400 and more with these say that another try may succeed.
const PASSING: [u16; 4] = [429, 502, 503, 504];

/// Of those, the ones that say that nothing was done. A gateway that answers 502 or 504 does not know.
const NOT_DONE: [u16; 2] = [429, 503];

/// The request, ready to be sent.
#[derive(Debug)]
pub(crate) struct ReadyHttp {
    pub(super) request: Request,
    /// As the document names it.
    pub(super) credential: Option<String>,
    pub(super) spells_out_origin: bool,
    pub(super) shape: Option<Shape>,
    pub(super) accept: Vec<u16>,
    pub(super) retries: Retries,
    pub(super) sends_key: bool,
}

/// When it is tried again.
#[derive(Debug)]
pub(super) struct Retries {
    /// Also where it is not known what became of it.
    repeatable: bool,
    /// After these statuses.
    statuses: Vec<u16>,
}

impl Retries {
    pub(super) fn of(node: &Http) -> Self {
        let repeatable = node.repeatable.unwrap_or(!node.adds_up());
        let usual = if repeatable { &PASSING[..] } else { &NOT_DONE };
        Self {
            repeatable,
            statuses: node.retry_on.clone().unwrap_or_else(|| usual.to_vec()),
        }
    }

    fn failed(&self, failure: Failure) -> Failed {
        if failure.may_have_acted && failure.error.passes() && !self.repeatable {
            return outcome_unknown(&failure.error.to_string()).into();
        }
        Problem::from(failure.error).into()
    }

    fn refused(&self, answer: &Answer, problem: Problem) -> Failed {
        // Where a redirect made a GET of it, the request itself was carried out.
        let may_repeat = self.repeatable || !answer.changed;
        let retries = may_repeat && self.statuses.contains(&answer.status);
        Failed {
            problem: problem.retryable(retries),
            retry_after: answer.retry_after().filter(|_| retries),
        }
    }
}

impl Ready for ReadyHttp {
    /// The secret of its credential is not among the headers: it is put in where the request is sent.
    fn preview(&self, _list: Option<&ModelList>, _models: &[String]) -> Preview {
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
        let mut headers = Map::new();
        for (name, value) in &self.request.headers {
            let values = headers.entry(name.as_str()).or_insert_with(|| json!([]));
            if let Value::Array(values) = values {
                values.push(text(value.as_bytes()));
            }
        }
        let body = self.request.body.as_deref().map(|body| {
            serde_json::from_slice(body)
                .ok()
                .filter(Value::is_object)
                .unwrap_or_else(|| text(body))
        });
        let sends = json!({
            "method": self.request.method.as_str(),
            "url": self.request.url.as_str(),
            "headers": headers,
            "body": body,
            "credential": self.credential,
            "sendsIdempotencyKey": self.sends_key,
        });
        Preview { sends, call: None }
    }

    async fn run(mut self, scope: &impl Scope) -> Ended {
        if !self.retries.repeatable && scope.may_have_acted() {
            let why = "an earlier try ended without a word, after its request may have been sent";
            return Err(outcome_unknown(why).into());
        }
        if self.sends_key && !self.request.headers.contains_key(IDEMPOTENCY_KEY) {
            let key = scope
                .unit()
                .and_then(|unit| HeaderValue::from_str(&unit).ok());
            if let Some(key) = key {
                self.request.headers.insert(IDEMPOTENCY_KEY, key);
            }
        }
        let (answer, secret) = self.send(scope).await?;
        tracing::info!(
            origin = answer.origin,
            status = answer.status,
            bytes = answer.body.len(),
            "answered"
        );
        if answer.status >= 400 && !self.accept.contains(&answer.status) {
            let text = decoded(&answer, secret.as_ref()).unwrap_or_default();
            let problem = error_status(&answer.origin, answer.status, &text);
            return Err(self.retries.refused(&answer, problem));
        }
        let variable = variable(answer, self.shape, secret.as_ref(), scope).await?;
        Ok(variable.into())
    }
}

impl ReadyHttp {
    /// Sends the request. A warm function may hold a secret that has been replaced since: where the other side refuses it,
    /// the secret is read once more. Who answers 401 has done nothing.
    async fn send(&self, scope: &impl Scope) -> Result<(Answer, Option<HttpSecret>), Failed> {
        let started = tokio::time::Instant::now();
        let Some(credential) = &self.credential else {
            let sent = scope.web().send(self.request.clone(), scope.time()).await;
            return Ok((sent.map_err(|failure| self.retries.failed(failure))?, None));
        };
        let time = scope.time();
        let secret = scope.http_secret(credential).await?;
        let left = time.saturating_sub(started.elapsed());
        let answer = self.send_with(&secret, scope, left).await?;
        if answer.status != 401 || answer.changed {
            return Ok((answer, Some(secret)));
        }
        let now = scope.http_secret_again(credential).await?;
        if now == secret {
            return Ok((answer, Some(secret)));
        }
        let left = time.saturating_sub(started.elapsed());
        let answer = self.send_with(&now, scope, left).await?;
        Ok((answer, Some(now)))
    }

    async fn send_with(
        &self,
        secret: &HttpSecret,
        scope: &impl Scope,
        time: std::time::Duration,
    ) -> Result<Answer, Failed> {
        let mut request = self.request.clone();
        secret::put_in(secret, &mut request, self.spells_out_origin, scope.web())?;
        let sent = scope.web().send(request, time).await;
        sent.map_err(|failure| self.retries.failed(failure))
    }
}
