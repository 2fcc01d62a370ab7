//! A node is executed only where its `when` is true, and a failure may let the run go on, or lead to another node.

use end_to_end::{User, node, text};
use serde_json::{Value, json};

/// A variable made of a template: it costs nothing.
fn set(name: &str, value: &str) -> Value {
    json!({"type": "set", "variableName": name, "value": value})
}

#[tokio::test]
async fn a_node_whose_when_is_not_true_is_skipped_and_those_behind_it_run_unless_they_need_it() {
    let user = User::with_credential().await;
    let nodes = json!([
        {"variableName": "long", "userPrompt": "[[echo]]long", "when": "{{#if detailed}}yes{{/if}}"},
        {"variableName": "short", "userPrompt": "[[echo]]short", "when": "{{#unless detailed}}yes{{/unless}}"},
        {"variableName": "either", "userPrompt": "[[echo]]{{#if long}}{{long.text}}{{else}}{{short.text}}{{/if}}"},
        {"variableName": "needs", "userPrompt": "[[echo]]after {{long.text}}"},
        {"variableName": "behind", "userPrompt": "[[echo]]after {{needs.text}}"},
        {"variableName": "after", "userPrompt": "[[echo]]after", "dependsOn": ["needs"]},
    ]);
    let workflow = user.workflow(nodes).await;
    for (detailed, said, other) in [(true, "long", "short"), (false, "short", "long")] {
        let run = user
            .trigger(&workflow, &json!({"detailed": detailed}))
            .await;
        let run = user.ended(&run).await;
        assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
        assert_eq!(node(&run, "either")["output"]["text"], said);
        assert_eq!(node(&run, "after")["output"]["text"], "after");
        let skipped = node(&run, other);
        assert_eq!(skipped["status"], "SKIPPED", "{skipped}");
        assert!(skipped["output"].is_null(), "{skipped}");
        assert_eq!(skipped["attempts"], json!([]));
        for name in ["needs", "behind"] {
            let status = if detailed { "SUCCEEDED" } else { "SKIPPED" };
            assert_eq!(node(&run, name)["status"], status, "{run:#}");
        }
    }
    assert_eq!(user.ledger().await.len(), 5 + 3);
}

#[tokio::test]
async fn a_failure_that_may_be_lets_the_run_go_on_with_its_reason() {
    let user = User::with_credential().await;
    let fails = format!("[[fault:no-credits]] {}", user.name);
    let run = user
        .run(
            json!([
                {"variableName": "a", "userPrompt": fails, "onError": "continue"},
                {"variableName": "b", "userPrompt":
                    "[[echo]]{{#if a.error}}no answer: {{a.error.code}}{{else}}{{a.text}}{{/if}}"},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let a = node(&run, "a");
    assert_eq!(a["status"], "FAILED");
    assert_eq!(a["error"]["code"], "InsufficientCredits");
    assert_eq!(a["output"]["error"]["code"], "InsufficientCredits");
    assert!(text(&a["output"]["error"]["cause"]).len() > 10, "{a}");
    assert_eq!(
        node(&run, "b")["output"]["text"],
        "no answer: InsufficientCredits"
    );
    assert!(run["error"].is_null(), "{run:#}");
}

#[tokio::test]
async fn another_node_stands_in_for_one_that_fails() {
    let user = User::with_credential().await;
    let fails = format!("[[fault:no-credits*1]][[echo]]first {}", user.name);
    let workflow = user
        .workflow(json!([
            {"variableName": "a", "userPrompt": fails, "onError": {"fallback": "b"}},
            {"variableName": "b", "userPrompt": "[[echo]]instead of {{a.error.code}}"},
            set("c", "{{a.text}}"),
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    assert_eq!(node(&run, "a")["status"], "FAILED");
    assert_eq!(run["output"]["c"], "instead of InsufficientCredits");
    // The fault is used up: now the first node answers.
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    assert_eq!(node(&run, "b")["status"], "SKIPPED");
    assert_eq!(run["output"]["c"], format!("first {}", user.name));
}

#[tokio::test]
async fn a_resumed_run_keeps_what_was_skipped_and_what_was_let_go() {
    let user = User::with_credential().await;
    let fails = format!("[[fault:no-credits]] {}", user.name);
    let once = format!("[[fault:no-credits*1]][[echo]]c {} 2", user.name);
    let nodes = json!([
        {"variableName": "a", "userPrompt": fails, "onError": "continue"},
        {"variableName": "b", "userPrompt": "never", "when": "false"},
        {"variableName": "c", "userPrompt": once, "dependsOn": ["a", "b"]},
        {"variableName": "d", "userPrompt": "[[echo]]{{c.text}}"},
    ]);
    let failed = user.run(nodes, json!({})).await;
    assert_eq!(failed["status"], "FAILED", "{failed:#}");
    assert_eq!(failed["error"]["node"], "c");
    let path = format!("/runs/{}/resume", text(&failed["id"]));
    assert_eq!(user.post(&path, &json!({})).await.status, 202);
    let run = user.ended(&text(&failed["id"])).await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    assert_eq!(node(&run, "a"), node(&failed, "a"));
    assert_eq!(node(&run, "b")["status"], "SKIPPED");
    assert_eq!(user.ledger().await.len(), 2, "c and d are paid");
}

#[tokio::test]
async fn a_fallback_that_cannot_be_is_told_with_its_place() {
    let user = User::with_credential().await;
    let openrouter = |name: &str, on_error: Value| json!({"type": "openrouter", "credential": user.name, "variableName": name, "userPrompt": "hi", "onError": on_error});
    let document = json!({"name": "faults", "nodes": [
        openrouter("a", json!({"fallback": "bb"})),
        openrouter("b", json!({"fallback": "b"})),
        openrouter("c", json!({"fallback": "b"})),
        openrouter("d", json!("stop")),
        openrouter("e", json!({"fallback": "f"})),
        openrouter("f", json!({"fallback": "e"})),
    ]});
    let refused = user.put("/workflows/faulty-fallbacks", &document).await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    let faults = refused.body["faults"].to_string();
    for expected in [
        "no node has the id `bb`",
        "the node `b` cannot stand in for itself",
        "must be `fail`, `continue` or",
        "these nodes wait for each other",
    ] {
        assert!(faults.contains(expected), "{expected}: {faults}");
    }
}
