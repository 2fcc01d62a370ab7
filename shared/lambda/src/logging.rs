//! Logging: this project's own lines from the configured level on, those of libraries from `info` on.
//!
//! Below `info` libraries log whole requests: the Lambda runtime logs events, the AWS SDK new values of secrets, the HTTP
//! client headers. Keys and tokens are in these lines, so no level shows them.

use std::env;

use lambda_runtime::tracing::subscriber::filter::{LevelFilter, filter_fn};
use lambda_runtime::tracing::subscriber::layer::{Layer, SubscriberExt};
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt;
use lambda_runtime::tracing::subscriber::{fmt, registry};
use tracing::{Level, Metadata};

/// What the names of this project's shared crates begin with.
const SHARED: &str = "steps_";

/// Starts logging to standard output for the function whose crate has this name.
pub(crate) fn log_lines(function: &'static str) {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG"));
    let level = level
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let shown = filter_fn(move |line| is_shown(line, function));
    let is_json =
        env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    // CloudWatch adds the time of each line.
    let lines = fmt::layer().with_target(false).without_time();
    let lines = if is_json {
        lines.json().boxed()
    } else {
        lines.boxed()
    };
    registry().with(lines.with_filter(shown)).with(level).init();
}

fn is_shown(line: &Metadata<'_>, function: &str) -> bool {
    let krate = line.target().split("::").next().unwrap_or_default();
    *line.level() <= Level::INFO || krate.starts_with(SHARED) || krate == function
}
