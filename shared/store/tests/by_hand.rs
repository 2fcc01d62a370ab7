//! A node is given its output by hand. Of who works on it and who gives it an output, one is first.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use steps_problem::Problem;
use steps_store::{ByHand, Claim, Claimed, NodeRecord, NodeStatus, Outcome, Store};

use crate::world::{LEASE, WORKFLOW, World, paid};

/// At this time, to the millisecond: records have no more of it.
fn by(at: Timestamp) -> ByHand {
    let at = Timestamp::from_millisecond(at.as_millisecond()).expect("a time of today");
    ByHand {
        principal: "token".to_owned(),
        at,
    }
}

fn claim<'a>(run: &'a str, seen: Option<&'a NodeRecord>, now: Timestamp) -> Claim<'a> {
    Claim {
        run_id: run,
        execution: 1,
        lane: 1,
        workflow_id: WORKFLOW,
        node_id: "x",
        seen,
        now,
        lease: LEASE,
        watched: false,
        reserve: None,
    }
}

async fn wait(store: &Store, world: &World, run: &str) {
    let lease = world.granted(run, "x", Timestamp::now()).await;
    let problem = Problem::new(429, "RateLimitExceeded", "Rate Limit Exceeded", "wait");
    let outcome = Outcome::Waiting {
        until: Timestamp::now() + Duration::from_secs(60),
        problem: &problem,
        paused: false,
        draft: None,
    };
    let nodes = store.nodes();
    let now = Timestamp::now();
    nodes
        .settle(&lease, &paid("0.25"), &outcome, false, now)
        .await
        .unwrap();
}

#[tokio::test]
async fn who_has_not_seen_what_was_given_does_not_get_the_node_and_who_has_settles_it_once() {
    let world = World::new().await;
    let store = world.store.clone();
    let nodes = store.nodes();
    let (run, _) = world.begin(None, None).await;
    let now = Timestamp::now();
    assert!(!nodes.give(&run, "x", &json!(1), &by(now)).await.unwrap());
    wait(&store, &world, &run).await;
    let before = nodes.get(&run, "x").await.unwrap();
    assert!(nodes.give(&run, "x", &json!(1), &by(now)).await.unwrap());
    let later = Timestamp::now() + Duration::from_secs(61);
    let late = nodes
        .claim(&claim(&run, before.as_ref(), later))
        .await
        .unwrap();
    assert!(matches!(late, Claimed::Taken(record) if record.is_given()));
    let seen = nodes.get(&run, "x").await.unwrap();
    // Another output is given meanwhile: the one that was seen is not taken.
    assert!(nodes.give(&run, "x", &json!(2), &by(later)).await.unwrap());
    let old = claim(&run, seen.as_ref(), later);
    assert!(!nodes.settle_given(&old).await.unwrap());
    let seen = nodes.get(&run, "x").await.unwrap();
    let new = claim(&run, seen.as_ref(), later);
    assert!(nodes.settle_given(&new).await.unwrap());
    assert!(!nodes.settle_given(&new).await.unwrap());
    let settled = nodes.get(&run, "x").await.unwrap().unwrap();
    assert_eq!(settled.status, NodeStatus::Succeeded);
    assert!(!settled.is_given());
    assert_eq!(settled.by_hand, Some(by(later)));
    assert_eq!(settled.attempts.len(), 1);
    assert_eq!(settled.cost_usd, "0.25".parse().unwrap());
    assert_eq!(nodes.output(&settled).await.unwrap(), Some(json!(2)));
    assert!(!nodes.give(&run, "x", &json!(3), &by(later)).await.unwrap());
}

#[tokio::test]
async fn an_answer_of_a_function_that_was_taken_for_dead_is_kept_where_it_comes_before_the_node_is_settled_by_hand()
 {
    let world = World::new().await;
    let store = world.store.clone();
    let nodes = store.nodes();
    let (run, _) = world.begin(None, None).await;
    let lease = world.granted(&run, "x", Timestamp::now()).await;
    let now = Timestamp::now();
    // It is being worked on.
    assert!(!nodes.give(&run, "x", &json!(1), &by(now)).await.unwrap());
    let later = now + LEASE + Duration::from_secs(1);
    assert!(nodes.give(&run, "x", &json!(1), &by(later)).await.unwrap());
    let answer = json!({"text": "paid"});
    let outcome = Outcome::Succeeded(&answer);
    let settled = nodes
        .settle(&lease, &paid("0.5"), &outcome, false, later)
        .await;
    assert!(settled.unwrap());
    let node = nodes.get(&run, "x").await.unwrap().unwrap();
    assert_eq!(node.by_hand, None);
    assert_eq!(nodes.output(&node).await.unwrap(), Some(answer));
}
