//! Where a credential's secret may go.

use http::header::{HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use steps_key::HttpSecret;
use steps_problem::Problem;
use steps_web::{AllowedHosts, Request, Web};

use super::problem::{invalid, secret_refused};

/// Puts the secret into the request, where it may go to that address.
pub(super) fn put_in(
    secret: &HttpSecret,
    request: &mut Request,
    spells_out_origin: bool,
    web: &Web,
) -> Result<(), Problem> {
    if secret.hosts.is_empty() {
        if !spells_out_origin {
            return Err(secret_refused(
                "the credential names no `hosts`, and tags decide which host is called",
            ));
        }
    } else {
        let hosts = AllowedHosts::parse(&secret.hosts.join(","));
        if !hosts.is_ok_and(|hosts| hosts.allow(&request.url)) {
            return Err(secret_refused(
                "the credential's `hosts` do not name this host",
            ));
        }
    }
    if request.url.scheme() != "https" && !web.allows(&request.url) {
        return Err(secret_refused("the address is called without TLS"));
    }
    let (name, value) = secret.auth.header();
    let name = HeaderName::from_bytes(name.as_bytes());
    let value = HeaderValue::from_str(value.expose_secret());
    let (Ok(name), Ok(mut value)) = (name, value) else {
        return Err(invalid(
            "its credential's secret cannot be sent in a header",
        ));
    };
    value.set_sensitive(true);
    request.secret.clear();
    request.secret.insert(name, value);
    Ok(())
}
