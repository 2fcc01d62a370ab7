//! What the end of a run asks for is done, wherever the function dies that ends it and whatever of AWS fails: it stands in the
//! run's outbox from the write on that ends the run.

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{Meets, aws, item_key, list, text};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use steps_store::{
    Claim, Claimed, DeliveryStatus, Due, Ended, FollowUp, NewRun, OnFailure, RunStatus, Trigger,
    keys,
};
use steps_workflow::Format;
use uuid::Uuid;

use crate::sandboxed::{World, each_dies};

const URL: &str = "https://example.com/done";

fn definition(document: &Value) -> String {
    let workflow = steps_workflow::parse(&document.to_string(), Format::Json).unwrap();
    serde_json::to_string(&workflow).unwrap()
}

/// A world in which the workflow `tell` is there to hear of failures.
async fn world() -> World {
    let world = World::new().await;
    let document = json!({"name": "tell", "nodes": [
        {"type": "set", "variableName": "x", "value": "{{code}}"},
    ]});
    let workflows = world.sandbox.store.workflows();
    let definition = definition(&document);
    workflows
        .put(
            "tell",
            "tell",
            &definition,
            &Default::default(),
            &Default::default(),
            Timestamp::now(),
        )
        .await
        .unwrap();
    // From now on they are only noted.
    world.sandbox.executions();
    world
}

/// Records a run that was started ten minutes ago and asks for all that an end can: its node `x` was called by a function
/// that has died.
async fn begin(world: &World) -> String {
    let store = &world.sandbox.store;
    let id = Uuid::now_v7().to_string();
    let started_at = Timestamp::now() - SignedDuration::from_mins(10);
    let document = json!({"name": "recorded", "nodes": [
        {"type": "set", "variableName": "x", "value": "hi"},
    ]});
    store
        .runs()
        .begin(&NewRun {
            id: &id,
            workflow_id: "recorded",
            version: 3,
            definition: &definition(&document),
            input: &json!({}),
            trigger: &Trigger {
                kind: "api".to_owned(),
                context: json!({}),
            },
            identity: None,
            fingerprint: None,
            callback_url: Some(URL),
            on_failure: Some(&OnFailure {
                workflow: Some("tell".to_owned()),
                event: true,
            }),
            turn: None,
            vars: None,
            warnings: &[],
            credentials: &Default::default(),
            started_at,
            deadline: started_at + SignedDuration::from_hours(1),
            max_cost_usd: None,
            max_cost_usd_per_day: None,
            reuse: None,
            manner: steps_store::Manner::default(),
        })
        .await
        .unwrap();
    let claim = Claim {
        run_id: &id,
        execution: 1,
        lane: 1,
        workflow_id: "recorded",
        node_id: "x",
        seen: None,
        now: started_at,
        lease: std::time::Duration::from_secs(1),
        watched: false,
        reserve: None,
    };
    let claimed = store.nodes().claim(&claim).await.unwrap();
    assert!(matches!(claimed, Claimed::Granted(_)));
    id
}

fn failed(run: &str) -> Value {
    json!({"detail": {
        "name": run, "status": "FAILED", "error": "ProviderError", "cause": "as told",
        "stopDate": Timestamp::now().as_millisecond(),
    }})
}

/// Lets a minute pass for what the run's ends have left to do.
async fn let_ends_be_due(world: &World, run: &str) {
    let client = aws_sdk_dynamodb::Client::new(&aws().await);
    let past = AttributeValue::S("2026-01-01T00:00:00.000Z".to_owned());
    for entry in world.sandbox.store.outbox().list(run).await.unwrap() {
        let key = keys::outbox(run, entry.take, entry.follow_up.as_str());
        let moved = client
            .update_item()
            .table_name(world.sandbox.table())
            .set_key(Some(item_key(key)))
            .update_expression("SET dueAt = :past")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":past", past.clone());
        moved.send().await.expect("nobody else does it");
    }
}

/// Sweeps with a function of its own, after a minute.
async fn sweep(world: &World, run: &str) -> Value {
    let_ends_be_due(world, run).await;
    let function = world.sandbox.function("finish-run").await;
    function.invoke(json!({"sweep": "runs"})).await
}

/// What came of the end, beside the record itself.
#[derive(Debug, Default)]
struct Done {
    posts: usize,
    events: usize,
}

impl Done {
    /// Adds what was done since the last look.
    async fn look(&mut self, world: &World) {
        self.posts += world.sandbox.queued().await.len();
        let calls = world.sandbox.aws_calls();
        self.events += calls.get("PutEvents").copied().unwrap_or_default();
    }
}

/// Checks that all is done that the run's end asked for: the run has ended, its costs are due to be asked for, it is queued to
/// be posted, the workflow `tell` was started once, the event was sent, and nothing is left to do.
async fn assert_all_is_done(world: &World, run: &str, done: &Done, told: &str) {
    let store = &world.sandbox.store;
    assert_eq!(
        store.runs().head(run).await.unwrap().status,
        RunStatus::Failed
    );
    assert_eq!(store.outbox().list(run).await.unwrap(), [], "{told}");
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let costs = store.due().list(Due::Cost, later, 100).await.unwrap();
    assert!(
        costs.iter().any(|item| item.run_id == run),
        "{told}: the node's cost is asked for"
    );
    let deliveries = store.deliveries().list(run).await.unwrap();
    assert_eq!(deliveries.len(), 1, "{told}");
    assert_eq!(deliveries[0].status, DeliveryStatus::Pending, "{told}");
    assert!(done.posts >= 1, "{told}: it is queued");
    assert!(done.events >= 1, "{told}: the event is sent");
    let runs = world.sandbox.function("runs").await;
    let started = runs
        .http(Method::GET, "/runs?workflowId=tell", None)
        .await
        .body;
    let started = list(&started["runs"]);
    assert_eq!(started.len(), 1, "{told}: started once: {started:?}");
    assert_eq!(started[0]["trigger"], "failure");
    assert_eq!(started[0]["status"], "RUNNING", "{told}");
    let path = format!("/runs/{}", text(&started[0]["id"]));
    let heard = runs.http(Method::GET, &path, None).await.body;
    assert_eq!(heard["input"]["runId"], run, "{told}");
    assert_eq!(heard["input"]["workflowId"], "recorded");
    assert_eq!(heard["input"]["version"], 3);
    assert_eq!(heard["input"]["status"], "FAILED");
    assert!(heard["input"]["code"].is_string(), "{heard:#}");
    assert!(heard["input"]["cause"].is_string());
}

/// Every request to AWS that the end of a run makes, in their order.
const REQUESTS: [(&str, &str); 19] = [
    ("GetItem", "\"RUN\""),
    ("TransactWriteItems", "statusList"),
    ("Query", "LANE"),
    ("UpdateItem", "totals"),
    ("Query", "OUTBOX"),
    ("Query", "NODE"),
    ("UpdateItem", "COST"),
    ("DeleteItem", "COSTS"),
    ("PutItem", "DELIVERY"),
    ("SendMessage", ""),
    ("DeleteItem", "CALLBACK"),
    ("GetItem", "tell"),
    ("Query", "CREDENTIALS"),
    ("TransactWriteItems", "IDENTITY"),
    ("PutItem", "READY"),
    ("StartExecution", ""),
    ("DeleteItem", "FAILURE_RUN"),
    ("PutEvents", ""),
    ("DeleteItem", "FAILURE_EVENT"),
];

/// How many cases are tried at the same time.
const AT_ONCE: usize = 6;

#[tokio::test]
async fn finish_run_may_die_before_and_behind_every_request_and_the_sweep_does_the_rest() {
    each_dies(&REQUESTS, dies).await;
}

async fn dies((operation, containing, meets): (&'static str, &'static str, Meets)) {
    let world = world().await;
    let run = begin(&world).await;
    let told = format!("{meets:?} at {operation} {containing}");
    let trouble = world.sandbox.trouble(operation, containing, 1, meets);
    let function = world.sandbox.function("finish-run").await;
    let answer = function.hand(failed(&run)).await;
    assert!(answer.await.is_err(), "{told}: there is no answer");
    assert!(trouble.is_over(), "{told}");
    let mut done = Done::default();
    done.look(&world).await;
    let swept = sweep(&world, &run).await;
    assert!(swept.get("errorType").is_none(), "{told}: {swept}");
    done.look(&world).await;
    assert_all_is_done(&world, &run, &done, &told).await;
    // It is over: nothing is done again.
    let swept = sweep(&world, &run).await;
    assert!(swept.get("errorType").is_none(), "{told}: {swept}");
    let mut again = Done::default();
    again.look(&world).await;
    assert_eq!((again.posts, again.events), (0, 0), "{told}");
}

#[tokio::test]
async fn what_aws_refuses_stays_to_be_done_and_does_not_stop_the_rest() {
    use FollowUp::{Callback, Costs, FailureEvent, FailureRun};
    let refused = Meets::Refused("AccessDeniedException");
    let conflict = Meets::Cancelled("TransactionConflict");
    let cases = [
        ("UpdateItem", "COST", refused, Costs),
        ("PutItem", "DELIVERY", Meets::Throttling, Callback),
        ("SendMessage", "", refused, Callback),
        ("SendMessage", "", Meets::InternalError, Callback),
        ("GetItem", "tell", Meets::Throttling, FailureRun),
        ("TransactWriteItems", "IDENTITY", conflict, FailureRun),
        ("StartExecution", "", Meets::Throttling, FailureRun),
        ("PutEvents", "", Meets::InternalError, FailureEvent),
    ];
    let cases = stream::iter(cases);
    cases.for_each_concurrent(AT_ONCE, stays).await;
}

async fn stays(
    (operation, containing, meets, left): (&'static str, &'static str, Meets, FollowUp),
) {
    let world = world().await;
    let run = begin(&world).await;
    let told = format!("{meets:?} at {operation} {containing}");
    world
        .sandbox
        .trouble(operation, containing, usize::MAX, meets);
    let function = world.sandbox.function("finish-run").await;
    let answer = function.invoke(failed(&run)).await;
    assert!(answer["errorType"].is_string(), "{told}: {answer}");
    let entries = world.sandbox.store.outbox().list(&run).await.unwrap();
    let words: Vec<FollowUp> = entries.iter().map(|entry| entry.follow_up).collect();
    assert_eq!(words, [left], "{told}");
    let mut done = Done::default();
    done.look(&world).await;
    // Until it passes, the sweep says that something is not done.
    let swept = sweep(&world, &run).await;
    assert!(swept["errorType"].is_string(), "{told}: {swept}");
    world.sandbox.calm();
    done.look(&world).await;
    let swept = sweep(&world, &run).await;
    assert!(swept.get("errorType").is_none(), "{told}: {swept}");
    done.look(&world).await;
    // A start that failed is recorded as a run too.
    if operation != "StartExecution" {
        assert_all_is_done(&world, &run, &done, &told).await;
    }
}

#[tokio::test]
async fn the_end_of_a_run_is_written_with_its_outbox_or_not_at_all() {
    for meets in [
        Meets::Cancelled("TransactionConflict"),
        Meets::Cancelled("ThrottlingError"),
        Meets::Throttling,
        Meets::InternalError,
    ] {
        let world = world().await;
        let run = begin(&world).await;
        let told = format!("{meets:?}");
        world
            .sandbox
            .trouble("TransactWriteItems", "statusList", 3, meets);
        let function = world.sandbox.function("finish-run").await;
        let answer = function.invoke(failed(&run)).await;
        assert!(answer.get("errorType").is_none(), "{told}: {answer}");
        let mut done = Done::default();
        done.look(&world).await;
        assert_all_is_done(&world, &run, &done, &told).await;
    }
    for meets in [
        Meets::Cancelled("ValidationError"),
        Meets::Refused("AccessDeniedException"),
    ] {
        let world = world().await;
        let run = begin(&world).await;
        world
            .sandbox
            .trouble("TransactWriteItems", "statusList", usize::MAX, meets);
        let function = world.sandbox.function("finish-run").await;
        let answer = function.invoke(failed(&run)).await;
        assert_eq!(answer["errorType"], "RecordRefused", "{answer}");
        let store = &world.sandbox.store;
        let head = store.runs().head(&run).await.unwrap();
        assert_eq!(head.status, RunStatus::Running, "nothing of it is written");
        assert_eq!(store.outbox().list(&run).await.unwrap(), []);
        world.sandbox.calm();
        let swept = sweep(&world, &run).await;
        assert!(swept.get("errorType").is_none(), "{swept}");
        let mut done = Done::default();
        done.look(&world).await;
        assert_all_is_done(&world, &run, &done, &format!("{meets:?}")).await;
    }
}

#[tokio::test]
async fn answers_of_aws_that_do_not_come_leave_nothing_undone() {
    let cases = stream::iter(REQUESTS);
    let held = async |(operation, containing)| {
        let told = format!("{operation} {containing}");
        let world = world().await;
        let run = begin(&world).await;
        let meets = Meets::AnswerHeldBack;
        let trouble = world.sandbox.trouble(operation, containing, 1, meets);
        // The function waits 15 seconds for an answer, then asks again.
        let function = world.sandbox.function_for("finish-run", 60).await;
        let answer = function.invoke(failed(&run)).await;
        assert!(answer.get("errorType").is_none(), "{told}: {answer}");
        assert!(trouble.is_over(), "{told}");
        let mut done = Done::default();
        done.look(&world).await;
        assert_all_is_done(&world, &run, &done, &told).await;
    };
    cases.for_each_concurrent(AT_ONCE, held).await;
}

#[tokio::test]
async fn a_cancel_that_dies_behind_the_end_has_asked_for_what_follows() {
    let world = world().await;
    let run = begin(&world).await;
    let trouble = world.sandbox.trouble("StopExecution", "", 1, Meets::Dies);
    let runs = world.sandbox.function("runs").await;
    let path = format!("/runs/{run}/cancel");
    let event = json!({
        "version": "2.0", "rawPath": path, "pathParameters": {"id": run}, "headers": {},
        "requestContext": {
            "routeKey": "POST /runs/{id}/cancel", "stage": "$default",
            "authorizer": {"lambda": {"principal": "root", "scopes": "read run admin"}},
            "http": {"method": "POST", "path": path},
        },
        "isBase64Encoded": false,
    });
    assert!(runs.hand(event).await.await.is_err());
    assert!(trouble.is_over());
    let swept = sweep(&world, &run).await;
    assert!(swept.get("errorType").is_none(), "{swept}");
    let store = &world.sandbox.store;
    assert_eq!(
        store.runs().head(&run).await.unwrap().status,
        RunStatus::Aborted
    );
    assert_eq!(world.sandbox.queued().await, std::slice::from_ref(&run));
    assert_eq!(store.outbox().list(&run).await.unwrap(), []);
    // Whoever cancels a run knows of it.
    let tell = world.sandbox.function("runs").await;
    let started = tell.http(Method::GET, "/runs?workflowId=tell", None).await;
    assert_eq!(started.body["runs"], json!([]));
}

#[tokio::test]
async fn a_run_whose_execution_could_not_be_started_is_posted_too() {
    let world = world().await;
    let document = json!({
        "name": "started", "callbacks": ["https://example.com/"],
        "nodes": [{"type": "set", "variableName": "x", "value": "hi"}],
    });
    let workflows = world.sandbox.function("workflows").await;
    let put = workflows
        .http(Method::PUT, "/workflows/started", Some(&document))
        .await;
    assert!(put.status.is_success(), "{:?}", put.body);
    world
        .sandbox
        .trouble("StartExecution", "", usize::MAX, Meets::Throttling);
    let start_run = world.sandbox.function("start-run").await;
    let path = format!("/workflows/started/runs?callbackUrl={URL}");
    let refused = start_run.http(Method::POST, &path, None).await;
    assert_eq!(refused.body["code"], "ExecutionNotStarted");
    world.sandbox.calm();
    let runs = world.sandbox.function("runs").await;
    let failed = runs.http(Method::GET, "/runs?status=FAILED", None).await;
    let run = text(&list(&failed.body["runs"])[0]["id"]);
    let swept = sweep(&world, &run).await;
    assert!(swept.get("errorType").is_none(), "{swept}");
    assert_eq!(world.sandbox.queued().await, std::slice::from_ref(&run));
}

#[tokio::test]
async fn what_will_not_pass_is_given_up_after_a_day_and_stops_nothing_else() {
    let world = World::new().await;
    world.sandbox.executions();
    // There is no workflow `tell`.
    let run = begin(&world).await;
    let yesterday = Timestamp::now() - SignedDuration::from_hours(25);
    let mut ended = Ended::cancelled(1, "as told");
    ended.status = RunStatus::Failed;
    ended.at = yesterday;
    assert!(world.sandbox.store.runs().end(&run, &ended).await.unwrap());
    let swept = sweep(&world, &run).await;
    assert_eq!(swept["errorType"], "WorkflowNotFound", "{swept}");
    let left = world.sandbox.store.outbox().list(&run).await.unwrap();
    assert_eq!(left, []);
    assert_eq!(world.sandbox.queued().await, [run]);
}
