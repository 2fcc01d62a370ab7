//! The HTTP client: one method for each request of OpenRouter's API.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use steps_key::{ApiKey, MalformedApiKey};

use crate::call::{self, Body, Call};
use crate::classify::{self, Origin};
use crate::endpoints::ModelEndpoints;
use crate::error::{Error, Failure, UpstreamError};
use crate::generation::Generation;
use crate::key::KeyInfo;
use crate::model_id;
use crate::models::{Model, Page};
use crate::request::ChatRequest;
use crate::timeouts::{Clock, Limit, Timeouts};
use crate::{halves, text};

const USER_AGENT: &str = concat!("openrouter-steps/", env!("CARGO_PKG_VERSION"));
const MOST_LOOKUP_BYTES: usize = 64 << 20;
const MOST_REFUSAL_BYTES: usize = 256 << 10;
const MOST_PAGES: usize = 50;

/// The most bytes of an answer, where no other number is given. Images are text within it.
const MOST_ANSWER_BYTES: usize = 64 << 20;

const MOST_CONNECTORS: usize = 4;

/// How the calling app names itself to OpenRouter, which shows it in its dashboard and rankings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct App {
    /// The app's address, sent as `HTTP-Referer`.
    pub referer: Option<String>,
    /// The app's name, sent as `X-OpenRouter-Title` and, for older servers, as `X-Title`.
    pub title: Option<String>,
}

/// OpenRouter's API. Cheap to clone; the clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    base: Url,
    headers: HeaderMap,
    /// Most bytes of a chat's answer.
    most_bytes: usize,
    /// One client for each connect timeout, because it cannot be set for one request.
    connectors: Arc<Mutex<Vec<(u64, reqwest::Client)>>>,
}

impl Client {
    /// A client of the API at `base_url` (as a rule [`crate::BASE_URL`]), with or without a slash at its end.
    ///
    /// Installs ring as the process's TLS provider unless there is one already. Redirects are not followed, so that no
    /// key goes to another host.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] when the address is not one of http or https, when the app's values can't be sent
    /// in a header (Latin-1 without control characters), or when TLS can't be set up.
    pub fn new(base_url: &str, app: App) -> Result<Self, Error> {
        let base = parse_base(base_url)?;
        let headers = app_headers(&app)?;
        // This fails only where a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Self {
            base,
            headers,
            most_bytes: MOST_ANSWER_BYTES,
            connectors: Arc::default(),
        };
        client.connector(Timeouts::default().connect_seconds())?;
        Ok(client)
    }

    /// Takes answers of so many bytes at most; 64 MiB where this is not said. An answer that is read is held in memory
    /// several times over: as it came, as an event, as JSON and as text.
    #[must_use]
    pub fn with_answers_up_to(self, most_bytes: usize) -> Self {
        Self { most_bytes, ..self }
    }

    /// What OpenRouter knows of the key. It costs nothing, so it is the way to test a key.
    ///
    /// # Errors
    /// [`Error::InvalidApiKey`] when the key is not good, or not any more; and every error of a request that gets no answer.
    pub async fn key(&self, key: &ApiKey) -> Result<KeyInfo, Error> {
        let body = self.look_up(self.at("key")?, Some(key)).await?;
        let data: Data<KeyInfo> = body.parse()?;
        Ok(data.data)
    }

    /// All models, of every kind of input and output. No key is needed.
    ///
    /// # Errors
    /// Every error that leaves the list incomplete. A single entry that cannot be read is left out and is no error.
    pub async fn models(&self) -> Result<Vec<Model>, Error> {
        let mut url = self.at("models")?;
        url.set_query(Some("output_modalities=all"));
        let first = url.clone();
        let mut models = Vec::new();
        let mut seen = HashSet::new();
        let mut entries = 0;
        for _ in 0..MOST_PAGES {
            let page: Page = self.look_up(url, None).await?.parse()?;
            entries += page.len();
            let before = models.len();
            models.extend(page.models().filter(|model| seen.insert(model.id.clone())));
            let is_new = models.len() > before;
            let all = page.total_count.is_none_or(|total| entries as u64 >= total);
            let next = match &page.links.next {
                Some(next) => self.next_page(next),
                None if !all => {
                    let mut next = first.clone();
                    next.query_pairs_mut()
                        .append_pair("offset", &entries.to_string())
                        .append_pair("limit", "1000");
                    Some(next)
                }
                None => None,
            };
            match next {
                Some(next) if is_new => url = next,
                _ => break,
            }
        }
        Ok(models)
    }

    /// The link to the next page; `None` where it leads to another host.
    fn next_page(&self, link: &str) -> Option<Url> {
        let next = self.base.join(link).ok()?;
        (next.origin() == self.base.origin()).then_some(next)
    }

    /// Who serves the model, at what price. Variants that any id can have are removed from `id` first. No key is needed.
    ///
    /// # Errors
    /// [`Error::ModelNotFound`] when there is no such model.
    pub async fn endpoints(&self, id: &str) -> Result<ModelEndpoints, Error> {
        let not_found = |upstream: UpstreamError| Error::ModelNotFound {
            model: Some(text::message(id)),
            upstream: Box::new(upstream),
        };
        let Some((author, slug)) = model_id::base_id(id).split_once('/') else {
            return Err(not_found(UpstreamError {
                message: "a model ID has the form author/model".into(),
                ..UpstreamError::default()
            }));
        };
        let mut url = self.at("models")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend([author, slug, "endpoints"]);
        }
        let answer = self.fetch(url, None).await?;
        if answer.status == 404 {
            let upstream = answer.refusal().upstream().cloned().unwrap_or_default();
            return Err(not_found(upstream));
        }
        let data: Data<ModelEndpoints> = answer.good()?.parse()?;
        Ok(data.data)
    }

    /// What a generation was and what it cost. `None` while OpenRouter has not recorded it, which takes from half a second
    /// to minutes; also `None` for an id that does not exist.
    ///
    /// # Errors
    /// [`Error::InvalidApiKey`], and every error of a request that gets no answer.
    pub async fn generation(&self, key: &ApiKey, id: &str) -> Result<Option<Generation>, Error> {
        let mut url = self.at("generation")?;
        url.query_pairs_mut().append_pair("id", id);
        let answer = self.fetch(url, Some(key)).await?;
        if answer.status == 404 && classify::json(&answer.body.text).is_some() {
            return Ok(None);
        }
        let data: Data<Generation> = answer.good()?.parse()?;
        Ok(Some(data.data))
    }

    /// Sends a chat and returns once OpenRouter has accepted it; [`Call::finish`] reads the answer. Nothing is sent twice.
    ///
    /// # Errors
    /// A [`Failure`] when it was not accepted.
    pub async fn chat(
        &self,
        key: &ApiKey,
        request: &ChatRequest,
        timeouts: &Timeouts,
    ) -> Result<Call, Failure> {
        let clock = Clock::start(timeouts);
        let post = self
            .connector(clock.connect_seconds())?
            .post(self.at("chat/completions")?)
            .headers(self.headers.clone())
            .header(ACCEPT, "text/event-stream, application/json")
            .header(AUTHORIZATION, bearer(key)?)
            .json(request);
        let post = if request.tell_routing {
            post.header("x-openrouter-metadata", "enabled")
        } else {
            post
        };
        let response = send(post, clock).await?;
        let status = response.status();
        let generation_id = response
            .headers()
            .get("x-generation-id")
            .and_then(|id| id.to_str().ok())
            .filter(|id| !id.is_empty())
            .map(text::message);
        tracing::debug!(
            status = status.as_u16(),
            ?generation_id,
            model = request.model,
            "OpenRouter answers"
        );
        let content_type = call::content_type(&response);
        let is_page = content_type
            .as_deref()
            .is_some_and(|kind| kind.contains("html"));
        if status.is_success() && !is_page {
            return Ok(Call {
                response,
                clock,
                generation_id,
                model: request.model.clone(),
                max_tokens: request.max_tokens,
                most_bytes: self.most_bytes,
            });
        }
        let answer = Answer::read(response, clock, MOST_REFUSAL_BYTES).await;
        let error = if status.is_success() {
            answer.unexpected()
        } else {
            answer.refusal_of(Some(&request.model))
        };
        Err(Failure {
            generation_id,
            ..error.into()
        })
    }

    async fn look_up(&self, url: Url, key: Option<&ApiKey>) -> Result<Answer, Error> {
        self.fetch(url, key).await?.good()
    }

    async fn fetch(&self, url: Url, key: Option<&ApiKey>) -> Result<Answer, Error> {
        self.ask(Method::GET, url, key, None::<&()>).await
    }

    /// One request that is answered at once.
    pub(crate) async fn ask(
        &self,
        method: Method,
        url: Url,
        key: Option<&ApiKey>,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, Error> {
        let clock = Clock::start(&Timeouts::LOOKUP);
        let mut request = self
            .connector(clock.connect_seconds())?
            .request(method, url)
            .headers(self.headers.clone())
            .header(ACCEPT, "application/json");
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, bearer(key)?);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = send(request, clock).await?;
        Ok(Answer::read(response, clock, MOST_LOOKUP_BYTES).await)
    }

    pub(crate) fn at(&self, path: &str) -> Result<Url, Error> {
        self.base
            .join(path)
            .map_err(|error| invalid("base URL", error.to_string()))
    }

    fn connector(&self, connect_seconds: u64) -> Result<reqwest::Client, Error> {
        let mut known = self
            .connectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = known
            .iter()
            .find(|(seconds, _)| *seconds == connect_seconds)
        {
            return Ok(client.clone());
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(Duration::from_secs(connect_seconds))
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true);
        if let Some(roots) = steps_roots::bundled() {
            builder = builder.tls_certs_only(roots.flat_map(Certificate::from_der));
        }
        let client = builder
            .build()
            .map_err(|error| invalid("TLS", call::innermost(&error)))?;
        if known.len() >= MOST_CONNECTORS {
            known.pop();
        }
        known.push((connect_seconds, client.clone()));
        Ok(client)
    }
}

/// The object that most answers are wrapped in.
#[derive(Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

/// An answer, read whole.
pub(crate) struct Answer {
    status: u16,
    content_type: Option<String>,
    retry_after: Option<Duration>,
    body: Body,
}

impl Answer {
    async fn read(response: Response, clock: Clock, most: usize) -> Self {
        Self {
            status: response.status().as_u16(),
            content_type: call::content_type(&response),
            retry_after: classify::wait_in_headers(response.headers()),
            body: call::read(response, clock, most).await,
        }
    }

    pub(crate) fn good(self) -> Result<Self, Error> {
        if (200..300).contains(&self.status) {
            Ok(self)
        } else {
            Err(self.refusal())
        }
    }

    fn refusal(&self) -> Error {
        self.refusal_of(None)
    }

    fn refusal_of(&self, model: Option<&str>) -> Error {
        let origin = Origin {
            status: self.status,
            retry_after: self.retry_after,
            model,
        };
        classify::refusal(origin, self.content_type.as_deref(), &self.body.text)
    }

    /// Reads what was asked for; a 200 may hold an error in its place.
    pub(crate) fn parse<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        let content = classify::without_comments(&self.body.text);
        match serde_json::from_str(&halves::replace(content)) {
            Ok(value) => Ok(value),
            Err(_) if self.body.broken.is_some() => {
                Err(self.body.broken.take().unwrap_or_else(|| self.unexpected()))
            }
            Err(_) => {
                let refusal = classify::json(content)
                    .and_then(|root| root.get("error").cloned())
                    .filter(classify::is_error);
                Err(refusal.map_or_else(
                    || self.unexpected(),
                    |error| {
                        let origin = Origin {
                            status: self.status,
                            retry_after: self.retry_after,
                            model: None,
                        };
                        classify::error(origin, &error)
                    },
                ))
            }
        }
    }

    fn unexpected(&self) -> Error {
        Error::UnexpectedAnswer {
            status: self.status,
            content_type: self.content_type.as_deref().map(text::message),
            excerpt: text::excerpt(&self.body.text),
        }
    }
}

/// Sends, and waits for the headers.
async fn send(request: RequestBuilder, clock: Clock) -> Result<Response, Error> {
    clock
        .within(Limit::FirstByte, request.send())
        .await?
        .map_err(|error| {
            if error.is_builder() {
                return invalid("request", call::innermost(&error.without_url()));
            }
            if !error.is_connect() {
                return call::cut(error);
            }
            if error.is_timeout() {
                return Error::ConnectTimeout {
                    after: Duration::from_secs(clock.connect_seconds()),
                };
            }
            Error::Unreachable {
                reason: call::innermost(&error.without_url()),
            }
        })
}

fn bearer(key: &ApiKey) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| {
        MalformedApiKey {
            reason: "it can't be sent in a header",
        }
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn parse_base(text: &str) -> Result<Url, Error> {
    let mut base =
        Url::parse(text.trim()).map_err(|error| invalid("base URL", error.to_string()))?;
    let refused = |reason: &str| Err(invalid("base URL", reason.to_owned()));
    if !matches!(base.scheme(), "http" | "https") {
        return refused("it must begin with https:// or http://");
    }
    if !base.username().is_empty() || base.password().is_some() {
        return refused("it must not hold a name or a password");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return refused("it must end with its path");
    }
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    Ok(base)
}

fn app_headers(app: &App) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let named = [
        ("http-referer", "app referer", &app.referer),
        ("x-openrouter-title", "app title", &app.title),
        ("x-title", "app title", &app.title),
    ];
    for (name, setting, value) in named {
        let Some(value) = value.as_deref().map(str::trim).filter(|v| !v.is_empty()) else {
            continue;
        };
        let value = latin1(value).ok_or_else(|| {
            invalid(
                setting,
                "it holds characters that no header can carry".into(),
            )
        })?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

fn latin1(text: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect();
    HeaderValue::from_bytes(&bytes?).ok()
}

fn invalid(setting: &'static str, reason: String) -> Error {
    Error::InvalidConfiguration {
        setting,
        reason: text::message(&reason),
    }
}
