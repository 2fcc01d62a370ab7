//! Costs by day: what is entered of runs is what their attempts cost, once, in however many pieces and by however many at once.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::json;
use steps_store::{Attempt, CostsBy, Ended, Outcome, RunStatus, Usage, keys};

use crate::world::{WORKFLOW, World, paid};

/// The day of the attempts here.
const DAY: &str = "2026-11-23";

fn days() -> (Date, Date) {
    let day: Date = DAY.parse().unwrap();
    (day.yesterday().unwrap(), day.tomorrow().unwrap())
}

/// What each part has cost, on all pages; and how many costs of it are not known.
async fn costs(world: &World, by: CostsBy) -> BTreeMap<String, (Decimal, i64)> {
    let mut parts = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let costs = world.store.costs();
        let page = costs.list(by, days(), cursor.as_deref()).await.unwrap();
        for row in page.rows {
            assert_eq!(row.day.to_string(), DAY);
            let before = parts.insert(row.part, (row.cost_usd, row.unknown));
            assert_eq!(before, None, "a part has one row a day");
        }
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return parts,
        }
    }
}

fn usd(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Settles a node of the run with an attempt of this model.
async fn settle(world: &World, run: &str, node: &str, attempt: &Attempt, credential: &str) {
    let lease = world.granted(run, node, Timestamp::now()).await;
    let lease = lease.paid_by(Some(credential));
    let answer = json!({ "text": "done" });
    let outcome = Outcome::Succeeded(&answer);
    let unpriced = attempt.is_unpriced();
    let nodes = world.store.nodes();
    nodes
        .settle(&lease, attempt, &outcome, unpriced, Timestamp::now())
        .await
        .unwrap();
}

fn by_model(cost: &str, model: &str) -> Attempt {
    Attempt {
        model: Some(model.to_owned()),
        ..paid(cost)
    }
}

async fn enter(world: &World, run: &str) {
    let entered = world.store.costs().enter(run, Timestamp::now()).await;
    entered.unwrap();
}

#[tokio::test]
async fn a_run_of_many_nodes_is_entered_piece_by_piece_once_by_however_many() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    // Each with rows of its own: they do not fit into one transaction.
    let mut total = Decimal::ZERO;
    for place in 1..=120_u32 {
        let cost = Decimal::new(i64::from(place), 9);
        total += cost;
        let attempt = by_model(&cost.to_string(), &format!("m/{place:03}"));
        let credential = format!("c{:03}", place % 50);
        settle(&world, &run, &format!("n{place:03}"), &attempt, &credential).await;
    }
    let now = Timestamp::now();
    let costs_of = world.store.costs();
    let entered = join_all((0..6).map(|_| costs_of.enter(&run, now))).await;
    for entered in entered {
        entered.unwrap();
    }
    enter(&world, &run).await;
    let all = BTreeMap::from([(String::new(), (total, 0))]);
    assert_eq!(costs(&world, CostsBy::Day).await, all);
    let workflow = BTreeMap::from([(WORKFLOW.to_owned(), (total, 0))]);
    assert_eq!(costs(&world, CostsBy::Workflow).await, workflow);
    let models = costs(&world, CostsBy::Model).await;
    assert_eq!(models.len(), 120);
    assert_eq!(models["m/007"], (usd("0.000000007"), 0));
    let nodes = costs(&world, CostsBy::Node).await;
    assert_eq!(nodes[&format!("{WORKFLOW}#n120")], (usd("0.00000012"), 0));
    for by in CostsBy::ALL {
        let parts = costs(&world, by).await;
        let sum: Decimal = parts.values().map(|(usd, _)| *usd).sum();
        assert_eq!(sum, total, "{by:?}");
    }
    let credentials = costs(&world, CostsBy::Credential).await;
    // 7, 57 and 107 billionths.
    assert_eq!(credentials["c007"], (usd("0.000000171"), 0));
}

#[tokio::test]
async fn a_cost_that_comes_late_is_moved_from_the_unknown_to_its_model() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let broken = Attempt {
        generation_id: Some("gen-1".to_owned()),
        model: Some("asked/for".to_owned()),
        cost_usd: None,
        ..paid("0")
    };
    settle(&world, &run, "x", &broken, "main").await;
    enter(&world, &run).await;
    let unknown = BTreeMap::from([("asked/for".to_owned(), (Decimal::ZERO, 1))]);
    assert_eq!(costs(&world, CostsBy::Model).await, unknown);

    let attempt = Attempt {
        model: Some("has/answered".to_owned()),
        credential_id: Some("main".to_owned()),
        ..broken
    };
    let usage = Usage::default();
    let nodes = world.store.nodes();
    let cost = usd("0.000123456789");
    for _ in 0..2 {
        nodes
            .recover_cost(&run, "x", (0, &attempt), (cost, &usage), true)
            .await
            .unwrap();
    }
    // Whoever told it has made the run due.
    let due = world.store.due();
    let found = due.list(steps_store::Due::Entered, Timestamp::now(), 10);
    assert_eq!(found.await.unwrap()[0].run_id, run);
    enter(&world, &run).await;
    enter(&world, &run).await;
    let known = BTreeMap::from([("has/answered".to_owned(), (cost, 0))]);
    assert_eq!(costs(&world, CostsBy::Model).await, known);
    let credential = BTreeMap::from([("main".to_owned(), (cost, 0))]);
    assert_eq!(costs(&world, CostsBy::Credential).await, credential);
}

#[tokio::test]
async fn a_run_that_did_not_succeed_is_looked_at_until_no_function_can_be_at_work() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let lease = world.granted(&run, "x", Timestamp::now()).await;
    let now = Timestamp::now();
    let ended = Ended {
        at: now,
        ..Ended::cancelled(1, "as told")
    };
    assert!(world.store.runs().end(&run, &ended).await.unwrap());
    let costs_of = world.store.costs();
    // Soon after the lease, then until the function is over.
    let soon = costs_of.enter(&run, now).await.unwrap().unwrap();
    assert!(soon <= now + SignedDuration::from_secs(150), "{soon}");
    let later = now + SignedDuration::from_mins(10);
    let last = costs_of.enter(&run, later).await.unwrap().unwrap();
    let minutes = last.duration_since(now).as_mins();
    assert!((15..=17).contains(&minutes), "{last}");
    let nodes = world.store.nodes();
    let answer = json!({ "text": "too late" });
    let outcome = Outcome::Succeeded(&answer);
    let attempt = by_model("0.5", "a/b");
    let settled = nodes.settle(&lease, &attempt, &outcome, false, now);
    assert!(settled.await.unwrap());
    let over = now + SignedDuration::from_mins(20);
    assert_eq!(costs_of.enter(&run, over).await.unwrap(), None);
    let known = BTreeMap::from([("a/b".to_owned(), (usd("0.5"), 0))]);
    assert_eq!(costs(&world, CostsBy::Model).await, known);

    let (done, _) = world.begin(None, None).await;
    let ended = Ended {
        execution: 1,
        status: RunStatus::Succeeded,
        at: now,
        error: None,
    };
    assert!(world.store.runs().end(&done, &ended).await.unwrap());
    assert_eq!(costs_of.enter(&done, now).await.unwrap(), None);
}

#[tokio::test]
async fn an_attempt_that_is_told_after_its_node_is_done_makes_the_run_due() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let past = Timestamp::now() - SignedDuration::from_hours(1);
    let lost = world.granted(&run, "x", past).await;
    settle(&world, &run, "x", &by_model("0.1", "a/b"), "main").await;
    enter(&world, &run).await;
    let answer = json!({ "text": "too late" });
    let outcome = Outcome::Succeeded(&answer);
    let nodes = world.store.nodes();
    let attempt = by_model("0.02", "a/b");
    let settled = nodes.settle(&lost, &attempt, &outcome, false, Timestamp::now());
    assert!(!settled.await.unwrap(), "the first answer is kept");
    let due = world.store.due();
    let found = due.list(steps_store::Due::Entered, Timestamp::now(), 10);
    assert_eq!(found.await.unwrap()[0].run_id, run);
    enter(&world, &run).await;
    let known = BTreeMap::from([("a/b".to_owned(), (usd("0.12"), 0))]);
    assert_eq!(costs(&world, CostsBy::Model).await, known);
}

#[tokio::test]
async fn a_year_of_many_parts_is_read_page_by_page() {
    let world = World::new().await;
    let shards = ["0", "1"].map(|end| format!("019ab000-0000-7000-8000-00000000000{end}"));
    let first: Date = "2026-01-01".parse().unwrap();
    let mut items = Vec::new();
    for run in &shards {
        let shard = keys::cost_shard(run);
        for place in 0..2_600_u32 {
            let day = first
                .checked_add(jiff::Span::new().days(place / 8))
                .unwrap();
            let part = format!("m/{}", place % 8);
            items.push(keys::costs("model", shard, day, &part));
        }
    }
    world.write_costs(items, "0.001").await;
    let costs = world.store.costs();
    let days = (first, "2026-12-31".parse().unwrap());
    let (mut rows, mut pages, mut cursor) = (Vec::new(), 0, None::<String>);
    loop {
        let page = costs.list(CostsBy::Model, days, cursor.as_deref()).await;
        let page = page.unwrap();
        rows.extend(
            page.rows
                .into_iter()
                .map(|row| (row.day, row.part, row.cost_usd)),
        );
        pages += 1;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert!(pages > 1, "{pages}");
    assert_eq!(rows.len(), 2_600);
    assert!(rows.iter().all(|(.., usd)| *usd == Decimal::new(2, 3)));
    assert!(rows.is_sorted());
    // A cursor is good for the days that it is of.
    let first_page = costs.list(CostsBy::Model, days, None).await.unwrap();
    let others = ("2025-01-01".parse().unwrap(), "2025-12-31".parse().unwrap());
    let foreign = costs.list(CostsBy::Model, others, first_page.cursor.as_deref());
    assert!(foreign.await.is_err());
}
