//! A `compare` node asks several models the same: each answer is stored and paid for once, failures are kept for each model,
//! and a judge behind them names the best answer.

use std::collections::BTreeSet;

use end_to_end::{User, decimal, list, node, text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

const MODELS: [&str; 2] = ["openai/gpt-4o-mini", "anthropic/claude-haiku-4.5"];

/// A `compare` node that asks this; its judge says this.
fn compare(user: &User, prompt: &str, verdict: Option<&str>) -> Value {
    let mut node = json!({
        "type": "compare", "variableName": "x", "credential": user.name, "models": MODELS,
        "userPrompt": format!("{prompt} {}", user.name), "maxTokens": 200,
    });
    if let Some(verdict) = verdict {
        node["judge"] = json!({
            "model": "openai/gpt-4o-mini", "criteria": format!("{verdict} shorter is better"),
        });
    }
    node
}

/// What was paid adds up, for each call once.
async fn agrees(user: &User, run: &Value, calls: usize) {
    assert_eq!(user.ledger().await.len(), calls, "{run:#}");
    assert_eq!(decimal(&run["costUsd"]), user.charged().await, "{run:#}");
}

#[tokio::test]
async fn answers_costs_and_times_stand_side_by_side_and_the_judge_names_one_with_reasons() {
    let user = User::with_credential().await;
    let refreshed = user.post("/models/refresh", &json!({})).await;
    assert_eq!(refreshed.status, 200, "{:?}", refreshed.body);
    let verdict = r#"[[json:{"best": 2, "reasons": "it is shorter"}]]"#;
    let workflow = user
        .workflow(json!([
            compare(&user, "Say something", Some(verdict)),
            {"type": "set", "variableName": "said", "value": "{{x.best.model}} {{x.best.reasons}} {{len x.answers}}"},
            {"variableName": "later", "userPrompt": format!("[[fault:no-credits*1]] {}", user.name), "dependsOn": ["x"]},
        ]))
        .await;
    let plan = user.get(&format!("/workflows/{workflow}/plan")).await;
    let most = decimal(&plan.body["nodes"][0]["mostUsd"]);
    assert!(most > Decimal::ZERO, "{:?}", plan.body);
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["node"], "later", "{failed:#}");
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    let x = &node(&ended, "x")["output"];
    let answers = list(&x["answers"]);
    assert_eq!(answers.len(), 2);
    for (answer, model) in answers.iter().zip(MODELS) {
        assert_eq!(answer["model"], model);
        assert!(!text(&answer["text"]).is_empty());
        assert!(decimal(&answer["costUsd"]) > Decimal::ZERO);
        assert!(answer["ms"].as_u64().is_some(), "{answer}");
    }
    assert_eq!(x["best"]["model"], MODELS[1], "{x:#}");
    assert_eq!(x["best"]["text"], answers[1]["text"]);
    assert_eq!(x["best"]["reasons"], "it is shorter");
    assert_eq!(
        ended["output"]["said"],
        format!("{} it is shorter 2", MODELS[1])
    );
    let of_node = decimal(&x["costUsd"]);
    assert_eq!(decimal(&node(&ended, "x")["costUsd"]), of_node);
    let items = &node(&ended, "x")["items"];
    assert_eq!((&items["total"], &items["done"]), (&json!(2), &json!(2)));
    // Two answers, a verdict, and the node behind them: nothing twice, also not by the resume.
    agrees(&user, &ended, 4).await;
    let page = user.get(&format!("/runs/{run}/nodes/x/items")).await;
    assert_eq!(list(&page.body["items"]).len(), 3, "{:?}", page.body);
}

#[tokio::test]
async fn a_model_that_fails_is_told_beside_the_others_and_where_none_answers_the_node_fails() {
    let user = User::with_credential().await;
    let mut one = compare(&user, "hi", Some("[[echo]]"));
    one["models"] = json!([MODELS[0], "no/such-model"]);
    let ended = user.run(json!([one]), json!({})).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    let x = &ended["output"]["x"];
    assert_eq!(x["answers"][1]["model"], "no/such-model");
    assert_eq!(x["answers"][1]["error"]["code"], "ModelNotFound", "{x:#}");
    // There is nothing to judge.
    assert_eq!(x["best"]["model"], MODELS[0]);
    agrees(&user, &ended, 1).await;

    let user = User::with_credential().await;
    let mut none = compare(&user, "hi", None);
    none["models"] = json!(["no/such-model", "no/other-model"]);
    let ended = user.run(json!([none]), json!({})).await;
    assert_eq!(ended["error"]["code"], "NoModelAnswered", "{ended:#}");
    assert_eq!(ended["error"]["node"], "x");

    // A verdict that names none is told, and was paid for.
    let user = User::with_credential().await;
    let unclear = compare(&user, "hi", Some(r#"[[json:{"best": 7, "reasons": "?"}]]"#));
    let ended = user.run(json!([unclear]), json!({})).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    let x = &ended["output"]["x"];
    assert!(x["best"].is_null(), "{x:#}");
    assert_eq!(x["judge"]["error"]["code"], "VerdictUnclear");
    agrees(&user, &ended, 3).await;
}

#[tokio::test]
async fn the_example_runs_and_a_faulty_node_is_refused_at_its_place() {
    let user = User::with_credential().await;
    let example = include_str!("../../../infra/examples/workflows/compare.yaml");
    let example = example.replace("credential: main", &format!("credential: {}", user.name));
    let verdict = r#"[[json:{"best": 1, "reasons": "clear"}]] True to"#;
    let mut document: Value = yaml_serde::from_str(&example).unwrap();
    document["nodes"][0]["judge"]["criteria"] = json!(verdict);
    let workflow = user.workflow_with(document).await;
    let input = json!({"httpResponse": {"data": {"sold": 3, "of": user.name}}});
    let run = user.trigger(&workflow, &input).await;
    let ended = user.ended(&run).await;
    assert_eq!(
        ended["output"]["report"]["best"], "openai/gpt-4o-mini: clear",
        "{ended:#}"
    );
    agrees(&user, &ended, 4).await;

    let mut faulty = compare(&user, "hi", Some("x"));
    faulty["models"] = json!([MODELS[0]]);
    faulty["judge"]["criteria"] = json!("");
    faulty["forEach"] = json!({"items": "[1]"});
    let put = user
        .put(
            &format!("/workflows/{}", user.name),
            &json!({"name": "f", "nodes": [faulty]}),
        )
        .await;
    let paths: BTreeSet<&str> = list(&put.body["faults"])
        .iter()
        .filter_map(|fault| fault["path"].as_str())
        .collect();
    assert_eq!(
        paths,
        BTreeSet::from([
            "nodes[0].models",
            "nodes[0].judge.criteria",
            "nodes[0].forEach"
        ]),
        "{:?}",
        put.body
    );
}
