//! The client: one request with its redirects, within a time and a number of bytes.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Response};
use tokio::time::timeout;
use url::{Host, Url};

use crate::address::not_public;
use crate::allowed::AllowedHosts;
use crate::error::{Error, Failure};
use crate::names::{All, Names, NotPublic, PublicOnly};
use crate::origin::shown;
use crate::redirect::{follow, is_redirect};
use crate::request::Request;

const USER_AGENT: &str = concat!("openrouter-steps/", env!("CARGO_PKG_VERSION"));

/// How long a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// Calls addresses that a workflow names. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    public: reqwest::Client,
    /// For allowed hosts: addresses are not checked.
    any: reqwest::Client,
    allowed: AllowedHosts,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// The answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// The origin that it came from.
    pub origin: String,
    /// Whether it answers another request: a redirect made a GET of this one, which was carried out.
    pub changed: bool,
}

impl Answer {
    /// How long to wait before the next request, as the answer's `Retry-After` says.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(text).ok()?;
        Some(until.duration_since(SystemTime::now()).unwrap_or_default())
    }
}

impl Web {
    /// A client that calls public addresses, and these hosts.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(allowed: AllowedHosts, names: Names) -> Result<Self, reqwest::Error> {
        // This fails only where a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            public: builder().dns_resolver(PublicOnly(names.clone())).build()?,
            any: builder().dns_resolver(All(names)).build()?,
            allowed,
        })
    }

    /// Whether this host and port may be called whatever the address is.
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        self.allowed.allow(url)
    }

    /// Sends the request, follows its redirects, and reads the answer, all within `time`.
    ///
    /// # Errors
    /// A [`Failure`]. An answer is none, whatever its status.
    pub async fn send(&self, request: Request, time: Duration) -> Result<Answer, Failure> {
        let first = shown(&request.url);
        // Nothing is known of a request that was dropped: it may have been sent.
        let may_have_acted = Cell::new(false);
        let answer = timeout(time, self.follow(request, &may_have_acted)).await;
        let timed_out = || Error::TimedOut {
            origin: first,
            after: time,
        };
        answer
            .unwrap_or_else(|_| Err(timed_out()))
            .map_err(|error| Failure {
                error,
                may_have_acted: may_have_acted.get(),
            })
    }

    async fn follow(
        &self,
        mut request: Request,
        may_have_acted: &Cell<bool>,
    ) -> Result<Answer, Error> {
        let mut followed = 0;
        loop {
            let before = may_have_acted.replace(true);
            let response = match self.one(&request).await {
                Ok(response) => response,
                Err(error) => {
                    let sent =
                        !matches!(error, Error::NotAllowed { .. } | Error::Unreachable { .. });
                    may_have_acted.set(before || sent);
                    return Err(error);
                }
            };
            let status = response.status();
            let location = response.headers().get(LOCATION);
            let Some(location) = location.filter(|_| is_redirect(status) && request.redirects > 0)
            else {
                return read(response, &request).await;
            };
            let refused = |reason: String| Error::Redirect {
                origin: shown(&request.url),
                reason,
            };
            if followed == request.redirects {
                return Err(refused(format!("it would be one more than {followed}")));
            }
            followed += 1;
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let from = shown(&request.url);
            follow(&mut request, status, &location).map_err(|reason| Error::Redirect {
                origin: from,
                reason,
            })?;
            // Who answers 307 or 308 has done nothing. After the others the first request may have been carried out.
            may_have_acted.set(request.changed || before);
        }
    }

    /// One request and the head of its answer.
    async fn one(&self, request: &Request) -> Result<Response, Error> {
        let origin = || shown(&request.url);
        let refused = |reason: &str| Error::NotAllowed {
            origin: origin(),
            reason: reason.to_owned(),
        };
        check(&request.url).map_err(refused)?;
        let any = self.allowed.allow(&request.url);
        if !any && let Some(what) = literal(&request.url).and_then(not_public) {
            return Err(refused(&format!("it is {what}")));
        }
        let mut headers = request.headers.clone();
        for (name, value) in &request.secret {
            headers.insert(name, value.clone());
        }
        let client = if any { &self.any } else { &self.public };
        let mut sent = client
            .request(request.method.clone(), request.url.clone())
            .headers(headers);
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        let response = sent.send().await.map_err(|error| {
            let error = error.without_url();
            if let Some(NotPublic { what }) = find(&error) {
                return refused(&format!("its name leads to {what}"));
            }
            let reason = innermost(&error);
            if error.is_connect() || error.is_builder() {
                Error::Unreachable {
                    origin: origin(),
                    reason,
                }
            } else {
                Error::Broken {
                    origin: origin(),
                    reason,
                }
            }
        })?;
        let other_side = response.remote_addr().map(|address| address.ip());
        match other_side.and_then(not_public) {
            Some(what) if !any => Err(refused(&format!("the connection led to {what}"))),
            _ => Ok(response),
        }
    }
}

fn builder() -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT)
        // A connection that was kept may be closed by now: a request that fails on it may have been carried out.
        .pool_max_idle_per_host(0)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .tcp_nodelay(true);
    match steps_roots::bundled() {
        Some(roots) => builder.tls_certs_only(roots.flat_map(Certificate::from_der)),
        None => builder,
    }
}

/// What no address may have, wherever it leads.
fn check(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it is no address of http or https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user name or a password in it");
    }
    match url.host() {
        Some(Host::Domain(name)) if name.trim_end_matches('.').is_empty() => {
            Err("it names no host")
        }
        Some(_) => Ok(()),
        None => Err("it names no host"),
    }
}

/// The address that stands in the URL itself.
fn literal(url: &Url) -> Option<std::net::IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

async fn read(mut response: Response, request: &Request) -> Result<Answer, Error> {
    let origin = shown(&request.url);
    let too_large = |origin: String| Error::TooLarge {
        origin,
        most: request.most_bytes,
    };
    let most = request.most_bytes as u64;
    // A HEAD is told the length of what it does not get.
    if request.method != Method::HEAD && response.content_length().is_some_and(|all| all > most) {
        return Err(too_large(origin));
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) if body.len() + piece.len() > request.most_bytes => {
                return Err(too_large(origin));
            }
            Ok(Some(piece)) => body.extend_from_slice(&piece),
            Ok(None) => break,
            Err(error) => {
                return Err(Error::Broken {
                    origin,
                    reason: innermost(&error.without_url()),
                });
            }
        }
    }
    Ok(Answer {
        status: response.status().as_u16(),
        headers: std::mem::take(response.headers_mut()),
        body: body.freeze(),
        origin,
        changed: request.changed,
    })
}

/// The error of this type among an error and those behind it.
fn find<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The innermost reason of an error: `Connection refused` rather than `error sending request`.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
