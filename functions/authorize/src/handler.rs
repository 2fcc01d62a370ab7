//! The token is compared in constant time, and read again now and then so that a new one is taken up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steps_problem::Problem;
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;

/// How long a token that was read is trusted.
const CACHE_TIME: Duration = Duration::from_secs(60);

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Authorize {
    client: Client,
    secret_id: String,
    cached: Mutex<Option<(SecretString, Instant)>>,
}

/// The part of API Gateway's request event (payload format 2.0) that matters here.
#[derive(Deserialize)]
pub(crate) struct Event {
    #[serde(default)]
    headers: HashMap<String, SecretString>,
}

/// API Gateway's simple response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdict {
    is_authorized: bool,
    /// Handed on to the function behind the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
}

#[derive(Serialize)]
struct Context {
    /// Who was let in, as audits have it.
    principal: &'static str,
}

impl Verdict {
    fn new(is_authorized: bool) -> Self {
        Self {
            is_authorized,
            context: is_authorized.then_some(Context {
                principal: "api-token",
            }),
        }
    }
}

impl Authorize {
    pub(crate) fn new(client: Client, secret_id: String) -> Self {
        Self {
            client,
            secret_id,
            cached: Mutex::default(),
        }
    }

    pub(crate) async fn handle(&self, event: Event) -> Result<Verdict, Problem> {
        let Some(given) = bearer(&event) else {
            return Ok(Verdict::new(false));
        };
        let token = self.token().await?;
        let is_token = given.as_bytes().ct_eq(token.expose_secret().as_bytes());
        Ok(Verdict::new(bool::from(is_token)))
    }

    async fn token(&self) -> Result<SecretString, Problem> {
        let mut cached = self.cached.lock().await;
        if let Some((token, read_at)) = &*cached
            && read_at.elapsed() < CACHE_TIME
        {
            return Ok(token.clone());
        }
        let token = steps_secrets::read_text(&self.client, &self.secret_id, "API token").await?;
        *cached = Some((token.clone(), Instant::now()));
        Ok(token)
    }
}

/// The token of `Authorization: Bearer <token>`; header and scheme in any case.
fn bearer(event: &Event) -> Option<&str> {
    let (_, value) = event
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let (scheme, token) = value.expose_secret().trim().split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(name: &str, value: &str) -> Event {
        Event {
            headers: HashMap::from([(name.to_owned(), SecretString::from(value))]),
        }
    }

    #[test]
    fn the_token_is_found_whatever_the_case_of_header_and_scheme() {
        for (name, value) in [
            ("authorization", "Bearer abc"),
            ("Authorization", "bearer  abc "),
            ("AUTHORIZATION", "BEARER abc"),
        ] {
            assert_eq!(bearer(&given(name, value)), Some("abc"), "{name}: {value}");
        }
        for (name, value) in [
            ("authorization", "abc"),
            ("authorization", "Basic abc"),
            ("authorization", ""),
            ("x-authorization", "Bearer abc"),
        ] {
            assert_eq!(bearer(&given(name, value)), None, "{name}: {value}");
        }
    }
}
