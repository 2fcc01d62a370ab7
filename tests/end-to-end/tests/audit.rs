//! Whatever is changed through the API leaves a row: who, what, which record, when.

use std::collections::BTreeSet;

use end_to_end::{User, list, routes, text};
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

/// The rows about a record, the newest first.
async fn rows(user: &User, subject: &str) -> Vec<Value> {
    let page = user
        .get(&format!("/audit?limit=100&subject={subject}"))
        .await;
    assert_eq!(page.status, 200, "{:?}", page.body);
    list(&page.body["audit"]).to_vec()
}

/// What leaves no row: the list of models is a copy of OpenRouter's, and belongs to nobody; a token for a run's events is signed
/// and kept nowhere; an import and a preview store nothing.
const NOT_AUDITED: [&str; 4] = [
    "POST /models/refresh",
    "POST /runs/{id}/events-token",
    "POST /workflows/import",
    "POST /workflows/preview",
];

#[tokio::test]
async fn every_route_that_changes_something_leaves_a_row() {
    let root = User::with_credential().await;
    let (user, token) = root.with_scopes(&["admin"]).await;
    let began = Timestamp::now();
    // Nobody listens there.
    let nowhere = "http://localhost:1/";
    let workflow = user
        .workflow_with(json!({
            "callbacks": [nowhere],
            "nodes": [{"variableName": "x", "userPrompt": "hi"}],
        }))
        .await;
    let at = format!("/workflows/{workflow}");
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{workflow}");
    let schedule = json!({"expression": "cron(0 0 1 1 ? *)"});
    let mode = json!({"mode": "bearer"});
    let failing = json!([{"variableName": "x", "userPrompt": "hi", "model": "no/such-model"}]);
    let mut runs = Vec::new();
    let var = format!("v_{}", root.name.replace('-', "_"));
    for (method, path, body) in [
        (
            Method::PUT,
            format!("/vars/{var}"),
            Some(&json!({"value": 1})),
        ),
        (Method::DELETE, format!("/vars/{var}"), None),
        (
            Method::PUT,
            format!("{at}/switch"),
            Some(&json!({"enabled": true})),
        ),
        (Method::PUT, format!("{at}/webhooks/door"), Some(&mode)),
        (Method::POST, format!("{at}/webhooks/door/rotate"), None),
        (Method::DELETE, format!("{at}/webhooks/door"), None),
        (Method::PUT, format!("{at}/schedules/s"), Some(&schedule)),
        (
            Method::PATCH,
            format!("{at}/schedules/s"),
            Some(&json!({"enabled": false})),
        ),
        (Method::DELETE, format!("{at}/schedules/s"), None),
        (Method::PUT, format!("{at}/sources/{arn}"), None),
        (Method::DELETE, format!("{at}/sources/{arn}"), None),
        (Method::POST, format!("{at}/callback-secret/rotate"), None),
        (Method::DELETE, format!("{at}/callback-secret"), None),
        (Method::POST, format!("{at}/runs"), None),
        (
            Method::POST,
            format!("/hooks/{workflow}?wait=25&callbackUrl={nowhere}"),
            None,
        ),
    ] {
        let answer = user.call(method.clone(), &path, body).await;
        assert!(
            answer.status.is_success(),
            "{method} {path}: {:?}",
            answer.body
        );
        if path.contains("/runs") || path.contains("/hooks") {
            runs.push(text(&answer.body["id"]));
        }
    }
    let ended = &runs[1];
    let resend = format!("/runs/{ended}/deliveries/{ended}/resend");
    let resent = user.post(&resend, &json!({})).await;
    assert_eq!(resent.status, 202, "{:?}", resent.body);
    let rerun = user.post(&format!("/runs/{ended}/rerun"), &json!({})).await;
    assert_eq!(rerun.status, 202, "{:?}", rerun.body);
    let rerun = text(&rerun.body["id"]);

    let other = user.workflow(failing).await;
    let failed = user.trigger(&other, &json!({})).await;
    assert_eq!(user.ended(&failed).await["status"], "FAILED");
    let given = user
        .put(
            &format!("/runs/{failed}/nodes/x/output"),
            &json!({"output": 1}),
        )
        .await;
    assert_eq!(given.status, 200, "{:?}", given.body);
    let resumed = user
        .post(&format!("/runs/{failed}/resume"), &json!({}))
        .await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    user.ended(&failed).await;
    let slow = json!([{"variableName": "x", "userPrompt": "[[fault:slow-body(ms=400)]] [[repeat:400000]] hi"}]);
    let slow = user.workflow(slow).await;
    let cancelled = user.trigger(&slow, &json!({})).await;
    let cancel = user
        .post(&format!("/runs/{cancelled}/cancel"), &json!({}))
        .await;
    assert_eq!(cancel.status, 200, "{:?}", cancel.body);
    let asks =
        |name: &str| json!({"type": "approval", "variableName": name, "question": "Shall it?"});
    let nodes = json!([
        asks("yes"), asks("no"), {"type": "signal", "variableName": "told", "signal": "go"},
    ]);
    let asking = user.workflow(nodes).await;
    let asked = user.trigger(&asking, &json!({})).await;
    for (name, path) in [
        ("told", "signals/go"),
        ("yes", "nodes/yes/approval-link"),
        ("yes", "nodes/yes/approve"),
        ("no", "nodes/no/reject"),
    ] {
        user.waiting(&asked, name).await;
        let answer = user
            .post(&format!("/runs/{asked}/{path}"), &json!({}))
            .await;
        assert!(answer.status.is_success(), "{path}: {:?}", answer.body);
    }
    let erased = user
        .call(Method::DELETE, &format!("/runs/{ended}"), None)
        .await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    let gone = user.call(Method::DELETE, &at, None).await;
    assert_eq!(gone.status, 204, "{:?}", gone.body);

    let mut found: BTreeSet<String> = BTreeSet::new();
    for subject in [&workflow, &other, &slow, &asking]
        .map(|id| format!("workflows/{id}"))
        .into_iter()
        .chain([format!("vars/{var}")])
        .chain(
            [&runs[0], &runs[1], &rerun, &failed, &cancelled, &asked]
                .map(|id| format!("runs/{id}")),
        )
    {
        let about = rows(&root, &subject).await;
        assert!(!about.is_empty(), "{subject}");
        for row in about {
            assert_eq!(row["actor"]["principal"], token.as_str(), "{row}");
            assert_eq!(row["actor"]["sourceIp"], "127.0.0.1", "{row}");
            assert_eq!(row["subject"], subject.as_str());
            let at: Timestamp = text(&row["at"]).parse().unwrap();
            assert!(began.as_millisecond() <= at.as_millisecond() && at <= Timestamp::now());
            assert!(row["details"]["requestId"].is_string(), "{row}");
            found.insert(text(&row["action"]));
        }
    }
    let own_rows = |route: &str| route.contains(" /credentials") || route.contains(" /tokens");
    let changing: BTreeSet<String> = routes()
        .into_iter()
        .filter(|route| route.is_authorized && route.key != "$default")
        .map(|route| route.key)
        .filter(|route| {
            !route.starts_with("GET ") && !own_rows(route) && !NOT_AUDITED.contains(&route.as_str())
        })
        // It is the same for all: see switches.rs.
        .filter(|route| route != "PUT /switch")
        .collect();
    assert_eq!(found, changing);
}

#[tokio::test]
async fn what_is_only_read_or_refused_leaves_no_row_and_no_row_has_a_secret() {
    let user = User::new("good");
    let nodes = json!([{"type": "set", "variableName": "x", "value": {"a": "b"}}]);
    let workflow = user.workflow(nodes).await;
    let at = format!("/workflows/{workflow}");
    user.get(&at).await;
    let refused = user.put(&at, &json!({"name": "no nodes"})).await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    let secret = "a-secret-that-is-brought-along";
    let body = json!({"mode": "bearer", "secret": secret});
    let put = user.put(&format!("{at}/webhooks/door"), &body).await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    let rows = rows(&user, &format!("workflows/{workflow}")).await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert_eq!(rows[0]["details"]["path"], format!("{at}/webhooks/door"));
    assert_eq!(rows[0]["actor"]["principal"], "root");
    assert!(!json!(rows).to_string().contains(secret));
}

#[tokio::test]
async fn the_whole_audit_is_read_page_by_page_the_newest_first() {
    let user = User::new("good");
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(format!("tokens/{}", user.with_scopes(&["read"]).await.1));
    }
    let mut found: Vec<Value> = Vec::new();
    let mut cursor = Some(String::new());
    let subjects = |rows: &[Value]| -> Vec<String> {
        let subjects = rows.iter().map(|row| text(&row["subject"]));
        subjects.filter(|subject| made.contains(subject)).collect()
    };
    while subjects(&found).len() < made.len() {
        let after = cursor.expect("a further page");
        let page = user.get(&format!("/audit?limit=2&cursor={after}")).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        assert!(list(&page.body["audit"]).len() <= 2);
        found.extend(list(&page.body["audit"]).to_vec());
        cursor = page.body["cursor"].as_str().map(str::to_owned);
    }
    let mut newest_first = made.clone();
    newest_first.reverse();
    assert_eq!(subjects(&found), newest_first);
    let first = user.get("/audit?limit=1").await;
    let cursor = text(&first.body["cursor"]);
    let foreign = user
        .get(&format!("/audit?subject=tokens/x&cursor={cursor}"))
        .await;
    assert_eq!(foreign.status, 400, "{:?}", foreign.body);
}
