//! A node needs one read and three writes of AWS, whatever came before it. A warm function does not ask for a key
//! again. A lane adds one write for each node behind, and one answer; what a node writes does not grow with its run.

use std::collections::BTreeMap;

use end_to_end::Told;
use serde_json::{Value, json};

use crate::played::Machine;
use crate::sandboxed::{World, task};

#[tokio::test]
async fn a_warm_node_costs_one_read_and_three_writes() {
    let world = World::new().await;
    let function = world.sandbox.function("execute-node").await;
    let cold = world.begin("first").await;
    assert_eq!(function.invoke(task(&cold)).await["status"], "SUCCEEDED");
    world.sandbox.aws_calls();
    for prompt in ["second", "third"] {
        let run = world.begin(prompt).await;
        assert_eq!(function.invoke(task(&run)).await["status"], "SUCCEEDED");
        // Its claim, the note of its generation, and its end.
        let calls = [
            ("BatchGetItem", 1),
            ("TransactWriteItems", 2),
            ("UpdateItem", 1),
        ];
        let calls = calls.map(|(operation, times)| (operation.to_owned(), times));
        assert_eq!(world.sandbox.aws_calls(), BTreeMap::from(calls));

        assert_eq!(function.invoke(task(&run)).await["status"], "SUCCEEDED");
        let calls = BTreeMap::from([("BatchGetItem".to_owned(), 1)]);
        assert_eq!(world.sandbox.aws_calls(), calls, "from the store");
    }
}

/// Has a function execute a task of lane 1 of the run; gives the requests that it took, and what its token was answered.
async fn requests(machine: &Machine, input: &Value) -> (BTreeMap<String, usize>, Option<Told>) {
    let (task, mut told) = machine.task(input);
    let function = machine.function().await;
    machine.world.sandbox.aws_calls();
    let answer = function.invoke(task).await;
    assert_eq!(answer, json!({"status": "TOLD"}));
    let calls = machine.world.sandbox.aws_calls();
    machine.gives_back(function);
    (calls, told.try_recv().ok())
}

fn calls<const N: usize>(calls: [(&str, usize); N]) -> BTreeMap<String, usize> {
    let calls = calls.map(|(operation, times)| (operation.to_owned(), times));
    BTreeMap::from(calls)
}

#[tokio::test]
async fn a_task_of_a_lane_takes_few_requests_and_a_lane_that_sleeps_none() {
    let machine = Machine::new().await;
    let document = json!({"nodes": [
        {"variableName": "a", "userPrompt": "a"},
        {"variableName": "b", "userPrompt": "b {{a.text}}"},
        {"variableName": "c", "userPrompt": "c {{b.text}}"},
        {"variableName": "d", "userPrompt": "d {{b.text}}"},
    ]});
    // A warm function.
    let run = machine.start(document.clone()).await;
    machine.play(&run).await;
    let run = machine.start(document).await;
    let lane = |number: u8, unit: Option<&str>, listed: bool, was: Option<&str>| json!({"runId": run, "take": 1, "lane": number, "unit": unit, "listed": listed, "was": was});

    // The run's texts are read once by each function. Its queries: for a unit, once more behind the token, and all lanes.
    let (asleep, told) = requests(&machine, &lane(2, None, false, None)).await;
    let expected = calls([("GetItem", 1), ("Query", 3), ("UpdateItem", 1)]);
    assert_eq!(asleep, expected, "falls asleep");
    assert!(told.is_none());

    let (first, told) = requests(&machine, &lane(1, Some("a"), true, None)).await;
    // The note of the generation, and the edge to b.
    let chain = [
        ("BatchGetItem", 1),
        ("TransactWriteItems", 2),
        ("UpdateItem", 2),
        ("SendTaskSuccess", 1),
    ];
    assert_eq!(first, calls(chain), "a node of a chain");
    let next = json!({"unit": "b", "listed": false, "was": "a"});
    assert_eq!(told, Some(Ok(next)));

    let (fan, told) = requests(&machine, &lane(1, Some("b"), false, Some("a"))).await;
    // Besides: a is taken from the list, d put on it; the lanes are read, the other one's token is answered and removed.
    let expected = calls([
        ("BatchGetItem", 1),
        ("TransactWriteItems", 2),
        ("UpdateItem", 4),
        ("DeleteItem", 1),
        ("PutItem", 1),
        ("Query", 1),
        ("SendTaskSuccess", 2),
    ]);
    assert_eq!(fan, expected, "a fan-out that wakes");
    let next = json!({"unit": "c", "listed": false, "was": null});
    assert_eq!(told, Some(Ok(next)));

    let (woken, told) = requests(&machine, &lane(2, None, false, None)).await;
    // It looks for a unit, takes it, executes it, looks whether the run is over, writes its token and looks once more.
    let expected = calls([
        ("BatchGetItem", 1),
        ("TransactWriteItems", 2),
        ("UpdateItem", 3),
        ("DeleteItem", 1),
        ("Query", 5),
    ]);
    assert_eq!(woken, expected, "a woken lane that sleeps again");
    assert!(told.is_none());

    let (last, told) = requests(&machine, &lane(1, Some("c"), false, None)).await;
    // The lane that sleeps is ended too.
    let expected = calls([
        ("BatchGetItem", 1),
        ("TransactWriteItems", 2),
        ("UpdateItem", 2),
        ("Query", 2),
        ("SendTaskFailure", 2),
    ]);
    assert_eq!(last, expected, "the run's last node");
    assert!(matches!(told, Some(Err((error, _))) if error == "Lane.Done"));
}

#[tokio::test]
async fn what_a_node_writes_does_not_grow_with_its_run() {
    let machine = Machine::new().await;
    let mut each = Vec::new();
    for count in [10, 100, 400] {
        // Two chains side by side.
        let nodes: Vec<Value> = (0..count)
            .map(|place| {
                let value = match place {
                    0 | 1 => "x".to_owned(),
                    _ => format!("{{{{n{:03}}}}}", place - 2),
                };
                json!({"variableName": format!("n{place:03}"), "type": "set", "value": value})
            })
            .collect();
        let run = machine.start(json!({ "nodes": nodes })).await;
        machine.world.sandbox.write_units();
        let ended = machine.play(&run).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
        each.push(machine.world.sandbox.write_units() / f64::from(count));
    }
    let [ten, hundred, four_hundred] = each[..] else {
        panic!("three sizes");
    };
    assert!(ten > 0.0);
    // The run's own end counts for less the more nodes there are.
    assert!(hundred <= ten && four_hundred <= hundred, "{each:?}");
    assert!(four_hundred <= 12.0, "{each:?} write units a node");
    assert!(hundred - four_hundred < 0.5, "{each:?}");
}

#[tokio::test]
async fn what_an_item_of_a_list_writes_does_not_grow_with_its_list() {
    let machine = Machine::new().await;
    let mut each = Vec::new();
    for count in [10, 100, 1000] {
        let items: Vec<u32> = (0..count).collect();
        let nodes = json!([
            {"variableName": "list", "type": "set", "value": items},
            {"variableName": "each", "type": "set", "value": "{{item}}", "forEach": {"items": "{{list}}"}},
        ]);
        let run = machine.start(json!({ "nodes": nodes })).await;
        machine.world.sandbox.write_units();
        let ended = machine.play(&run).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
        let output = &ended["output"]["each"];
        assert_eq!(output.as_array().map(Vec::len), Some(count as usize));
        assert_eq!(output[count as usize - 1], (count - 1).to_string());
        each.push(machine.world.sandbox.write_units() / f64::from(count));
    }
    let [ten, hundred, thousand] = each[..] else {
        panic!("three sizes");
    };
    assert!(ten > 0.0);
    // The node's own beginning and end count for less the more items there are.
    assert!(hundred <= ten && thousand <= hundred, "{each:?}");
    assert!(thousand <= 12.0, "{each:?} write units an item");
}
