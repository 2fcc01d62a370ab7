//! A `lambda` node calls a function that the deployment allows, once, and its answer is the variable.

use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

use end_to_end::{Sandbox, User, aws_cli, list, node, stack_output, text};
use openrouter_stand_in::Settings;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandboxed::{World, task};

/// The one that the local stack's deployment allows.
const FUNCTION: &str = "called-by-nodes";

const CODE: &str = r#"
import time

class OutOfStock(Exception):
    pass

def handler(event, context):
    kind = event.get("kind")
    if kind == "fails":
        raise OutOfStock("no tea is left, asked with key sk-or-v1-0123456789abcdef0123456789")
    if kind == "sleeps":
        time.sleep(30)
    if kind == "nothing":
        return None
    return {"left": 3, "asked": event}
"#;

/// Makes the function, once.
fn make_function() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = env::temp_dir().join(format!("end-to-end-{}", Uuid::now_v7()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("index.py"), CODE).unwrap();
        let zipped = Command::new("python3")
            .args(["-m", "zipfile", "-c", "code.zip", "index.py"])
            .current_dir(&folder)
            .status();
        assert!(zipped.unwrap().success());
        let roles = aws_cli(&["iam", "list-roles"]);
        let is_known = |role: &Value| role["RoleName"] == FUNCTION;
        if !list(&roles["Roles"]).iter().any(is_known) {
            let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}"#;
            let words = [
                "--role-name",
                FUNCTION,
                "--assume-role-policy-document",
                trust,
            ];
            aws_cli(&[&["iam", "create-role"], &words[..]].concat());
        }
        let role = format!("arn:aws:iam::000000000000:role/{FUNCTION}");
        let code = format!("fileb://{}", folder.join("code.zip").display());
        let known = aws_cli(&["lambda", "list-functions"]);
        let is_known = list(&known["Functions"])
            .iter()
            .any(|function| function["FunctionName"] == FUNCTION);
        if is_known {
            aws_cli(&["lambda", "delete-function", "--function-name", FUNCTION]);
        }
        let what = [
            "--function-name",
            FUNCTION,
            "--runtime",
            "python3.12",
            "--handler",
            "index.handler",
        ];
        let words = ["--role", &role, "--zip-file", &code, "--timeout", "60"];
        aws_cli(&[&["lambda", "create-function"], &what[..], &words[..]].concat());
        fs::remove_dir_all(&folder).unwrap();
    });
}

async fn run(fields: Value) -> Value {
    make_function();
    let mut fields = fields;
    fields["type"] = json!("lambda");
    fields["variableName"] = json!("x");
    if fields["function"].is_null() {
        fields["function"] = json!(FUNCTION);
    }
    User::new("good")
        .run(json!([fields]), json!({"topic": "tea", "list": [1, "two"]}))
        .await
}

#[tokio::test]
async fn the_functions_answer_is_the_variable() {
    let plain = run(json!({"payload": {"topic": "{{topic}}", "n": 3}})).await;
    assert_eq!(plain["status"], "SUCCEEDED", "{plain:#}");
    assert_eq!(
        plain["output"]["x"],
        json!({"left": 3, "asked": {"topic": "tea", "n": 3}})
    );
    assert_eq!(node(&plain, "x")["costUsd"], "0");

    let inserted = run(json!({"payload": "{\"list\": {{json list}}}"})).await;
    assert_eq!(
        inserted["output"]["x"]["asked"]["list"],
        json!([1, "two"]),
        "{inserted:#}"
    );

    let empty = run(json!({})).await;
    assert_eq!(empty["output"]["x"]["asked"], json!({}), "{empty:#}");
    let nothing = run(json!({"payload": {"kind": "nothing"}})).await;
    assert_eq!(nothing["status"], "SUCCEEDED", "{nothing:#}");
    assert!(nothing["output"]["x"].is_null());

    let arn = aws_cli(&["lambda", "get-function", "--function-name", FUNCTION]);
    let arn = text(&arn["Configuration"]["FunctionArn"]);
    let by_arn = run(json!({"function": arn})).await;
    assert_eq!(by_arn["status"], "SUCCEEDED", "{by_arn:#}");
}

#[tokio::test]
async fn a_function_that_fails_is_told_with_its_error_and_without_keys() {
    let failed = run(json!({"payload": {"kind": "fails"}})).await;
    assert_eq!(failed["error"]["code"], "FunctionFailed", "{failed:#}");
    let cause = text(&failed["error"]["cause"]);
    // AWS says `OutOfStock` here; the local AWS has one name for every error of Python.
    assert!(cause.contains(": no tea is left"), "{cause}");
    assert!(
        !failed.to_string().contains("0123456789abcdef"),
        "{failed:#}"
    );
    assert_eq!(list(&node(&failed, "x")["attempts"]).len(), 1);

    let fields = json!({"payload": {"kind": "fails"}, "retryOn": ["OutOfStock", "Runtime.HandlerError"], "retry": {"maxAttempts": 2}});
    let again = run(fields).await;
    assert_eq!(again["error"]["code"], "FunctionFailed", "{again:#}");
    assert_eq!(list(&node(&again, "x")["attempts"]).len(), 2);
}

#[tokio::test]
async fn a_function_that_the_deployment_does_not_allow_is_not_called() {
    let own = stack_output("StartRunFunction");
    for function in [
        own.as_str(),
        "called-by-node",
        "arn:aws:lambda:us-east-1:000000000000:function:other",
    ] {
        let refused = run(json!({"function": function})).await;
        assert_eq!(
            refused["error"]["code"], "FunctionNotAllowed",
            "{refused:#}"
        );
    }
    // Nor does the role: a function that is configured to allow more is refused by AWS.
    let sandbox = Sandbox::new(Settings::default()).await;
    let missing = "arn:aws:lambda:us-east-1:000000000000:function:missing";
    let environment = [("NODE_FUNCTIONS", missing)];
    let function = sandbox.function_with("execute-node", &environment);
    let event = json!({"node": {"type": "lambda", "variableName": "x", "function": "missing"}});
    let refused = function.await.invoke(event).await;
    assert_eq!(refused["errorType"], "FunctionRefused", "{refused}");
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_is_not_made_again_unless_the_node_says_so() {
    let fields =
        json!({"payload": {"kind": "sleeps"}, "timeoutSeconds": 1, "retry": {"maxAttempts": 2}});
    let once = run(fields.clone()).await;
    assert_eq!(once["error"]["code"], "OutcomeUnknown", "{once:#}");
    assert_eq!(list(&node(&once, "x")["attempts"]).len(), 1);
    let mut fields = fields;
    fields["repeatable"] = json!(true);
    let twice = run(fields).await;
    assert_eq!(twice["error"]["code"], "FunctionTimeout", "{twice:#}");
    assert_eq!(list(&node(&twice, "x")["attempts"]).len(), 2);
}

#[tokio::test]
async fn it_is_not_called_again_after_the_function_that_called_it_died() {
    make_function();
    let world = World::new().await;
    let fields = json!({"type": "lambda", "variableName": "x", "function": FUNCTION, "payload": {"kind": "sleeps"}});
    let run = world.begin_nodes(json!([fields])).await;
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{FUNCTION}");
    let environment = [("NODE_FUNCTIONS", arn.as_str())];
    let function = world
        .sandbox
        .function_with("execute-node", &environment)
        .await;
    let _lost = function.hand(task(&run)).await;
    world
        .run_when(&run, |run| node(run, "x")["status"] == "RUNNING")
        .await;
    function.kill().await;
    world.sandbox.let_leases_end(&run).await;
    let next = world
        .sandbox
        .function_with("execute-node", &environment)
        .await;
    let answer = next.invoke(task(&run)).await;
    assert_eq!(answer["errorType"], "OutcomeUnknown", "{answer}");
}

#[tokio::test]
async fn the_example_asks_a_function_and_a_model() {
    make_function();
    let user = User::with_credential().await;
    let example = include_str!("../../../infra/examples/workflows/stock-check.yaml");
    assert!(include_str!("../../../docs/lambda-node.md").contains(example));
    let example = example.replace("credential: main", &format!("credential: {}", user.name));
    let document: Value = yaml_serde::from_str(&example).unwrap();
    let workflow = user.workflow_with(document).await;
    let run = user.trigger(&workflow, &json!({"product": "tea"})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let note = text(&node(&run, "note")["output"]["text"]);
    assert!(note.contains("of tea there are 3 left"), "{note}");
    assert_eq!(node(&run, "stock")["output"]["asked"]["run"], run["id"]);
}
