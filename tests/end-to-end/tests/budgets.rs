//! Budgets: before a call begins, the most that it may cost is taken from every budget, and afterwards the rest is
//! given back. No budget is exceeded, however many nodes run at once.

use end_to_end::{User, aws, decimal, item_key, node, table, text};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_store::keys;

/// What a budget of today has committed.
async fn committed(budget: fn(&str, Date) -> String, of: &str) -> Decimal {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let answer = aws_sdk_dynamodb::Client::new(&aws().await)
        .get_item()
        .table_name(table())
        .set_key(Some(item_key(keys::spend(&budget(of, today)))))
        .consistent_read(true)
        .send()
        .await
        .expect("the table answers");
    let item = answer.item.expect("something was spent today");
    let number = item["committedUsd"].as_n().expect("a number");
    number
        .parse()
        .or_else(|_| Decimal::from_scientific(number))
        .expect("a decimal")
}

fn document(nodes: usize, limits: Value) -> Value {
    let nodes: Vec<Value> = (0..nodes)
        .map(|index| {
            json!({
                "variableName": format!("n{index}"),
                "userPrompt": format!("{index} {}", "word ".repeat(index)),
                "maxTokens": 200,
            })
        })
        .collect();
    json!({ "nodes": nodes, "limits": limits })
}

#[tokio::test]
async fn fifty_nodes_at_once_keep_to_three_budgets_exactly() {
    let user = User::new("good");
    let credential = user.store_credential().await;
    let path = format!("/credentials/{credential}");
    let limited = user.put(&path, &json!({"maxCostUsdPerDay": "1"})).await;
    assert_eq!(limited.status, 200, "{:?}", limited.body);
    assert_eq!(limited.body["maxCostUsdPerDay"], "1");
    let limits = json!({"maxCostUsd": "0.5", "maxCostUsdPerDay": "0.8", "maxConcurrency": 40});
    let workflow = user.workflow_with(document(50, limits)).await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let charged = user.charged().await;
    assert_eq!(user.ledger().await.len(), 50);
    assert_eq!(decimal(&run["costUsd"]), charged);
    assert_eq!(committed(keys::workflow_day, &workflow).await, charged);
    assert_eq!(committed(keys::credential_day, &credential).await, charged);
}

#[tokio::test]
async fn a_days_budget_of_a_workflow_holds_for_all_its_runs() {
    let user = User::with_credential().await;
    let large = |per_day: &str| {
        let mut large = document(1, json!({ "maxCostUsdPerDay": per_day }));
        large["nodes"][0]["maxTokens"] = json!(100_000);
        large
    };
    let workflow = user.workflow_with(large("0.05")).await;
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "BudgetExceeded", "{failed:#}");
    let cause = text(&failed["error"]["cause"]);
    assert!(
        cause.contains("`limits.maxCostUsdPerDay`")
            && cause.contains(&workflow)
            && cause.contains("of 0.05 USD")
            && cause.contains("0.05 USD are left"),
        "{cause}"
    );
    assert_eq!(user.ledger().await.len(), 0);

    // Once it is raised the run can go on.
    let mut raised = large("0.1");
    raised["name"] = json!("raised");
    raised["nodes"][0]["type"] = json!("openrouter");
    raised["nodes"][0]["credential"] = json!(user.name);
    let put = user.put(&format!("/workflows/{workflow}"), &raised).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(
        committed(keys::workflow_day, &workflow).await,
        user.charged().await
    );
}

#[tokio::test]
async fn a_credentials_budget_holds_for_all_workflows_and_names_itself() {
    let user = User::new("good");
    let credential = user.store_credential().await;
    let path = format!("/credentials/{credential}");
    user.put(&path, &json!({"maxCostUsdPerDay": "0.00001"}))
        .await;
    let workflow = user.workflow_with(document(1, json!({}))).await;
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "BudgetExceeded", "{failed:#}");
    let cause = text(&failed["error"]["cause"]);
    assert!(
        cause.contains("`maxCostUsdPerDay` of the credential"),
        "{cause}"
    );
    assert_eq!(user.ledger().await.len(), 0);

    let wrong = user.put(&path, &json!({"maxCostUsdPerDay": "-1"})).await;
    assert_eq!(wrong.status, 400);
    let freed = user.put(&path, &json!({"maxCostUsdPerDay": null})).await;
    assert_eq!(freed.status, 200, "{:?}", freed.body);
    assert!(freed.body["maxCostUsdPerDay"].is_null());
}

#[tokio::test]
async fn openrouter_is_held_to_the_prices_that_were_reserved() {
    let user = User::with_credential().await;
    let marker = format!("held to {}", user.name);
    let workflow = user
        .workflow_with(json!({
            "limits": {"maxCostUsd": "0.5"},
            "nodes": [{"variableName": "x", "userPrompt": marker, "provider": {"sort": "price"}}],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let sent = user.bodies_with(&marker).await;
    let provider = &sent[0]["provider"];
    assert_eq!(provider["sort"], "price");
    assert_eq!(
        provider["max_price"],
        json!({"prompt": 0.1515, "completion": 0.606})
    );

    // A limit of the node's own that no provider meets.
    let run = user
        .run(
            json!([{
                "variableName": "x", "userPrompt": "hi", "model": "openai/gpt-4o",
                "provider": {"max_price": {"prompt": 1}},
            }]),
            json!({}),
        )
        .await;
    assert_eq!(node(&run, "x")["error"]["code"], "NoEndpoints", "{run:#}");
    assert!(text(&run["error"]["upstream"]["message"]).contains("max price"));
}
