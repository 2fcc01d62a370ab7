//! Lets in who sends the API's token. It is compared in constant time, and read again now and then so that a new one is
//! taken up.

use std::collections::HashMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steps_problem::Problem;
use steps_signatures::is_secret;

use crate::app::App;

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

/// Whether the request has the API's token in its header `Authorization`.
pub(crate) async fn handle(app: &App, event: Event) -> Result<Verdict, Problem> {
    let Some(given) = bearer(&event) else {
        return Ok(Verdict::new(false));
    };
    let token = app.token.read().await?;
    Ok(Verdict::new(is_secret(given, &token)))
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
