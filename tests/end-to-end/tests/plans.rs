//! The plan of a workflow tells what its runs do: which node waits for which and why, how many run at once, and what a run
//! may cost at most, as a budget counts it.

use end_to_end::{User, aws, decimal, execution_arn, list, text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

async fn plan(user: &User, workflow: &str) -> Value {
    let answer = user.get(&format!("/workflows/{workflow}/plan")).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body
}

fn planned<'a>(plan: &'a Value, id: &str) -> &'a Value {
    let mut nodes = list(&plan["nodes"]).iter();
    nodes.find(|node| node["id"] == id).expect("it is planned")
}

#[tokio::test]
async fn every_edge_says_why_it_is_there_and_whether_it_follows_from_others() {
    let user = User::with_credential().await;
    let mail = json!({
        "id": "mail", "type": "set", "variableName": "letter", "dependsOn": ["headline"],
        "value": {"subject": "{{title.text}}", "body": "{{title.text}} {{post.text}}"},
    });
    let nodes = json!([
        {"variableName": "post", "userPrompt": "About {{topic}}"},
        {"id": "headline", "variableName": "title", "userPrompt": "For {{post.text}}", "systemPrompt": "{{post.model}}"},
        mail,
        {"variableName": "alone", "userPrompt": "hi", "retry": {"maxAttempts": 2}},
    ]);
    let document = json!({"nodes": nodes, "limits": {"maxConcurrency": 7}});
    let workflow = user.workflow_with(document).await;
    let plan = plan(&user, &workflow).await;
    assert_eq!(plan["id"], workflow);
    assert_eq!(plan["version"], 1);
    let read = |field: &str, variable: &str| json!({"field": field, "variable": variable});
    assert_eq!(
        plan["edges"],
        json!([
            {"from": "post", "to": "headline", "dependsOn": false, "fallback": false, "redundant": false,
             "reads": [read("systemPrompt", "post"), read("userPrompt", "post")]},
            {"from": "post", "to": "mail", "dependsOn": false, "fallback": false, "redundant": true,
             "reads": [read("value.body", "post")]},
            {"from": "headline", "to": "mail", "dependsOn": true, "fallback": false, "redundant": false,
             "reads": [read("value.body", "title"), read("value.subject", "title")]},
        ])
    );
    assert_eq!(plan["longestPath"], json!(["post", "headline", "mail"]));
    assert_eq!(plan["lanes"], 2);
    let frame = |id: &str| {
        let node = planned(&plan, id);
        json!([
            node["type"],
            node["variableName"],
            node["rank"],
            node["maxAttempts"]
        ])
    };
    assert_eq!(frame("post"), json!(["openrouter", "post", 2, 5]));
    assert_eq!(frame("headline"), json!(["openrouter", "title", 1, 5]));
    assert_eq!(frame("mail"), json!(["set", "letter", 0, 5]));
    assert_eq!(frame("alone"), json!(["openrouter", "alone", 0, 2]));

    // The plan is what a run does.
    let run = user.trigger(&workflow, &json!({"topic": "tea"})).await;
    let execution = aws_sdk_sfn::Client::new(&aws().await)
        .describe_execution()
        .execution_arn(execution_arn(&run))
        .send()
        .await
        .unwrap();
    let input: Value = serde_json::from_str(execution.input().unwrap()).unwrap();
    let lanes = &input["lanes"];
    assert_eq!(list(lanes).len(), 2, "{lanes}");
    assert_eq!(lanes[0]["unit"], "post");
    assert_eq!(user.ended(&run).await["status"], "SUCCEEDED");
}

#[tokio::test]
async fn what_an_attempt_may_cost_is_what_a_budget_sets_aside_for_it() {
    let user = User::with_credential().await;
    user.get("/models").await;
    let document = |most: &Value| {
        json!({
            "nodes": [{"variableName": "x", "userPrompt": "hi \"you\"", "maxTokens": 500, "retry": {"maxAttempts": 3}}],
            "limits": {"maxCostUsd": most},
        })
    };
    let workflow = user.workflow_with(document(&json!("1"))).await;
    let before = plan(&user, &workflow).await;
    let each = decimal(&planned(&before, "x")["mostUsdPerAttempt"]);
    assert!(each > Decimal::ZERO);
    assert_eq!(planned(&before, "x")["usdPerMillionInserted"], Value::Null);
    assert_eq!(decimal(&before["mostUsd"]), each * Decimal::from(3));

    let exact = user.workflow_with(document(&json!(each))).await;
    let run = user.trigger(&exact, &json!({})).await;
    assert_eq!(user.ended(&run).await["status"], "SUCCEEDED");
    let less = each - Decimal::new(1, 12);
    let short = user.workflow_with(document(&json!(less))).await;
    let run = user.trigger(&short, &json!({})).await;
    let failed = user.ended(&run).await;
    assert_eq!(failed["error"]["code"], "BudgetExceeded", "{failed:#}");
    let needed = format!("may cost up to {each} USD");
    assert!(
        text(&failed["error"]["cause"]).contains(&needed),
        "{failed:#}"
    );
}

#[tokio::test]
async fn what_is_not_known_before_a_run_is_told_apart() {
    let user = User::with_credential().await;
    user.get("/models").await;
    let nodes = json!([
        {"variableName": "tagged", "userPrompt": "About {{topic}}"},
        {"variableName": "priced", "userPrompt": "About {{topic}}", "provider": {"max_price": {"prompt": 7}}},
        {"variableName": "free", "type": "set", "value": "{{topic}}"},
    ]);
    let workflow = user.workflow(nodes).await;
    let known = plan(&user, &workflow).await;
    assert_eq!(planned(&known, "tagged")["usdPerMillionInserted"], "0.1515");
    assert_eq!(planned(&known, "priced")["usdPerMillionInserted"], "7");
    assert_eq!(planned(&known, "free")["mostUsd"], "0");
    let sum: Decimal = list(&known["nodes"])
        .iter()
        .map(|node| decimal(&node["mostUsd"]))
        .sum();
    assert_eq!(decimal(&known["mostUsd"]), sum);

    let auto = json!({"variableName": "auto", "userPrompt": "hi", "model": "openrouter/auto"});
    let workflow = user.workflow(json!([auto])).await;
    let unknown = plan(&user, &workflow).await;
    assert_eq!(unknown["mostUsd"], Value::Null);
    let node = planned(&unknown, "auto");
    assert_eq!(node["mostUsdPerAttempt"], Value::Null);
    assert_eq!(
        node["unpriced"],
        "OpenRouter lists no price for `openrouter/auto`"
    );
}

#[tokio::test]
async fn a_plan_is_that_of_the_version_that_is_asked_for() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([{"variableName": "a", "userPrompt": "hi"}]))
        .await;
    let second =
        json!({"name": "second", "nodes": [{"type": "set", "variableName": "b", "value": 1}]});
    let path = format!("/workflows/{workflow}");
    assert_eq!(user.put(&path, &second).await.status, 200);
    let newest = plan(&user, &workflow).await;
    assert_eq!(
        (&newest["version"], &newest["nodes"][0]["id"]),
        (&json!(2), &json!("b"))
    );
    let first = user.get(&format!("{path}/plan?version=1")).await.body;
    assert_eq!(
        (&first["version"], &first["nodes"][0]["id"]),
        (&json!(1), &json!("a"))
    );
    let none = user.get(&format!("{path}/plan?version=3")).await;
    assert_eq!(none.status, 404, "{:?}", none.body);
    assert_eq!(none.body["code"], "WorkflowNotFound");
    let odd = user.get(&format!("{path}/plan?version=x")).await;
    assert_eq!(odd.body["code"], "InvalidRequest", "{:?}", odd.body);
    let gone = user.get(&format!("{path}-gone/plan")).await;
    assert_eq!(gone.status, 404);
}
