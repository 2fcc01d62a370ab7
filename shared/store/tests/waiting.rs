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
    settle(&world, &lease, &Outcome::Failed(&problem), begun).await;
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
    };
    settle(&world, &second, &wait, later).await;
    assert_eq!(waiting(&world).await.len(), 1);
    let answer = json!({"text": "at last"});
    settle(&world, &slow, &Outcome::Succeeded(&answer), later).await;
    assert!(waiting(&world).await.is_empty());
}

#[tokio::test]
async fn what_has_changed_in_a_run_is_told_without_its_texts() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let (other, _) = world.begin(None, None).await;
    let begun = kept(Timestamp::now());
    let second = |seconds| begun + SignedDuration::from_secs(seconds);
    let nodes = world.store.nodes();
    world.granted(&other, "x", begun).await;
    let x = world.granted(&run, "x", begun).await;
    let y = world.granted(&run, "y", second(1)).await;
    let statuses = async |at| -> Vec<(String, NodeStatus)> {
        let changed = nodes.changed_since(&run, at).await.unwrap();
        let status = |node: steps_store::ChangedNode| (node.node_id, node.status);
        changed.into_iter().map(status).collect()
    };
    let of = |node: &str, status| (node.to_owned(), status);
    assert_eq!(
        statuses(begun).await,
        [of("x", NodeStatus::Running), of("y", NodeStatus::Running)]
    );

    // A write that changes no status moves nothing.
    assert!(nodes.renew(&y, second(100)).await.unwrap());
    nodes.note_generation(&y, "gen-1").await.unwrap();
    assert!(statuses(second(2)).await.is_empty());

    let answer = json!({
        "text": "long ".repeat(1000), "model": "openai/gpt-6-luna", "provider": "OpenAI",
        "finishReason": "stop",
    });
    settle(&world, &x, &Outcome::Succeeded(&answer), second(3)).await;
    let changed = nodes.changed_since(&run, second(2)).await.unwrap();
    assert_eq!(changed.len(), 1);
    let node = &changed[0];
    assert_eq!(
        (node.node_id.as_str(), node.status),
        ("x", NodeStatus::Succeeded)
    );
    assert_eq!((node.tried, node.execution), (1, 1));
    assert_eq!(node.changed_at, second(3));
    assert_eq!(node.started_at, Some(begun));
    assert_eq!(node.ended_at, Some(second(3)));
    assert_eq!(node.cost_usd, "0.01".parse().unwrap());
    let known = Answer {
        bytes: answer.to_string().len(),
        model: Some("openai/gpt-6-luna".to_owned()),
        provider: Some("OpenAI".to_owned()),
        finish_reason: Some("stop".to_owned()),
        prompt_tokens: 7,
        completion_tokens: 5,
    };
    assert_eq!(node.answer.as_ref(), Some(&known));

    let problem = Problem::new(429, "RateLimitExceeded", "Rate Limit Exceeded", "slowly");
    let wait = Outcome::Waiting {
        until: second(60),
        problem: &problem,
    };
    settle(&world, &y, &wait, second(4)).await;
    let changed = nodes.changed_since(&run, second(4)).await.unwrap();
    assert_eq!(changed[0].wait_until, Some(second(60)));
    assert_eq!(changed[0].error.as_ref(), Some(&problem));
    let order = [of("x", NodeStatus::Succeeded), of("y", NodeStatus::Waiting)];
    assert_eq!(statuses(begun).await, order, "by the last change");

    // A run that takes the answer over has changed too.
    let (_, records) = nodes.of_run(&run).await.unwrap();
    nodes
        .reuse(&run, &[&records["x"]], &other, second(5))
        .await
        .unwrap();
    let changed = nodes.changed_since(&other, second(5)).await.unwrap();
    assert_eq!(changed[0].reused_from.as_ref(), Some(&run));
    assert_eq!(changed[0].answer.as_ref(), Some(&known));
    assert_eq!(changed[0].tried, 0);
}
