//! No key in any log, table item, run record or answer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use end_to_end::{User, aws, table, text};
use serde_json::json;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn a_key_is_nowhere_but_in_secrets_manager() {
    let user = User::new("good");
    let mut answers = String::new();
    // A body of the wrong shape is the likeliest place for an error to repeat the key.
    for body in [
        json!(user.key),
        json!({"name": user.name, "apiKey": [user.key]}),
        json!({"name": user.name, "provider": user.key, "apiKey": user.key}),
        json!({"name": user.name, (user.key.as_str()): 1}),
    ] {
        let answer = user.post("/credentials", &body).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        answers.push_str(&answer.body.to_string());
    }
    let id = user.store_credential().await;
    let good = user
        .run(
            json!([{"variableName": "x", "userPrompt": "hi"}]),
            json!({}),
        )
        .await;
    assert_eq!(good["status"], "SUCCEEDED");
    user.stand_in_post("keys", &json!({"key": user.key, "state": "revoked"}))
        .await;
    let bad = user
        .run(
            json!([{"variableName": "x", "userPrompt": "hi"}]),
            json!({}),
        )
        .await;
    assert_eq!(bad["status"], "FAILED");
    for path in [
        "/credentials".to_owned(),
        format!("/credentials/{id}"),
        "/runs".to_owned(),
        format!("/runs/{}", text(&bad["id"])),
        format!("/runs/{}/nodes/x", text(&good["id"])),
    ] {
        answers.push_str(&user.get(&path).await.body.to_string());
    }
    assert!(!answers.contains(&user.key), "in an answer");
    let secret_part = &user.key[user.key.len() - 24..];
    assert!(!answers.contains(secret_part), "a part of it in an answer");

    let items = aws_sdk_dynamodb::Client::new(&aws().await)
        .scan()
        .table_name(table())
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .expect("the table can be read");
    assert!(!items.is_empty());
    assert!(!format!("{items:?}").contains(secret_part), "in the table");

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let functions = Command::new(root.join("infra/local/stack.py"))
        .arg("logs")
        .output()
        .expect("the functions' logs can be read");
    let functions = String::from_utf8_lossy(&functions.stdout);
    assert!(
        functions.contains(&text(&good["id"])),
        "the run's log is among them"
    );
    assert!(!functions.contains(secret_part), "in a function's log");

    let logs = root
        .join(env::var("LOCAL_DIR").unwrap_or_else(|_| ".local".to_owned()))
        .join("logs");
    let mut found = Vec::new();
    files(&logs, &mut found);
    assert!(!found.is_empty(), "there are logs in {}", logs.display());
    for file in found {
        let log = fs::read(&file).unwrap();
        let log = String::from_utf8_lossy(&log);
        assert!(!log.contains(secret_part), "in {}", file.display());
    }
}
