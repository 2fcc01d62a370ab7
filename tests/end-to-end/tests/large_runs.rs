//! Long texts and many nodes never meet Step Functions' limits: what a node reads and writes goes through the table.

use end_to_end::{User, aws, execution_arn, list, node, text};
use serde_json::{Value, json};

/// Step Functions' limit for a payload is 256 KiB; ours stay far below.
const SMALL: usize = 64 * 1024;

#[tokio::test]
async fn two_hundred_nodes_with_answers_of_100_kb() {
    let user = User::with_credential().await;
    let nodes: Vec<Value> = (0..200)
        .map(|index| {
            let depends: Vec<String> = if index < 20 {
                vec![]
            } else {
                vec![format!("n{}", index - 20)]
            };
            let before = depends
                .first()
                .map(|name| format!("{{{{#if {name}.text}}}}after {name}{{{{/if}}}}"))
                .unwrap_or_default();
            json!({
                "variableName": format!("n{index}"),
                "model": "openai/gpt-6-luna",
                "maxTokens": 60000,
                "userPrompt": format!("[[repeat:100000]] {index} {before} {}", user.name),
            })
        })
        .collect();
    let workflow = user
        .workflow_with(json!({"nodes": nodes, "limits": {"maxConcurrency": 20}}))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    assert_eq!(list(&ended["nodes"]).len(), 200);
    assert_eq!(user.ledger().await.len(), 200, "each node is paid once");
    assert!(
        ended.to_string().len() < 5_000_000,
        "the answer fits through Lambda"
    );

    let last = node(&ended, "n199");
    let whole = match last["output"]["textAt"].as_str() {
        Some(path) => {
            let answer = user.get(path).await;
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            answer.body["output"]["text"].clone()
        }
        None => last["output"]["text"].clone(),
    };
    assert!(whole.is_string(), "{last:#}");
    let length = text(&whole).len();
    assert!((90_000..120_000).contains(&length), "{length}");

    let execution = aws_sdk_sfn::Client::new(&aws().await)
        .describe_execution()
        .execution_arn(execution_arn(&run))
        .send()
        .await
        .unwrap();
    assert!(execution.input().unwrap_or_default().len() < SMALL);
    assert!(execution.output().unwrap_or_default().len() < SMALL);
}

#[tokio::test]
async fn an_answer_past_the_item_limit_is_kept_whole() {
    let user = User::with_credential().await;
    // Hardly compressible, so that it does not fit into an item.
    let noise: String = (0..24_000)
        .map(|_| uuid::Uuid::now_v7().simple().to_string()[16..].to_owned())
        .collect();
    let run = user
        .run(
            json!([
                {"variableName": "x", "model": "openai/gpt-6-luna", "maxTokens": 120_000, "userPrompt": "[[echo]]{{noise}}"},
                {"variableName": "y", "model": "openai/gpt-6-luna", "maxTokens": 120_000, "userPrompt": "[[echo]]{{x.text}}!"},
            ]),
            json!({"noise": noise}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let path = format!("/runs/{}/nodes/y", text(&run["id"]));
    let whole = user.get(&path).await;
    assert_eq!(text(&whole.body["output"]["text"]), format!("{noise}!"));
}
