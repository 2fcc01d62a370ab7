//! What a run says it cost is what OpenRouter charged, to the last digit, and a budget is kept.

use end_to_end::{User, decimal, list, node, text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

#[tokio::test]
async fn twenty_nodes_at_once_add_up_exactly() {
    let user = User::with_credential().await;
    let models = [
        "openai/gpt-4o-mini",
        "anthropic/claude-haiku-4.5",
        "mistralai/mistral-nemo",
        "deepseek/deepseek-v3.2",
    ];
    let nodes: Vec<Value> = (0..20)
        .map(|index| {
            json!({
                "variableName": format!("n{index}"),
                "model": models[index % models.len()],
                "userPrompt": format!("{} {index}", "word ".repeat(index)),
            })
        })
        .collect();
    let workflow = user
        .workflow_with(json!({"nodes": nodes, "limits": {"maxConcurrency": 20}}))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let charged = user.charged().await;
    assert!(charged > Decimal::ZERO);
    assert_eq!(decimal(&run["costUsd"]), charged);
    let nodes: Decimal = list(&run["nodes"])
        .iter()
        .map(|node| decimal(&node["costUsd"]))
        .sum();
    assert_eq!(nodes, charged);
}

#[tokio::test]
async fn a_run_starts_no_call_that_its_budget_does_not_cover() {
    let user = User::with_credential().await;
    let document = |most: &str| {
        json!({
            "limits": {"maxCostUsd": most},
            "nodes": [
                {"variableName": "x", "userPrompt": "hi", "maxTokens": 100},
                {"variableName": "y", "userPrompt": "{{x.text}}", "maxTokens": 100_000, "model": "openai/gpt-4o"},
            ],
        })
    };
    // y may cost 1 USD and a bit at 10 USD per million tokens.
    let workflow = user.workflow_with(document("1.0")).await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    assert_eq!(run["error"]["code"], "BudgetExceeded");
    assert_eq!(run["error"]["node"], "y");
    assert!(
        text(&run["error"]["cause"]).contains("1.0 USD")
            || text(&run["error"]["cause"]).contains("1 USD")
    );
    assert_eq!(user.ledger().await.len(), 1);
    assert_eq!(decimal(&run["costUsd"]), user.charged().await);

    let workflow = user.workflow_with(document("1.1")).await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(node(&run, "y")["status"], "SUCCEEDED");
}

#[tokio::test]
async fn what_a_broken_answer_cost_is_asked_for_and_counted() {
    let user = User::with_credential().await;
    for (fault, status, attempts) in [
        ("stream-cut*1", "SUCCEEDED", 2),
        ("no-usage*1", "SUCCEEDED", 1),
        ("stream-cut", "FAILED", 2),
    ] {
        let prompt = format!("[[fault:{fault}]] {} {fault}", user.name);
        let before = user.charged().await;
        let run = user
            .run(
                json!([{"variableName": "x", "userPrompt": prompt, "retry": {"maxAttempts": 2}}]),
                json!({}),
            )
            .await;
        assert_eq!(run["status"], status, "{fault}: {run:#}");
        let x = node(&run, "x");
        assert_eq!(list(&x["attempts"]).len(), attempts, "{fault}: {run:#}");
        let charged = user.charged().await - before;
        assert!(charged > Decimal::ZERO, "{fault}");
        // The cost follows the answer: OpenRouter writes a generation down a while after its end.
        let run = user
            .run_when(&text(&run["id"]), |run| decimal(&run["costUsd"]) == charged)
            .await;
        for attempt in list(&node(&run, "x")["attempts"]) {
            assert!(attempt["costUsd"].is_string(), "{fault}: {run:#}");
        }
    }
}
