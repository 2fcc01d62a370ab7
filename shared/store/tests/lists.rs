//! Lists of runs: the newest first over months, by workflow and by status. Every page but the last is full, and a row
//! shows what the run's head says, not what an index may still have.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::json;
use steps_store::{Ended, Error, Outcome, RunFilter, RunStatus, RunSummary, keys, to_cursor};
use uuid::{NoContext, Uuid};

use crate::world::{WORKFLOW, World, paid};

/// Every row of the list, read in pages of this size.
async fn all(world: &World, filter: &RunFilter, size: usize) -> Vec<RunSummary> {
    let mut rows = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = world
            .store
            .runs()
            .list(filter, size, cursor.as_deref())
            .await
            .unwrap();
        let full = page.rows.len() == size;
        rows.extend(page.rows);
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return rows,
        }
        assert!(full, "only the last page may be short");
    }
}

fn ids(rows: &[RunSummary]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

fn filter(workflow: Option<&str>, status: Option<RunStatus>) -> RunFilter {
    RunFilter {
        workflow_id: workflow.map(str::to_owned),
        status,
    }
}

/// A run's id as it was made at this moment.
fn id_of(at: Timestamp) -> String {
    let seconds = u64::try_from(at.as_second()).unwrap();
    let at = uuid::Timestamp::from_unix(NoContext, seconds, 0);
    Uuid::new_v7(at).to_string()
}

async fn end(world: &World, run: &str, status: RunStatus) {
    let ended = Ended {
        execution: 1,
        status,
        at: Timestamp::now(),
        error: None,
    };
    assert!(world.store.runs().end(run, &ended).await.unwrap());
}

#[tokio::test]
async fn runs_of_two_months_are_one_list_by_any_filter() {
    let world = World::new().await;
    let mut newest_first = Vec::new();
    let now = Timestamp::now();
    let month = now.to_zoned(TimeZone::UTC).first_of_month().unwrap();
    let month = month.start_of_day().unwrap().timestamp();
    for index in 0..30 {
        // Half of them from the month before.
        let at = match index {
            0..15 => now - SignedDuration::from_secs(index),
            _ => month - SignedDuration::from_hours(index),
        };
        let id = id_of(at);
        let workflow = if index % 3 == 0 { "third" } else { WORKFLOW };
        world.begin_as(&id, workflow, None, None).await;
        let status = match index % 4 {
            0 => RunStatus::Failed,
            1 => RunStatus::Succeeded,
            _ => RunStatus::Running,
        };
        if status != RunStatus::Running {
            end(&world, &id, status).await;
        }
        newest_first.push((id, workflow, status));
    }
    let months: BTreeSet<String> = newest_first
        .iter()
        .map(|(id, _, _)| keys::month_list(id).unwrap())
        .collect();
    assert_eq!(months.len(), 2, "{months:?}");
    for workflow in [None, Some("third"), Some(WORKFLOW), Some("none")] {
        for status in [None, Some(RunStatus::Failed), Some(RunStatus::Aborted)] {
            let expected: Vec<&str> = newest_first
                .iter()
                .filter(|run| workflow.is_none_or(|workflow| workflow == run.1))
                .filter(|run| status.is_none_or(|status| status == run.2))
                .map(|run| run.0.as_str())
                .collect();
            for size in [1, 3, 7, 100] {
                let rows = all(&world, &filter(workflow, status), size).await;
                assert_eq!(ids(&rows), expected, "{workflow:?} {status:?} by {size}");
            }
        }
    }
}

#[tokio::test]
async fn a_row_tells_what_the_head_tells_and_an_index_that_lags_shows_nothing_wrong() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    let lease = world.granted(&run, "x", Timestamp::now()).await;
    let outcome = json!({"text": "hi"});
    world
        .store
        .nodes()
        .settle(
            &lease,
            &paid("0.25"),
            &Outcome::Succeeded(&outcome),
            false,
            Timestamp::now(),
        )
        .await
        .unwrap();
    end(&world, &run, RunStatus::Failed).await;
    let failed = filter(None, Some(RunStatus::Failed));
    let rows = all(&world, &failed, 10).await;
    assert_eq!(ids(&rows), [run.as_str()]);
    let row = &rows[0];
    assert_eq!(row.cost_usd, "0.25".parse::<Decimal>().unwrap());
    assert_eq!(row.workflow_id, WORKFLOW);
    assert!(row.ended_at.is_some());

    // The index still says FAILED of a run that goes on again.
    let key = keys::run(&run);
    world
        .client
        .update_item()
        .table_name(&world.table)
        .key("pk", AttributeValue::S(key.pk))
        .key("sk", AttributeValue::S(key.sk))
        .update_expression("SET #status = :running")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":running", AttributeValue::S("RUNNING".to_owned()))
        .send()
        .await
        .unwrap();
    assert!(all(&world, &failed, 10).await.is_empty());
    assert_eq!(all(&world, &filter(None, None), 10).await.len(), 1);
}

#[tokio::test]
async fn a_page_of_few_among_thousands_ends_in_time_and_the_next_one_goes_on() {
    let world = World::new().await;
    let (oldest, _) = world.begin(None, None).await;
    end(&world, &oldest, RunStatus::Failed).await;
    let others: Vec<String> = (0..5_100).map(|_| Uuid::now_v7().to_string()).collect();
    world.write_heads(&others, WORKFLOW, "SUCCEEDED").await;
    let few = filter(Some(WORKFLOW), Some(RunStatus::Failed));
    let runs = world.store.runs();
    let first = runs.list(&few, 10, None).await.unwrap();
    assert!(first.rows.is_empty(), "it is behind all others");
    let cursor = first.cursor.expect("the list goes on");
    let second = runs.list(&few, 10, Some(&cursor)).await.unwrap();
    assert_eq!(ids(&second.rows), [oldest.as_str()]);
    assert_eq!(second.cursor, None);
}

#[tokio::test]
async fn a_cursor_of_another_list_or_of_nobody_is_refused() {
    let world = World::new().await;
    for _ in 0..2 {
        world.begin(None, None).await;
    }
    let runs = world.store.runs();
    let of_all = filter(None, None);
    let of_workflow = filter(Some(WORKFLOW), None);
    let first = runs.list(&of_all, 1, None).await.unwrap();
    let other = runs.list(&of_workflow, 1, first.cursor.as_deref()).await;
    assert!(matches!(other, Err(Error::BadCursor)), "{other:?}");
    let first = runs.list(&of_workflow, 1, None).await.unwrap();
    let other = runs.list(&of_all, 1, first.cursor.as_deref()).await;
    assert!(matches!(other, Err(Error::BadCursor)), "{other:?}");
    let none = runs.list(&of_all, 1, Some("nonsense")).await;
    assert!(matches!(none, Err(Error::BadCursor)), "{none:?}");
    let nameless = to_cursor(&json!({ "after": "" }));
    let none = runs.list(&of_workflow, 1, nameless.as_deref()).await;
    assert!(matches!(none, Err(Error::BadCursor)), "{none:?}");
}

#[tokio::test]
async fn workflows_come_in_pages_and_a_cursor_that_names_none_is_refused() {
    let world = World::new().await;
    let workflows = world.store.workflows();
    for id in ["c", "a", "b"] {
        let none = BTreeSet::new();
        let put = workflows
            .put(id, id, "{}", &none, &none, Timestamp::now())
            .await;
        put.unwrap();
    }
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = workflows.list(1, cursor.as_deref()).await.unwrap();
        found.extend(page.rows.into_iter().map(|row| row.id));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["a", "b", "c"]);
    for place in [
        json!({ "pk": "WORKFLOW" }),
        json!({ "after": "x" }),
        json!(""),
        json!("n".repeat(2_000)),
    ] {
        let cursor = to_cursor(&place);
        let refused = workflows.list(1, cursor.as_deref()).await;
        assert!(matches!(refused, Err(Error::BadCursor)), "{place}");
    }
}

#[tokio::test]
async fn a_webhooks_or_a_nodes_record_is_in_no_list_of_runs() {
    let world = World::new().await;
    let (run, _) = world.begin(None, None).await;
    world.granted(&run, "x", Timestamp::now()).await;
    let arn = "arn:aws:s3:::bucket";
    assert!(world.store.sources().put(arn, WORKFLOW).await.unwrap());
    let rows = all(&world, &filter(Some(WORKFLOW), None), 10).await;
    assert_eq!(ids(&rows), [run.as_str()]);
}
