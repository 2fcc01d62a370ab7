//! Nodes that wait hold neither a function nor a lane. They go on within a minute after their time, by the sweep.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{User, aws, invoke, item_key, list, node, stack_store, table, text};
use jiff::Timestamp;
use serde_json::{Value, json};
use steps_store::keys;
use tokio::time::sleep;

/// What the schedule `SweepRuns` does every minute.
pub(crate) fn sweep() {
    let answer = invoke("finish-run", &json!({"sweep": "runs"}));
    assert!(answer.get("errorType").is_none(), "{answer}");
}

/// Sweeps again and again until the run has ended.
pub(crate) async fn swept(user: &User, run: &str) -> Value {
    loop {
        sweep();
        let now = user.get(&format!("/runs/{run}")).await.body;
        if now["endedAt"].is_string() {
            return now;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// A variable made of a template: it costs nothing.
pub(crate) fn set(name: &str, value: &str) -> Value {
    json!({"type": "set", "variableName": name, "value": value})
}

/// Waits until every lane of the run sleeps.
pub(crate) async fn all_asleep(run: &str) {
    let lanes = stack_store().await.lanes();
    loop {
        let all = lanes.list(run).await.unwrap();
        if !all.is_empty() && all.iter().all(|lane| lane.token.is_some()) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Lets the time of a unit that waits have come.
pub(crate) async fn let_time_come(run: &str, unit: &str) {
    let client = aws_sdk_dynamodb::Client::new(&aws().await);
    let past = || AttributeValue::S("2026-11-23T00:00:00.000Z".to_owned());
    for (key, attribute) in [
        (keys::paused(run, unit), "dueAt"),
        (keys::unit(run, unit), "waitUntil"),
    ] {
        client
            .update_item()
            .table_name(table())
            .set_key(Some(item_key(key)))
            .update_expression(format!("SET {attribute} = :past"))
            .expression_attribute_values(":past", past())
            .send()
            .await
            .expect("the record is there");
    }
}

fn time(value: &Value) -> Timestamp {
    text(value).parse().expect("it is a time")
}

#[tokio::test]
async fn a_wait_holds_neither_a_function_nor_a_lane_and_ends_with_the_sweep_after_its_time() {
    let user = User::new("good");
    let workflow = user
        .workflow_with(json!({
            // One lane: it would be held up.
            "limits": {"maxConcurrency": 1},
            "nodes": [
                {"type": "wait", "variableName": "w", "for": "{{seconds}}"},
                set("after", "{{w.since}} {{w.until}}"),
                set("beside", "at once"),
            ],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({"seconds": 4})).await;
    let meanwhile = user
        .run_when(&run, |run| node(run, "beside")["status"] == "SUCCEEDED")
        .await;
    let w = node(&meanwhile, "w");
    assert_eq!(w["status"], "WAITING", "{meanwhile:#}");
    assert_eq!(w["waitingFor"], "TIME");
    assert_eq!(node(&meanwhile, "after")["status"], "PENDING");
    all_asleep(&run).await;
    let until = time(&w["waitUntil"]);
    // Before its time nothing happens.
    if Timestamp::now() < until {
        sweep();
        let early = user.get(&format!("/runs/{run}")).await.body;
        let over = Timestamp::now() >= until;
        assert!(
            over || node(&early, "w")["status"] == "WAITING",
            "{early:#}"
        );
    }
    let run = swept(&user, &run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let w = node(&run, "w");
    let waited = time(&w["output"]["until"]).duration_since(time(&w["output"]["since"]));
    assert_eq!(waited.as_secs(), 4);
    assert_eq!(time(&w["output"]["until"]), until);
    assert!(time(&w["endedAt"]) >= until);
    let attempts = list(&w["attempts"]);
    assert_eq!(attempts.len(), 2, "{w:#}");
    assert_eq!(attempts[0]["paused"], true);
    // No function was there while it waited.
    for attempt in attempts {
        let took = time(&attempt["endedAt"]).duration_since(time(&attempt["startedAt"]));
        assert!(took.as_secs() < 3, "{attempt}");
    }
    let left = stack_store().await.nodes().paused(&text(&run["id"])).await;
    assert!(left.unwrap().is_empty(), "the timer is still there");
}

#[tokio::test]
async fn a_wait_until_a_time_that_is_past_is_no_wait_and_what_is_no_time_fails_in_words() {
    let user = User::new("good");
    let nodes = json!([{"type": "wait", "variableName": "w", "until": "{{when}}"}]);
    let past = json!({"when": "2026-01-01T10:00:00+01:00[Europe/Berlin]"});
    let run = user.run(nodes.clone(), past).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(run["output"]["w"]["until"], "2026-01-01T09:00:00.000Z");
    assert_eq!(list(&node(&run, "w")["attempts"]).len(), 1);
    let run = user.run(nodes, json!({"when": "tomorrow"})).await;
    assert_eq!(run["error"]["code"], "WaitInvalid", "{run:#}");
    for (own, path) in [
        (json!({}), "nodes[0]"),
        (json!({"for": 1, "until": "{{t}}"}), "nodes[0]"),
        (json!({"for": 0}), "nodes[0].for"),
        (json!({"for": "soon"}), "nodes[0].for"),
        (json!({"until": "tomorrow"}), "nodes[0].until"),
    ] {
        let mut node = json!({"type": "wait", "variableName": "w"});
        node.as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        let document = json!({"name": "w", "nodes": [node]});
        let path_of = format!("/workflows/{}-wait", user.name);
        let refused = user.put(&path_of, &document).await;
        assert_eq!(refused.status, 422, "{:?}", refused.body);
        assert_eq!(
            refused.body["faults"][0]["path"], path,
            "{:?}",
            refused.body
        );
    }
}

#[tokio::test]
async fn the_items_of_a_list_wait_so_many_at_once() {
    let user = User::new("good");
    let workflow = user
        .workflow(json!([
            {"type": "wait", "variableName": "w", "for": 1,
             "forEach": {"items": "{{all}}", "concurrency": 2}},
            set("count", "{{w.length}}"),
        ]))
        .await;
    let run = user
        .trigger(&workflow, &json!({"all": [1, 2, 3, 4, 5]}))
        .await;
    loop {
        let page = user.get(&format!("/runs/{run}/nodes/w/items")).await.body;
        let statuses = list(&page["items"])
            .iter()
            .map(|item| text(&item["status"]));
        let waiting = statuses.filter(|status| status != "SUCCEEDED").count();
        assert!(waiting <= 2, "{page:#}");
        sweep();
        let now = user.get(&format!("/runs/{run}")).await.body;
        if now["endedAt"].is_string() {
            assert_eq!(now["status"], "SUCCEEDED", "{now:#}");
            assert_eq!(now["output"]["count"], "5");
            return;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_retry_that_is_an_hour_away_holds_no_lane() {
    let user = User::with_credential().await;
    let prompt = format!(
        "[[fault:rate-limit-own(retry_after=3600)*1]][[echo]]hi {}",
        user.name
    );
    let workflow = user
        .workflow_with(json!({
            "limits": {"maxConcurrency": 1, "timeoutSeconds": 86_400},
            "nodes": [{"variableName": "x", "userPrompt": prompt}, set("beside", "at once")],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let waiting = user
        .run_when(&run, |run| {
            node(run, "x")["status"] == "WAITING" && node(run, "beside")["status"] == "SUCCEEDED"
        })
        .await;
    let x = node(&waiting, "x");
    assert_eq!(x["waitingFor"], "RETRY", "{x:#}");
    assert_eq!(x["attempts"][0]["waitSeconds"], 3600);
    all_asleep(&run).await;
    let_time_come(&run, "x").await;
    let run = swept(&user, &run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(list(&node(&run, "x")["attempts"]).len(), 2);
    assert_eq!(user.ledger().await.len(), 1, "paid calls");
}

#[tokio::test]
async fn a_wait_goes_on_over_the_failure_of_its_run_and_a_resume() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:no-credits*1]][[echo]]hi {}", user.name);
    let workflow = user
        .workflow_with(json!({"nodes": [
            {"type": "wait", "variableName": "w", "for": "2s"},
            {"type": "signal", "variableName": "fail", "signal": "fail"},
            {"variableName": "x", "userPrompt": prompt, "dependsOn": ["fail"]},
            set("both", "{{w.since}} {{x.text}}"),
        ]}))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let waiting = user.waiting(&run, "w").await;
    let until = node(&waiting, "w")["waitUntil"].clone();
    let path = format!("/runs/{run}/signals/fail");
    assert_eq!(user.post(&path, &json!({})).await.status, 202);
    let failed = user.ended(&run).await;
    assert_eq!(failed["status"], "FAILED", "{failed:#}");
    // Its time comes while the run has ended.
    while Timestamp::now() < time(&until) {
        sleep(Duration::from_millis(100)).await;
    }
    sweep();
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let run = swept(&user, &run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    assert_eq!(node(&run, "w")["output"]["until"], until);
}

#[tokio::test]
async fn a_run_that_only_waits_ends_at_its_deadline() {
    let user = User::new("good");
    let workflow = user
        .workflow_with(json!({
            "limits": {"timeoutSeconds": 3},
            "nodes": [{"type": "wait", "variableName": "w", "for": "1h"}],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = swept(&user, &run).await;
    assert_eq!(run["status"], "TIMED_OUT", "{run:#}");
    assert_eq!(run["error"]["code"], "RunTimedOut");
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled_and_nothing_of_it_is_due_any_more() {
    let user = User::new("good");
    let workflow = user
        .workflow(json!([{"type": "wait", "variableName": "w", "for": "1h"}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "w").await;
    let cancelled = user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    assert_eq!(node(&cancelled.body, "w")["status"], "SKIPPED");
    let_time_come(&run, "w").await;
    sweep();
    let item = aws_sdk_dynamodb::Client::new(&aws().await)
        .get_item()
        .table_name(table())
        .set_key(Some(item_key(keys::paused(&run, "w"))))
        .send()
        .await
        .expect("the table answers");
    assert!(item.item.is_none_or(|item| !item.contains_key("due")));
}
