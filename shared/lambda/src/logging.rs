//! What is logged: this project's own lines at the level that is asked for, those of libraries from `info` on.
//!
//! Below `info` libraries log whole requests: the Lambda runtime every event, the AWS SDK what a secret is set to, the
//! HTTP client its headers. Keys and tokens are in them, so no level shows these lines.

use std::env;

use lambda_runtime::tracing::subscriber::filter::{LevelFilter, filter_fn};
use lambda_runtime::tracing::subscriber::layer::{Layer, SubscriberExt};
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt;
use lambda_runtime::tracing::subscriber::{fmt, registry};
use tracing::{Level, Metadata};

/// What the names of this project's shared crates begin with.
const SHARED: &str = "steps_";

/// Begins to log to standard output, for the function whose crate has this name.
pub(crate) fn log_lines(function: &'static str) {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").or_else(|_| env::var("RUST_LOG"));
    let level = level
        .ok()
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let shown = filter_fn(move |line| is_shown(line, function));
    let is_json =
        env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    // CloudWatch has the time of every line.
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
