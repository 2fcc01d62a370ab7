//! A start over HTTP: how a request becomes a delivery, and what its sender is answered.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use steps_api::{RunView, SkippedRun, StartedRun};
use steps_lambda::{Answer, Request, invalid};
use steps_problem::Problem;
use steps_signatures::{Delivery as Signed, Mode, Scheme};
use steps_store::{RunStatus, Store, Trigger};
use tokio::time::{Instant, sleep};

use crate::starts::{Delivery, Skipped, Started};

/// Longest id of a delivery.
const LONGEST_ID: usize = 255;

/// The content type of a form.
const FORM: &str = "application/x-www-form-urlencoded";

/// Most bytes of a body.
const LARGEST: usize = 1_000_000;

/// Parts of the names of headers and query parameters that may hold a secret.
const SECRET_PARTS: [&str; 17] = [
    "apikey",
    "authentic",
    "authoriz",
    "bearer",
    "bypass",
    "cookie",
    "credential",
    "hmac",
    "jwt",
    "passphrase",
    "passw",
    "saml",
    "secret",
    "sessid",
    "session",
    "signature",
    "token",
];

/// Whole words of such names, as in `x-auth`, `verif-hash` and `sessionId`. So is every word that ends with `key`.
const SECRET_WORDS: [&str; 12] = [
    "auth", "code", "hash", "otp", "pass", "passcode", "pin", "pwd", "sess", "sid", "sig", "ticket",
];

/// The query parameters that the API itself reads.
const OWN_QUERIES: [&str; 2] = ["callbackUrl", "wait"];

/// Longest `?wait=`, seconds: API Gateway gives up after 30.
const LONGEST_WAIT: u64 = 25;

/// Kept back from Lambda's deadline for the answer.
const CLOSING_TIME: Duration = Duration::from_secs(2);

/// The door that a request came through.
#[derive(Debug, Clone, Copy)]
pub enum Door<'a> {
    /// One behind a token of the API; templates see this word as `trigger.type`.
    Token(&'a str),
    /// A webhook, whose scheme says where its deliveries carry their id.
    Webhook {
        /// Its name.
        name: &'a str,
        /// How its senders prove themselves.
        scheme: Scheme<'a>,
    },
}

/// The delivery of a request. Ids count within one door: those of two webhooks never meet.
///
/// # Errors
/// `InvalidRequest` where the delivery's id is empty or too long.
pub fn delivery(request: &Request, door: Door<'_>, input: Value) -> Result<Delivery, Problem> {
    let (kind, scheme, webhook) = match door {
        Door::Token(kind) => (kind, Mode::None.into(), None),
        Door::Webhook { name, scheme } => ("webhook", scheme, Some(name)),
    };
    let header = |name: &str| request.header(name);
    let signed = Signed {
        header: &header,
        body: request.body(),
    };
    let id = signed.identity(scheme);
    if let Some(id) = &id
        && !(1..=LONGEST_ID).contains(&id.len())
    {
        return Err(invalid(format!(
            "the delivery's id has {} characters; it may have 1 to {LONGEST_ID}",
            id.len()
        )));
    }
    let callback_url = request.query("callbackUrl");
    let fingerprint = signed.fingerprint(scheme.mode, &[callback_url.unwrap_or_default()]);
    let twin = signed.twin(scheme.mode);
    let door = webhook.map_or_else(|| kind.to_owned(), |name| format!("{kind}/{name}"));
    let delivery = Delivery {
        trigger: Trigger {
            kind: kind.to_owned(),
            context: context(request, id.as_deref(), webhook),
        },
        started_by: None,
        identity: id.map(|id| format!("{door}/{id}")),
        twin: twin.map(|twin| format!("{door}/{twin}")),
        fingerprint,
        wait: wait(request)?,
        callback_url: callback_url.map(str::to_owned),
        input,
    };
    Ok(match webhook {
        // Its workflow is known to whoever has read the webhook.
        Some(_) => delivery,
        None => delivery.by(&format!("token/{}", request.caller().principal)),
    })
}

/// Refuses a body that is too large, before anything is done with it.
pub fn check_size(request: &Request) -> Result<(), Problem> {
    let size = request.body().len();
    if size <= LARGEST {
        return Ok(());
    }
    Err(Problem::new(
        413,
        "BodyTooLarge",
        "Body Too Large",
        format!("the body has {size} bytes; the most is {LARGEST}"),
    )
    .solution(["Send less, such as the ids of what the workflow needs instead of all of it"]))
}

/// The body by its content type. Without one it is JSON.
pub fn input(request: &Request) -> Result<Value, Problem> {
    if !request.has_body() {
        return Ok(json!({}));
    }
    match essence(request).as_str() {
        "" | "application/json" | "text/json" => request.json(),
        json if json.ends_with("+json") => request.json(),
        // What curl says of JSON unless it is told otherwise. No form begins so: it would be written as %7B.
        FORM
            if matches!(request.body().trim_ascii_start().first(), Some(b'{' | b'[')) =>
        {
            request.json()
        }
        FORM => Ok(form(request.text()?)),
        "text/plain" => Ok(json!({ "body": request.text()? })),
        other => Err(Problem::new(
            415,
            "UnsupportedContentType",
            "Unsupported Content Type",
            format!("a body of type `{other}` is not understood"),
        )
        .solution([
            "Send application/json, application/x-www-form-urlencoded or text/plain, and say so in Content-Type",
        ])),
    }
}

/// [`input`] of a delivery to a webhook of this mode. Some senders write their JSON into the one field `payload` of a form:
/// then its fields are the input.
///
/// # Errors
/// Those of [`input`], and `InvalidRequest` where `payload` is not JSON.
pub fn delivered(request: &Request, mode: Mode) -> Result<Value, Problem> {
    let input = input(request)?;
    match wrapped(&input).filter(|_| mode.may_wrap_json() && essence(request) == FORM) {
        Some(payload) => unwrap(payload),
        None => Ok(input),
    }
}

/// The text of the field `payload`, where there is no other field.
fn wrapped(input: &Value) -> Option<&str> {
    let fields = input.as_object().filter(|fields| fields.len() == 1)?;
    fields.get("payload")?.as_str()
}

fn unwrap(payload: &str) -> Result<Value, Problem> {
    serde_json::from_str(payload)
        .map_err(|error| invalid(format!("the form's field `payload` is not JSON: {error}")))
}

/// The request's content type without its parameters, in lower case.
fn essence(request: &Request) -> String {
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// A form's fields; one that comes several times is a list.
fn form(text: &str) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(text.trim().as_bytes()) {
        let value = json!(Cow::into_owned(value));
        match fields.get_mut(name.as_ref()) {
            None => {
                fields.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(fields)
}

/// What templates see of a delivery as `trigger`, without what may be secret. `id` is the delivery's own id, `webhook`
/// the name of the webhook that it came through.
pub(crate) fn context(request: &Request, id: Option<&str>, webhook: Option<&str>) -> Value {
    let query: Map<String, Value> = request
        .queries()
        .filter(|(name, _)| !OWN_QUERIES.contains(name) && !may_be_secret(name))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let headers: Map<String, Value> = request
        .headers()
        .filter(|(name, _)| !may_be_secret(name))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let mut context = Map::from_iter([
        ("query".to_owned(), Value::Object(query)),
        ("headers".to_owned(), Value::Object(headers)),
    ]);
    for (name, value) in [("id", id), ("webhook", webhook)] {
        if let Some(value) = value {
            context.insert(name.to_owned(), json!(value));
        }
    }
    Value::Object(context)
}

fn may_be_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_PARTS.iter().any(|part| lower.contains(part))
        || words(name)
            .iter()
            .any(|word| word.ends_with("key") || SECRET_WORDS.contains(&word.as_str()))
}

/// The words of a name in lower case: `x-access-code`, `x_access_code` and `xAccessCode` have the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_was_lower = false;
    for character in name.chars() {
        let begins = before_was_lower && character.is_ascii_uppercase();
        if begins || !character.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        before_was_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
        if character.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
    }
    words
}

/// How long the caller waits for the run's end at most, as `?wait=` says, in seconds.
///
/// # Errors
/// `InvalidRequest` where it is no number from 0 to 25.
pub fn wait(request: &Request) -> Result<Duration, Problem> {
    let seconds = request.number("wait", 0..=LONGEST_WAIT, 0)?;
    Ok(Duration::from_secs(seconds))
}

/// The run itself (200) where it ends while the caller waits; else the path at which it can be read (202). At most `most`
/// callers wait at once.
pub async fn answer(
    store: &Store,
    request: &Request,
    (wait, most): (Duration, u32),
    started: &Started,
) -> Result<Answer, Problem> {
    let path = format!("/runs/{}", started.run_id);
    let patience = wait.min(request.remaining().saturating_sub(CLOSING_TIME));
    let status = status_within(store, started, patience, most).await?;
    if !wait.is_zero() && status.has_ended() {
        let view = RunView::read(store, &started.run_id).await?;
        return Ok(Answer::json(200, &view)?.location(path));
    }
    let answer = StartedRun {
        id: started.run_id.clone(),
        workflow_id: started.workflow_id.clone(),
        status,
        status_url: path.clone(),
        repeated: started.repeated,
    };
    Ok(Answer::json(202, &answer)?.location(path))
}

/// The answer where the workflow's `limits.maxRuns` says that no further run is started.
///
/// # Errors
/// It cannot be written.
pub fn skipped(skipped: &Skipped) -> Result<Answer, Problem> {
    let answer = SkippedRun {
        skipped: true,
        workflow_id: skipped.workflow_id.clone(),
        max_runs: skipped.most,
    };
    Answer::json(200, &answer)
}

/// The run's status once it has ended, or once the caller has waited long enough. Where too many wait already, the caller does
/// not.
async fn status_within(
    store: &Store,
    started: &Started,
    patience: Duration,
    most: u32,
) -> Result<RunStatus, Problem> {
    let mut status = RunStatus::Running;
    if started.repeated || started.queued {
        status = store.runs().head(&started.run_id).await?.status;
    }
    if patience.is_zero() || status.has_ended() {
        return Ok(status);
    }
    let now = Timestamp::now();
    let Some(place) = store
        .locks()
        .waiting_place(most, now, now + patience)
        .await?
    else {
        return Ok(status);
    };
    let end = Instant::now() + patience;
    let mut pause = Duration::from_millis(100);
    while !status.has_ended() && Instant::now() + pause < end {
        sleep(pause).await;
        status = store.runs().head(&started.run_id).await?.status;
        pause = (pause * 3 / 2).min(Duration::from_secs(1));
    }
    store.locks().give_back(place).await?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{form, may_be_secret};

    #[test]
    fn a_form_is_an_object_of_its_fields() {
        assert_eq!(
            form("topic=tea+and+%C3%A4&tag=a&tag=b&tag=c&empty=&=x\n"),
            json!({"topic": "tea and \u{e4}", "tag": ["a", "b", "c"], "empty": "", "": "x"})
        );
    }

    #[test]
    fn names_of_secrets_are_told_from_others() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "x-forwarded-authorization",
            "Cookie",
            "webhook-signature",
            "x-hub-signature-256",
            "x-hub-signature",
            "x-shopify-hmac-sha256",
            "stripe-signature",
            "x-amz-security-token",
            "x-gitlab-token",
            "access_token",
            "x-api-key",
            "X-ApiKey",
            "x-goog-iap-jwt-assertion",
            "client_secret",
            "x-auth",
            "sig",
            "key",
            "accessKey",
            "accesskey",
            "privateKey",
            "encryption-key",
            "sessionId",
            "PHPSESSID",
            "JSESSIONID",
            "sid",
            "x-authentication",
            "pwd",
            "pass",
            "passphrase",
            "pin",
            "otp",
            "code",
            "verif-hash",
            "x-vercel-protection-bypass",
            "x-access-code",
            "xAccessCode",
            "x-bearer",
            "hmac",
            "SAMLResponse",
            "ticket",
        ] {
            assert!(may_be_secret(name), "{name}");
        }
        for name in [
            "content-type",
            "user-agent",
            "x-github-event",
            "x-github-delivery",
            "webhook-id",
            "webhook-timestamp",
            "x-forwarded-for",
            "keyword",
            "author",
            "design",
            "accept-encoding",
            "x-forwarded-host",
            "passenger",
            "spinner",
            "hashtag",
        ] {
            assert!(!may_be_secret(name), "{name}");
        }
    }
}
