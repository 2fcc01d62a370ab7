//! What operators are told: metrics of every try and every run as lines that CloudWatch reads, and alarms for what is lost.

use std::time::{Duration, Instant};

use end_to_end::{User, decimal, function_logs, invoke};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::time::sleep;

const SCHEMA: &str = include_str!("../../../shared/metrics/emf-schema.json");

/// The metric lines in the functions' logs that have this run.
fn lines_of(run: &str) -> Vec<Value> {
    function_logs()
        .lines()
        .filter(|line| line.contains("\"_aws\"") && line.contains(run))
        .filter_map(|line| serde_json::from_str(line.get(line.find('{')?..)?).ok())
        .collect()
}

/// A number as it is written in a line, with an exponent or without.
fn number(value: &Value) -> Decimal {
    let text = value.to_string();
    text.parse()
        .or_else(|_| Decimal::from_scientific(&text))
        .expect("a number")
}

/// The metric lines of a run, once a try and the run's end are among them.
async fn told(run: &str) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let lines = lines_of(run);
        let has = |name: &str| lines.iter().any(|line| line[name] == 1);
        if has("Tries") && has("Runs") {
            return lines;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{lines:?}");
        sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn every_try_and_every_end_is_a_line_that_cloudwatch_reads() {
    let user = User::with_credential().await;
    let good = user
        .workflow(json!([{"variableName": "x", "userPrompt": "[[echo]]hi"}]))
        .await;
    let bad = user
        .workflow(json!([{"variableName": "x", "model": "no/such-model", "userPrompt": "hi"}]))
        .await;
    let mut runs = Vec::new();
    for workflow in [&good, &bad] {
        let run = user.trigger(workflow, &json!({})).await;
        let ended = user.ended(&run).await;
        runs.push((run, ended));
    }
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is one");
    for (run, ended) in &runs {
        let lines = told(run).await;
        for line in &lines {
            let faults: Vec<String> = schema
                .iter_errors(line)
                .map(|fault| fault.to_string())
                .collect();
            assert!(faults.is_empty(), "{faults:?} in {line}");
        }
        let tried = lines.iter().find(|line| line["Tries"] == 1).unwrap();
        let end = lines.iter().find(|line| line["Runs"] == 1).unwrap();
        assert_eq!(end["Status"], ended["status"]);
        if ended["status"] == "SUCCEEDED" {
            assert!(
                tried["CompletionTokens"]
                    .as_u64()
                    .is_some_and(|count| count > 0),
                "{tried}"
            );
            assert!(tried["FirstTokenMilliseconds"].is_u64(), "{tried}");
            assert_eq!(
                number(&tried["CostUsd"]),
                decimal(&ended["costUsd"]),
                "{tried}"
            );
        } else {
            assert_eq!(tried["Code"], ended["error"]["code"], "{tried}");
            assert_eq!(tried["Errors"], 1);
        }
    }
}

#[tokio::test]
async fn what_is_left_of_a_key_that_was_used_is_told_and_of_others_nothing() {
    let user = User::new("good");
    let key = user.key.clone();
    let kept = json!({"name": user.name, "provider": "openrouter", "apiKey": key, "maxCostUsdPerDay": "2.50"});
    let stored = user.post("/credentials", &kept).await;
    assert_eq!(stored.status, 201, "{:?}", stored.body);
    let mentions = || -> Vec<Value> {
        function_logs()
            .lines()
            .filter(|line| line.contains("\"BudgetLeftUsd\"") && line.contains(&user.name))
            .filter_map(|line| serde_json::from_str(line.get(line.find('{')?..)?).ok())
            .collect()
    };
    invoke("execute-node", &json!({"watch": "credit"}));
    assert!(mentions().is_empty(), "it was not used yet");
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": "hi"}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let watched = invoke("execute-node", &json!({"watch": "credit"}));
    assert_eq!(watched["status"], "WATCHED", "{watched}");
    assert!(
        watched["keys"].as_u64().is_some_and(|keys| keys >= 1),
        "{watched}"
    );
    let began = Instant::now();
    let told = loop {
        match mentions().pop() {
            Some(told) => break told,
            None => assert!(
                began.elapsed() < Duration::from_secs(30),
                "nothing was told"
            ),
        }
        sleep(Duration::from_millis(500)).await;
    };
    let left = number(&told["BudgetLeftUsd"]);
    assert_eq!(
        left,
        Decimal::new(250, 2) - decimal(&run["costUsd"]),
        "{told}"
    );
    assert_eq!(told["Credential"], user.name.as_str());
}
