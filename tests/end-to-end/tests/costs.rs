//! Costs by day are what the attempts of runs cost, to the last digit, whatever became of the runs.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{User, aws, decimal, invoke, item_key, list, node, table, text};
use jiff::Timestamp;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_store::keys;
use tokio::time::{Duration, Instant, sleep};

use crate::played::Machine;

/// By day and part: what was paid, and how many costs are not known.
pub(crate) type Costs = BTreeMap<(String, String), (Decimal, i64)>;

const GROUPINGS: [&str; 6] = ["day", "workflow", "model", "credential", "node", "user"];

/// The part that a row of costs is of.
fn part(row: &Value) -> String {
    let fields = ["workflowId", "node", "model", "credentialId", "user"];
    let named = fields.iter().filter_map(|field| row[field].as_str());
    named.collect::<Vec<_>>().join("#")
}

/// The rows of an answer's pages.
pub(crate) fn rows(pages: &[Value]) -> Costs {
    let mut costs = Costs::new();
    for row in pages.iter().flat_map(|page| list(&page["costs"])) {
        let known = (decimal(&row["costUsd"]), row["unknown"].as_i64().unwrap());
        let before = costs.insert((text(&row["day"]), part(row)), known);
        assert_eq!(before, None, "one row for each day and part");
    }
    costs
}

/// What all attempts of these runs cost, told by `by`. Each run is given with who started it; a node with a list has the
/// attempts of its items.
pub(crate) fn expected(runs: &[(Value, &str)], by: &str) -> Costs {
    let mut costs = Costs::new();
    for (run, user) in runs {
        for node in list(&run["nodes"]) {
            for attempt in list(&node["attempts"]) {
                let workflow = text(&run["workflowId"]);
                let part = match by {
                    "day" => String::new(),
                    "workflow" => workflow,
                    "node" => format!("{workflow}#{}", text(&node["id"])),
                    "model" => attempt["model"].as_str().unwrap_or_default().to_owned(),
                    "credential" => text_or_none(&attempt["credentialId"]),
                    _ => (*user).to_owned(),
                };
                let day = text(&attempt["startedAt"])[..10].to_owned();
                let known = attempt["costUsd"]
                    .as_str()
                    .map(|cost| cost.parse().unwrap());
                let unknown = attempt["generationId"].is_string() && known.is_none();
                let (usd, count) = costs.entry((day, part)).or_default();
                *usd += known.unwrap_or(Decimal::ZERO);
                *count += i64::from(unknown);
            }
        }
    }
    costs.retain(|_, (usd, unknown)| !usd.is_zero() || *unknown != 0);
    costs
}

fn text_or_none(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// All pages of `GET /costs` of these days.
async fn pages(user: &User, by: &str) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut path = format!("/costs?by={by}");
    loop {
        let answer = user.get(&path).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let cursor = answer.body["cursor"].as_str().map(str::to_owned);
        pages.push(answer.body);
        match cursor {
            Some(cursor) => path = format!("/costs?by={by}&cursor={cursor}"),
            None => return pages,
        }
    }
}

/// The run, with the attempts of its nodes' items.
async fn with_items(user: &User, id: &str) -> Value {
    let mut run = user.get(&format!("/runs/{id}")).await.body;
    for node in run["nodes"].as_array_mut().unwrap() {
        if !node["items"].is_object() {
            continue;
        }
        let path = format!("/runs/{id}/nodes/{}/items?limit=100", text(&node["id"]));
        let items = user.get(&path).await.body;
        let attempts = list(&items["items"]).iter();
        let attempts = attempts.flat_map(|item| list(&item["attempts"]).to_vec());
        node["attempts"] = attempts.collect();
    }
    run
}

/// Waits until the costs that are this user's own are what the runs cost. Others run workflows at the same time: by day and by
/// model their costs are in the same rows.
async fn costs_are(user: &User, started: &[(String, String)]) {
    let began = Instant::now();
    loop {
        let mut runs = Vec::new();
        for (id, by) in started {
            runs.push((with_items(user, id).await, by.as_str()));
        }
        let mut missing = None;
        for by in ["workflow", "credential", "node", "user"] {
            // Other tests start runs with the first token.
            if by == "user" && started.iter().any(|(_, user)| user == "token/root") {
                continue;
            }
            let expected = expected(&runs, by);
            assert!(!expected.is_empty());
            let mut found = rows(&pages(user, by).await);
            found.retain(|(_, part), _| expected.keys().any(|(_, wanted)| wanted == part));
            // OpenRouter tells some of them after the runs have ended.
            let known = expected.values().all(|(_, unknown)| *unknown == 0);
            if !known || found != expected {
                missing = Some(format!("{by}: {found:#?} are not {expected:#?}"));
                break;
            }
        }
        let Some(missing) = missing else { return };
        assert!(began.elapsed() < Duration::from_secs(60), "{missing}");
        sleep(Duration::from_millis(300)).await;
        sweep(&runs).await;
    }
}

/// Lets the sweeps look at what is due of these runs, as if time had passed.
async fn sweep(runs: &[(Value, &str)]) {
    let client = aws_sdk_dynamodb::Client::new(&aws().await);
    for (run, _) in runs {
        let moved = client
            .update_item()
            .table_name(table())
            .set_key(Some(item_key(keys::entered(&text(&run["id"])))))
            .update_expression("SET dueAt = :past")
            .condition_expression("attribute_exists(dueAt)")
            .expression_attribute_values(
                ":past",
                AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned()),
            )
            .send()
            .await;
        if let Err(error) = moved {
            let error = error.into_service_error();
            assert!(error.is_conditional_check_failed_exception(), "{error:?}");
        }
    }
    let asked = invoke("execute-node", &json!({"recover": "costs"}));
    assert_eq!(asked["status"], "RECOVERED", "{asked}");
    let swept = invoke("finish-run", &json!({"sweep": "runs"}));
    assert!(swept.get("errorType").is_none(), "{swept}");
}

#[tokio::test]
async fn costs_are_what_runs_of_every_kind_cost_to_the_last_digit() {
    let owner = User::new("good");
    owner.store_credential().await;
    let (user, token) = owner.with_scopes(&["run", "read", "admin"]).await;
    let by_token = format!("token/{token}");
    let mut started = Vec::new();

    // Tries whose answers broke off, another model, a list, and a node that goes on behind them.
    let broken = format!("[[fault:stream-cut*1]] {} broken", user.name);
    let other = format!("[[fault:provider-502@openai/gpt-4o]] {} other", user.name);
    let workflow = user
        .workflow(json!([
            {"variableName": "x", "userPrompt": broken, "retry": {"maxAttempts": 2}},
            {"variableName": "y", "userPrompt": other, "model": "openai/gpt-4o", "models": ["openai/gpt-4o-mini"]},
            {"variableName": "each", "userPrompt": "{{item}}", "model": "mistralai/mistral-nemo", "forEach": {"items": "{{words}}"}},
            {"variableName": "z", "userPrompt": "{{x.text}} {{each.0.text}}"},
        ]))
        .await;
    let run = user
        .trigger(&workflow, &json!({"words": ["one", "two", "three"]}))
        .await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    started.push((run.clone(), by_token.clone()));
    let rerun = user
        .post(&format!("/runs/{run}/rerun"), &json!({"from": "z"}))
        .await;
    assert_eq!(rerun.status, 202, "{:?}", rerun.body);
    let rerun = text(&rerun.body["id"]);
    user.ended(&rerun).await;
    started.push((rerun.clone(), by_token.clone()));

    // It fails, its cost is entered; it goes on, and only what is new is entered.
    let fails = format!("[[fault:no-credits*1]] {} {{{{a.text}}}}", user.name);
    let workflow = user
        .workflow(json!([
            {"variableName": "a", "userPrompt": "first"},
            {"variableName": "b", "userPrompt": fails},
        ]))
        .await;
    let failed = user.trigger(&workflow, &json!({})).await;
    assert_eq!(user.ended(&failed).await["status"], "FAILED");
    started.push((failed.clone(), by_token.clone()));
    costs_are(&user, &started).await;
    let resumed = user
        .post(&format!("/runs/{failed}/resume"), &json!({}))
        .await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    assert_eq!(user.ended(&failed).await["status"], "SUCCEEDED");

    // By a webhook.
    let webhook = user
        .put(
            &format!("/workflows/{workflow}/webhooks/open"),
            &json!({"mode": "none"}),
        )
        .await;
    assert!(webhook.status.is_success(), "{:?}", webhook.body);
    let delivered = user
        .deliver(&format!("/hooks/{workflow}/open"), &[], b"{}")
        .await;
    assert_eq!(delivered.status, 202, "{:?}", delivered.body);
    let hooked = text(&delivered.body["id"]);
    user.ended(&hooked).await;
    started.push((hooked, format!("webhook/{workflow}/open")));

    // Its texts go, and what it cost stays.
    let erased = user
        .call(Method::DELETE, &format!("/runs/{rerun}"), None)
        .await;
    assert!(erased.status.is_success(), "{:?}", erased.body);
    costs_are(&user, &started).await;
    let charged = user.charged().await;
    let mut total = Decimal::ZERO;
    for (run, _) in &started {
        total += decimal(&user.get(&format!("/runs/{run}")).await.body["costUsd"]);
    }
    assert_eq!(total, charged, "each call is in one of the runs");
    let credential = text(&node(&ended, "x")["attempts"][0]["credentialId"]);
    let known = rows(&pages(&user, "credential").await);
    let known = known.iter().filter(|((_, part), _)| *part == credential);
    let known: Decimal = known.map(|(_, (usd, _))| *usd).sum();
    assert_eq!(known, charged);
}

#[tokio::test]
async fn a_cancelled_runs_call_is_added_when_it_is_over_and_what_is_open_is_told() {
    let user = User::with_credential().await;
    let run = user.run_that_streams().await;
    let open = &user.get("/costs").await.body["open"];
    assert!(open["runs"].as_u64().unwrap() >= 1, "{open}");
    assert!(open["calls"].is_u64() && open["ends"].is_u64(), "{open}");
    let cancelled = user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    user.run_when(&run, |run| {
        node(run, "x")["attempts"][0]["costUsd"].is_string()
    })
    .await;
    costs_are(&user, &[(run, "token/root".to_owned())]).await;
}

#[tokio::test]
async fn a_request_names_days_and_a_grouping_that_there_are() {
    let user = User::new("good");
    for wrong in [
        "by=provider",
        "from=today",
        "from=2026-11-02&to=2026-11-01",
        "from=2024-01-01&to=2025-06-01",
        "cursor=x",
    ] {
        let answer = user.get(&format!("/costs?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}: {:?}", answer.body);
    }
    for by in GROUPINGS {
        let path = format!("/costs?by={by}&from=2025-11-01&to=2026-10-31");
        let answer = user.get(&path).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert_eq!(answer.body["by"], by);
        assert_eq!(answer.body["from"], "2025-11-01");
        assert_eq!(answer.body["to"], "2026-10-31");
    }
}

#[tokio::test]
async fn every_grouping_has_what_all_runs_cost_also_where_a_function_died() {
    let machine = Machine::new().await;
    let world = &machine.world;
    let costs = world.sandbox.function("costs").await;
    let mut runs: Vec<String> = Vec::new();
    let document = |prompt: &str| {
        json!({"nodes": [
            {"variableName": "words", "type": "set", "value": ["x", "y", "z"]},
            {"variableName": "a", "userPrompt": prompt, "model": "openai/gpt-4o"},
            {"variableName": "each", "userPrompt": "{{item}} {{a.text}}", "forEach": {"items": "{{words}}"}},
        ]})
    };
    for prompt in ["one", "[[fault:no-usage*1]] two"] {
        let run = machine.start(document(prompt)).await;
        let ended = machine.play(&run).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
        runs.push(run);
    }
    let told = async |by: &str| {
        let path = format!("/costs?by={by}");
        let answer = costs.http(Method::GET, &path, None).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert!(answer.body["cursor"].is_null());
        answer.body
    };
    let unknown_of_a = async || {
        let told = told("node").await;
        let of_a = list(&told["costs"]).iter().filter(|row| row["node"] == "a");
        of_a.map(|row| row["unknown"].as_i64().unwrap())
            .sum::<i64>()
    };
    let before = unknown_of_a().await;
    // The function that has called dies, and so does the run.
    let lost = machine.start(document("[[repeat:4000]] lost")).await;
    let function = world.sandbox.function("execute-node").await;
    let execution = machine.execution(&lost);
    let lanes = list(&execution["lanes"]);
    let lane = lanes.iter().find(|lane| lane["unit"] == "a").unwrap();
    let (task, _) = machine.task(&json!({
        "runId": lost, "take": 1, "lane": lane["lane"], "unit": "a", "listed": true, "was": null,
    }));
    let held = end_to_end::Meets::HeldBack;
    let trouble = world
        .sandbox
        .trouble("TransactWriteItems", "SUCCEEDED", 1, held);
    let _never = function.hand(task).await;
    trouble.met().await;
    function.kill().await;
    world.sandbox.calm();
    machine
        .tell_of_end(&execution, "FAILED", Some("Lambda.Unknown".to_owned()))
        .await;
    runs.push(lost.clone());

    assert_eq!(unknown_of_a().await, before + 1, "the lost call is told of");

    for run in &runs {
        machine.agrees_with_the_ledger(run).await;
    }
    let finish_run = world.sandbox.function("finish-run").await;
    world.sandbox.make_due(keys::entered(&lost)).await;
    let swept = finish_run.invoke(json!({"sweep": "runs"})).await;
    assert!(swept.get("errorType").is_none(), "{swept}");

    let mut known = Vec::new();
    let mut total = Decimal::ZERO;
    for run in &runs {
        let run = machine.agrees_with_the_ledger(run).await;
        total += decimal(&run["costUsd"]);
        known.push((run, "token/root"));
    }
    assert_eq!(total, {
        let ledger = world.sandbox.ledger().await;
        ledger
            .iter()
            .map(|entry| decimal(&entry["cost"]))
            .sum::<Decimal>()
    });
    for by in GROUPINGS {
        let found = rows(&[told(by).await]);
        assert_eq!(found, expected(&known, by), "{by}");
        let sum: Decimal = found.values().map(|(usd, _)| *usd).sum();
        assert_eq!(sum, total, "{by}");
    }
    // An end that is told again adds nothing.
    let before = told("node").await["costs"].clone();
    for run in &runs {
        let execution = machine.execution(run);
        machine.tell_of_end(&execution, "SUCCEEDED", None).await;
    }
    assert_eq!(told("node").await["costs"], before);
    let today = Timestamp::now().to_string()[..10].to_owned();
    assert_eq!(told("day").await["to"], today);
}
