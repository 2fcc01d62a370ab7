//! One post to a receiver.

use std::time::Duration;

use reqwest::redirect::Policy;
use steps_problem::short;

use crate::app::App;
use crate::sign::Signed;

/// Most characters of what is said of a post that failed.
const LONGEST: usize = 300;

/// The longest that a post may take.
pub(crate) const LONGEST_POST: Duration = Duration::from_secs(20);

/// Posts the body; gives the status of the answer.
///
/// # Errors
/// Why there was none, in words without the address.
pub(crate) async fn post(
    app: &App,
    url: &str,
    signed: &Signed<'_>,
    signature: String,
) -> Result<reqwest::StatusCode, String> {
    let answer = app
        .http
        .post(url)
        .header("content-type", "application/json")
        .header(steps_signatures::ID, signed.id)
        .header(steps_signatures::TIMESTAMP, signed.at)
        .header(steps_signatures::SIGNATURE, signature)
        .body(signed.body.to_vec())
        .send()
        .await;
    answer.map(|answer| answer.status()).map_err(|error| {
        if error.is_timeout() {
            let seconds = LONGEST_POST.as_secs();
            return format!("it did not answer within {seconds} seconds");
        }
        short(&innermost(&error.without_url()), LONGEST)
    })
}

/// The client that posts. It follows no redirect: a redirect could lead to an address that no author allowed.
pub(crate) fn http(local: bool) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("openrouter-steps/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .timeout(LONGEST_POST)
        .redirect(Policy::none())
        .https_only(!local);
    if let Some(roots) = steps_roots::bundled() {
        builder = builder.tls_certs_only(roots.flat_map(reqwest::Certificate::from_der));
    }
    builder.build()
}

/// The innermost reason of an error: `Connection refused` rather than `error sending request`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
