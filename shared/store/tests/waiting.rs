//! A small index lists the nodes that wait, with everything that a list of them shows.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use steps_problem::Problem;
use steps_store::{Attempt, Lease, Outcome, Usage, Waiting, WaitingNode};

use crate::world::{LEASE, WORKFLOW, World, paid};

async fn settle(world: &World, lease: &Lease, outcome: &Outcome<'_>, now: Timestamp) {
    let usage = Usage {
        prompt_tokens: 7,
        completion_tokens: 5,
        total_tokens: 12,
        ..Usage::default()
    };
    let attempt = Attempt {
        usage: Some(usage),
        ..paid("0.01")
    };
    world
        .store
        .nodes()
        .settle(lease, &attempt, outcome, false, now)
        .await
        .unwrap();
}

async fn waiting(world: &World) -> Vec<WaitingNode> {
    let page = world.store.nodes().waiting(Waiting::Retry, 10, None).await;
    page.unwrap().rows
}

/// To the millisecond, as times are kept.
fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap()
}

#[tokio::test]
async fn a_node_is_in_the_list_of_those_that_wait_as_long_as_it_waits() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let begun = kept(Timestamp::now());
    let problem = Problem::new(429, "RateLimitExceeded", "Rate Limit Exceeded", "slowly");
    let wait = |seconds| Outcome::Waiting {
        until: begun + SignedDuration::from_secs(seconds),
        problem: &problem,
        draft: None,
        paused: false,
    };
    for (node, seconds) in [("late", 90), ("soon", 30)] {
        let lease = world.granted(&run, node, begun).await;
        settle(&world, &lease, &wait(seconds), begun).await;
    }
    let listed = waiting(&world).await;
    let expected = |node: &str, seconds| WaitingNode {
        run_id: run.clone(),
        node_id: node.to_owned(),
        workflow_id: WORKFLOW.to_owned(),
        tried: 1,
        code: "RateLimitExceeded".to_owned(),
        started_at: begun,
        until: begun + SignedDuration::from_secs(seconds),
    };
    assert_eq!(listed, [expected("soon", 30), expected("late", 90)]);
    let nodes = world.store.nodes();
    let page = nodes.waiting(Waiting::Retry, 1, None).await.unwrap();
    assert_eq!(page.rows, [expected("soon", 30)]);
    let page = nodes
        .waiting(Waiting::Retry, 1, page.cursor.as_deref())
        .await
        .unwrap();
    assert_eq!(page.rows, [expected("late", 90)]);

    // Claimed again it does not wait, and once it has ended it never does.
    let lease = world.granted(&run, "soon", begun).await;
    assert_eq!(waiting(&world).await, [expected("late", 90)]);
    settle(&world, &lease, &Outcome::Failed(&problem, None), begun).await;
    let late = world.granted(&run, "late", begun).await;
    settle(&world, &late, &wait(120), begun).await;
    assert_eq!(waiting(&world).await.len(), 1);
    assert_eq!(waiting(&world).await[0].tried, 2);
}

#[tokio::test]
async fn an_answer_that_comes_while_its_node_waits_takes_it_from_the_list() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let begun = Timestamp::now();
    let slow = world.granted(&run, "x", begun).await;
    let later = begun + LEASE + Duration::from_millis(1);
    let second = world.granted(&run, "x", later).await;
    let problem = Problem::new(429, "RateLimitExceeded", "Rate Limit Exceeded", "slowly");
    let wait = Outcome::Waiting {
        until: later + LEASE,
        problem: &problem,
        draft: None,
        paused: false,
    };
    settle(&world, &second, &wait, later).await;
    assert_eq!(waiting(&world).await.len(), 1);
    let answer = json!({"text": "at last"});
    settle(&world, &slow, &Outcome::Succeeded(&answer), later).await;
    assert!(waiting(&world).await.is_empty());
}
