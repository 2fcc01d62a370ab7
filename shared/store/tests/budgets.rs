//! Budgets: before a call begins, the most that it may cost is taken from every budget, and afterwards the rest is
//! given back. No budget is exceeded, however many nodes run at once.

use jiff::Timestamp;
use serde_json::Value;
use steps_store::{Budget, Claim, Claimed, Outcome, Reserve, keys};

use crate::world::{LEASE, WORKFLOW, World, paid, today};

#[tokio::test]
async fn of_fifty_claims_at_once_a_days_budget_grants_those_it_covers() {
    let world = World::new().await;
    let store = world.store.clone();
    let (run, _) = world.begin(None, None).await;
    let reserve = |usd: &str| Reserve {
        usd: usd.parse().unwrap(),
        budgets: vec![Budget::WorkflowDay {
            workflow_id: run.clone(),
            limit: "0.21".parse().unwrap(),
        }],
    };
    let claims = (0..50).map(|index| {
        let (store, run, reserve) = (store.clone(), run.clone(), reserve("0.01"));
        tokio::spawn(async move {
            let claim = Claim {
                run_id: &run,
                execution: 1,
                lane: 1,
                workflow_id: WORKFLOW,
                node_id: &format!("n{index}"),
                seen: None,
                now: Timestamp::now(),
                lease: LEASE,
                watched: false,
                reserve: Some(&reserve),
            };
            store.nodes().claim(&claim).await.unwrap()
        })
    });
    let mut leases = Vec::new();
    let mut refused = 0;
    for claim in claims.collect::<Vec<_>>() {
        match claim.await.unwrap() {
            Claimed::Granted(lease) => leases.push(lease),
            Claimed::OverBudget(over) => {
                refused += 1;
                assert!(over.left < over.needed, "{over:?}");
            }
            Claimed::Taken(record) => panic!("{record:?}"),
        }
    }
    assert_eq!((leases.len(), refused), (21, 29));
    let committed = async || {
        let day = keys::spend(&keys::workflow_day(&run, today()));
        world.number(day, "committedUsd").await
    };
    assert_eq!(committed().await, "0.21".parse().unwrap());
    for lease in &leases {
        let outcome = Outcome::Succeeded(&Value::Null);
        let now = Timestamp::now();
        store
            .nodes()
            .settle(lease, &paid("0.002"), &outcome, false, now)
            .await
            .unwrap();
    }
    assert_eq!(committed().await, "0.042".parse().unwrap());
}
