//! A schedule starts its workflow once for each planned time. Where the last run still goes on, it does what its owner
//! chose.

use std::thread;

use end_to_end::{User, aws_cli, invoke, invoke_without_waiting, list, node, stack_output, text};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

/// What EventBridge Scheduler hands over when a schedule fires.
fn firing(workflow: &str, overlap: &str, time: &str, input: Value) -> Value {
    json!({
        "workflow": workflow,
        "schedule": "often",
        "overlap": overlap,
        "scheduledTime": time,
        "executionId": "d32c5kddcf5bb8c3",
        "input": input,
    })
}

/// A workflow whose run goes on for a minute without a paid call.
async fn long_workflow(user: &User) -> String {
    let prompt = format!("[[fault:rate-limit-own(retry_after=60)]] {}", user.name);
    user.workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await
}

async fn echo_workflow(user: &User, prompt: &str) -> String {
    let prompt = format!("[[echo]]{prompt}");
    user.workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await
}

#[tokio::test]
async fn a_schedule_is_put_read_changed_and_deleted() {
    let user = User::with_credential().await;
    let workflow = echo_workflow(&user, "{{topic}}").await;
    let list_path = format!("/workflows/{workflow}/schedules");
    let path = format!("{list_path}/weekday-mornings");
    let wanted = json!({
        "expression": "cron(30 8 ? * MON-FRI *)",
        "timezone": "Europe/Berlin",
        "input": {"topic": "news"},
        "window": 10,
        "overlap": "skip",
    });
    let put = user.put(&path, &wanted).await;
    assert_eq!(put.status, 201, "{:#}", put.body);
    let times = list(&put.body["next"]);
    assert_eq!(times.len(), 3);
    let mut before = Timestamp::now();
    for time in times {
        let time: Timestamp = text(time).parse().unwrap();
        assert!(time > before);
        before = time;
        let local = time.to_zoned(TimeZone::get("Europe/Berlin").unwrap());
        assert_eq!((local.hour(), local.minute()), (8, 30));
        assert!(local.weekday().to_monday_one_offset() <= 5);
    }
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&put.body[field], value);
    }
    assert_eq!(put.body["enabled"], true);
    assert_eq!(user.get(&path).await.body, put.body);

    let off = json!({"enabled": false});
    let off = user.call(Method::PATCH, &path, Some(&off)).await;
    assert_eq!(off.status, 200, "{:#}", off.body);
    assert_eq!(off.body["enabled"], false);
    assert_eq!(off.body["next"], json!([]));
    assert_eq!(off.body["expression"], wanted["expression"]);

    let again = user.put(&path, &json!({"expression": "rate(1 day)"})).await;
    assert_eq!(again.status, 200, "{:#}", again.body);
    assert_eq!(again.body["enabled"], true);
    assert_eq!(again.body["overlap"], "allow");
    assert_eq!(list(&again.body["next"]).len(), 3);

    let other = user
        .workflow(json!([{"variableName": "x", "userPrompt": "x"}]))
        .await;
    let others = user
        .put(
            &format!("/workflows/{other}/schedules/weekday-mornings"),
            &wanted,
        )
        .await;
    assert_eq!(others.status, 201);
    let all = user.get(&list_path).await.body;
    assert_eq!(all["schedules"], json!([again.body]));

    assert_eq!(user.call(Method::DELETE, &path, None).await.status, 204);
    for method in [Method::GET, Method::DELETE] {
        let gone = user.call(method, &path, None).await;
        assert_eq!(gone.status, 404);
        assert_eq!(gone.body["code"], "ScheduleNotFound");
    }
    assert_eq!(user.get(&list_path).await.body["schedules"], json!([]));
}

#[tokio::test]
async fn every_fault_is_told_at_once_in_words() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({
            "input": {"type": "object", "required": ["topic"]},
            "nodes": [{"variableName": "x", "userPrompt": "{{topic}}"}],
        }))
        .await;
    let faults = async |name: &str, body: Value| {
        let path = format!("/workflows/{workflow}/schedules/{name}");
        let answer = user.put(&path, &body).await;
        assert_eq!(answer.status, 422, "{:#}", answer.body);
        assert_eq!(answer.body["code"], "InvalidSchedule");
        let faults = list(&answer.body["faults"]).to_vec();
        let told = |fault: &Value| format!("{}: {}", text(&fault["path"]), text(&fault["message"]));
        faults.iter().map(told).collect::<Vec<_>>()
    };
    let told = faults(
        "not.a%20name",
        json!({"expression": "cron(61 9 * * ? *)", "timezone": "Europe/Berln", "overlap": "queue", "every": 1}),
    )
    .await;
    for want in [
        "name: ",
        "expression: `61` is not what minutes takes: 0 to 59",
        "timezone: ",
        "overlap: ",
        "every: ",
    ] {
        assert!(
            told.iter().any(|told| told.starts_with(want)),
            "{want} {told:#?}"
        );
    }
    assert!(
        told.iter().any(|told| told.contains("Europe/Berlin")),
        "{told:#?}"
    );
    for expression in [
        "hourly",
        "rate(0 minutes)",
        "at(2020-01-01T00:00:00)",
        "cron(0 0 30 2 ? *)",
        "cron(* * * * *)",
    ] {
        let told = faults(
            "often",
            json!({"expression": expression, "input": {"topic": "x"}}),
        )
        .await;
        assert!(told[0].starts_with("expression: "), "{told:#?}");
        assert_eq!(told.len(), 1);
    }
    // The workflow's own schema holds for what a schedule will bring.
    let told = faults("often", json!({"expression": "rate(1 hour)"})).await;
    assert!(told[0].contains("topic"), "{told:#?}");

    let path = "/workflows/nothing-here/schedules/often";
    let unknown = user.put(path, &json!({"expression": "rate(1 hour)"})).await;
    assert_eq!(unknown.body["code"], "WorkflowNotFound");
    assert_eq!(
        user.get(&format!("/workflows/{workflow}/schedules"))
            .await
            .body["schedules"],
        json!([])
    );
}

#[tokio::test]
async fn a_schedule_fires() {
    let user = User::with_credential().await;
    let workflow = echo_workflow(&user, "{{topic}} by {{trigger.type}} {{trigger.schedule}} of {{trigger.scheduledTime}} at {{trigger.time}}").await;
    let soon = Timestamp::now() + SignedDuration::from_secs(5);
    let soon = TimeZone::UTC
        .to_datetime(soon)
        .strftime("%Y-%m-%dT%H:%M:%S");
    let wanted = json!({"expression": format!("at({soon})"), "input": {"topic": "octopuses"}});
    let put = user
        .put(&format!("/workflows/{workflow}/schedules/once"), &wanted)
        .await;
    assert_eq!(put.status, 201, "{:#}", put.body);
    assert_eq!(put.body["next"], json!([format!("{soon}Z")]));
    let run = user.ended(&user.first_run(&workflow).await).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    // The local AWS leaves `<aws.scheduler.scheduled-time>` as it is: the time of the delivery stands in for it.
    let said = text(&node(&run, "x")["output"]["text"]);
    let said = said
        .strip_prefix("octopuses by schedule once of ")
        .unwrap_or_else(|| panic!("{said}"));
    let (planned, real) = said.split_once(" at ").unwrap();
    let planned: Timestamp = planned.parse().unwrap();
    let real: Timestamp = real.parse().unwrap();
    assert!(planned <= real + SignedDuration::from_secs(1));
    assert_eq!(user.ledger().await.len(), 1);
}

#[tokio::test]
async fn a_firing_that_is_delivered_twice_is_one_run_and_one_paid_call() {
    let user = User::with_credential().await;
    let workflow = echo_workflow(&user, "{{trigger.schedule}} {{trigger.scheduledTime}}").await;
    for overlap in ["allow", "skip", "cancel"] {
        let time = format!("2026-11-23T09:0{}:00Z", overlap.len());
        let event = firing(&workflow, overlap, &time, json!({}));
        let both: Vec<_> = (0..2)
            .map(|_| {
                let event = event.clone();
                thread::spawn(move || invoke("start-run", &event))
            })
            .collect();
        let answers: Vec<Value> = both.into_iter().map(|one| one.join().unwrap()).collect();
        let run = text(&answers[0]["runId"]);
        assert_eq!(answers[1]["runId"], run, "{answers:#?}");
        let ended = user.ended(&run).await;
        assert_eq!(ended["status"], "SUCCEEDED");
        let later = invoke("start-run", &event);
        assert_eq!(later, json!({"runId": run, "repeated": true}));
        let said = format!("often {time}");
        assert_eq!(node(&ended, "x")["output"]["text"], said);
    }
    assert_eq!(user.runs_of(&workflow).await.len(), 3);
    assert_eq!(user.ledger().await.len(), 3);
}

#[tokio::test]
async fn under_allow_runs_overlap() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user).await;
    for minute in ["00", "01"] {
        let event = firing(
            &workflow,
            "allow",
            &format!("2026-11-23T09:{minute}:00Z"),
            json!({}),
        );
        assert_eq!(invoke("start-run", &event)["repeated"], false);
    }
    let runs = user.runs_of(&workflow).await;
    assert_eq!(runs.len(), 2);
    assert!(
        runs.iter().all(|run| run["status"] == "RUNNING"),
        "{runs:#?}"
    );
}

#[tokio::test]
async fn under_skip_nothing_starts_while_the_last_run_goes_on() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user).await;
    // Two firings at once: one takes the turn.
    let both: Vec<_> = ["00", "01"]
        .map(|minute| {
            let time = format!("2026-11-23T09:{minute}:00Z");
            let event = firing(&workflow, "skip", &time, json!({}));
            thread::spawn(move || invoke("start-run", &event))
        })
        .into_iter()
        .collect();
    let answers: Vec<Value> = both.into_iter().map(|one| one.join().unwrap()).collect();
    let (skipped, started): (Vec<&Value>, Vec<&Value>) =
        answers.iter().partition(|answer| answer["skipped"] == true);
    assert_eq!((skipped.len(), started.len()), (1, 1), "{answers:#?}");
    let run = text(&started[0]["runId"]);
    assert_eq!(skipped[0]["running"], run);
    assert_eq!(user.runs_of(&workflow).await.len(), 1);

    user.waiting(&run, "x").await;
    aws_cli(&[
        "stepfunctions",
        "stop-execution",
        "--execution-arn",
        &end_to_end::execution_arn(&run),
    ]);
    user.ended(&run).await;
    let next = firing(&workflow, "skip", "2026-11-23T09:02:00Z", json!({}));
    let next = invoke("start-run", &next);
    assert_eq!(next["repeated"], false, "{next:#}");
    assert_ne!(next["runId"], run);
}

#[tokio::test]
async fn under_cancel_the_last_run_is_stopped() {
    let user = User::with_credential().await;
    let workflow = long_workflow(&user).await;
    let first_event = firing(&workflow, "cancel", "2026-11-23T09:00:00Z", json!({}));
    let first = text(&invoke("start-run", &first_event)["runId"]);
    user.waiting(&first, "x").await;
    let second = firing(&workflow, "cancel", "2026-11-23T09:01:00Z", json!({}));
    let second = text(&invoke("start-run", &second)["runId"]);
    let stopped = user.ended(&first).await;
    assert_eq!(stopped["status"], "ABORTED", "{stopped:#}");
    assert_eq!(stopped["error"]["code"], "RunAborted");
    // The local AWS leaves the cause out of the event that tells of the end.
    let arn = end_to_end::execution_arn(&first);
    let execution = aws_cli(&[
        "stepfunctions",
        "describe-execution",
        "--execution-arn",
        &arn,
    ]);
    assert!(text(&execution["cause"]).contains(&second), "{execution:#}");
    // An old firing that comes again stops nobody.
    assert_eq!(
        invoke("start-run", &first_event),
        json!({"runId": first, "repeated": true})
    );
    user.waiting(&second, "x").await;
    assert_eq!(user.runs_of(&workflow).await.len(), 2);
}

#[tokio::test]
async fn a_workflow_takes_its_schedules_with_it() {
    let user = User::with_credential().await;
    // The longest id that a workflow may have.
    let id = format!("{:x<64}", format!("{}-", user.name));
    let document = json!({
        "name": "long",
        "nodes": [{"type": "openrouter", "credential": user.name, "variableName": "x", "userPrompt": "x"}],
    });
    let workflow = format!("/workflows/{id}");
    assert_eq!(user.put(&workflow, &document).await.status, 201);
    for name in ["a".to_owned(), "n".repeat(30)] {
        let put = user
            .put(
                &format!("{workflow}/schedules/{name}"),
                &json!({"expression": "rate(1 day)"}),
            )
            .await;
        assert_eq!(put.status, 201, "{:#}", put.body);
    }
    assert_eq!(
        list(&user.get(&format!("{workflow}/schedules")).await.body["schedules"]).len(),
        2
    );
    assert_eq!(user.call(Method::DELETE, &workflow, None).await.status, 204);
    assert_eq!(
        user.get(&format!("{workflow}/schedules")).await.body["code"],
        "WorkflowNotFound"
    );
    assert_eq!(user.put(&workflow, &document).await.status, 200);
    assert_eq!(
        user.get(&format!("{workflow}/schedules")).await.body["schedules"],
        json!([])
    );
}

#[tokio::test]
async fn a_firing_that_starts_no_run_is_kept() {
    let user = User::with_credential().await;
    let workflow = echo_workflow(&user, "x").await;
    let event = firing(
        &workflow,
        "allow",
        "2026-11-23T09:00:00Z",
        json!("no object"),
    );
    // As AWS's Scheduler invokes it; the local one does not wait for the end either, but does not try again.
    invoke_without_waiting("start-run", &event);
    let queue = stack_output("StartsLostQueue");
    for _ in 0..120 {
        let received = aws_cli(&[
            "sqs",
            "receive-message",
            "--queue-url",
            &queue,
            "--max-number-of-messages",
            "10",
            "--visibility-timeout",
            "1",
        ]);
        if received.to_string().contains(&workflow) {
            assert!(user.runs_of(&workflow).await.is_empty());
            return;
        }
        sleep(Duration::from_millis(500)).await;
    }
    panic!("nothing was kept");
}
