//! The texts of a run go when its owner says so, or with its end where its workflow does not keep them. What it cost, used and
//! how it ended stays.

use std::time::Duration;

use end_to_end::{
    User, decimal, invoke, list, node, noise, objects_of, stack_store, text, whole_table,
};
use reqwest::Method;
use serde_json::{Value, json};
use steps_store::keys;
use tokio::time::{Instant, sleep};

/// A word that is in no other text.
fn secret(user: &User, what: &str) -> String {
    format!("{what}-{}", user.name.replace("user-", "word"))
}

/// Texts that lie in the table, and texts that lie in the bucket.
fn nodes(user: &User) -> Value {
    let prompt = secret(user, "prompt");
    json!([
        {"variableName": "x", "userPrompt": format!("[[echo]]{prompt} {{{{topic}}}}")},
        {"variableName": "each", "type": "set", "value": "{{item}} done", "forEach": {"items": "{{list}}"}},
        {"variableName": "long", "type": "set", "value": format!("{{{{x.text}}}} {}", noise(200_000))},
    ])
}

/// What of a run has to stay.
fn ledger(run: &Value) -> Value {
    let mut ledger = json!({});
    for field in [
        "id",
        "workflowId",
        "version",
        "status",
        "execution",
        "trigger",
        "costUsd",
        "usage",
        "startedAt",
        "endedAt",
    ] {
        ledger[field] = run[field].clone();
    }
    let nodes = list(&run["nodes"]).iter().map(|node| {
        json!({
            "id": node["id"], "variableName": node["variableName"], "status": node["status"],
            "costUsd": node["costUsd"], "usage": node["usage"],
            "startedAt": node["startedAt"], "endedAt": node["endedAt"],
            "attempts": list(&node["attempts"]).iter().map(|attempt| json!({
                "costUsd": attempt["costUsd"], "usage": attempt["usage"], "code": attempt["code"],
                "generationId": attempt["generationId"],
            })).collect::<Vec<_>>(),
        })
    });
    ledger["nodes"] = nodes.collect();
    ledger
}

/// Asserts that the words are in no item but those of the workflow's own document, and that no object of the run is left.
async fn is_gone(user: &User, run: &str, words: &[String]) {
    assert_eq!(objects_of(run).await, Vec::<String>::new());
    let table = whole_table().await;
    // What is compressed in the table is looked for in what it is when it is read.
    let kept = stack_store().await.runs().texts(run).await.unwrap();
    let table = format!("{table} {kept:?}");
    for word in words {
        assert!(!table.contains(word), "{word}");
    }
    let shown = user.get(&format!("/runs/{run}")).await;
    let shown = shown.body.to_string();
    for word in words {
        assert!(!shown.contains(word), "{word} in {shown}");
    }
}

/// The texts are compressed in the table, so that they are not to be seen there: what is looked for lies beside them, in
/// attributes of their own. This gives the names of the attributes of the run's items.
async fn attributes(run: &str) -> Vec<String> {
    let mut names: Vec<String> = end_to_end::items_of(run)
        .await
        .into_iter()
        .flat_map(|item| item.into_keys())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test]
async fn the_texts_of_a_run_are_erased_and_its_ledger_stays() {
    let user = User::with_credential().await;
    let workflow = user.workflow(nodes(&user)).await;
    let topic = secret(&user, "topic");
    let input = json!({"topic": topic, "long": noise(200_000), "list": [topic, "b"]});
    let run = user.trigger(&workflow, &input).await;
    let before = user.ended(&run).await;
    assert_eq!(before["status"], "SUCCEEDED", "{}", before["error"]);
    assert!(objects_of(&run).await.len() >= 2, "input and a long answer");
    let had = attributes(&run).await;
    for name in ["output", "listItems"] {
        assert!(had.contains(&name.to_owned()), "{name} in {had:?}");
    }

    let path = format!("/runs/{run}");
    let erased = user.call(Method::DELETE, &path, None).await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    assert_eq!(ledger(&erased.body), ledger(&before));
    assert!(erased.body["erasedAt"].is_string());
    assert_eq!(erased.body["input"], Value::Null);
    assert_eq!(erased.body["output"], Value::Null);
    assert!(node(&erased.body, "x")["output"].is_null());
    is_gone(&user, &run, &[topic, secret(&user, "prompt")]).await;
    let left = attributes(&run).await;
    for name in ["output", "listItems"] {
        assert!(!left.contains(&name.to_owned()), "{name} in {left:?}");
    }
    assert!(!left.contains(&"warnings".to_owned()), "{left:?}");

    let again = user.call(Method::DELETE, &path, None).await;
    assert_eq!(again.status, 200, "{:?}", again.body);
    assert_eq!(again.body, erased.body, "a repeat answers the same");
    assert_eq!(user.get(&path).await.body, erased.body);
    for (path, body) in [
        (format!("{path}/rerun"), json!({})),
        (format!("{path}/rerun"), json!({"from": "long"})),
    ] {
        let refused = user.post(&path, &body).await;
        assert_eq!(refused.status, 409, "{:?}", refused.body);
        assert_eq!(refused.body["code"], "RunErased");
    }
    let piece = user.get(&format!("{path}/nodes/long?offset=0")).await;
    assert_eq!(piece.status, 200, "{:?}", piece.body);
    assert_eq!(piece.body.get("outputPiece"), None);
    let rows = user.get(&format!("/audit?subject=runs/{run}")).await;
    assert_eq!(rows.body["audit"][0]["action"], "DELETE /runs/{id}");
    let listed = user.runs_of(&workflow).await;
    assert_eq!(listed[0]["costUsd"], before["costUsd"]);
}

#[tokio::test]
async fn words_of_a_failure_go_too_and_the_run_is_not_resumed() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": "{{topic}} {{nothing}}"}]))
        .await;
    let word = secret(&user, "field");
    let run = user
        .trigger(&workflow, &json!({"topic": "t", word.as_str(): 1}))
        .await;
    let before = user.ended(&run).await;
    assert_eq!(before["status"], "FAILED", "{before:#}");
    assert!(before.to_string().contains(&word), "{before:#}");
    let path = format!("/runs/{run}");
    let erased = user.call(Method::DELETE, &path, None).await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    assert_eq!(erased.body["error"]["code"], before["error"]["code"]);
    assert_eq!(ledger(&erased.body), ledger(&before));
    is_gone(&user, &run, &[word]).await;
    let refused = user.post(&format!("{path}/resume"), &json!({})).await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "RunErased");
}

#[tokio::test]
async fn a_run_that_goes_on_keeps_its_texts() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-own(retry_after=60)]] {}", user.name);
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await;
    let run = user.trigger(&workflow, &json!({"topic": "tea"})).await;
    user.waiting(&run, "x").await;
    let path = format!("/runs/{run}");
    let refused = user.call(Method::DELETE, &path, None).await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "RunNotEnded");
    let mend = text(&refused.body["solution"][0]);
    assert!(mend.contains("/cancel"), "{mend}");
    assert_eq!(user.get(&path).await.body["input"]["topic"], "tea");
    user.post(&format!("{path}/cancel"), &json!({})).await;
    let erased = user.call(Method::DELETE, &path, None).await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    let unknown = user.call(Method::DELETE, "/runs/nowhere", None).await;
    assert_eq!(unknown.status, 404);
    let (reader, _) = user.with_scopes(&["read", "run"]).await;
    let forbidden = reader.call(Method::DELETE, &path, None).await;
    assert_eq!(forbidden.status, 403, "{:?}", forbidden.body);
}

#[tokio::test]
async fn a_run_whose_function_may_still_write_is_not_erased_yet() {
    let user = User::with_credential().await;
    let run = user.run_that_streams().await;
    user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    let path = format!("/runs/{run}");
    let early = user.call(Method::DELETE, &path, None).await;
    assert_eq!(early.status, 409, "{:?}", early.body);
    assert_eq!(early.body["code"], "RunNotEnded");
    assert_eq!(early.body["retryable"], true);
    // As soon as the call is dropped and its cost is written.
    let run = user
        .run_when(&run, |run| {
            node(run, "x")["attempts"][0]["costUsd"].is_string()
        })
        .await;
    let erased = user.call(Method::DELETE, &path, None).await;
    assert_eq!(erased.status, 200, "{:?}", erased.body);
    assert_eq!(decimal(&erased.body["costUsd"]), decimal(&run["costUsd"]));
}

/// Sweeps until the run has no texts any more.
async fn erased_at_last(user: &User, run: &str) -> Value {
    let began = Instant::now();
    loop {
        let shown = user.get(&format!("/runs/{run}")).await.body;
        if shown["erasedAt"].is_string() && objects_of(run).await.is_empty() {
            return shown;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{shown:#}");
        let swept = invoke("finish-run", &json!({"sweep": "runs"}));
        assert!(swept.get("errorType").is_none(), "{swept}");
        sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn a_workflow_that_keeps_no_texts_has_none_after_its_end() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({"store": "none", "nodes": nodes(&user)}))
        .await;
    let topic = secret(&user, "topic");
    let input = json!({"topic": topic, "long": noise(200_000), "list": [topic, "b"]});
    let run = user.trigger(&workflow, &input).await;
    let ended = erased_at_last(&user, &run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert!(decimal(&ended["costUsd"]) > decimal(&json!("0")));
    assert_eq!(ended["costUsd"], json!(user.charged().await.to_string()));
    is_gone(&user, &run, &[topic, secret(&user, "prompt")]).await;
    let left = attributes(&run).await;
    for name in ["output", "listItems"] {
        assert!(!left.contains(&name.to_owned()), "{name} in {left:?}");
    }
}

#[tokio::test]
async fn whoever_waits_for_its_end_is_still_shown_the_texts_that_are_not_kept() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({"store": "none", "nodes": [
            {"variableName": "x", "userPrompt": "[[echo]]{{topic}}"},
        ]}))
        .await;
    let path = format!("/hooks/{workflow}?wait=10");
    let shown = user.post(&path, &json!({"topic": "tea"})).await;
    assert_eq!(shown.status, 200, "{:?}", shown.body);
    assert_eq!(shown.body["output"]["x"]["text"], "tea");
    let ended = erased_at_last(&user, &text(&shown.body["id"])).await;
    assert_eq!(ended["output"], Value::Null);
    assert_eq!(ended["costUsd"], shown.body["costUsd"]);
}

#[tokio::test]
async fn pieces_of_an_answer_that_was_watched_go_too() {
    let user = User::with_credential().await;
    let word = secret(&user, "watched");
    let said = format!("{word} ").repeat(200);
    let prompt = "[[echo]][[fault:slow-body(ms=150)]]{{said}}";
    for kept in [true, false] {
        let mut document = json!({"nodes": [{"variableName": "x", "userPrompt": prompt}]});
        if !kept {
            document["store"] = json!("none");
        }
        let workflow = user.workflow_with(document).await;
        let run = user.trigger(&workflow, &json!({"said": said})).await;
        let path = format!("/runs/{run}");
        let watched_at = keys::watch(&run).pk;
        let mut had_pieces = false;
        while user.get(&path).await.body["status"] == "RUNNING" {
            let watched = user.get(&format!("{path}?wait=2")).await;
            assert_eq!(watched.status, 200, "{:?}", watched.body);
            had_pieces |= whole_table().await.contains(&watched_at);
        }
        assert!(had_pieces, "somebody watched");
        if kept {
            let erased = user.call(Method::DELETE, &path, None).await;
            assert_eq!(erased.status, 200, "{:?}", erased.body);
        } else {
            erased_at_last(&user, &run).await;
        }
        assert!(!whole_table().await.contains(&watched_at));
        is_gone(&user, &run, std::slice::from_ref(&word)).await;
    }
}
