//! A run that failed can go on where it stopped, and a run can be repeated from a node on. What has an answer already
//! is not paid for again.

use end_to_end::{User, decimal, invoke, list, node, text};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::sandboxed::World;

async fn resume(user: &User, run: &Value, body: Value) -> Value {
    let id = text(&run["id"]);
    let resumed = user.post(&format!("/runs/{id}/resume"), &body).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    assert_eq!(resumed.body["id"], run["id"]);
    user.ended(&id).await
}

#[tokio::test]
async fn a_failed_run_goes_on_at_its_unfinished_nodes() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:no-credits*1]] {} {{{{a.text}}}}", user.name);
    let failed = user
        .run(
            json!([
                {"variableName": "a", "userPrompt": "first"},
                {"variableName": "b", "userPrompt": prompt},
                {"variableName": "c", "userPrompt": "then {{b.text}}"},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(failed["status"], "FAILED", "{failed:#}");
    assert_eq!(failed["error"]["code"], "InsufficientCredits");
    assert_eq!(failed["execution"], 1);

    let run = resume(&user, &failed, json!({})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["execution"], 2);
    assert!(run["error"].is_null());
    assert_eq!(
        node(&run, "a"),
        node(&failed, "a"),
        "a answers from the store"
    );
    let attempts = list(&node(&run, "b")["attempts"]);
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0]["code"], "InsufficientCredits");
    assert_eq!(attempts[1]["execution"], 2);
    assert_eq!(
        user.ledger().await.len(),
        3,
        "a, b and c are paid once each"
    );
    assert_eq!(decimal(&run["costUsd"]), user.charged().await);

    let id = text(&run["id"]);
    let done = user.post(&format!("/runs/{id}/resume"), &json!({})).await;
    assert_eq!(done.status, 409);
    assert_eq!(done.body["code"], "RunSucceeded");
}

#[tokio::test]
async fn a_call_that_goes_on_while_its_run_is_resumed_is_paid_once_and_its_answer_is_kept() {
    let world = World::new().await;
    let run = world
        .begin_nodes(json!([
            // Streams for some eight seconds: a function looks at its run every two.
            {"variableName": "x", "userPrompt": "[[fault:slow-body(ms=500)*1]] [[repeat:2000]]"},
            {"variableName": "b", "userPrompt": "[[fault:no-credits*1]]"},
        ]))
        .await;
    let task = |node: &str, execution: u32| json!({"runId": run, "execution": execution, "nodeId": node, "needs": []});
    let first = world.sandbox.function("execute-node").await;
    let other = world.sandbox.function("execute-node").await;
    let answer = first.hand(task("x", 1)).await;
    let streams = world
        .run_when(&run, |run| {
            node(run, "x")["attempts"][0]["generationId"].is_string()
        })
        .await;
    let failed = other.invoke(task("b", 1)).await;
    assert_eq!(failed["errorType"], "InsufficientCredits", "{failed}");
    let finish_run = world.sandbox.function("finish-run").await;
    let told = json!({"detail": {"name": run, "status": "FAILED", "error": "InsufficientCredits"}});
    finish_run.invoke(told).await;
    let ended = world.run(&run).await;
    assert_eq!(ended["status"], "FAILED", "{ended:#}");

    let start_run = world.sandbox.function("start-run").await;
    let resumed = start_run
        .http(Method::POST, &format!("/runs/{run}/resume"), None)
        .await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let waits = other.invoke(task("x", 2)).await;
    assert_eq!(waits["status"], "WAIT", "it is still called: {waits}");
    assert!(waits["seconds"].as_u64().unwrap() <= 5, "{waits}");
    assert_eq!(answer.await.unwrap()["status"], "SUCCEEDED");
    for node in ["x", "b"] {
        let answer = other.invoke(task(node, 2)).await;
        assert_eq!(answer["status"], "SUCCEEDED", "{node}: {answer}");
    }

    let done = world.run(&run).await;
    let attempts = list(&node(&done, "x")["attempts"]);
    assert_eq!(attempts.len(), 1, "{done:#}");
    let generation = &node(&streams, "x")["attempts"][0]["generationId"];
    assert_eq!(&attempts[0]["generationId"], generation);
    let ledger = world.sandbox.ledger().await;
    let of_x = ledger.iter().filter(|call| &call["id"] == generation);
    assert_eq!(of_x.count(), 1, "{ledger:?}");
    assert!(ledger.iter().all(|call| call["cancelled"] != true));
    assert_eq!(
        world.paid().await,
        2,
        "x and b are paid once each: {ledger:?}"
    );
    let charged: Decimal = ledger.iter().map(|call| decimal(&call["cost"])).sum();
    assert_eq!(decimal(&done["costUsd"]), charged);
}

#[tokio::test]
async fn a_corrected_credential_is_picked_up() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let nodes = json!([{"variableName": "x", "userPrompt": "hi"}]);
    let workflow = user.workflow(nodes).await;
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "InvalidApiKey", "{failed:#}");

    // Another credential under the same name.
    let path = format!("/credentials/{id}?force=true");
    let deleted = user.call(Method::DELETE, &path, None).await;
    assert!(deleted.status.is_success(), "{:?}", deleted.body);
    let mut corrected = User::new("good");
    corrected.name.clone_from(&user.name);
    corrected.store_credential().await;
    let run = resume(&user, &failed, json!({})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(corrected.ledger().await.len(), 1);
}

#[tokio::test]
async fn an_aborted_and_a_timed_out_run_go_on_too() {
    let user = User::with_credential().await;
    for (limit, status) in [(3600, "ABORTED"), (2, "TIMED_OUT")] {
        let slow = format!("[[fault:slow-headers(ms=4000)*1]] {status} {}", user.name);
        let workflow = user
            .workflow_with(json!({
                "limits": {"timeoutSeconds": limit},
                "nodes": [{"variableName": "x", "userPrompt": slow}],
            }))
            .await;
        let run = user.trigger(&workflow, &json!({})).await;
        if status == "ABORTED" {
            user.run_when(&run, |run| node(run, "x")["status"] == "RUNNING")
                .await;
            user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
        }
        let ended = user.ended(&run).await;
        assert_eq!(ended["status"], status, "{ended:#}");
        let run = resume(&user, &ended, json!({})).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    }
}

#[tokio::test]
async fn a_run_is_resumed_with_a_higher_budget() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({
            "limits": {"maxCostUsd": "1"},
            "nodes": [
                {"variableName": "x", "userPrompt": "hi"},
                {"variableName": "y", "userPrompt": "{{x.text}}", "maxTokens": 100_000, "model": "openai/gpt-4o"},
            ],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "BudgetExceeded", "{failed:#}");
    let still = resume(&user, &failed, json!({})).await;
    assert_eq!(still["error"]["code"], "BudgetExceeded", "{still:#}");
    let less = user
        .post(&format!("/runs/{run}/resume"), &json!({"maxCostUsd": "0"}))
        .await;
    assert_eq!(less.status, 400, "{:?}", less.body);
    let run = resume(&user, &still, json!({"maxCostUsd": "1.1"})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["execution"], 3);
    assert_eq!(decimal(&run["costUsd"]), user.charged().await);
}

#[tokio::test]
async fn the_end_of_an_earlier_execution_does_not_end_a_resumed_run() {
    let user = User::with_credential().await;
    let prompt = format!(
        "[[fault:no-credits*1]] [[fault:rate-limit-own(retry_after=90)*1]] {}",
        user.name
    );
    let failed = user
        .run(
            json!([{"variableName": "x", "userPrompt": prompt}]),
            json!({}),
        )
        .await;
    let id = text(&failed["id"]);
    let resumed = user.post(&format!("/runs/{id}/resume"), &json!({})).await;
    assert_eq!(resumed.body["status"], "RUNNING", "{:?}", resumed.body);
    let twice = user.post(&format!("/runs/{id}/resume"), &json!({})).await;
    assert_eq!(twice.status, 202);
    assert_eq!(twice.body["repeated"], true);
    user.run_when(&id, |run| list(&node(run, "x")["attempts"]).len() == 2)
        .await;
    for status in ["FAILED", "ABORTED", "SUCCEEDED", "TIMED_OUT"] {
        let late =
            json!({"detail": {"name": id, "status": status, "stopDate": 1_795_392_004_000_i64}});
        invoke("finish-run", &late);
    }
    let run = user.get(&format!("/runs/{id}")).await.body;
    assert_eq!(run["status"], "RUNNING", "{run:#}");
    let cancelled = user.post(&format!("/runs/{id}/cancel"), &json!({})).await;
    assert_eq!(cancelled.body["status"], "ABORTED", "{:?}", cancelled.body);
}

#[tokio::test]
async fn a_rerun_reuses_what_comes_before_the_node() {
    let user = User::with_credential().await;
    let nodes = |last: &str| {
        json!([
            {"variableName": "a", "userPrompt": "about {{topic}}"},
            {"variableName": "b", "userPrompt": "{{a.text}}"},
            {"variableName": "beside", "userPrompt": "beside"},
            {"variableName": "c", "userPrompt": last},
        ])
    };
    let workflow = user.workflow(nodes("{{b.text}} {{beside.text}}")).await;
    let run = user.trigger(&workflow, &json!({"topic": "tea"})).await;
    let first = user.ended(&run).await;
    assert_eq!(first["status"], "SUCCEEDED", "{first:#}");
    assert_eq!(user.ledger().await.len(), 4);

    let path = format!("/runs/{run}/rerun");
    let rerun = user.post(&path, &json!({"from": "b"})).await;
    assert_eq!(rerun.status, 202, "{:?}", rerun.body);
    let second = user.ended(&text(&rerun.body["id"])).await;
    assert_eq!(second["status"], "SUCCEEDED", "{second:#}");
    assert_eq!(second["rerunOf"], json!({"runId": run, "from": "b"}));
    assert_eq!(second["input"], first["input"]);
    for name in ["a", "beside"] {
        let reused = node(&second, name);
        assert_eq!(reused["output"], node(&first, name)["output"]);
        assert_eq!(reused["reusedFrom"], json!(run));
        assert_eq!(reused["costUsd"], "0");
    }
    assert_eq!(user.ledger().await.len(), 6, "b and c are paid again");

    // The next version changes c alone: everything before it is reused, even from a run that reused it.
    let mut document = json!({"name": "next", "nodes": nodes("in short: {{b.text}}")});
    for node in document["nodes"].as_array_mut().unwrap() {
        node["type"] = json!("openrouter");
        node["credential"] = json!(user.name);
    }
    let put = user.put(&format!("/workflows/{workflow}"), &document).await;
    assert_eq!(put.body["version"], 2, "{:?}", put.body);
    let path = format!("/runs/{}/rerun", text(&second["id"]));
    let body = json!({"from": "c", "version": "latest", "input": {"topic": "coffee"}});
    let rerun = user.post(&path, &body).await;
    let third = user.ended(&text(&rerun.body["id"])).await;
    assert_eq!(third["status"], "SUCCEEDED", "{third:#}");
    assert_eq!(third["version"], 2);
    assert_eq!(third["input"], json!({"topic": "coffee"}));
    assert_eq!(node(&third, "a")["reusedFrom"], json!(run));
    assert_eq!(node(&third, "b")["reusedFrom"], second["id"]);
    assert_eq!(user.ledger().await.len(), 7, "only c is paid again");

    let unknown = user.post(&path, &json!({"from": "d"})).await;
    assert_eq!(unknown.status, 400);
    assert!(text(&unknown.body["faults"][0]["message"]).contains("a, b, beside, c"));
}

#[tokio::test]
async fn a_rerun_without_a_node_runs_everything_anew_and_once_for_each_key() {
    let user = User::with_credential().await;
    let first = user
        .run(
            json!([{"variableName": "x", "userPrompt": "about {{topic}}"}]),
            json!({"topic": "tea"}),
        )
        .await;
    let path = format!("/runs/{}/rerun", text(&first["id"]));
    let headers = [
        ("content-type".to_owned(), "application/json".to_owned()),
        ("idempotency-key".to_owned(), user.name.clone()),
    ];
    let body = br#"{"input": {"topic": "coffee"}}"#;
    let one = user.deliver_with_token(&path, &headers, body).await;
    assert_eq!(one.status, 202, "{:?}", one.body);
    let two = user.deliver_with_token(&path, &headers, body).await;
    assert_eq!(one.body["id"], two.body["id"]);
    assert_eq!(two.body["repeated"], true);
    let second = user.ended(&text(&one.body["id"])).await;
    assert!(text(&second["output"]["x"]["text"]).contains("about coffee"));
    assert_eq!(user.ledger().await.len(), 2);
    assert_eq!(user.runs_of(&text(&first["workflowId"])).await.len(), 2);
}
