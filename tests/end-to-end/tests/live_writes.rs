//! What a model writes is written down only while somebody watches, and never holds up the node: pieces that the table
//! refuses or does not answer cost nothing but themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use end_to_end::{Meets, node, text};
use jiff::Timestamp;
use steps_live::{Asked, Event, Opened, Plans, Watcher};
use steps_store::Store;
use tokio::time::{Instant, sleep};

use crate::sandboxed::{World, task};

/// An answer that takes some six seconds.
const SLOW: &str = "[[fault:slow-body(ms=350)]][[repeat:9000]]";

async fn watch(store: &Store, run: &str) {
    let until = Timestamp::now() + Duration::from_secs(60);
    store.live().watch(run, until).await.unwrap();
}

#[tokio::test]
async fn an_unwatched_run_makes_not_one_request_more() {
    let world = World::new().await;
    let function = world.sandbox.function("execute-node").await;
    let run = world.begin("warm").await;
    function.invoke(task(&run)).await;
    let run = world.begin(SLOW).await;
    world.sandbox.aws_calls();
    assert_eq!(function.invoke(task(&run)).await["status"], "SUCCEEDED");
    let mut calls = world.sandbox.aws_calls();
    // The look every two seconds, at the run's head and at whether it is watched, is one request.
    let reads = calls.remove("BatchGetItem").unwrap();
    assert!((3..=5).contains(&reads), "{reads}");
    let expected = [("TransactWriteItems", 2), ("UpdateItem", 1)];
    let expected = expected.map(|(operation, times)| (operation.to_owned(), times));
    assert_eq!(calls, BTreeMap::from(expected));
    let pieces = world.sandbox.store.live();
    let pieces = pieces.pieces(&run, Timestamp::UNIX_EPOCH).await.unwrap();
    assert!(pieces.is_empty());

    let run = world.begin(&format!("{SLOW} watched")).await;
    watch(&world.sandbox.store, &run).await;
    world.sandbox.aws_calls();
    assert_eq!(function.invoke(task(&run)).await["status"], "SUCCEEDED");
    let puts = world.sandbox.aws_calls()["PutItem"];
    assert!((4..=16).contains(&puts), "{puts} pieces");
}

#[tokio::test]
async fn pieces_that_are_refused_hold_up_nothing_and_the_text_is_told_whole() {
    for (place, meets) in [
        Meets::Refused("ResourceNotFoundException"),
        Meets::Throttling,
        Meets::HeldBack,
        Meets::AnswerHeldBack,
    ]
    .into_iter()
    .enumerate()
    {
        let world = World::new().await;
        let function = world.sandbox.function("execute-node").await;
        let run = world.begin(&format!("{SLOW} {place}")).await;
        watch(&world.sandbox.store, &run).await;
        let trouble = world.sandbox.trouble("PutItem", "", 1_000, meets);
        let began = Instant::now();
        let answer = function.invoke(task(&run)).await;
        assert_eq!(answer["status"], "SUCCEEDED", "{meets:?}");
        assert!(began.elapsed() < Duration::from_secs(20), "{meets:?}");
        assert!(!trouble.is_over());
        let whole = world.run(&run).await;
        let whole = text(&node(&whole, "x")["output"]["text"]);
        assert_eq!(heard(&world.sandbox.store, &run).await, whole, "{meets:?}");
    }
}

/// What a reader hears of the node's text who comes when it has ended.
async fn heard(store: &Store, run: &str) -> String {
    let plans = Plans::default();
    let all_texts = Asked {
        all_texts: true,
        items: None,
    };
    let opened = Watcher::open(store, &plans, run, None, all_texts)
        .await
        .unwrap();
    let Opened::Watches(mut watcher) = opened else {
        panic!("there is something to watch");
    };
    let mut heard = String::new();
    for _ in 0..20 {
        for news in watcher.look().await.unwrap() {
            match news.event {
                Event::Text(piece) => heard.push_str(&piece.text),
                Event::Nodes(nodes) if nodes.nodes.iter().any(|node| node.ended_at.is_some()) => {
                    return heard;
                }
                _ => {}
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("the node's end was not told");
}
