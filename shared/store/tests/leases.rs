//! Leases: one function at a time works on a node, a node ends once, and no late or repeated write changes that.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_problem::Problem;
use steps_store::{
    Begun, Budget, Claim, Claimed, Ended, Lease, NodeStatus, Outcome, Reserve, RunStatus, Store,
};
use uuid::Uuid;

use crate::world::{LEASE, WORKFLOW, World, paid};

async fn claim(store: &Store, run: &str, now: Timestamp, reserve: Option<Decimal>) -> Claimed {
    let seen = store.nodes().get(run, "x").await.unwrap();
    store
        .nodes()
        .claim(&Claim {
            run_id: run,
            execution: 1,
            lane: 1,
            workflow_id: WORKFLOW,
            node_id: "x",
            seen: seen.as_ref(),
            now,
            lease: LEASE,
            watched: false,
            reserve: reserve.map(of_run).as_ref(),
        })
        .await
        .unwrap()
}

fn of_run(usd: Decimal) -> Reserve {
    Reserve {
        usd,
        budgets: vec![Budget::Run {
            limit: Decimal::ONE,
        }],
    }
}

async fn granted(store: &Store, run: &str, now: Timestamp) -> Lease {
    match claim(store, run, now, None).await {
        Claimed::Granted(lease) => lease,
        other => panic!("{other:?}"),
    }
}

async fn settle(store: &Store, lease: &Lease, cost: &str, outcome: &Outcome<'_>) {
    let now = Timestamp::now();
    store
        .nodes()
        .settle(lease, &paid(cost), outcome, false, now)
        .await
        .unwrap();
}

async fn output(store: &Store, run: &str) -> Option<Value> {
    let node = store.nodes().get(run, "x").await.unwrap().unwrap();
    store.nodes().output(&node).await.unwrap()
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_node() {
    let world = World::new().await;
    let store = world.store.clone();
    let (run, _) = world.begin(None, None).await;
    let claims = (0..12).map(|_| {
        let (store, run) = (store.clone(), run.clone());
        tokio::spawn(async move {
            store
                .nodes()
                .claim(&Claim {
                    run_id: &run,
                    execution: 1,
                    lane: 1,
                    workflow_id: WORKFLOW,
                    node_id: "x",
                    seen: None,
                    now: Timestamp::now(),
                    lease: LEASE,
                    watched: false,
                    reserve: None,
                })
                .await
                .unwrap()
        })
    });
    let mut granted = 0;
    for claim in claims.collect::<Vec<_>>() {
        match claim.await.unwrap() {
            Claimed::Granted(_) => granted += 1,
            Claimed::Taken(record) => assert_eq!(record.status, NodeStatus::Running),
            Claimed::OverBudget(_) => panic!("there is no budget"),
        }
    }
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn a_node_is_free_again_when_its_lease_has_ended_and_not_before() {
    let world = World::new().await;
    let store = world.store.clone();
    let (run, _) = world.begin(None, None).await;
    let begun = Timestamp::now();
    let first = granted(&store, &run, begun).await;
    let moment = Duration::from_millis(1);
    assert!(matches!(
        claim(&store, &run, begun + LEASE - moment, None).await,
        Claimed::Taken(_)
    ));
    let second = granted(&store, &run, begun + LEASE + moment).await;
    assert_eq!(second.attempt_number(), 2);
    assert!(
        !store.nodes().renew(&first, Timestamp::now()).await.unwrap(),
        "lost"
    );
    assert!(
        store
            .nodes()
            .renew(&second, Timestamp::now() + LEASE)
            .await
            .unwrap()
    );

    // The first one was only slow: its answer is paid for, so it counts, and the second one's changes nothing.
    settle(
        &store,
        &first,
        "0.01",
        &Outcome::Succeeded(&json!({"text": "first"})),
    )
    .await;
    settle(
        &store,
        &second,
        "0.02",
        &Outcome::Succeeded(&json!({"text": "second"})),
    )
    .await;
    assert_eq!(output(&store, &run).await, Some(json!({"text": "first"})));
    let (run, _) = store.nodes().of_run(&run).await.unwrap();
    assert_eq!(run.cost_usd, "0.03".parse().unwrap(), "both were paid");
}

#[tokio::test]
async fn a_late_failure_does_not_undo_a_success() {
    let world = World::new().await;
    let store = world.store.clone();
    let (run, _) = world.begin(None, None).await;
    let begun = Timestamp::now();
    let slow = granted(&store, &run, begun).await;
    let second = granted(&store, &run, begun + LEASE * 2).await;
    settle(
        &store,
        &second,
        "0.01",
        &Outcome::Succeeded(&json!({"text": "done"})),
    )
    .await;
    let problem = Problem::new(504, "IdleTimeout", "Idle Timeout", "too slow");
    settle(&store, &slow, "0.02", &Outcome::Failed(&problem, None)).await;
    let node = store.nodes().get(&run, "x").await.unwrap().unwrap();
    assert_eq!(node.status, NodeStatus::Succeeded);
    assert_eq!(node.cost_usd, "0.03".parse().unwrap());
    assert!(store.runs().get(&run).await.unwrap().error.is_none());
}

#[tokio::test]
async fn a_run_ends_once() {
    let world = World::new().await;
    let store = world.store.clone();
    let (run, _) = world.begin(None, None).await;
    let end = |status| Ended {
        execution: 1,
        status,
        at: Timestamp::now(),
        error: None,
    };
    assert!(
        store
            .runs()
            .end(&run, &end(RunStatus::Aborted))
            .await
            .unwrap()
    );
    assert!(
        !store
            .runs()
            .end(&run, &end(RunStatus::Failed))
            .await
            .unwrap()
    );
    assert!(
        !store
            .runs()
            .end(&run, &end(RunStatus::Succeeded))
            .await
            .unwrap()
    );
    assert_eq!(
        store.runs().head(&run).await.unwrap().status,
        RunStatus::Aborted
    );
}

#[tokio::test]
async fn what_is_reserved_is_kept_until_it_is_settled() {
    let world = World::new().await;
    let store = world.store.clone();
    let (run, _) = world.begin(None, Some("1.00")).await;
    let reserve = |text: &str| Some(text.parse::<Decimal>().unwrap());
    assert!(matches!(
        claim(&store, &run, Timestamp::now(), reserve("1.01")).await,
        Claimed::OverBudget(_)
    ));
    let Claimed::Granted(lease) = claim(&store, &run, Timestamp::now(), reserve("0.90")).await
    else {
        panic!("it is covered");
    };
    let other = |amount: &'static str| {
        let (store, run) = (store.clone(), run.clone());
        async move {
            store
                .nodes()
                .claim(&Claim {
                    run_id: &run,
                    execution: 1,
                    lane: 1,
                    workflow_id: WORKFLOW,
                    node_id: "y",
                    seen: None,
                    now: Timestamp::now(),
                    lease: LEASE,
                    watched: false,
                    reserve: Some(&of_run(amount.parse().unwrap())),
                })
                .await
                .unwrap()
        }
    };
    assert!(matches!(other("0.11").await, Claimed::OverBudget(_)));
    settle(&store, &lease, "0.25", &Outcome::Succeeded(&json!({}))).await;
    assert!(matches!(other("0.76").await, Claimed::OverBudget(_)));
    assert!(matches!(other("0.75").await, Claimed::Granted(_)));
}

#[tokio::test]
async fn ten_deliveries_of_one_identity_are_one_run() {
    let world = World::new().await;
    let identity = Uuid::now_v7().to_string();
    let tries = (0..10).map(|_| {
        let (world, identity) = (world.clone(), identity.clone());
        tokio::spawn(async move { world.begin(Some(&identity), None).await })
    });
    let mut runs = std::collections::BTreeSet::new();
    let mut new = 0;
    for begun in tries.collect::<Vec<_>>() {
        match begun.await.unwrap() {
            (id, Begun::New) => {
                new += 1;
                runs.insert(id);
            }
            (_, Begun::Repeated(id)) => {
                runs.insert(id);
            }
            (_, Begun::Differs) => panic!("there are no fingerprints"),
            (_, Begun::Overtaken | Begun::Full(_)) => panic!("there are no turns"),
        }
    }
    assert_eq!((new, runs.len()), (1, 1));
    let run = runs.pop_first().unwrap();
    let problem = Problem::new(503, "ExecutionNotStarted", "Execution Not Started", "");
    world
        .store
        .runs()
        .not_started(&run, 1, &problem, Some((WORKFLOW, &identity)))
        .await
        .unwrap();
    assert_eq!(world.begin(Some(&identity), None).await.1, Begun::New);
}
