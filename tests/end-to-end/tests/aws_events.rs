//! An AWS event starts the workflow that it is wired to, once, and no other workflow.

use end_to_end::{User, aws_cli, invoke, list, node, output, stack_output, text};
use reqwest::Method;
use serde_json::{Value, json};

/// A sample of `events/`, with this in place of its workflow or source and of its id.
fn sample(name: &str, replaced: &[(&str, &str)]) -> Value {
    let path = format!(
        "{}/../../events/start-run-{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in replaced {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    serde_json::from_str(&text).unwrap()
}

async fn summary(user: &User, prompt: &str) -> String {
    let prompt = format!("[[echo]]{prompt}");
    user.workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await
}

async fn wire(user: &User, workflow: &str, arn: &str) {
    let path = format!("/workflows/{workflow}/sources/{arn}");
    let put = user.call(Method::PUT, &path, None).await;
    assert_eq!(put.status, 200, "{:#}", put.body);
}

/// Delivers the event twice and checks that there is one run with one paid call. Gives what the run said.
async fn said_once(user: &User, event: &Value) -> String {
    let first = invoke("start-run", event);
    assert_eq!(first["runs"][0]["repeated"], false, "{first:#}");
    let run = text(&first["runs"][0]["runId"]);
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    let again = invoke("start-run", event);
    assert_eq!(again["runs"], json!([{"runId": run, "repeated": true}]));
    assert_eq!(user.ledger().await.len(), 1);
    text(&node(&ended, "x")["output"]["text"])
}

const TEXT: &str = "The quick brown fox jumps over the lazy dog.";

#[tokio::test]
async fn an_eventbridge_event_starts_the_workflow_that_its_rule_names() {
    let user = User::with_credential().await;
    let workflow = summary(
        &user,
        "{{inputText}} {{trigger.type}} {{trigger.event.source}}",
    )
    .await;
    let event = sample("eventbridge", &[("summary", &workflow)]);
    assert_eq!(
        said_once(&user, &event).await,
        format!("{TEXT} eventbridge my.blog")
    );
}

#[tokio::test]
async fn a_notification_starts_the_workflow_of_its_topic() {
    let user = User::with_credential().await;
    let workflow = summary(
        &user,
        "{{inputText}} {{trigger.type}} {{trigger.event.Sns.Type}}",
    )
    .await;
    let topic = format!("arn:aws:sns:us-east-1:000000000000:{}", user.name);
    let event = sample(
        "sns",
        &[("arn:aws:sns:us-east-1:000000000000:articles", &topic)],
    );
    let refused = invoke("start-run", &event);
    assert_eq!(refused["errorType"], "SourceNotWired", "{refused:#}");
    wire(&user, &workflow, &topic).await;
    assert_eq!(
        said_once(&user, &event).await,
        format!("{TEXT} sns Notification")
    );
}

#[tokio::test]
async fn an_object_starts_the_workflow_of_its_bucket() {
    let user = User::with_credential().await;
    let workflow = summary(
        &user,
        "{{bucket}} {{key}} {{size}} {{eventName}} {{trigger.event.eventVersion}}",
    )
    .await;
    let event = sample(
        "s3",
        &[
            ("\"articles\"", &format!("\"{}\"", user.name)),
            ("s3:::articles", &format!("s3:::{}", user.name)),
        ],
    );
    wire(&user, &workflow, &format!("arn:aws:s3:::{}", user.name)).await;
    let want = format!(
        "{} drafts/The quick brown fox ä.txt 44 ObjectCreated:Put 2.1",
        user.name
    );
    assert_eq!(said_once(&user, &event).await, want);
}

#[tokio::test]
async fn of_a_batch_only_the_bad_messages_come_back() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({
            "input": {"type": "object", "required": ["inputText"]},
            "nodes": [{"variableName": "x", "userPrompt": "[[echo]]{{inputText}} {{trigger.type}} {{trigger.event.messageId}}"}],
        }))
        .await;
    let queue = format!("arn:aws:sqs:us-east-1:000000000000:{}", user.name);
    let mut event = sample(
        "sqs",
        &[("arn:aws:sqs:us-east-1:000000000000:articles", &queue)],
    );
    wire(&user, &workflow, &queue).await;
    let good = event["Records"][0].clone();
    let (mut bad, mut other) = (good.clone(), good.clone());
    bad["messageId"] = json!("bad");
    bad["body"] = json!("no object, so there is no inputText");
    other["messageId"] = json!("other");
    event["Records"] = json!([good, bad, other]);
    // Delivered again, the good ones start nothing new.
    for _ in 0..2 {
        let answer = invoke("start-run", &event);
        assert_eq!(
            answer,
            json!({"batchItemFailures": [{"itemIdentifier": "bad"}]})
        );
    }
    let runs = user.runs_of(&workflow).await;
    assert_eq!(runs.len(), 2);
    for (run, id) in runs
        .iter()
        .zip(["other", "059f36b4-87a3-44ab-83d2-661975830a7d"])
    {
        let run = user.ended(&text(&run["id"])).await;
        assert_eq!(
            node(&run, "x")["output"]["text"],
            format!("{TEXT} sqs {id}")
        );
    }
    assert_eq!(user.ledger().await.len(), 2);

    // In a FIFO queue no message overtakes one that failed.
    let fifo = format!("{queue}.fifo");
    wire(&user, &workflow, &fifo).await;
    for record in event["Records"].as_array_mut().unwrap() {
        record["eventSourceARN"] = json!(fifo);
        record["messageId"] = json!(format!("fifo-{}", text(&record["messageId"])));
    }
    let answer = invoke("start-run", &event);
    let failed = json!([{"itemIdentifier": "fifo-bad"}, {"itemIdentifier": "fifo-other"}]);
    assert_eq!(answer["batchItemFailures"], failed);
}

#[tokio::test]
async fn a_message_that_is_no_json_object_is_the_body() {
    let user = User::with_credential().await;
    let workflow = summary(&user, "{{body}}").await;
    let queue = format!("arn:aws:sqs:us-east-1:000000000000:{}", user.name);
    wire(&user, &workflow, &queue).await;
    let mut event = sample(
        "sqs",
        &[("arn:aws:sqs:us-east-1:000000000000:articles", &queue)],
    );
    event["Records"][0]["body"] = json!("just words");
    assert_eq!(
        invoke("start-run", &event),
        json!({"batchItemFailures": []})
    );
    let run = user.ended(&user.first_run(&workflow).await).await;
    assert_eq!(node(&run, "x")["output"]["text"], "just words");
}

#[tokio::test]
async fn a_source_starts_one_workflow_and_ends_with_it() {
    let user = User::with_credential().await;
    let (mine, other) = (summary(&user, "x").await, summary(&user, "y").await);
    let queue = format!("arn:aws:sqs:us-east-1:000000000000:{}", user.name);
    wire(&user, &mine, &queue).await;
    wire(&user, &mine, &queue).await;
    let sources = user.get(&format!("/workflows/{mine}/sources")).await;
    assert_eq!(
        sources.body["sources"],
        json!([{"arn": queue, "workflowId": mine}])
    );
    assert_eq!(
        user.get(&format!("/workflows/{other}/sources")).await.body["sources"],
        json!([])
    );

    let path = |workflow: &str, arn: &str| format!("/workflows/{workflow}/sources/{arn}");
    let taken = user.call(Method::PUT, &path(&other, &queue), None).await;
    assert_eq!(
        (taken.status.as_u16(), &taken.body["code"]),
        (409, &json!("SourceTaken"))
    );
    let bad = user
        .call(Method::PUT, &path(&mine, "arn:aws:lambda:x"), None)
        .await;
    assert_eq!(
        (bad.status.as_u16(), &bad.body["code"]),
        (422, &json!("InvalidSource"))
    );
    assert_eq!(list(&bad.body["faults"]).len(), 1);
    let not_mine = user.call(Method::DELETE, &path(&other, &queue), None).await;
    assert_eq!(
        (not_mine.status.as_u16(), &not_mine.body["code"]),
        (404, &json!("SourceNotFound"))
    );

    assert_eq!(
        user.call(Method::DELETE, &path(&mine, &queue), None)
            .await
            .status,
        204
    );
    wire(&user, &other, &queue).await;
    let deleted = user
        .call(Method::DELETE, &format!("/workflows/{other}"), None)
        .await;
    assert_eq!(deleted.status, 204);
    wire(&user, &mine, &queue).await;
}

#[tokio::test]
async fn an_event_that_nobody_can_read_is_refused_in_words() {
    for event in [
        json!({}),
        json!({"source": "my.blog", "detail": {}}),
        json!({"Records": [{"eventSource": "aws:kinesis"}]}),
    ] {
        let refused = invoke("start-run", &event);
        assert_eq!(refused["errorType"], "UnknownEvent", "{refused:#}");
    }
}

/// The example template, deployed beside the stack: what it wires starts runs by the services themselves.
#[tokio::test]
async fn the_wiring_of_the_example_template_starts_runs() {
    let user = User::with_credential().await;
    let mut workflows = Vec::new();
    for prompt in ["{{inputText}}", "{{inputText}}", "{{inputText}}", "{{key}}"] {
        workflows.push(summary(&user, prompt).await);
    }
    let [by_rule, by_queue, by_topic, by_bucket] = workflows.as_slice() else {
        unreachable!()
    };
    let template = format!(
        "{}/../../infra/examples/aws-events.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let stack = user.name.as_str();
    aws_cli(&[
        "cloudformation",
        "deploy",
        "--stack-name",
        stack,
        "--template-file",
        &template,
        "--capabilities",
        "CAPABILITY_IAM",
        "--parameter-overrides",
        &format!("StartRunFunction={}", stack_output("StartRunFunction")),
        &format!("StartRunRole={}", stack_output("StartRunRole")),
        &format!("Workflow={by_rule}"),
    ]);
    for (workflow, arn) in [
        (by_queue, "QueueArn"),
        (by_topic, "TopicArn"),
        (by_bucket, "BucketArn"),
    ] {
        wire(&user, workflow, &output(stack, arn)).await;
    }
    let message = json!({"inputText": TEXT}).to_string();
    let entry =
        json!([{"Source": "my.blog", "DetailType": "Article Published", "Detail": message}])
            .to_string();
    let bucket = output(stack, "BucketName");
    aws_cli(&["events", "put-events", "--entries", &entry]);
    aws_cli(&[
        "sqs",
        "send-message",
        "--queue-url",
        &output(stack, "QueueUrl"),
        "--message-body",
        &message,
    ]);
    aws_cli(&[
        "sns",
        "publish",
        "--topic-arn",
        &output(stack, "TopicArn"),
        "--message",
        &message,
    ]);
    aws_cli(&[
        "s3api",
        "put-object",
        "--bucket",
        &bucket,
        "--key",
        "a b.txt",
        "--body",
        &template,
    ]);
    for (workflow, want) in [
        (by_rule, TEXT),
        (by_queue, TEXT),
        (by_topic, TEXT),
        (by_bucket, "a b.txt"),
    ] {
        let run = user.ended(&user.first_run(workflow).await).await;
        assert_eq!(node(&run, "x")["output"]["text"], want, "{run:#}");
    }
    assert_eq!(user.ledger().await.len(), 4);
    aws_cli(&["s3", "rm", "--recursive", &format!("s3://{bucket}")]);
    aws_cli(&["cloudformation", "delete-stack", "--stack-name", stack]);
}
