//! Nobody gets in without the API's token, and every refusal is a problem in words.

use std::collections::BTreeSet;

use end_to_end::{Sandbox, User, described_path, function_logs, routes, text};
use jiff::Timestamp;
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn every_answer_and_every_line_of_its_log_has_the_requests_id() {
    let user = User::new("good");
    let good = user.get("/runs").await;
    let refused = user.get("/workflows/nothing-here").await;
    assert_eq!(good.status, 200);
    assert_eq!(refused.status, 404);
    assert!(!good.request_id.is_empty());
    assert_ne!(good.request_id, refused.request_id);
    assert_eq!(refused.body["requestId"], refused.request_id.as_str());
    let logs = function_logs();
    let line = logs.lines().find(|line| line.contains(&refused.request_id));
    let line = line.expect("a line of the refusal");
    assert!(line.contains("WorkflowNotFound"), "{line}");
}

#[tokio::test]
async fn no_token_and_a_wrong_token_are_refused() {
    let user = User::new("good");
    for path in ["/runs", "/credentials", "/workflows", "/models"] {
        assert_eq!(user.call_as(None, path).await.status, 401, "{path}");
        for wrong in ["Bearer wrong", "Bearer ", "Basic d3Jvbmc6d3Jvbmc="] {
            let status = user.call_as(Some(wrong), path).await.status;
            assert!(status == 403 || status == 401, "{path} {wrong}: {status}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_in_words() {
    let user = User::new("good");
    for (path, code) in [
        ("/runs/019ab000-0000-7000-8000-000000000000", "RunNotFound"),
        ("/workflows/nothing-here", "WorkflowNotFound"),
        ("/credentials/nothing-here", "CredentialNotFound"),
    ] {
        let answer = user.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.content_type, "application/problem+json");
        assert_eq!(answer.body["code"], code);
        assert_eq!(answer.body["status"], 404);
        assert!(answer.body["detail"].is_string());
        assert!(answer.body["solution"].is_array());
    }
}

#[tokio::test]
async fn what_is_longer_than_any_name_is_refused_and_is_no_failure_of_the_store() {
    let user = User::new("good");
    let long = "n".repeat(3_000);
    for path in [
        "/credentials/{long}",
        "/credentials/{long}/audit",
        "/workflows/{long}",
        "/workflows/{long}/webhooks",
        "/workflows/x/webhooks/{long}",
        "/workflows/{long}/schedules",
        "/runs/{long}",
        "/runs/x/nodes/{long}",
        "/runs?workflowId={long}",
        "/workflows?cursor={long}",
    ] {
        let answer = user.get(&path.replace("{long}", &long)).await;
        assert_eq!(answer.status, 400, "{path}: {:?}", answer.body);
        assert_eq!(answer.body["code"], "InvalidRequest", "{path}");
    }
    let delivered = user.deliver(&format!("/hooks/x/{long}"), &[], b"{}").await;
    assert_eq!(delivered.status, 400, "{:?}", delivered.body);
}

#[tokio::test]
async fn what_is_no_route_is_refused_and_with_the_token_a_problem_in_words() {
    let user = User::new("good");
    for path in ["/nothing", "/runs/x/nothing", "/", "/hooks", "/hooks/a/b/c"] {
        assert_eq!(user.call_as(None, path).await.status, 401, "{path}");
        let answer = user.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body["code"], "NoSuchRoute", "{path}");
    }
}

#[test]
fn the_webhooks_door_links_to_questions_the_reference_and_the_console_are_the_only_open_ones() {
    let open: Vec<String> = routes()
        .into_iter()
        .filter(|route| !route.is_authorized)
        .map(|route| route.key)
        .collect();
    let console = ["GET /console", "GET /console/{proxy+}"];
    assert_eq!(
        open,
        [
            LINK,
            DECISION,
            OPEN,
            ERROR_PAGE,
            SCHEMA,
            DESCRIPTION,
            console[0],
            console[1]
        ]
    );
    assert!(routes().iter().any(|route| route.key == "$default"));
}

#[test]
fn each_route_behind_the_token_needs_a_scope_that_is_written_beside_it_once() {
    let behind_the_token: BTreeSet<String> = routes()
        .into_iter()
        .filter(|route| route.is_authorized && route.key != "$default")
        .map(|route| route.key)
        .collect();
    let with_a_scope = steps_access::scoped_routes().map(str::to_owned).collect();
    assert_eq!(behind_the_token, with_a_scope);
}

/// The scope that the API's description names for a route; `None` for `$default`, which it does not have.
fn needed(route: &str) -> Option<String> {
    let document = steps_api::openapi();
    let (method, path) = route.split_once(' ')?;
    let operation = &document["paths"][described_path(path)][method.to_lowercase()];
    Some(text(&operation["security"][0]["token"][0]))
}

/// The scopes that do not make up for this one.
fn too_little_for(scope: &str) -> Vec<&'static str> {
    let others = ["read", "run"].into_iter();
    others.filter(|other| *other != scope).collect()
}

/// A path of this route, for a name that nothing has.
fn path_of(route: &str) -> (Method, String) {
    let (method, path) = route.split_once(' ').unwrap_or(("GET", "/nothing"));
    let parts = path.split('/').map(|part| match part {
        "{proxy+}" => "nobody/nothing",
        part if part.starts_with('{') => "nothing-here",
        part => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    (method.parse().unwrap(), path)
}

#[tokio::test]
async fn every_route_is_closed_without_a_token_with_a_wrong_one_and_with_too_small_a_scope() {
    let user = User::new("good");
    let (reader, _) = user.with_scopes(&["read"]).await;
    let (runner, _) = user.with_scopes(&["run"]).await;
    let (admin, _) = user.with_scopes(&["admin"]).await;
    let (both, _) = user.with_scopes(&["run", "read"]).await;
    let stranger = "Bearer os_019ab00000007000800000000000000a_                    00000000000000000000000000000000000000000000000000000000000000aa";
    for route in routes().iter().filter(|route| route.is_authorized) {
        let key = &route.key;
        let (method, path) = path_of(key);
        let nobody = user.try_as(None, method.clone(), &path).await;
        assert_eq!(nobody.status, 401, "{key}: {:?}", nobody.body);
        for wrong in ["Bearer wrong", "Basic cm9vdDpyb290", stranger] {
            let answer = user.try_as(Some(wrong), method.clone(), &path).await;
            assert_eq!(answer.status, 403, "{key} {wrong}: {:?}", answer.body);
        }
        let Some(scope) = needed(key) else { continue };
        let (small, good) = match scope.as_str() {
            "read" => (&runner, vec![&reader, &admin]),
            "run" => (&reader, vec![&runner, &admin]),
            "admin" => (&both, vec![&admin]),
            other => panic!("the scope {other} of {key}"),
        };
        let refused = small.call(method.clone(), &path, None).await;
        assert_eq!(refused.status, 403, "{key}: {:?}", refused.body);
        assert_eq!(refused.body["code"], "InsufficientScope", "{key}");
        let named = format!("the scope `{scope}`;");
        assert!(text(&refused.body["cause"]).contains(&named), "{key}");
        for user in good {
            let answer = user.call(method.clone(), &path, None).await;
            assert!(
                ![401, 403].contains(&answer.status.as_u16()),
                "{key}: {:?}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn no_odd_spelling_of_a_path_opens_a_route() {
    let user = User::new("good");
    let open = |status: u16| !matches!(status, 400 | 401 | 403 | 404);
    for route in routes().iter().filter(|route| route.is_authorized) {
        let (method, path) = path_of(&route.key);
        for odd in [
            format!("{path}/"),
            format!("/{path}"),
            format!("{path}%2F"),
            format!("{path}%252F"),
            format!("{path}%3F"),
            format!("{path};x"),
            path.replacen('/', "/%2F", 1),
            path.to_uppercase(),
            format!("/errors/..%2F..{path}"),
            format!("/errors/x%2F..%2F..{path}"),
            format!("/hooks/x/..%2F..{path}"),
            format!("/hooks/..{path}"),
        ] {
            let answer = user.try_as(None, method.clone(), &odd).await;
            let status = answer.status.as_u16();
            assert!(!open(status), "{method} {odd}: {status} {:?}", answer.body);
        }
    }
}

/// The routes without the authorizer to a question, for whoever has a signed link to it.
const LINK: &str = "GET /approvals/{token}";
const DECISION: &str = "POST /approvals/{token}";

/// The route without the authorizer that starts runs.
const OPEN: &str = "POST /hooks/{id}/{webhook}";

/// The route without the authorizer to the pages that explain error codes.
const ERROR_PAGE: &str = "GET /errors/{code}";

/// The route without the authorizer to the API's description.
const DESCRIPTION: &str = "GET /openapi.json";

/// The route without the authorizer to the JSON Schema of the document.
const SCHEMA: &str = "GET /schema/workflow.json";

#[tokio::test]
async fn the_schema_of_the_document_is_open_and_takes_what_the_api_takes() {
    let user = User::new("good");
    let answer = user.call_as(None, "/schema/workflow.json").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.content_type, "application/schema+json");
    let schema: Value = match &answer.body {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        other => other.clone(),
    };
    let validator = jsonschema::validator_for(&schema).unwrap();
    for example in [
        include_str!("../../../infra/examples/workflows/approval.yaml"),
        include_str!("../../../infra/examples/workflows/article.yaml"),
        include_str!("../../../infra/examples/workflows/blog-post.yaml"),
        include_str!("../../../infra/examples/workflows/compare.yaml"),
        include_str!("../../../infra/examples/workflows/careful-answer.yaml"),
        include_str!("../../../infra/examples/workflows/page-comparison.yaml"),
        include_str!("../../../infra/examples/workflows/picture-talk.yaml"),
        include_str!("../../../infra/examples/workflows/stock-check.yaml"),
        include_str!("../../../infra/examples/workflows/mail.yaml"),
        include_str!("../../../infra/examples/workflows/multi-model-comparison.yaml"),
        include_str!("../../../infra/examples/workflows/signal.yaml"),
        include_str!("../../../infra/examples/workflows/summary.yaml"),
        include_str!("../../../infra/examples/workflows/ticket.yaml"),
        include_str!("../../../infra/examples/workflows/wait.yaml"),
    ] {
        let document: Value = yaml_serde::from_str(example).unwrap();
        assert!(validator.is_valid(&document), "{example}");
        let mut misspelt = document.clone();
        misspelt["nodes"][0]["temprature"] = json!(1);
        assert!(!validator.is_valid(&misspelt), "{example}");
    }
}

#[tokio::test]
async fn a_problems_type_is_a_page_that_everybody_can_read() {
    let user = User::new("good");
    let problem = user.get("/workflows/nothing-here").await;
    let page = user.call_as(None, &text(&problem.body["type"])).await;
    assert_eq!(page.status, 200, "{:?}", page.body);
    assert_eq!(page.content_type, "text/markdown; charset=utf-8");
    assert!(text(&page.body).starts_with("# WorkflowNotFound\n"));

    let unknown = user.call_as(None, "/errors/WorkflowNotFond").await;
    assert_eq!(unknown.status, 404, "{:?}", unknown.body);
    assert_eq!(unknown.body["code"], "ErrorPageNotFound");
    assert_eq!(
        unknown.body["solution"][0],
        "Did you mean /errors/WorkflowNotFound?"
    );
}

#[tokio::test]
async fn the_function_of_the_open_pages_serves_nothing_else() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let reference = sandbox.function("reference").await;
    let others = routes()
        .into_iter()
        .filter(|route| ![ERROR_PAGE, SCHEMA, DESCRIPTION].contains(&route.key.as_str()));
    for route in others {
        let event = nobodys(&route.key, "/errors/x", "x");
        let answer = reference.http_event(event).await;
        assert_eq!(answer.status, 404, "{}: {:?}", route.key, answer.body);
        assert_eq!(answer.body["code"], "NoSuchRoute", "{}", route.key);
    }
    assert_eq!(sandbox.aws_calls().values().sum::<usize>(), 0);
}

/// Paths that another reader could take for `POST /hooks/post`, which needs the API's token.
const ODD_PATHS: [&str; 6] = [
    "/hooks/post//",
    "/hooks/post/",
    "/hooks//post",
    "/hooks/post/%2F",
    "/hooks/post/%252F",
    "/hooks/post/%3F",
];

#[tokio::test]
async fn no_odd_path_leads_from_the_open_door_to_one_with_a_token() {
    let sandbox = Sandbox::new(Settings::default()).await;
    put_workflow(&sandbox).await;
    let receive_webhook = sandbox.function("receive-webhook").await;
    for path in ODD_PATHS {
        for webhook in ["", "/", "%2F", "post"] {
            let answer = receive_webhook
                .http_event(nobodys(OPEN, path, webhook))
                .await;
            assert_eq!(answer.status, 404, "{path}: {:?}", answer.body);
            assert_eq!(answer.body["code"], "WebhookNotFound", "{path}");
        }
    }
    assert_eq!(runs(&sandbox).await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_open_door_leads_to_its_own_function_and_that_function_has_no_other() {
    let sandbox = Sandbox::new(Settings::default()).await;
    put_workflow(&sandbox).await;
    let start_run = sandbox.function("start-run").await;
    let answer = start_run
        .http_event(nobodys(OPEN, "/hooks/post/x", "x"))
        .await;
    assert_eq!(answer.status, 401, "{:?}", answer.body);
    let mut event = nobodys(OPEN, "/hooks/post/x", "x");
    event["requestContext"]["authorizer"] =
        json!({"lambda": {"principal": "root", "scopes": "admin"}});
    let answer = start_run.http_event(event).await;
    assert_eq!(answer.status, 404, "{:?}", answer.body);
    assert_eq!(answer.body["code"], "NoSuchRoute");

    let receive_webhook = sandbox.function("receive-webhook").await;
    for route in routes().iter().filter(|route| route.is_authorized) {
        let event = nobodys(&route.key, "/hooks/post", "x");
        let answer = receive_webhook.http_event(event).await;
        assert_eq!(answer.status, 404, "{}: {:?}", route.key, answer.body);
        assert_eq!(answer.body["code"], "NoSuchRoute", "{}", route.key);
    }
    assert_eq!(runs(&sandbox).await, Vec::<Value>::new());
}

#[tokio::test]
async fn every_other_door_asks_for_the_authorizers_word_too() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let functions = [
        "credentials",
        "models",
        "runs",
        "schedules",
        "start-run",
        "tokens",
        "webhooks",
        "workflows",
    ];
    for name in functions {
        let function = sandbox.function(name).await;
        for route in routes().iter().filter(|route| route.is_authorized) {
            let (method, path) = route.key.split_once(' ').unwrap_or(("GET", "/"));
            let nobody = "did not pass the API's authorizer";
            let no_word = json!({"lambda": {"principal": "", "scopes": "admin"}});
            let mut tried = vec![
                (json!(null), 401, nobody.to_owned()),
                (no_word, 401, nobody.to_owned()),
            ];
            if let Some(scope) = needed(&route.key) {
                let scopes = too_little_for(&scope).join(" ");
                let word = json!({"lambda": {"principal": "t1", "scopes": scopes}});
                tried.push((word, 403, format!("needs a token with the scope `{scope}`")));
            }
            for (authorizer, status, words) in tried {
                let event = json!({
                    "version": "2.0", "rawPath": path, "headers": {}, "body": "{}",
                    "isBase64Encoded": false,
                    "pathParameters": {"id": "post", "node": "x", "name": "x", "webhook": "x",
                                       "arn": "x", "proxy": "x"},
                    "requestContext": {
                        "routeKey": route.key, "stage": "$default", "authorizer": authorizer,
                        "http": {"method": method, "path": path},
                    },
                });
                let answer = function.http_event(event).await;
                let told = format!("{name} {}: {:?}", route.key, answer.body);
                assert_eq!(answer.status, status, "{told}");
                assert!(text(&answer.body["cause"]).contains(&words), "{told}");
            }
        }
    }
}

/// A POST to the workflow `post` that came by this route, without the authorizer's word.
fn nobodys(route: &str, path: &str, webhook: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "headers": {}, "body": "{}", "isBase64Encoded": false,
        "pathParameters": {"id": "post", "webhook": webhook},
        "requestContext": {
            "routeKey": route, "stage": "$default", "http": {"method": "POST", "path": path},
        },
    })
}

async fn put_workflow(sandbox: &Sandbox) {
    let document = json!({"name": "post", "nodes": []}).to_string();
    let credentials = std::collections::BTreeSet::new();
    sandbox
        .store
        .workflows()
        .put(
            "post",
            "post",
            &document,
            &credentials,
            &BTreeSet::new(),
            Timestamp::now(),
        )
        .await
        .unwrap();
}

async fn runs(sandbox: &Sandbox) -> Vec<Value> {
    let runs = sandbox.function("runs").await;
    let answer = runs.http(Method::GET, "/runs", None).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["runs"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_missing_api_token_is_told_in_words_of_its_own_and_taken_up_once_it_is_there() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let authorize = sandbox.function("authorize").await;
    let asked = json!({"headers": {"authorization": "Bearer abc"}});
    let refused = authorize.invoke(asked.clone()).await;
    assert_eq!(refused["errorType"], "ApiTokenMissing", "{refused}");
    assert!(!refused.to_string().contains("credential"), "{refused}");
    sandbox.keep_text("api-token", "abc");
    let verdict = authorize.invoke(asked).await;
    assert_eq!(verdict["isAuthorized"], true, "{verdict}");
}
