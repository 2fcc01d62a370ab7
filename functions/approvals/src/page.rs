//! The page that a person sees: one question and two buttons. It has no script, loads nothing, and everything in it that comes
//! from a run is a text.

use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_FRAME_OPTIONS};
use steps_approvals::Question;
use steps_lambda::Answer;
use steps_problem::Problem;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}\
    h1{font-size:1.3rem;white-space:pre-wrap}pre,textarea{width:100%;box-sizing:border-box;padding:.75rem;border:1px solid #c4c6d0;\
    border-radius:.5rem;background:#f6f6f9;color:inherit;font:14px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\
    label{display:block;margin:1rem 0 .25rem}button{font:inherit;padding:.6rem 1.4rem;margin:1rem .75rem 0 0;border-radius:.5rem;\
    border:1px solid #1b1b1f;background:#fff;color:#1b1b1f;cursor:pointer}button[value=approve]{background:#1b1b1f;color:#fff}\
    @media(prefers-color-scheme:dark){body{background:#121316;color:#e3e2e6}pre,textarea{background:#1c1d21;border-color:#44474e}\
    button{background:#121316;color:#e3e2e6;border-color:#e3e2e6}button[value=approve]{background:#e3e2e6;color:#121316}}";

/// Nothing is loaded, and the form goes to this address only. No site may frame it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// What is asked, with a form that decides it.
pub(crate) fn question(question: &Question) -> Answer {
    let data = serde_json::to_string_pretty(&question.asks.data).unwrap_or_default();
    let data = match (&question.asks.data, question.asks.editable) {
        (serde_json::Value::Null, false) => String::new(),
        (serde_json::Value::String(text), false) => format!("<pre>{}</pre>", escaped(text)),
        (_, false) => format!("<pre>{}</pre>", escaped(&data)),
        (_, true) => format!(
            "<label for=\"data\">Data, as JSON. It can be changed before it is approved</label>\
             <textarea id=\"data\" name=\"data\" rows=\"12\">\n{}</textarea>",
            escaped(&data)
        ),
    };
    let until = question.until.map_or(String::new(), |until| {
        format!("<p>It can be decided until {until:.0}.</p>")
    });
    page(
        "A decision is asked for",
        &format!(
            "<h1>{}</h1><form method=\"post\">{data}\
             <label for=\"comment\">Comment</label>\
             <textarea id=\"comment\" name=\"comment\" rows=\"3\" maxlength=\"1000\"></textarea>\
             <button name=\"decision\" value=\"approve\">Approve</button>\
             <button name=\"decision\" value=\"reject\">Reject</button></form>{until}",
            escaped(&question.asks.question)
        ),
    )
}

/// That it is decided now.
pub(crate) fn decided(approved: bool) -> Answer {
    let word = if approved { "Approved" } else { "Rejected" };
    page(
        word,
        &format!("<h1>{word}</h1><p>The run goes on. You can close this page.</p>"),
    )
}

/// Why nothing can be decided.
pub(crate) fn problem(problem: &Problem) -> Answer {
    let title = escaped(&problem.title);
    let cause = escaped(&problem.cause);
    page(&problem.title, &format!("<h1>{title}</h1><p>{cause}.</p>")).with_status(problem.status)
}

fn page(title: &str, body: &str) -> Answer {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>",
        escaped(title)
    );
    Answer::text("text/html; charset=utf-8", html)
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(REFERRER_POLICY, "no-referrer")
        .header(X_FRAME_OPTIONS, "DENY")
        .header(CACHE_CONTROL, "no-store")
        .header(CONTENT_TYPE_OPTIONS, "nosniff")
        .header(ROBOTS, "noindex")
}

/// The text as it may stand in a page, between tags and in attributes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_a_run_is_a_text() {
        assert_eq!(
            escaped("<script>alert('1')</script> & \"x\""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;"
        );
    }
}
