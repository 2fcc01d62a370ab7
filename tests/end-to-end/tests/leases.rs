//! A node is in one function's hands at a time, ends once, and no late or repeated write moves it back.

use std::time::Duration;

use end_to_end::{aws, table};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_problem::Problem;
use steps_runs::{
    Attempt, Begun, Budget, Claim, Claimed, Ended, Lease, NewRun, NodeStatus, Outcome, Reserve,
    RunStatus, Store, Trigger,
};
use uuid::Uuid;

pub(crate) const LEASE: Duration = Duration::from_secs(60);

pub(crate) async fn store() -> Store {
    let aws = aws().await;
    let s3 = aws_sdk_s3::config::Builder::from(&aws)
        .force_path_style(true)
        .build();
    Store::new(
        aws_sdk_dynamodb::Client::new(&aws),
        table(),
        aws_sdk_s3::Client::from_conf(s3),
        std::env::var("BUCKET_NAME").unwrap(),
        1,
    )
}

pub(crate) async fn begin(
    store: &Store,
    identity: Option<&str>,
    budget: Option<&str>,
) -> (String, Begun) {
    let id = Uuid::now_v7().to_string();
    let begun = store
        .begin_run(&NewRun {
            id: &id,
            workflow_id: "leases",
            version: 1,
            definition: r#"{"name":"leases","nodes":[]}"#,
            input: &json!({}),
            trigger: &Trigger {
                kind: "api".to_owned(),
                context: json!({}),
            },
            identity,
            callback_url: None,
            turn: None,
            warnings: &[],
            credentials: &Default::default(),
            started_at: Timestamp::now(),
            deadline: Timestamp::now() + LEASE,
            max_cost_usd: budget.map(|budget| budget.parse().unwrap()),
            max_cost_usd_per_day: None,
            rerun_of: None,
        })
        .await
        .unwrap();
    (id, begun)
}

async fn claim(store: &Store, run: &str, now: Timestamp, reserve: Option<Decimal>) -> Claimed {
    let seen = store.node(run, "x").await.unwrap();
    store
        .claim(&Claim {
            run_id: run,
            execution: 1,
            node_id: "x",
            seen: seen.as_ref(),
            now,
            lease: LEASE,
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

pub(crate) fn paid(cost: &str) -> Attempt {
    Attempt {
        started_at: "2026-11-23T00:00:00.000Z".to_owned(),
        ended_at: Some("2026-11-23T00:00:01.000Z".to_owned()),
        cost_usd: Some(cost.parse().unwrap()),
        ..Attempt::default()
    }
}

async fn settle(store: &Store, lease: &Lease, cost: &str, outcome: &Outcome<'_>) {
    let now = Timestamp::now();
    store
        .settle(lease, &paid(cost), outcome, false, now)
        .await
        .unwrap();
}

async fn output(store: &Store, run: &str) -> Option<Value> {
    let node = store.node(run, "x").await.unwrap().unwrap();
    store.output(&node).await.unwrap()
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_node() {
    let store = store().await;
    let (run, _) = begin(&store, None, None).await;
    let claims = (0..12).map(|_| {
        let (store, run) = (store.clone(), run.clone());
        tokio::spawn(async move {
            store
                .claim(&Claim {
                    run_id: &run,
                    execution: 1,
                    node_id: "x",
                    seen: None,
                    now: Timestamp::now(),
                    lease: LEASE,
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
    let store = store().await;
    let (run, _) = begin(&store, None, None).await;
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
        !store.renew(&first, Timestamp::now()).await.unwrap(),
        "lost"
    );
    assert!(
        store
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
    let run = store.run(&run).await.unwrap();
    assert_eq!(run.cost_usd, "0.03".parse().unwrap(), "both were paid");
}

#[tokio::test]
async fn a_late_failure_does_not_undo_a_success() {
    let store = store().await;
    let (run, _) = begin(&store, None, None).await;
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
    settle(&store, &slow, "0.02", &Outcome::Failed(&problem)).await;
    let node = store.node(&run, "x").await.unwrap().unwrap();
    assert_eq!(node.status, NodeStatus::Succeeded);
    assert_eq!(node.cost_usd, "0.03".parse().unwrap());
    assert!(store.run(&run).await.unwrap().error.is_none());
}

#[tokio::test]
async fn a_run_ends_once() {
    let store = store().await;
    let (run, _) = begin(&store, None, None).await;
    let end = |status| Ended {
        execution: 1,
        status,
        at: Timestamp::now(),
        error: None,
    };
    assert!(store.end_run(&run, &end(RunStatus::Aborted)).await.unwrap());
    assert!(!store.end_run(&run, &end(RunStatus::Failed)).await.unwrap());
    assert!(
        !store
            .end_run(&run, &end(RunStatus::Succeeded))
            .await
            .unwrap()
    );
    assert_eq!(
        store.run_head(&run).await.unwrap().status,
        RunStatus::Aborted
    );
}

#[tokio::test]
async fn what_is_reserved_is_kept_until_it_is_settled() {
    let store = store().await;
    let (run, _) = begin(&store, None, Some("1.00")).await;
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
                .claim(&Claim {
                    run_id: &run,
                    execution: 1,
                    node_id: "y",
                    seen: None,
                    now: Timestamp::now(),
                    lease: LEASE,
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
    let store = store().await;
    let identity = Uuid::now_v7().to_string();
    let tries = (0..10).map(|_| {
        let (store, identity) = (store.clone(), identity.clone());
        tokio::spawn(async move { begin(&store, Some(&identity), None).await })
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
            (_, Begun::Overtaken) => panic!("there are no turns"),
        }
    }
    assert_eq!((new, runs.len()), (1, 1));
    store.forget_identity("leases", &identity).await.unwrap();
    assert_eq!(begin(&store, Some(&identity), None).await.1, Begun::New);
}
