//! A run that is resumed is kept as long as one that starts then: all its records, and its texts in S3.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use local_table::{aws, variable};
use serde_json::json;
use steps_store::{
    Attempt, Budget, Claim, Claimed, Ended, Outcome, Reserve, Resume, Resumed, RunStatus, keys,
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::world::{LEASE, WORKFLOW, World};

/// A text that does not fit into an item: it is hardly compressed.
fn noise() -> String {
    (0..20_000)
        .map(|_| Uuid::now_v7().simple().to_string()[12..].to_owned())
        .collect()
}

#[tokio::test]
async fn a_resumed_run_keeps_its_records_and_its_texts() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let nodes = world.store.nodes();
    let now = Timestamp::now();
    let lease = world.granted(&run, "x", now).await;
    let answer = json!({"text": noise()});
    let attempt = Attempt::default();
    let outcome = Outcome::Succeeded(&answer);
    let settled = nodes.settle(&lease, &attempt, &outcome, false, now);
    assert!(settled.await.unwrap());
    let mut end = Ended::cancelled(1, "as told");
    end.status = RunStatus::Failed;
    assert!(world.store.runs().end(&run, &end).await.unwrap());
    // All of it was to expire within the hour.
    let soon = (now + SignedDuration::from_hours(1)).as_second();
    for item in items(&world, &run).await {
        let key = [("pk", item["pk"].clone()), ("sk", item["sk"].clone())];
        let update = world.client.update_item().table_name(&world.table);
        let update = key
            .into_iter()
            .fold(update, |update, (name, value)| update.key(name, value));
        update
            .update_expression("SET expiresAt = :soon")
            .expression_attribute_values(":soon", AttributeValue::N(soon.to_string()))
            .send()
            .await
            .unwrap();
    }
    let object = format!("runs/{run}/x.1.json.gz");
    let written = modified(&object).await;
    // S3 tells whole seconds.
    sleep(Duration::from_millis(1100)).await;

    let runs = world.store.runs();
    let read = runs.get(&run).await.unwrap();
    let at = Timestamp::now();
    let deadline = at + SignedDuration::from_hours(24);
    let resume = Resume {
        run: &read,
        credentials: &read.credentials,
        at,
        deadline,
        max_cost_usd: None,
        max_cost_usd_per_day: None,
        entry: None,
    };
    assert_eq!(runs.resume(&resume).await.unwrap(), Resumed::Next(2));
    let least = (deadline + SignedDuration::from_hours(24)).as_second();
    let kept = items(&world, &run).await;
    let places: Vec<&String> = kept.iter().map(|item| item["sk"].as_s().unwrap()).collect();
    for key in [
        keys::run(&run),
        keys::body(&run),
        keys::unit(&run, "x"),
        keys::lane(&run, 1),
    ] {
        assert!(places.contains(&&key.sk), "{places:?}");
    }
    for item in &kept {
        let expires: i64 = item["expiresAt"].as_n().unwrap().parse().unwrap();
        assert!(expires >= least, "{:?}", item["sk"]);
    }
    assert!(modified(&object).await > written, "it is as good as new");
    let node = nodes.get(&run, "x").await.unwrap().unwrap();
    let output = nodes.output(&node).await.unwrap().unwrap();
    assert_eq!(output, answer);
}

#[tokio::test]
async fn a_run_that_goes_on_for_long_keeps_its_records() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let runs = world.store.runs();
    world.granted(&run, "x", Timestamp::now()).await;
    let every = runs.keep_every();
    assert_eq!(
        every,
        SignedDuration::from_hours(12),
        "records live a day here"
    );
    let expiries = |items: Vec<HashMap<String, AttributeValue>>| -> Vec<i64> {
        let expires = items.iter().map(|item| item["expiresAt"].as_n().unwrap());
        expires.map(|text| text.parse().unwrap()).collect()
    };
    let before = expiries(items(&world, &run).await);
    let head = runs.head(&run).await.unwrap();
    let early = head.started_at + SignedDuration::from_hours(11);
    runs.keep(&run, &head, every, early).await.unwrap();
    assert_eq!(expiries(items(&world, &run).await), before, "it is early");
    let late = head.started_at + SignedDuration::from_hours(100);
    runs.keep(&run, &head, every, late).await.unwrap();
    let least = (late + SignedDuration::from_hours(24)).as_second();
    for expires in expiries(items(&world, &run).await) {
        assert!(expires >= least);
    }
    assert_eq!(
        runs.head(&run).await.unwrap().kept_at.as_millisecond(),
        late.as_millisecond()
    );
}

#[tokio::test]
async fn a_cost_that_comes_after_the_record_has_expired_makes_no_record() {
    let world = World::new().await;
    let (run, _) = world.begin(None, Some("1")).await;
    let now = Timestamp::now();
    let nodes = world.store.nodes();
    let limit = "1".parse().unwrap();
    let reserve = Reserve {
        usd: "0.5".parse().unwrap(),
        budgets: vec![
            Budget::Run { limit },
            Budget::WorkflowDay {
                workflow_id: WORKFLOW.to_owned(),
                limit,
            },
        ],
    };
    let claim = Claim {
        run_id: &run,
        execution: 1,
        lane: 1,
        workflow_id: WORKFLOW,
        node_id: "x",
        seen: None,
        now,
        lease: LEASE,
        watched: false,
        reserve: Some(&reserve),
    };
    let Claimed::Granted(lease) = nodes.claim(&claim).await.unwrap() else {
        panic!("the node is free, and the budgets cover it");
    };
    for key in [keys::run(&run), keys::body(&run)] {
        let delete = world.client.delete_item().table_name(&world.table);
        let delete = delete.key("pk", AttributeValue::S(key.pk));
        let delete = delete.key("sk", AttributeValue::S(key.sk));
        delete.send().await.unwrap();
    }
    let attempt = Attempt {
        cost_usd: Some("0.1".parse().unwrap()),
        ..Attempt::default()
    };
    let answer = json!({"text": "late"});
    let outcome = Outcome::Succeeded(&answer);
    let settled = nodes.settle(&lease, &attempt, &outcome, false, now).await;
    assert!(settled.unwrap(), "the node's end is written all the same");
    let left = items(&world, &run).await;
    assert!(left.iter().all(|item| item["sk"].as_s().unwrap() != "RUN"));
    let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let spent = keys::spend(&keys::workflow_day(WORKFLOW, day));
    let committed = world.number(spent, "committedUsd").await;
    assert_eq!(
        committed,
        "0.1".parse().unwrap(),
        "the day gets its rest back"
    );
}

async fn items(world: &World, run: &str) -> Vec<std::collections::HashMap<String, AttributeValue>> {
    let query = world.client.query().table_name(&world.table);
    let found = query
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", AttributeValue::S(keys::run(run).pk))
        .send()
        .await
        .unwrap();
    found.items.unwrap()
}

/// When an object was written last, seconds since 1970.
async fn modified(key: &str) -> i64 {
    let s3 = aws_sdk_s3::config::Builder::from(&aws().await)
        .force_path_style(true)
        .build();
    let head = aws_sdk_s3::Client::from_conf(s3).head_object();
    let found = head.bucket(variable("BUCKET_NAME")).key(key).send().await;
    found.unwrap().last_modified.unwrap().secs()
}
