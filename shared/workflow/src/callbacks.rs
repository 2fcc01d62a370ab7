//! Where a finished run may be posted to: only behind the prefixes that the workflow's author wrote.

use steps_problem::{Fault, Problem};
use url::{Host, Url};

use crate::document::Workflow;

/// Longest address.
const LONGEST: usize = 2000;

const FORM: &str = "must be an https address such as `https://example.com/done/`, without a user, a query or a fragment; http only for localhost";

/// The faults of the prefixes in a document.
pub(crate) fn faults(prefixes: &[String]) -> Vec<Fault> {
    let fault = |(index, prefix): (usize, &String)| {
        let message = check_prefix(prefix).err()?;
        Some(Fault::at(format!("callbacks[{index}]"), message))
    };
    prefixes.iter().enumerate().filter_map(fault).collect()
}

/// What is wrong with a prefix.
fn check_prefix(text: &str) -> Result<(), &'static str> {
    match address(text) {
        Some(url) if url.query().is_none() => Ok(()),
        _ => Err(FORM),
    }
}

/// Refuses an address that a finished run may not be posted to. `local`: whether http://localhost may be one.
///
/// # Errors
/// `CallbackRefused`.
pub(crate) fn check(workflow: &Workflow, text: &str, local: bool) -> Result<(), Problem> {
    let Some(message) = fault(&workflow.callbacks, text, local) else {
        return Ok(());
    };
    Err(Problem::new(
        400,
        "CallbackRefused",
        "Callback Refused",
        "the run may not be posted to `callbackUrl`; no run was started",
    )
    .solution([
        "Name an address behind one of the workflow's `callbacks`",
        "Or put the workflow with that address's prefix among them",
    ])
    .faults(vec![Fault::at("callbackUrl", message)]))
}

/// What is wrong with the address. The parsed addresses are compared, so neither `..` nor a longer host name leads out
/// of a prefix.
fn fault(prefixes: &[String], text: &str, local: bool) -> Option<String> {
    if text.len() > LONGEST {
        return Some(format!("the address has more than {LONGEST} characters"));
    }
    // In Lambda, localhost is the function itself.
    if text.starts_with("http:") && !local {
        return Some("this stack posts to https addresses only".to_owned());
    }
    let Some(url) = address(text) else {
        return Some(FORM.to_owned());
    };
    if prefixes.is_empty() {
        return Some(
            "the workflow allows no callbacks: its `callbacks` lists the addresses that may be called"
                .to_owned(),
        );
    }
    let allowed = prefixes
        .iter()
        .filter_map(|prefix| address(prefix))
        .any(|prefix| behind(&prefix, &url));
    (!allowed).then(|| "the address is behind none of the workflow's `callbacks`".to_owned())
}

fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    (scheme && plain).then_some(url)
}

fn behind(prefix: &Url, url: &Url) -> bool {
    let same_place = prefix.scheme() == url.scheme()
        && prefix.host() == url.host()
        && prefix.port_or_known_default() == url.port_or_known_default();
    let path = prefix.path();
    let inside = url
        .path()
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.ends_with('/'));
    same_place && inside && !hides_a_step(url.path())
}

/// Whether the path has a slash, a backslash or a dot that is spelled so that it is none for this reader, and may be one
/// for a server that decodes the path: `/done/..%2f..%2fadmin`.
fn hides_a_step(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["%2e", "%2f", "%5c", "%25"]
        .iter()
        .any(|hidden| path.contains(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(prefix: &str, url: &str) -> bool {
        behind(&address(prefix).unwrap(), &address(url).unwrap())
    }

    #[test]
    fn only_what_is_behind_a_prefix_is_allowed() {
        for (prefix, url) in [
            ("https://example.com", "https://example.com/a?b=c"),
            ("https://example.com/", "https://EXAMPLE.com:443/a"),
            ("https://example.com/done", "https://example.com/done"),
            ("https://example.com/done", "https://example.com/done/1"),
            ("https://example.com/done/", "https://example.com/done/1"),
            ("http://localhost:8080/", "http://localhost:8080/x"),
        ] {
            assert!(allowed(prefix, url), "{prefix} {url}");
        }
        for (prefix, url) in [
            ("https://example.com", "https://example.com.evil.com/"),
            (
                "https://example.com/done",
                "https://example.com/done-and-more",
            ),
            (
                "https://example.com/done/",
                "https://example.com/done/../admin",
            ),
            (
                "https://example.com/done/",
                "https://example.com/done/%2e%2e/admin",
            ),
            (
                "https://example.com/done/",
                "https://example.com/done/..\\..\\admin",
            ),
            (
                "https://example.com/done/",
                "https://example.com/done/..%2f..%2fadmin",
            ),
            (
                "https://example.com/done/",
                "https://example.com/done/..%5C..%5Cadmin",
            ),
            (
                "https://example.com/done/",
                "https://example.com/done/..%252f..%252fadmin",
            ),
            ("https://example.com/", "https://example.com:8443/"),
            ("https://localhost/", "http://localhost/"),
            ("http://localhost:8080/", "http://127.0.0.1:8080/"),
        ] {
            assert!(!allowed(prefix, url), "{prefix} {url}");
        }
    }

    #[test]
    fn an_address_that_is_refused_is_told_why() {
        let prefixes = [
            "https://example.com/".to_owned(),
            "http://localhost/".to_owned(),
        ];
        let fault = |url: &str, local| fault(&prefixes, url, local).unwrap_or_default();
        assert_eq!(fault("https://example.com/done", false), "");
        assert_eq!(fault("http://localhost/done", true), "");
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        for (url, local, says) in [
            ("http://localhost/done", false, "https addresses only"),
            ("https://example.org/", false, "behind none"),
            ("example.com", false, "must be an https address"),
            (long.as_str(), false, "more than 2000 characters"),
        ] {
            let told = fault(url, local);
            assert!(told.contains(says), "{url}: {told}");
        }
        let told = super::fault(&[], "https://example.com/", false).unwrap();
        assert!(told.contains("allows no callbacks"), "{told}");
    }

    #[test]
    fn an_address_is_https_and_nothing_hides_in_it() {
        for text in [
            "",
            "example.com",
            "/done",
            "http://example.com/",
            "http://169.254.169.254/",
            "http://localhost.evil.com/",
            "https://user:password@example.com/",
            "https://example.com@evil.com/",
            "https://example.com/#x",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            assert!(address(text).is_none(), "{text}");
        }
        assert!(check_prefix("https://example.com/?a=b").is_err());
        assert!(check_prefix("https://example.com/a").is_ok());
    }
}
