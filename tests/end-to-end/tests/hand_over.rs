//! A run that is too long for one execution of Step Functions is handed over to the next, as often as it takes. The stack of
//! the tests hands over after 300 tasks.

use std::env;
use std::time::{Duration, Instant};

use end_to_end::{Meets, User, aws_cli, execution_arn, node, stack_store, text};
use serde_json::json;
use steps_store::Part;
use tokio::time::sleep;

use crate::played::Machine;

/// How many items a run of these tests has: the soak sets more.
fn items() -> usize {
    let given = env::var("ITEMS").ok();
    given.and_then(|given| given.parse().ok()).unwrap_or(700)
}

/// A run of a list of so many items, of which so many are executed at once.
async fn long_run(user: &User, concurrency: u32, prompt: &str) -> String {
    let items: Vec<usize> = (0..items()).collect();
    let nodes = json!([
        {
            "variableName": "said", "userPrompt": format!("{prompt} {{{{item}}}} {}", user.name),
            "forEach": {"items": "{{all}}", "concurrency": concurrency},
        },
        {"type": "set", "variableName": "count", "value": "{{said.length}}"},
        // It waits without a lane, whatever execution the run is at.
        {"type": "signal", "variableName": "word", "signal": "word"},
        {"type": "set", "variableName": "heard", "value": "{{word.said}} behind"},
    ]);
    let limits = json!({"maxConcurrency": concurrency});
    let workflow = user
        .workflow_with(json!({"nodes": nodes, "limits": limits}))
        .await;
    user.trigger(&workflow, &json!({"all": items})).await
}

/// The part that the run is at, once it is at this one or a later one.
async fn part(run: &str, at_least: u32) -> Part {
    let runs = stack_store().await.runs();
    loop {
        let head = runs.head(run).await.unwrap();
        assert!(!head.status.has_ended(), "the run has ended too early");
        if head.part.number >= at_least {
            return head.part;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn status(run: &str, part: u32) -> String {
    let name = match part {
        1 => run.to_owned(),
        part => format!("{run}-1-{part}"),
    };
    let arn = execution_arn(&name);
    let found = aws_cli(&[
        "stepfunctions",
        "describe-execution",
        "--execution-arn",
        &arn,
    ]);
    text(&found["status"])
}

#[tokio::test]
async fn a_long_run_goes_through_several_executions_and_pays_each_item_once() {
    let user = User::with_credential().await;
    let run = long_run(&user, 12, "[[echo]]").await;
    part(&run, 2).await;
    let shown = user.get(&format!("/runs/{run}")).await.body;
    assert_eq!(shown["execution"], 1, "a hand-over is no resume");
    assert!(shown["part"].as_u64().unwrap() >= 2, "{}", shown["part"]);
    assert_eq!(node(&shown, "word")["status"], "WAITING");
    let path = format!("/runs/{run}/signals/word");
    let told = user.post(&path, &json!({"said": "told"})).await;
    assert_eq!(told.status, 202, "{:?}", told.body);
    let began = Instant::now();
    while user.get(&format!("/runs/{run}")).await.body["status"] == "RUNNING" {
        // One item takes a few milliseconds.
        let longest =
            Duration::from_secs(60) + Duration::from_millis(200) * u32::try_from(items()).unwrap();
        assert!(began.elapsed() < longest, "the run is stuck");
        sleep(Duration::from_secs(1)).await;
    }
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    assert_eq!(ended["output"]["count"], items().to_string());
    assert_eq!(ended["output"]["heard"], "told behind");
    assert_eq!(node(&ended, "said")["items"]["done"], items());
    assert_eq!(user.ledger().await.len(), items(), "each item is paid once");
    let parts = ended["part"].as_u64().unwrap();
    let least = u64::try_from(items()).unwrap() / 300;
    assert!(
        (least..=2 * least + 1).contains(&parts),
        "{parts} executions"
    );
    println!(
        "{} items in {parts} executions, {} s",
        items(),
        began.elapsed().as_secs()
    );
    for number in 1..=parts {
        let number = u32::try_from(number).unwrap();
        assert_eq!(status(&run, number), "SUCCEEDED", "execution {number}");
    }
}

#[tokio::test]
async fn a_cancel_stops_the_execution_that_the_run_is_at() {
    let user = User::with_credential().await;
    let run = long_run(&user, 6, "[[echo]]").await;
    part(&run, 2).await;
    let cancelled = user.post(&format!("/runs/{run}/cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "ABORTED");
    let paid = user.ledger().await.len();
    assert!(paid < items(), "{paid} items were paid");
    let last = u32::try_from(ended["part"].as_u64().unwrap()).unwrap();
    for number in 1..=last {
        while status(&run, number) == "RUNNING" {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// How many items the runs have in which functions die.
const FEW: usize = 26;

/// Plays a run that is handed over, while functions die at a request of this operation that has this text in it.
async fn dies(
    machine: &Machine,
    (operation, containing): (&'static str, &'static str),
    meets: Meets,
) {
    let sandbox = &machine.world.sandbox;
    let paid = machine.world.paid().await;
    let items = json!((0..FEW).collect::<Vec<_>>()).to_string();
    let document = json!({
        "limits": {"maxConcurrency": 2},
        "nodes": [
            {"type": "set", "variableName": "made", "value": items},
            {
                "variableName": "said", "userPrompt": "{{item}}",
                "forEach": {"items": "{{made}}", "concurrency": 3},
            },
        ],
    });
    let run = machine.start(document).await;
    let trouble = sandbox.trouble(operation, containing, 1, meets);
    let ended = machine.play(&run).await;
    let at = format!("{meets:?} at {operation} {containing}");
    assert_eq!(ended["status"], "SUCCEEDED", "{at}: {ended:#}");
    assert!(trouble.is_over(), "nothing died: {at}");
    sandbox.calm();
    assert!(ended["part"].as_u64().unwrap() >= 2, "{at}: {ended:#}");
    machine.agrees_with_the_ledger(&run).await;
    let calls = machine.world.paid().await - paid;
    assert_eq!(calls, FEW, "{at}");
}

/// What lanes ask of AWS where a run is handed over: the task is counted, the run's part is raised, the next execution is
/// started, lanes and the head are looked at, a number is let go or taken, a lane waits for its number, lanes end.
const ASKED: [(&str, &str); 8] = [
    ("UpdateItem", "TASKS"),
    ("UpdateItem", "\"lanes\""),
    ("StartExecution", "-1-2"),
    ("GetItem", "LANE"),
    ("UpdateItem", "\"holder\""),
    ("UpdateItem", "\"heir\""),
    ("SendTaskFailure", "Lane.Done"),
    ("Query", "LANE"),
];

#[tokio::test]
async fn a_function_that_dies_while_the_run_is_handed_over_loses_nothing() {
    let machine = Machine::that_hands_over(1).await;
    for at in ASKED {
        dies(&machine, at, Meets::Dies).await;
        if !matches!(at.0, "GetItem" | "Query") {
            dies(&machine, at, Meets::DiesAfter).await;
        }
    }
}
