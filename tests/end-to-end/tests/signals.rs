//! Signals: a node waits for one, and its JSON is the variable. It may come early, late or twice.

use end_to_end::{User, list, node, noise, text};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::pauses::{all_asleep, let_time_come, set, swept};

fn waits_for(name: &str) -> Value {
    json!({"type": "signal", "variableName": "s", "signal": name})
}

async fn send(user: &User, run: &str, name: &str, value: &Value) -> (u16, Value) {
    let answer = user
        .post(&format!("/runs/{run}/signals/{name}"), value)
        .await;
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn a_node_goes_on_at_once_with_its_signal_and_the_same_signal_again_changes_nothing() {
    let user = User::new("good");
    let workflow = user
        .workflow_with(json!({
            "limits": {"maxConcurrency": 1},
            "nodes": [waits_for("paid-{{order}}"), set("after", "{{s.amount}} {{s.note}}")],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({"order": "A7"})).await;
    let waiting = user.waiting(&run, "s").await;
    assert_eq!(node(&waiting, "s")["waitingFor"], "SIGNAL", "{waiting:#}");
    // As long as the run may take.
    assert!(node(&waiting, "s")["waitUntil"].is_string());
    all_asleep(&run).await;
    // So long that it lies in S3.
    let value = json!({"amount": 12.5, "note": "x", "more": noise(250_000)});
    let (status, sent) = send(&user, &run, "paid-A7", &value).await;
    assert_eq!((status, &sent["repeated"]), (202, &json!(false)), "{sent}");
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    assert_eq!(ended["output"]["after"], "12.5 x");
    assert_eq!(list(&node(&ended, "s")["attempts"]).len(), 2);
    let (status, late) = send(&user, &run, "paid-A7", &value).await;
    assert_eq!((status, text(&late["code"]).as_str()), (409, "RunEnded"));
}

#[tokio::test]
async fn an_early_signal_is_kept_and_the_first_one_of_a_name_counts() {
    let user = User::new("good");
    let workflow = user
        .workflow(json!([
            waits_for("first"),
            {"type": "signal", "variableName": "t", "signal": "second", "dependsOn": ["s"]},
            {"type": "signal", "variableName": "u", "signal": "second", "dependsOn": ["s"]},
            set("all", "{{s.n}} {{t.n}} {{u.n}}"),
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "s").await;
    for (name, value, status, repeated) in [
        ("second", json!({"n": 2}), 202, json!(false)),
        ("second", json!({"n": 2}), 202, json!(true)),
        ("second", json!({"n": 3}), 409, json!(null)),
        ("third", json!({}), 404, json!(null)),
        ("a%20b", json!({}), 400, json!(null)),
        ("first", json!({"n": 1}), 202, json!(false)),
    ] {
        let (got, answer) = send(&user, &run, name, &value).await;
        assert_eq!(
            (got, &answer["repeated"]),
            (status, &repeated),
            "{name}: {answer}"
        );
    }
    let ended = user.ended(&run).await;
    assert_eq!(ended["output"]["all"], "1 2 2", "{ended:#}");
    assert_eq!(
        list(&node(&ended, "t")["attempts"]).len(),
        1,
        "it was early"
    );
    let nobody = uuid::Uuid::now_v7().to_string();
    assert_eq!(send(&user, &nobody, "first", &json!({})).await.0, 404);
}

#[tokio::test]
async fn the_items_of_a_list_wait_each_for_its_own() {
    let user = User::new("good");
    let workflow = user
        .workflow(json!([
            {"type": "signal", "variableName": "s", "signal": "order-{{item}}",
             "forEach": {"items": "{{orders}}", "concurrency": 2}},
            set("all", "{{#each s}}{{this.of}} {{/each}}"),
        ]))
        .await;
    let input = json!({"orders": ["a", "b", "c", "d"]});
    let run = user.trigger(&workflow, &input).await;
    // Two wait, the others have not begun: their signals are early.
    for of in ["d", "b", "a", "c"] {
        let (status, sent) = send(&user, &run, &format!("order-{of}"), &json!({"of": of})).await;
        assert_eq!(status, 202, "{sent}");
    }
    let ended = user.ended(&run).await;
    assert_eq!(ended["output"]["all"], "a b c d ", "{ended:#}");
}

#[tokio::test]
async fn a_signal_that_does_not_come_in_time_fails_its_node_or_is_null() {
    let user = User::new("good");
    let late = |more: Value| {
        let mut node = waits_for("never");
        let fields = node.as_object_mut().unwrap();
        fields.insert("timeoutSeconds".to_owned(), json!(100_000));
        fields.extend(more.as_object().unwrap().clone());
        node
    };
    let workflow = user
        .workflow_with(json!({"limits": {"timeoutSeconds": 86_400}, "nodes": [
            late(json!({"timeoutSeconds": 1, "onTimeout": "continue"})),
            set("after", "{{#if s}}came{{else}}late{{/if}}"),
        ]}))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let ended = swept(&user, &run).await;
    assert_eq!(ended["output"]["after"], "late", "{ended:#}");

    let workflow = user
        .workflow(json!([late(json!({"timeoutSeconds": 1}))]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let failed = swept(&user, &run).await;
    assert_eq!(failed["error"]["code"], "SignalTimedOut", "{failed:#}");
    // Once the run is resumed it is waited for again.
    assert_eq!(send(&user, &run, "never", &json!(1)).await.0, 409);
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    assert_eq!(send(&user, &run, "never", &json!("at last")).await.0, 202);
    let ended = user.ended(&run).await;
    assert_eq!(node(&ended, "s")["output"], "at last", "{ended:#}");
}

#[tokio::test]
async fn a_signal_that_comes_as_its_time_comes_counts() {
    let user = User::new("good");
    let workflow = user
        .workflow(json!([{"type": "signal", "variableName": "s", "signal": "now", "timeoutSeconds": 900}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.waiting(&run, "s").await;
    all_asleep(&run).await;
    let_time_come(&run, "s").await;
    let (status, sent) = send(&user, &run, "now", &json!({"n": 1})).await;
    assert_eq!(status, 202, "{sent}");
    let ended = swept(&user, &run).await;
    assert_eq!(ended["output"]["s"]["n"], 1, "{ended:#}");
}

#[tokio::test]
async fn a_wait_survives_the_end_of_its_run_and_goes_on_with_the_signal_after_the_resume() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:no-credits*1]][[echo]]hi {}", user.name);
    let workflow = user
        .workflow(json!([
            waits_for("go"),
            {"type": "signal", "variableName": "fail", "signal": "fail"},
            {"variableName": "x", "userPrompt": prompt, "dependsOn": ["fail"]},
            set("both", "{{s.n}} {{x.text}}"),
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let before = user.waiting(&run, "s").await;
    assert_eq!(send(&user, &run, "fail", &json!({})).await.0, 202);
    let since = node(&before, "s")["attempts"][0]["startedAt"].clone();
    let failed = user.ended(&run).await;
    assert_eq!(failed["status"], "FAILED", "{failed:#}");
    assert_eq!(node(&failed, "s")["status"], "SKIPPED");
    assert_eq!(send(&user, &run, "go", &json!({"n": 1})).await.0, 409);
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    let again = user
        .run_when(&run, |run| node(run, "x")["status"] == "SUCCEEDED")
        .await;
    assert_eq!(node(&again, "s")["status"], "WAITING");
    assert_eq!(node(&again, "s")["attempts"][0]["startedAt"], since);
    let began = Timestamp::now();
    assert_eq!(send(&user, &run, "go", &json!({"n": 1})).await.0, 202);
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    assert!(Timestamp::now().duration_since(began).as_secs() < 30);
}
