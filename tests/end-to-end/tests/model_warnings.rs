//! Warnings from the model list: a put of a workflow tells them, and so does every run. They refuse nothing.

use end_to_end::{Sandbox, User, list, text};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};

fn in_days(days: i64) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    (today + days.days()).to_string()
}

fn told(warnings: &Value) -> Vec<String> {
    list(warnings)
        .iter()
        .map(|warning| format!("{}: {}", text(&warning["path"]), text(&warning["message"])))
        .collect()
}

/// Puts a workflow of these nodes; gives what it was warned of.
async fn warned(user: &User, id: &str, nodes: Value) -> Vec<String> {
    let answer = user
        .put(
            &format!("/workflows/{id}"),
            &json!({"name": id, "nodes": nodes}),
        )
        .await;
    assert!(answer.status.is_success(), "{:?}", answer.body);
    told(&answer.body["warnings"])
}

fn node(user: &User, model: &str, mut more: Value) -> Value {
    more["type"] = json!("openrouter");
    more["variableName"] = json!("x");
    more["credential"] = json!(user.name);
    more["model"] = json!(model);
    if more["userPrompt"].is_null() {
        more["userPrompt"] = json!("hi");
    }
    more
}

#[tokio::test]
async fn one_answer_tells_every_fault_and_what_else_is_probably_a_slip() {
    let user = User::with_credential().await;
    let model = format!("test-{}/whole", user.name);
    let added = json!({"add": [{"id": model}]});
    user.stand_in_post("models", &added).await;
    assert_eq!(user.post("/models/refresh", &json!({})).await.status, 200);
    let nodes = json!([
        {"type": "openrouterr", "variableName": "a", "credential": "nobody", "model": format!("{model}e"),
         "userPrompt": "hi", "temperature": 3},
        {"type": "unheard-of", "variableName": "b", "credential": "nobody", "prompt": "{{a.txet}}"},
    ]);
    let document = json!({"name": "faulty", "nodes": nodes});
    let answer = user.put("/workflows/faulty", &document).await;
    assert_eq!(answer.status, 422);
    let paths: Vec<String> = list(&answer.body["faults"])
        .iter()
        .map(|fault| text(&fault["path"]))
        .collect();
    assert_eq!(
        paths,
        [
            "nodes[0].type",
            "nodes[0].temperature",
            "nodes[1].type",
            "nodes[1].prompt",
            "nodes[0].credential",
            "nodes[1].credential",
        ]
    );
    let warnings = told(&answer.body["warnings"]);
    assert!(
        warnings[0].starts_with("nodes[0].model: OpenRouter does not list")
            && warnings[0].contains(&model),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_workflow_is_warned_of_what_its_models_lack_and_its_run_repeats_it() {
    let user = User::with_credential().await;
    let id = |slug: &str| format!("test-{}/{slug}", user.name);
    user.stand_in_post(
        "models",
        &json!({"add": [
            {"id": id("soon"), "expires": in_days(30)},
            {"id": id("later"), "expires": in_days(90)},
            {"id": id("plain"), "parameters": ["max_tokens", "response_format"]},
            {"id": id("painter"), "output": ["image"]},
            {"id": id("listener"), "input": ["audio"]},
            {"id": id("small"), "context": 1000},
        ]}),
    )
    .await;
    assert_eq!(user.post("/models/refresh", &json!({})).await.status, 200);

    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}});
    for (model, more, warnings) in [
        (id("later"), json!({}), vec![]),
        (
            id("soon"),
            json!({}),
            vec![("nodes[0].model", "in 30 days")],
        ),
        (
            id("none"),
            json!({}),
            vec![("nodes[0].model", "does not list")],
        ),
        (
            "openai/GPT-4o-mini".to_owned(),
            json!({}),
            vec![(
                "nodes[0].model",
                "case-sensitive: OpenRouter lists `openai/gpt-4o-mini`",
            )],
        ),
        (
            "openai/gpt-4o".to_owned(),
            json!({"models": ["openai/gpt-4o-minni"]}),
            vec![("nodes[0].models[0]", "`openai/gpt-4o-mini`")],
        ),
        (
            id("painter"),
            json!({}),
            vec![("nodes[0].model", "gives image, and no text")],
        ),
        (
            id("listener"),
            json!({}),
            vec![("nodes[0].model", "takes audio, and no text")],
        ),
        (
            id("plain"),
            json!({
                "temperature": 1, "topP": 1, "topK": 1, "minP": 0, "topA": 0, "frequencyPenalty": 0, "presencePenalty": 0,
                "repetitionPenalty": 1, "seed": 1, "stop": ["x"], "reasoning": {"effort": "low"}, "maxTokens": 10,
                "verbosity": "low", "responseFormat": schema.clone(),
            }),
            vec![
                ("nodes[0].temperature", "`temperature`"),
                ("nodes[0].topP", "`top_p`"),
                ("nodes[0].topK", "`top_k`"),
                ("nodes[0].minP", "`min_p`"),
                ("nodes[0].topA", "`top_a`"),
                ("nodes[0].frequencyPenalty", "`frequency_penalty`"),
                ("nodes[0].presencePenalty", "`presence_penalty`"),
                ("nodes[0].repetitionPenalty", "`repetition_penalty`"),
                ("nodes[0].seed", "`seed`"),
                ("nodes[0].stop", "`stop`"),
                ("nodes[0].responseFormat", "`structured_outputs`"),
                ("nodes[0].reasoning", "`reasoning`"),
                ("nodes[0].verbosity", "`verbosity`"),
            ],
        ),
        (
            id("plain"),
            json!({"responseFormat": {"type": "json_object"}, "maxTokens": 10}),
            vec![],
        ),
        (
            "openai/gpt-4o".to_owned(),
            json!({"temperature": 1, "topK": 1, "seed": 1, "responseFormat": schema}),
            vec![],
        ),
        (id("small"), json!({}), vec![("nodes[0].model", "4096")]),
        (id("small"), json!({"maxTokens": 900}), vec![]),
        (
            id("small"),
            json!({"maxTokens": 900, "userPrompt": format!("{} {{{{name}}}}", "word ".repeat(100))}),
            vec![("nodes[0].model", "more than the context")],
        ),
        (
            id("small"),
            json!({"maxTokens": 900, "userPrompt": format!("{{{{#if name}}}}{}{{{{/if}}}}", "word ".repeat(100))}),
            vec![],
        ),
        // The workflow's own warnings stay.
        (
            "openai/gpt-4o".to_owned(),
            json!({"serviceTier": "fastest"}),
            vec![("nodes[0].serviceTier", "fastest")],
        ),
        (
            "gpt-4o".to_owned(),
            json!({}),
            vec![("nodes[0].model", "probably no model id")],
        ),
    ] {
        let found = warned(
            &user,
            &user.name,
            json!([node(&user, &model, more.clone())]),
        )
        .await;
        assert_eq!(found.len(), warnings.len(), "{model} {more}: {found:#?}");
        for (warning, (path, message)) in found.iter().zip(warnings) {
            assert!(
                warning.starts_with(&format!("{path}: ")),
                "{model} {more}: {warning}"
            );
            assert!(warning.contains(message), "{model} {more}: {warning}");
        }
    }

    let workflow = json!([node(&user, &id("soon"), json!({"models": [id("gone")]}))]);
    let put = warned(&user, &user.name, workflow).await;
    assert_eq!(put.len(), 2, "{put:#?}");
    let waited = user
        .post(&format!("/hooks/{}?wait=25", user.name), &json!({}))
        .await;
    assert_eq!(told(&waited.body["warnings"]), put, "{:?}", waited.body);
    let run = user
        .get(&format!("/runs/{}", text(&waited.body["id"])))
        .await;
    assert_eq!(run.body["status"], "SUCCEEDED", "a warning refuses nothing");
    assert_eq!(told(&run.body["warnings"]), put);
}

#[tokio::test]
async fn ids_that_need_no_listing_are_not_warned_of() {
    let user = User::with_credential().await;
    assert_eq!(user.post("/models/refresh", &json!({})).await.status, 200);
    for model in [
        "openai/gpt-4o:nitro",
        "openai/gpt-4o:floor",
        "openai/gpt-4o:online",
        "openai/gpt-4o:exacto",
        "openai/gpt-4o@preset/mail",
        "openai/gpt-4o:nitro@preset/mail",
        "@preset/mail",
        "openrouter/auto",
        "openrouter/pareto-code",
        "~openai/gpt-latest",
        "~someone/new-latest",
    ] {
        let found = warned(&user, &user.name, json!([node(&user, model, json!({}))])).await;
        assert_eq!(found, Vec::<String>::new(), "{model}");
    }
    let workflow = user
        .workflow(
            json!([{"variableName": "x", "model": "openai/gpt-4o:nitro", "userPrompt": "hi"}]),
        )
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    assert_eq!(user.ended(&run).await["warnings"], json!([]));
}

#[tokio::test]
async fn without_a_list_there_are_no_warnings_of_models() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let workflows = sandbox.function("workflows").await;
    let credential = json!({
        "id": "1", "name": "main", "provider": "openrouter", "lastFour": "0000", "createdAt": "2026-01-01T00:00:00Z",
    });
    let credential = serde_json::from_value(credential).unwrap();
    let entry = json!({"at": "2026-01-01T00:00:00Z", "subject": "credentials/1", "action": "created", "actor": {"principal": "test"}});
    let entry = serde_json::from_value(entry).unwrap();
    let added = sandbox.store.credentials().add(&credential, &entry).await;
    added.unwrap();
    let workflow = |model: &str| {
        json!({"name": "w", "nodes": [
            {"type": "openrouter", "variableName": "x", "credential": "main", "model": model, "userPrompt": "hi"},
        ]})
    };
    let document = workflow("nobody/nothing");
    let put = workflows
        .http(Method::PUT, "/workflows/w", Some(&document))
        .await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    assert_eq!(put.body["warnings"], json!([]));

    // A list of another OpenRouter is none.
    let elsewhere = json!([{"id": "elsewhere/only", "name": "Only"}]).to_string();
    let base = "https://elsewhere.example/api/v1";
    let stored = sandbox
        .store
        .model_list()
        .replace(&elsewhere, base, Timestamp::now())
        .await;
    assert!(stored.unwrap());
    let put = workflows
        .http(Method::PUT, "/workflows/w", Some(&document))
        .await;
    assert_eq!(put.body["warnings"], json!([]), "{:?}", put.body);

    // The same function finds the list that is read next, and remembers it: the one read that is left is that of the
    // workflow.
    let models = sandbox.function("models").await;
    let refreshed = models.http(Method::POST, "/models/refresh", None).await;
    assert_eq!(refreshed.status, 200);
    let put = workflows
        .http(Method::PUT, "/workflows/w", Some(&document))
        .await;
    assert_eq!(list(&put.body["warnings"]).len(), 1, "{:?}", put.body);
    let known = workflow("openai/gpt-4o");
    sandbox.aws_calls();
    let put = workflows
        .http(Method::PUT, "/workflows/w", Some(&known))
        .await;
    assert_eq!(put.body["warnings"], json!([]), "{:?}", put.body);
    assert_eq!(sandbox.aws_calls().get("GetItem"), Some(&1));
}
