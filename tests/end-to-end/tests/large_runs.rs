//! Long texts and many nodes do not reach the limits of Step Functions, because what a node reads and writes goes
//! through the table.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{Sandbox, User, aws, decimal, execution_arn, item_key, list, node, noise, text};
use jiff::Timestamp;
use openrouter_stand_in::Settings;
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use steps_store::keys;

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
    let noise = noise(384_000);
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

#[tokio::test]
async fn a_document_past_the_item_limit_is_kept_whole_and_runs() {
    let user = User::with_credential().await;
    let description = noise(250_000);
    let workflow = user
        .workflow_with(json!({
            "input": {"type": "object", "description": description},
            "nodes": [
                {"variableName": "x", "userPrompt": "[[echo]]{{topic}}"},
                {"variableName": "y", "userPrompt": "[[echo]]{{x.text}}!"},
            ],
        }))
        .await;
    let stored = user.get(&format!("/workflows/{workflow}")).await.body;
    assert!(stored.to_string().contains(&description));
    let schedule = json!({"expression": "rate(1 day)", "enabled": false});
    let path = format!("/workflows/{workflow}/schedules/daily");
    assert_eq!(user.put(&path, &schedule).await.status, 201);

    let run = user.trigger(&workflow, &json!({"topic": "tea"})).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["output"]["y"]["text"], "tea!", "{}", ended["error"]);
    let path = format!("/runs/{run}/rerun");
    let rerun = user.post(&path, &json!({"from": "y"})).await;
    assert_eq!(rerun.status, 202, "{:?}", rerun.body);
    let second = user.ended(&text(&rerun.body["id"])).await;
    assert_eq!(second["output"]["y"]["text"], "tea!", "{}", second["error"]);
}

#[tokio::test]
async fn five_hundred_nodes_add_up_and_stay_small() {
    let user = User::with_credential().await;
    // Twenty chains of twenty-five nodes, side by side.
    let nodes: Vec<Value> = (0..500)
        .map(|index| {
            let prompt = match index {
                0..20 => format!("chain {index}"),
                _ => format!("{index} after {{{{n{}.finishReason}}}}", index - 20),
            };
            json!({"variableName": format!("n{index}"), "userPrompt": prompt, "maxTokens": 50})
        })
        .collect();
    let document = json!({"nodes": nodes, "limits": {"maxConcurrency": 20, "maxCostUsd": "1"}});
    let workflow = user.workflow_with(document).await;
    let run = user.trigger(&workflow, &json!({})).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    let ledger = user.ledger().await;
    assert_eq!(ledger.len(), 500, "each node is paid once");
    assert_eq!(decimal(&ended["costUsd"]), user.charged().await);
    let paid: BTreeSet<String> = ledger.iter().map(|entry| text(&entry["id"])).collect();
    let recorded: BTreeSet<String> = list(&ended["nodes"])
        .iter()
        .map(|node| text(&node["attempts"][0]["generationId"]))
        .collect();
    assert_eq!(recorded, paid);
    let execution = aws_sdk_sfn::Client::new(&aws().await)
        .describe_execution()
        .execution_arn(execution_arn(&run))
        .send()
        .await
        .unwrap();
    assert!(execution.input().unwrap_or_default().len() < SMALL);
}

#[tokio::test]
async fn prompts_and_answers_of_megabytes_pass_whole() {
    let user = User::with_credential().await;
    let part: String = (0..22_000)
        .map(|_| uuid::Uuid::now_v7().simple().to_string())
        .collect();
    let whole = part.repeat(4);
    let run = user
        .run(
            json!([
                {"variableName": "prompt", "model": "openai/gpt-6-luna",
                 "userPrompt": "{{part}}{{part}}{{part}}{{part}}"},
                {"variableName": "answer", "model": "openai/gpt-6-luna", "maxTokens": 1_000_000,
                 "userPrompt": "[[repeat:3000000]]"},
                {"variableName": "after", "userPrompt": "[[echo]]{{len answer.text}}"},
            ]),
            json!({"part": part}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let said = text(&node(&run, "prompt")["output"]["text"]);
    let digest = hex::encode(digest(&SHA256, whole.as_bytes()));
    assert!(
        said.contains(&format!("({} chars, sha256 {}", whole.len(), &digest[..8])),
        "{said}"
    );
    let path = format!("/runs/{}/nodes/answer", text(&run["id"]));
    let answer = text(&user.get(&path).await.body["output"]["text"]);
    assert!(
        (2_900_000..3_100_000).contains(&answer.len()),
        "{}",
        answer.len()
    );
    let length = text(&node(&run, "after")["output"]["text"]);
    assert_eq!(length, answer.chars().count().to_string());
    assert_eq!(decimal(&run["costUsd"]), user.charged().await);
}

#[tokio::test]
async fn an_output_of_seven_megabytes_is_read_in_pieces_and_its_run_without_it() {
    let user = User::with_credential().await;
    let nodes = json!([
        {"variableName": "half", "model": "openai/gpt-6-luna", "maxTokens": 900_000, "userPrompt": "[[repeat:3500000]]"},
        {"type": "set", "variableName": "long", "value": {"text": "{{half.text}}{{half.text}}"}},
    ]);
    let workflow = user.workflow(nodes).await;
    let topic = "\"\\".repeat(200_000);
    let run = user.trigger(&workflow, &json!({"topic": topic})).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    let path = format!("/runs/{run}/nodes/long");
    let shown = &node(&ended, "long")["output"];
    assert_eq!(shown["textAt"], path.as_str());
    assert_eq!(ended["output"]["long"], *shown);
    assert_eq!(ended["input"]["topic"], topic.as_str(), "it fits");
    let whole = user.get(&path).await;
    assert_eq!(whole.status, 200, "{:?}", whole.body);
    assert_eq!(whole.body["output"]["text"], Value::Null);
    let mut next = Some(text(&whole.body["output"]["textAt"]));
    let mut json = String::new();
    let mut pieces = 0;
    while let Some(at) = next.take() {
        let answer = user.get(&at).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let piece = &answer.body["outputPiece"];
        json.push_str(&text(&piece["json"]));
        pieces += 1;
        next = piece["next"]
            .as_u64()
            .map(|offset| format!("{path}?offset={offset}"));
    }
    assert!(pieces >= 2, "{pieces}");
    let half = user.get(&format!("/runs/{run}/nodes/half")).await;
    let half = text(&half.body["output"]["text"]);
    assert!(half.len() > 3_400_000, "{}", half.len());
    let output: Value = serde_json::from_str(&json).unwrap();
    assert!(output["text"] == format!("{half}{half}"), "the pieces join");
    let past = user.get(&format!("{path}?offset=99999999")).await;
    assert_eq!(past.body["code"], "InvalidRequest", "{:?}", past.body);
}

#[tokio::test]
async fn a_list_of_ten_thousand_runs_is_read_to_its_end() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let started = Timestamp::now();
    let statuses = ["SUCCEEDED", "SUCCEEDED", "FAILED", "ABORTED", "SUCCEEDED"];
    let mut all = BTreeMap::new();
    let items: Vec<HashMap<String, AttributeValue>> = (0..10_000)
        .map(|index| {
            let id = uuid::Uuid::now_v7().to_string();
            let (workflow, status) = (format!("w{}", index % 7), statuses[index % 5]);
            all.insert(id.clone(), (workflow.clone(), status));
            let texts = [
                ("list", keys::month_list(&id).unwrap()),
                ("statusList", keys::status_list(status, &id).unwrap()),
                ("listKey", id.clone()),
                ("workflowId", workflow),
                ("status", status.to_owned()),
                ("trigger", "api".to_owned()),
                ("startedAt", format!("{started:.3}")),
            ];
            let version = ("version".to_owned(), AttributeValue::N("1".to_owned()));
            texts
                .map(|(name, text)| (name.to_owned(), AttributeValue::S(text)))
                .into_iter()
                .chain([version])
                .chain(item_key(keys::run(&id)))
                .collect()
        })
        .collect();
    sandbox.write(items).await;
    let runs = sandbox.function("runs").await;
    let newest_first = |filter: &dyn Fn(&str, &str) -> bool| -> Vec<String> {
        all.iter()
            .rev()
            .filter(|(_, (workflow, status))| filter(workflow, status))
            .map(|(id, _)| id.clone())
            .collect()
    };
    for (query, expected) in [
        ("", newest_first(&|_, _| true)),
        (
            "&workflowId=w3",
            newest_first(&|workflow, _| workflow == "w3"),
        ),
        (
            "&status=ABORTED",
            newest_first(&|_, status| status == "ABORTED"),
        ),
        (
            "&workflowId=w6&status=FAILED",
            newest_first(&|workflow, status| workflow == "w6" && status == "FAILED"),
        ),
    ] {
        let mut listed = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/runs?limit=100{query}{cursor}");
            let page = runs.http(Method::GET, &path, None).await;
            assert_eq!(page.status, 200, "{:?}", page.body);
            listed.extend(list(&page.body["runs"]).iter().map(|run| text(&run["id"])));
            match page.body["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(listed.len(), expected.len(), "{query}");
        assert_eq!(listed, expected, "{query}");
    }
}
