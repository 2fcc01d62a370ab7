//! What is asked for.

use std::fmt;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use crate::origin::shown;

/// What is asked for.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address, of http or https.
    pub url: Url,
    /// Headers.
    pub headers: HeaderMap,
    /// Headers that prove who asks. They take the place of others of their names.
    pub secret: HeaderMap,
    /// The body.
    pub body: Option<Bytes>,
    /// How many redirects are followed. With 0 a redirect is an answer as any other.
    pub redirects: usize,
    /// The most bytes of the answer's body.
    pub most_bytes: usize,
    /// Whether a redirect has made another request of it.
    pub(crate) changed: bool,
}

impl Request {
    /// A request without headers and body, which follows no redirect.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            secret: HeaderMap::new(),
            body: None,
            redirects: 0,
            most_bytes: 1 << 20,
            changed: false,
        }
    }
}

/// Neither headers nor body, nor the address beyond its origin.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("origin", &shown(&self.url))
            .finish_non_exhaustive()
    }
}
