//! A preview renders what a run sends, by the same code, and tells what it may cost. It calls nothing, stores nothing, and
//! needs no more than `read`.

use end_to_end::{User, list, noise, text};
use serde_json::{Value, json};

async fn preview(user: &User, body: Value) -> Value {
    let answer = user.post("/workflows/preview", &body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body
}

/// The rendered text of a field.
fn field<'a>(preview: &'a Value, name: &str) -> &'a str {
    let mut fields = list(&preview["fields"]).iter();
    let found = fields.find(|field| field["field"] == name);
    let found = found.unwrap_or_else(|| panic!("{name} is rendered: {preview:#}"));
    found["text"].as_str().expect("it is a text")
}

fn paths(preview: &Value) -> Vec<&str> {
    let faults = list(&preview["faults"]).iter();
    faults.filter_map(|fault| fault["path"].as_str()).collect()
}

#[tokio::test]
async fn with_the_values_of_a_run_it_is_what_that_run_sent() {
    let user = User::with_credential().await;
    let nodes = json!([
        {"variableName": "post", "userPrompt": "About {{topic}}, for the {{trigger.type}} of {{trigger.runId}}"},
        {"variableName": "title", "systemPrompt": "You write titles", "userPrompt": "A title for: {{post.text}}", "maxTokens": 300},
    ]);
    let workflow = user.workflow(nodes).await;
    let run = user.trigger(&workflow, &json!({"topic": "tea"})).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");

    let (reader, _) = user.with_scopes(&["read"]).await;
    let calls = user.ledger().await.len();
    let seen = preview(&reader, json!({"runId": run, "node": "title"})).await;
    let sent = user.stand_in_get("requests?last=200").await;
    let sent = list(&sent).iter().find(|request| {
        let last = request["body"]["messages"][1]["content"].as_str();
        last.is_some_and(|text| text.starts_with("A title for") && text.contains(&run))
    });
    let sent = &sent.expect("the title was asked for")["body"];
    assert_eq!(seen["sends"]["messages"], sent["messages"]);
    assert_eq!(seen["sends"]["model"], sent["model"]);
    assert_eq!(field(&seen, "systemPrompt"), "You write titles");
    assert_eq!(
        field(&seen, "userPrompt"),
        text(&sent["messages"][1]["content"])
    );
    assert_eq!(seen["faults"], json!([]));

    // Another version with the same values; what is given takes their place.
    let newer = json!({"name": "x", "nodes": [
        {"type": "openrouter", "variableName": "post", "credential": "any", "userPrompt": "hi"},
        {"type": "openrouter", "variableName": "end", "credential": "any", "userPrompt": "{{topic}}: {{post.text}}"},
    ]});
    let body = json!({"runId": run, "node": "end", "document": newer, "variables": {"post": {"text": "Mine"}}});
    assert_eq!(
        field(&preview(&reader, body).await, "userPrompt"),
        "tea: Mine"
    );

    // It called nothing, and it is no change.
    assert_eq!(user.ledger().await.len(), calls);
    let rows = user.get("/audit?limit=100").await.body;
    let row = |entry: &&Value| entry["action"] == "POST /workflows/preview";
    assert!(list(&rows["audit"]).iter().find(row).is_none());
    let (runner, _) = user.with_scopes(&["run"]).await;
    let refused = runner
        .post(
            "/workflows/preview",
            &json!({"runId": run, "node": "title"}),
        )
        .await;
    assert_eq!(refused.status, 403, "{:?}", refused.body);
}

#[tokio::test]
async fn it_tells_tokens_and_the_most_that_the_call_may_cost_also_with_other_models() {
    let user = User::with_credential().await;
    let refreshed = user.post("/models/refresh", &json!({})).await;
    assert!(refreshed.status.is_success(), "{:?}", refreshed.body);
    let nodes = json!([{"variableName": "post", "userPrompt": "About {{topic}}", "model": "openai/gpt-4o-mini", "maxTokens": 1000}]);
    let workflow = user.workflow(nodes).await;
    let ask = |topic: &str| {
        json!({
            "workflowId": workflow, "version": 1, "node": "post", "input": {"topic": topic},
            "models": ["openai/gpt-4o-mini", "nobody/none"],
        })
    };
    let short = preview(&user, ask("tea")).await;
    let long = preview(&user, ask(&"tea ".repeat(1000))).await;
    let (short, long) = (&short["call"], &long["call"]);
    assert_eq!(short["maxTokens"], 1000);
    let number = |value: &Value| value.as_f64().expect("a number");
    let tokens = |of: &Value| {
        (
            number(&of["promptTokensAbout"]),
            number(&of["promptTokensAtMost"]),
        )
    };
    let ((about, most), (longer, longest)) = (tokens(short), tokens(long));
    assert!(about < most && longer > about + 900.0 && longest > most + 1900.0);
    let usd = |value: &Value| end_to_end::decimal(value);
    assert!(usd(&short["mostUsd"]) < usd(&long["mostUsd"]));
    assert_eq!(short["byModel"][0]["mostUsd"], short["mostUsd"]);
    assert_eq!(
        short["byModel"][1],
        json!({"model": "nobody/none", "mostUsd": null})
    );
}

#[tokio::test]
async fn faults_and_what_is_missing_are_told_with_their_paths_and_the_rest_is_rendered() {
    let user = User::with_credential().await;
    let document = json!({"name": "", "nodes": [
        {"type": "set", "variableName": "note", "value": {"a": "{{topic}}", "b": "{{missing.field}}"}},
        {"type": "openrouter", "variableName": "post", "credential": "any", "userPrompt": "{{#if topic}}never closed"},
    ]});
    let body = |node: &str| json!({"document": document, "node": node, "input": {"topic": "tea"}});
    let seen = preview(&user, body("note")).await;
    assert_eq!(field(&seen, "value.a"), "tea");
    assert_eq!(seen["sends"], Value::Null);
    let found = paths(&seen);
    assert!(
        found.contains(&"name") && found.contains(&"nodes[1].userPrompt"),
        "{found:?}"
    );
    let missing = list(&seen["faults"])
        .iter()
        .find(|fault| fault["path"] == "nodes[0].value.b");
    let missing = missing.expect("what is missing is told");
    assert!(
        text(&missing["message"]).contains("missing.field"),
        "{missing}"
    );
    assert_eq!(missing["line"], 1);
    for (wrong, of) in [
        (
            json!({"document": document, "node": "nots"}),
            "did you mean `note`",
        ),
        (json!({"node": "note"}), "is needed"),
        (
            json!({"document": document, "node": "note", "input": []}),
            "object",
        ),
    ] {
        let answer = user.post("/workflows/preview", &wrong).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        assert!(
            text(&answer.body["cause"]).contains(of),
            "{:?}",
            answer.body
        );
    }
    let gone = json!({"runId": "00000000-0000-7000-8000-000000000000", "node": "note"});
    assert_eq!(user.post("/workflows/preview", &gone).await.status, 404);
}

#[tokio::test]
async fn other_kinds_show_what_they_would_send_without_any_secret() {
    let user = User::with_credential().await;
    let secret = "token-of-the-crm-0123456789";
    let crm = format!("{}-crm", user.name);
    let body = json!({"name": crm, "type": "http", "http": {"auth": "bearer", "token": secret}, "hosts": ["crm.example.com"]});
    let stored = user.post("/credentials", &body).await;
    assert_eq!(stored.status, 201, "{:?}", stored.body);
    let document = json!({"name": "x", "nodes": [
        {"type": "http", "variableName": "sent", "method": "POST", "url": "https://crm.example.com/{{who}}", "credential": crm,
         "query": {"q": "a b"}, "headers": {"x-for": "{{who}}"}, "body": {"json": {"name": "{{who}}", "key": "{{key}}"}}},
        {"type": "lambda", "variableName": "tax", "function": "tax", "payload": {"who": "{{who}}"}},
        {"type": "set", "variableName": "each", "when": "{{who}}", "forEach": {"items": "{{json people}}"}, "value": "{{index}}: {{item.name}}"},
    ]});
    let input = json!({"who": "ann", "key": "sk-or-v1-0123456789abcdef0123456789abcdef", "people": [{"name": "Ann"}, {"name": "Bob"}]});
    let body = |node: &str, index: usize| json!({"document": document, "node": node, "input": input, "index": index});

    let http = preview(&user, body("sent", 0)).await;
    let sends = &http["sends"];
    assert_eq!(sends["method"], "POST");
    assert_eq!(sends["url"], "https://crm.example.com/ann?q=a+b");
    assert_eq!(sends["headers"]["x-for"], json!(["ann"]));
    assert_eq!(
        sends["body"],
        json!({"name": "ann", "key": "[key removed]"})
    );
    assert_eq!(sends["credential"], crm);
    assert!(!http.to_string().contains(secret) && !http.to_string().contains("0123456789abcdef"));
    assert_eq!(http["call"], Value::Null);

    let lambda = preview(&user, body("tax", 0)).await;
    assert_eq!(
        lambda["sends"],
        json!({"function": "tax", "payload": {"who": "ann"}})
    );

    let second = preview(&user, body("each", 1)).await;
    assert_eq!(second["sends"], json!({"value": "1: Bob"}));
    assert_eq!(
        (&second["items"], &second["skipped"]),
        (&json!(2), &json!(false))
    );
    let third = preview(&user, body("each", 2)).await;
    assert!(
        paths(&third).contains(&"nodes[2].forEach.items"),
        "{third:#}"
    );
}

#[tokio::test]
async fn what_lies_in_the_bucket_is_previewed_too() {
    let user = User::new("good");
    let long = noise(200_000);
    let nodes = json!([
        {"type": "set", "variableName": "long", "value": long},
        {"type": "set", "variableName": "short", "value": "{{#if long}}yes{{/if}}"},
    ]);
    let workflow = user.workflow(nodes).await;
    preview(
        &user,
        json!({"workflowId": workflow, "node": "short", "variables": {"long": "x"}}),
    )
    .await;
    let run = user.trigger(&workflow, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "SUCCEEDED");
    preview(&user, json!({"runId": run, "node": "short"})).await;
}
