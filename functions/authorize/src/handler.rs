//! Lets in who sends a token of the API, and says whose it is and what it may do. Secrets are compared in constant time.

use std::collections::HashMap;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use steps_access::{Scopes, Token};
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
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdict {
    is_authorized: bool,
    /// Handed on to the function behind the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
}

/// What a function is told of the token. API Gateway keeps it for some seconds, for all routes: so it says what the token
/// may do, and each function compares that with its own route.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Context {
    /// Who was let in, as audits have it: the token's id, or `root`.
    principal: String,
    /// The token's scopes, with blanks between them.
    scopes: String,
}

/// Who has the root token, in audits.
const ROOT: &str = "root";

/// Whether the request has a good token in its header `Authorization`, and what that may do.
pub(crate) async fn handle(app: &App, event: Event) -> Result<Verdict, Problem> {
    let Some(given) = bearer(&event) else {
        return Ok(Verdict::refused());
    };
    match Token::parse(given) {
        Some(token) => named(app, &token).await,
        None if app.root.any(|root| is_secret(given, root)).await? => {
            Ok(Verdict::let_in(ROOT, &Scopes::all()))
        }
        None => Ok(Verdict::refused()),
    }
}

/// One read. Nothing is remembered here, so a token that was revoked is refused as soon as API Gateway asks again.
async fn named(app: &App, token: &Token) -> Result<Verdict, Problem> {
    let found = app.tokens.with_hash(token.id()).await?;
    let good = found.filter(|(record, hash)| {
        // The hash first: who does not know the secret learns nothing of the token.
        token.has_hash(hash) && record.is_good_at(Timestamp::now())
    });
    Ok(good.map_or_else(Verdict::refused, |(record, _)| {
        Verdict::let_in(&record.id, &record.scopes)
    }))
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
    fn let_in(principal: &str, scopes: &Scopes) -> Self {
        Self {
            is_authorized: true,
            context: Some(Context {
                principal: principal.to_owned(),
                scopes: scopes.words(),
            }),
        }
    }

    fn refused() -> Self {
        Self {
            is_authorized: false,
            context: None,
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
