//! execute-node can be used alone, in a state machine of one's own, as the example in `infra/examples` does.

use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use end_to_end::{User, aws, decimal, state_machine, text};
use serde_json::{Value, json};
use tokio::time::sleep;

const EXAMPLE: &str = include_str!("../../../infra/examples/inline-node.asl.yaml");

/// Runs the example with the user's credential on `input`, and gives the ended execution.
async fn execute(user: &User, input: &Value) -> DescribeExecutionOutput {
    let client = Client::new(&aws().await);
    let ours = client
        .describe_state_machine()
        .state_machine_arn(state_machine())
        .send()
        .await
        .expect("the stack's machine exists");
    let function = find_function(&serde_json::from_str(ours.definition()).unwrap())
        .expect("the stack's machine calls execute-node");
    let example = EXAMPLE
        .replace("${ExecuteNodeFunctionArn}", &function)
        .replace("credential: main", &format!("credential: {}", user.name));
    let definition: Value = yaml_serde::from_str(&example).expect("the example is YAML");
    let machine = client
        .create_state_machine()
        .name(format!("inline-{}", user.name))
        .role_arn(ours.role_arn())
        .definition(definition.to_string())
        .send()
        .await
        .expect("the example is a state machine");
    let started = client
        .start_execution()
        .state_machine_arn(machine.state_machine_arn())
        .input(input.to_string())
        .send()
        .await
        .expect("it starts");
    let ended = loop {
        let execution = client
            .describe_execution()
            .execution_arn(started.execution_arn())
            .send()
            .await
            .unwrap();
        if execution.status().as_str() != "RUNNING" {
            break execution;
        }
        sleep(Duration::from_millis(200)).await;
    };
    client
        .delete_state_machine()
        .state_machine_arn(machine.state_machine_arn())
        .send()
        .await
        .unwrap();
    ended
}

/// The `FunctionName` of the first task in a definition.
fn find_function(definition: &Value) -> Option<String> {
    match definition {
        Value::Object(fields) => fields
            .get("FunctionName")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| fields.values().find_map(find_function)),
        Value::Array(items) => items.iter().find_map(find_function),
        _ => None,
    }
}

#[tokio::test]
async fn the_answer_is_the_tasks_output() {
    let user = User::with_credential().await;
    let ended = execute(&user, &json!({"text": format!("octopuses {}", user.name)})).await;
    assert_eq!(ended.status().as_str(), "SUCCEEDED", "{ended:?}");
    let output: Value = serde_json::from_str(ended.output().unwrap()).unwrap();
    assert!(
        text(&output["summary"]).contains("Summarize: octopuses"),
        "{output}"
    );
    assert_eq!(decimal(&output["costUsd"]), user.charged().await);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_by_the_machine() {
    let user = User::with_credential().await;
    let prompt = format!("[[fault:rate-limit-own(retry_after=1)*1]] {}", user.name);
    let ended = execute(&user, &json!({"text": prompt})).await;
    assert_eq!(ended.status().as_str(), "SUCCEEDED", "{ended:?}");
    assert_eq!(user.ledger().await.len(), 1, "paid calls");
}

#[tokio::test]
async fn a_failure_carries_its_own_name() {
    let user = User::with_credential().await;
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let ended = execute(&user, &json!({"text": "hi"})).await;
    assert_eq!(ended.status().as_str(), "FAILED");
    assert_eq!(ended.error(), Some("InvalidApiKey"));
    let cause = ended.cause().unwrap_or_default();
    assert!(cause.contains("Invalid API Key"), "{cause}");
}
