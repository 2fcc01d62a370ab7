//! A node is executed once for each item of a list, so many at once, and its variable is the list of the outputs.

use std::time::Duration;

use end_to_end::{Meets, User, node, text};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::played::Machine;

/// A variable made of a template: it costs nothing.
fn set(name: &str, value: Value) -> Value {
    json!({"type": "set", "variableName": name, "value": value})
}

/// A call for each item of this list.
fn each(name: &str, prompt: &str, list: Value) -> Value {
    json!({"variableName": name, "userPrompt": prompt, "forEach": list})
}

#[tokio::test]
async fn a_node_is_executed_for_each_item_and_gives_the_outputs_in_the_lists_order() {
    let user = User::with_credential().await;
    let nodes = json!([
        set("first", json!("A")),
        each(
            "said",
            "[[echo]]{{first}}{{index}} {{item.name}} of {{place}}",
            json!({"items": "{{people}}", "concurrency": 2})
        ),
        set("all", json!("{{#each said}}{{this.text}}; {{/each}}")),
        set("count", json!("{{said.length}}")),
        set("second", json!("{{said.1.text}}")),
    ]);
    let people: Vec<Value> = (0..5).map(|n| json!({"name": format!("n{n}")})).collect();
    let run = user
        .run(nodes, json!({"people": people, "place": "Rome"}))
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let said = node(&run, "said");
    assert_eq!(
        said["items"],
        json!({"total": 5, "done": 5, "failed": 0}),
        "{said:#}"
    );
    let texts: Vec<String> = said["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| text(&output["text"]))
        .collect();
    let expected: Vec<String> = (0..5).map(|n| format!("A{n} n{n} of Rome")).collect();
    assert_eq!(texts, expected);
    assert_eq!(run["output"]["all"], format!("{}; ", expected.join("; ")));
    assert_eq!(run["output"]["count"], "5");
    assert_eq!(run["output"]["second"], expected[1]);
    // Each item is a call of its own, paid once, and the node's cost is theirs.
    assert_eq!(user.ledger().await.len(), 5);
    assert_eq!(said["costUsd"], run["costUsd"]);
    assert_eq!(
        said["usage"]["completionTokens"],
        run["usage"]["completionTokens"]
    );
    let id = text(&run["id"]);
    let page = user
        .get(&format!("/runs/{id}/nodes/said/items?limit=3"))
        .await;
    assert_eq!(page.status, 200, "{:?}", page.body);
    let indexes: Vec<&Value> = page.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["index"])
        .collect();
    assert_eq!(indexes, [&json!(0), &json!(1), &json!(2)]);
    assert_eq!(page.body["items"][0]["output"]["text"], expected[0]);
    let cursor = text(&page.body["cursor"]);
    let rest = user
        .get(&format!(
            "/runs/{id}/nodes/said/items?limit=3&cursor={cursor}"
        ))
        .await;
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 2);
    let runs = user.get("/runs?limit=1").await;
    for foreign in [text(&runs.body["cursor"]), "x".to_owned()] {
        let path = format!("/runs/{id}/nodes/said/items?cursor={foreign}");
        let refused = user.get(&path).await;
        assert_eq!(refused.status, 400, "{:?}", refused.body);
    }
    let item = user.get(&format!("/runs/{id}/nodes/said/items/4")).await;
    assert_eq!(item.body["output"]["text"], expected[4]);
    assert_eq!(item.body["attempts"].as_array().unwrap().len(), 1);
    for (path, status) in [
        ("said/items/5", 404),
        ("said/items/x", 400),
        ("first/items/0", 404),
    ] {
        let answer = user.get(&format!("/runs/{id}/nodes/{path}")).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn a_list_may_be_empty_or_a_text_in_json_and_anything_else_is_a_clear_failure() {
    let user = User::with_credential().await;
    let nodes = json!([
        set("made", json!("[1, 2]")),
        {"type": "set", "variableName": "none", "value": "x", "forEach": {"items": "{{empty}}"}},
        {"type": "set", "variableName": "two", "value": "{{item}}", "forEach": {"items": "{{made}}"}},
        set("both", json!("{{none.length}} {{two}}")),
    ]);
    let run = user.run(nodes, json!({"empty": []})).await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    assert_eq!(run["output"]["both"], "0 [\"1\",\"2\"]");
    let nodes = json!([{"type": "set", "variableName": "each", "value": "x", "forEach": {"items": "{{what}}"}}]);
    let failed = user.run(nodes, json!({"what": "one, two"})).await;
    assert_eq!(failed["error"]["code"], "NotAList", "{failed:#}");
    assert_eq!(failed["error"]["node"], "each");
    let nodes = json!([
        {"type": "set", "variableName": "each", "value": "x", "forEach": {"items": "{{what}}"}, "onError": "continue"},
        set("after", json!("{{each.error.code}}")),
    ]);
    let run = user.run(nodes, json!({"what": {"a": 1}})).await;
    assert_eq!(run["output"]["after"], "NotAList", "{run:#}");
}

#[tokio::test]
async fn an_item_that_fails_ends_the_node_or_is_kept() {
    let user = User::with_credential().await;
    let prompt = format!(
        "{{{{#if item.bad}}}}[[fault:no-credits]]{{{{/if}}}}[[echo]]{{{{item.name}}}} {}",
        user.name
    );
    let items = json!([{"name": "a"}, {"name": "b", "bad": true}, {"name": "c"}]);
    let list =
        |on_error: &str| json!({"items": "{{items}}", "onItemError": on_error, "concurrency": 1});
    let kept = user
        .run(
            json!([each("n", &prompt, list("keep"))]),
            json!({"items": items}),
        )
        .await;
    assert_eq!(kept["status"], "SUCCEEDED", "{}", kept["error"]);
    let n = node(&kept, "n");
    assert_eq!(n["items"], json!({"total": 3, "done": 3, "failed": 1}));
    assert_eq!(n["output"][1]["error"]["code"], "InsufficientCredits");
    assert_eq!(n["output"][2]["text"], format!("c {}", user.name));
    let failed = user
        .run(
            json!([each("n", &prompt, list("fail"))]),
            json!({"items": items}),
        )
        .await;
    assert_eq!(failed["status"], "FAILED", "{failed:#}");
    assert_eq!(failed["error"]["code"], "InsufficientCredits");
    assert_eq!(failed["error"]["node"], "n");
    assert!(
        text(&failed["error"]["cause"]).starts_with("item 1 of the list: "),
        "{failed:#}"
    );
    let n = node(&failed, "n");
    assert_eq!(n["status"], "FAILED");
    assert_eq!(n["items"]["done"], 1);
    assert_eq!(
        user.ledger().await.len(),
        2 + 1,
        "no item begins behind one that failed"
    );
    let mut handled = each("n", &prompt, list("fail"));
    handled["onError"] = json!("continue");
    let nodes = json!([handled, set("after", json!("{{n.error.code}}"))]);
    let run = user.run(nodes, json!({"items": items})).await;
    assert_eq!(run["output"]["after"], "InsufficientCredits", "{run:#}");
    assert_eq!(user.ledger().await.len(), 2 + 1 + 1);
}

#[tokio::test]
async fn a_resumed_run_pays_only_for_the_items_that_it_lacks() {
    let user = User::with_credential().await;
    let prompt = format!(
        "{{{{#if item.bad}}}}[[fault:no-credits*1]]{{{{/if}}}}[[echo]]{{{{item.name}}}} {} again",
        user.name
    );
    let items: Vec<Value> = (0..6)
        .map(|n| json!({"name": format!("n{n}"), "bad": n == 3}))
        .collect();
    let list = json!({"items": "{{items}}", "concurrency": 2});
    let nodes = json!([
        each("n", &prompt, list),
        set("all", json!("{{#each n}}{{this.text}};{{/each}}"))
    ]);
    let failed = user.run(nodes, json!({"items": items})).await;
    assert_eq!(failed["error"]["code"], "InsufficientCredits", "{failed:#}");
    let id = text(&failed["id"]);
    assert_eq!(
        user.post(&format!("/runs/{id}/resume"), &json!({}))
            .await
            .status,
        202
    );
    let run = user.ended(&id).await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let expected: String = (0..6)
        .map(|n| format!("n{n} {} again;", user.name))
        .collect();
    assert_eq!(run["output"]["all"], expected);
    assert_eq!(node(&run, "n")["items"]["done"], 6);
    assert_eq!(user.ledger().await.len(), 6, "each item is paid once");
    assert_eq!(node(&run, "n")["costUsd"], run["costUsd"]);
}

#[tokio::test]
async fn no_more_items_are_executed_at_once_than_the_list_allows() {
    let user = User::with_credential().await;
    let nodes = json!([each(
        "n",
        "[[fault:slow-headers(ms=1500)]][[echo]]{{item}}",
        json!({"items": "{{items}}", "concurrency": 3})
    )]);
    let workflow = user.workflow(nodes).await;
    let items: Vec<u32> = (0..9).collect();
    let id = user.trigger(&workflow, &json!({"items": items})).await;
    let mut most = 0;
    loop {
        let page = user
            .get(&format!("/runs/{id}/nodes/n/items?limit=100"))
            .await;
        let items = page.body["items"].as_array().cloned().unwrap_or_default();
        let running = items
            .iter()
            .filter(|item| item["status"] == "RUNNING")
            .count();
        most = most.max(running);
        let run = user.get(&format!("/runs/{id}")).await.body;
        if run["status"] != "RUNNING" {
            assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert!((2..=3).contains(&most), "{most}");
}

#[tokio::test]
async fn faults_of_a_list_are_told_with_their_places() {
    let user = User::with_credential().await;
    let with = |name: &str, list: Value| json!({"type": "set", "variableName": name, "value": "{{item}}", "forEach": list});
    let document = json!({"name": "faults", "nodes": [
        with("a", json!({"items": "{{x}}", "concurrency": 41})),
        with("b", json!({})),
        with("c", json!({"items": "{{x}}", "onItemError": "stop"})),
        with("d", json!({"items": "{{d}}"})),
        with("good", json!({"items": "{{x}}"})),
        {"type": "set", "variableName": "e", "value": "{{good.text}}"},
    ]});
    let refused = user.put("/workflows/faulty-lists", &document).await;
    assert_eq!(refused.status, 422, "{:?}", refused.body);
    let faults = refused.body["faults"].to_string();
    for expected in [
        "nodes[0].forEach.concurrency",
        "nodes[1].forEach",
        "nodes[2].forEach.onItemError",
        "`d` is this node's own output",
        "`good` is a list, of one output for each item",
    ] {
        assert!(faults.contains(expected), "{expected}: {faults}");
    }
}

// ---- Deaths

/// Requests that only lists make: an operation, and a text that is in it.
const REQUESTS: [(&str, &str); 7] = [
    // The list is stored, its node opened, its hands are laid.
    ("PutItem", "EACH"),
    ("UpdateItem", "\"items\""),
    ("UpdateItem", "COUNTER"),
    // An item is told of, and its hand moved.
    ("UpdateItem", "EACH"),
    ("UpdateItem", "hands"),
    // The outputs are gathered.
    ("Query", "ITEM"),
    ("TransactWriteItems", "\"items\""),
];

#[tokio::test]
async fn a_list_loses_nothing_where_functions_die_at_its_requests() {
    let machine = Machine::new().await;
    let document = json!({"nodes": [
        {"variableName": "each", "userPrompt": "[[echo]]{{item}}", "forEach": {"items": "[1, 2, 3, 4, 5]", "concurrency": 2}},
        {"variableName": "after", "type": "set", "value": "{{#each each}}{{this.text}}{{/each}}"},
    ]});
    let sandbox = &machine.world.sandbox;
    for (operation, containing) in REQUESTS {
        for (meets, times) in [
            (Meets::Dies, 1),
            (Meets::DiesAfter, 1),
            (Meets::Dies, 2),
            (Meets::DiesAfter, 2),
        ] {
            let at = format!("{meets:?} {times} times at {operation} {containing}");
            let paid = machine.world.paid().await;
            let run = machine.start(document.clone()).await;
            let trouble = sandbox.trouble(operation, containing, times, meets);
            let ended = machine.play(&run).await;
            assert_eq!(ended["status"], "SUCCEEDED", "{at}: {ended:#}");
            assert_eq!(ended["output"]["after"], "12345", "{at}");
            assert!(times > 1 || trouble.is_over(), "nothing died: {at}");
            sandbox.calm();
            machine.agrees_with_the_ledger(&run).await;
            assert_eq!(machine.world.paid().await - paid, 5, "{at}");
        }
    }
}
