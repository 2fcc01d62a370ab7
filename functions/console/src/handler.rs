//! `GET /console`, the page, and `GET /console/{proxy+}`, the files that it loads.

use std::sync::LazyLock;

use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use url::Url;

use crate::files::{File, PAGE, file};

/// What the page may load and where it may send requests: to this API. It runs no script but its own file, and no
/// text of its own becomes a script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The same, with the address of the stream of events that a run is watched by, where the stack has one at an address of
/// its own: `EVENTS_URL`.
static STACKS_POLICY: LazyLock<String> =
    LazyLock::new(|| policy(std::env::var("EVENTS_URL").ok().as_deref()));

fn policy(events: Option<&str>) -> String {
    let events = events.and_then(|events| Url::parse(events).ok());
    match events {
        Some(events) => {
            let both = format!(
                "connect-src 'self' {}",
                events.origin().ascii_serialization()
            );
            POLICY.replace("connect-src 'self'", &both)
        }
        None => POLICY.to_owned(),
    }
}

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Answers a request by the route that API Gateway matched.
pub(crate) fn handle(request: &Request) -> Result<Answer, Problem> {
    let name = match request.route() {
        "GET /console" => PAGE,
        "GET /console/{proxy+}" => request.parameter("proxy")?,
        _ => return Err(request.no_route()),
    };
    let file = file(name).ok_or_else(|| request.no_route())?;
    Ok(answer(
        file,
        request.header("accept-encoding"),
        request.header("if-none-match"),
    ))
}

/// The file, compressed where the browser takes that, or only the word that the browser has it already.
fn answer(file: &File, accepted: Option<&str>, known: Option<&str>) -> Answer {
    let is_known = known.is_some_and(|known| known.split(',').any(|tag| is_tag(tag, file.etag)));
    let answer = if is_known {
        Answer::unchanged()
    } else if accepted.is_some_and(takes_gzip) {
        Answer::file(file.content_type, file.gzip).header(CONTENT_ENCODING, "gzip")
    } else {
        Answer::file(file.content_type, file.plain)
    };
    // A name with a hash never stands for another content; the page's own name does.
    let kept = if file.name == PAGE {
        "no-cache"
    } else {
        "public, max-age=31536000, immutable"
    };
    answer
        .header(CACHE_CONTROL, kept)
        .header(ETAG, file.etag)
        .header(VARY, "accept-encoding")
        .header(CONTENT_SECURITY_POLICY, STACKS_POLICY.as_str())
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(REFERRER_POLICY, "no-referrer")
        .header(OPENER_POLICY, "same-origin")
        .header(STRICT_TRANSPORT_SECURITY, "max-age=31536000")
}

fn is_tag(given: &str, etag: &str) -> bool {
    let given = given.trim();
    given == "*" || given.trim_start_matches("W/") == etag
}

fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=");
        name.trim().eq_ignore_ascii_case("gzip") && weight.parse::<f32>() != Ok(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_gzip_is_read_from_the_header() {
        for (accepted, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, gzip;q=0", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accepted), takes, "{accepted}");
        }
    }

    #[test]
    fn the_page_may_talk_to_the_stream_of_events_and_to_nothing_else() {
        let with = policy(Some("https://abc.lambda-url.eu-central-1.on.aws/x?y"));
        assert!(with.contains("; connect-src 'self' https://abc.lambda-url.eu-central-1.on.aws; "));
        for none in [None, Some(""), Some("; script-src *")] {
            assert_eq!(policy(none), POLICY);
        }
    }

    #[test]
    fn what_the_browser_has_is_recognised_by_its_tag() {
        assert!(is_tag(" \"a\"", "\"a\"") && is_tag("W/\"a\"", "\"a\"") && is_tag("*", "\"a\""));
        assert!(!is_tag("\"b\"", "\"a\""));
    }
}
