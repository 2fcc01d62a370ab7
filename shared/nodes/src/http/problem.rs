//! How a request fails, in words.

use steps_problem::{MESSAGE, Problem, short};

/// The rendered node is no request.
pub(super) fn invalid(what: impl Into<String>) -> Problem {
    Problem::new(
        422,
        "HttpRequestInvalid",
        "HTTP Request Invalid",
        what.into(),
    )
    .solution([
        "Look at what the node's templates insert: the run's input, and the outputs of the nodes before",
        "Put the workflow again with the node corrected",
    ])
}

/// The answer has a status that means failure.
pub(super) fn error_status(origin: &str, status: u16, text: &str) -> Problem {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let reason = reason.map_or_else(String::new, |reason| format!(" {reason}"));
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(": {}", short(&said, MESSAGE))
    };
    Problem::new(
        502,
        "HttpErrorStatus",
        "HTTP Error Status",
        format!("{origin} answered {status}{reason}{said}"),
    )
    .solution([
        "Read what the other side says in the cause",
        "Where this status is no failure: name it in the node's `accept`",
        "Where it passes: name it in the node's `retryOn`",
    ])
}

/// The answer is not what `as` asks for.
pub(super) fn unreadable(origin: &str, what: &str) -> Problem {
    Problem::new(
        502,
        "HttpAnswerUnreadable",
        "HTTP Answer Unreadable",
        format!("the answer of {origin} cannot be read: {what}"),
    )
    .solution([
        "Set `as` to what the other side answers: `json`, `text`, or `file` for anything else",
        "Ask the other side for JSON, such as with the header `Accept: application/json`",
    ])
}

/// The secret must not go there.
pub(super) fn secret_refused(why: &str) -> Problem {
    Problem::new(
        403,
        "CredentialHostRefused",
        "Credential Host Refused",
        format!("the credential's secret is not sent: {why}"),
    )
    .solution([
        "Name the hosts that the secret is for: PUT /credentials/{id} with `hosts`",
        "Or write the address's scheme and host out in the node's `url`, with tags only behind them",
        "Call it by https://",
    ])
}
