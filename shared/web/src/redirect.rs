//! Where a redirect leads, and what goes with it.

use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
};
use reqwest::{Method, StatusCode};
use url::Url;

use crate::origin::is_same_origin;
use crate::request::Request;

/// The headers that go with a request to another origin. None of them tells who asks, or proves it.
const HARMLESS: [HeaderName; 2] = [ACCEPT, ACCEPT_LANGUAGE];

/// Whether an answer of this status, which has a `Location`, is a redirect.
pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The request that a redirect asks for. After 303, and for POST after 301 and 302, it is a GET without a body, as
/// browsers have it.
///
/// # Errors
/// Why it is not followed.
pub(crate) fn follow(
    request: &mut Request,
    status: StatusCode,
    location: &str,
) -> Result<(), String> {
    let to = request
        .url
        .join(location)
        .map_err(|error| format!("its `Location` is no address: {error}"))?;
    if request.url.scheme() == "https" && to.scheme() != "https" {
        return Err("it leads from https to an address without TLS".to_owned());
    }
    let becomes_get = match status.as_u16() {
        303 => request.method != Method::HEAD && request.method != Method::GET,
        301 | 302 => request.method == Method::POST,
        _ => false,
    };
    if becomes_get {
        request.method = Method::GET;
        request.body = None;
        request.headers.remove(CONTENT_TYPE);
        request.headers.remove(CONTENT_ENCODING);
        request.changed = true;
    }
    if !is_same_origin(&request.url, &to) {
        if request.body.is_some() {
            return Err(
                "it leads to another origin, and a body goes to none but its own".to_owned(),
            );
        }
        keep_harmless(&mut request.headers);
        request.secret.clear();
    }
    request.url = without_fragment(to);
    Ok(())
}

fn keep_harmless(headers: &mut HeaderMap) {
    let all = std::mem::take(headers);
    for name in HARMLESS {
        for value in all.get_all(&name) {
            headers.append(&name, value.clone());
        }
    }
}

fn without_fragment(mut url: Url) -> Url {
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::{AUTHORIZATION, COOKIE, HeaderValue};

    use super::*;

    fn post(url: &str) -> Request {
        let mut request = Request::new(Method::POST, Url::parse(url).unwrap());
        request.body = Some(Bytes::from_static(b"x"));
        for name in [
            ACCEPT,
            CONTENT_TYPE,
            COOKIE,
            HeaderName::from_static("x-key"),
        ] {
            request.headers.insert(name, HeaderValue::from_static("v"));
        }
        request
            .secret
            .insert(AUTHORIZATION, HeaderValue::from_static("s"));
        request
    }

    fn status(code: u16) -> StatusCode {
        StatusCode::from_u16(code).unwrap()
    }

    #[test]
    fn on_its_own_origin_everything_goes_along() {
        for code in [307, 308] {
            let mut request = post("https://a.test/x?q#f");
            follow(&mut request, status(code), "../y").unwrap();
            assert_eq!(request.url.as_str(), "https://a.test/y");
            assert_eq!(request.method, Method::POST);
            assert!(request.body.is_some() && !request.changed);
            assert_eq!((request.headers.len(), request.secret.len()), (4, 1));
        }
    }

    #[test]
    fn a_post_becomes_a_get_where_browsers_make_it_one() {
        for code in [301, 302, 303] {
            let mut request = post("https://a.test/x");
            follow(&mut request, status(code), "/y").unwrap();
            assert_eq!(request.method, Method::GET);
            assert!(request.body.is_none() && request.changed);
            assert!(!request.headers.contains_key(CONTENT_TYPE));
            assert_eq!(request.secret.len(), 1);
        }
        let mut put = post("https://a.test/x");
        put.method = Method::PUT;
        follow(&mut put, status(302), "/y").unwrap();
        assert_eq!(put.method, Method::PUT);
    }

    #[test]
    fn to_another_origin_no_secret_goes_and_no_body() {
        for to in [
            "https://b.test/",
            "//b.test/",
            "https://a.test:444/",
            "https://a.test.b.test/",
        ] {
            let mut request = post("https://a.test/x");
            follow(&mut request, status(303), to).unwrap();
            assert!(request.secret.is_empty(), "{to}");
            let left: Vec<&str> = request.headers.keys().map(HeaderName::as_str).collect();
            assert_eq!(left, ["accept"], "{to}");
            // Back at the first one the secrets do not come back.
            follow(&mut request, status(302), "https://a.test/").unwrap();
            assert!(request.secret.is_empty(), "{to}");
            for code in [307, 308] {
                let refused = follow(&mut post("https://a.test/x"), status(code), to).unwrap_err();
                assert!(refused.contains("another origin"), "{refused}");
            }
        }
        // From http to https is another origin too.
        let mut up = post("http://a.test/x");
        follow(&mut up, status(303), "https://a.test/x").unwrap();
        assert!(up.secret.is_empty());
    }

    #[test]
    fn none_leads_away_from_tls() {
        for to in [
            "http://a.test/",
            "ftp://a.test/",
            "file:///etc/passwd",
            "data:,x",
        ] {
            let refused = follow(&mut post("https://a.test/x"), status(303), to).unwrap_err();
            assert!(refused.contains("TLS"), "{refused}");
        }
        let refused = follow(&mut post("https://a.test/x"), status(303), "https://").unwrap_err();
        assert!(refused.contains("no address"), "{refused}");
    }
}
