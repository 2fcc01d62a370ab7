//! A run that is too long for one execution of Step Functions is handed over to the next, as often as it takes. The stack of
//! the tests hands over after 300 tasks.

use std::time::Duration;

use end_to_end::{User, aws_cli, execution_arn, node, stack_store, text};
use serde_json::{Value, json};
use steps_store::Part;
use tokio::time::sleep;

/// How many items a run of these tests has: three executions do.
const ITEMS: usize = 700;

/// A run of a list of so many items, of which so many are executed at once.
async fn long_run(user: &User, concurrency: u32, prompt: &str) -> String {
    let items: Vec<usize> = (0..ITEMS).collect();
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
    let told = user.post(
        &format!("/runs/{run}/signals/word"),
        &json!({"said": "told"}),
    );
    assert_eq!(told.await.status, 202);
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    assert_eq!(ended["output"]["count"], ITEMS.to_string());
    assert_eq!(ended["output"]["heard"], "told behind");
    assert_eq!(node(&ended, "said")["items"]["done"], ITEMS);
    assert_eq!(user.ledger().await.len(), ITEMS, "each item is paid once");
    let parts = ended["part"].as_u64().unwrap();
    assert!((3..=4).contains(&parts), "{parts} executions");
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
    assert!(paid < ITEMS, "{paid} items were paid");
    let last = u32::try_from(ended["part"].as_u64().unwrap()).unwrap();
    for number in 1..=last {
        while status(&run, number) == "RUNNING" {
            sleep(Duration::from_millis(100)).await;
        }
    }
}
