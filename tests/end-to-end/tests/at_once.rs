//! What several do at the same moment: changes of one schedule, and callers who wait for the end of their runs.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use end_to_end::{Sandbox, User, aws, table, text};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use tokio::time::Instant;

#[tokio::test]
async fn changes_of_one_schedule_at_once_are_all_made() {
    let user = User::new("good");
    let nodes = json!([{"type": "set", "variableName": "x", "value": "y"}]);
    let workflow = user.workflow(nodes).await;
    let path = format!("/workflows/{workflow}/schedules/often");
    for _ in 0..3 {
        let put = user.put(&path, &json!({"expression": "rate(1 day)"})).await;
        assert!(put.status.is_success(), "{:?}", put.body);
        let changes = [
            json!({"window": 7}),
            json!({"overlap": "skip"}),
            json!({"timezone": "Europe/Berlin"}),
            json!({"input": {"topic": "tea"}}),
            json!({"enabled": false}),
        ];
        let changed = changes
            .iter()
            .map(|change| user.call(Method::PATCH, &path, Some(change)));
        for answer in join_all(changed).await {
            assert_eq!(answer.status, 200, "{:?}", answer.body);
        }
        let kept = user.get(&path).await.body;
        for change in &changes {
            for (field, value) in change.as_object().unwrap() {
                assert_eq!(&kept[field], value, "{kept:#}");
            }
        }
    }
}

#[tokio::test]
async fn those_who_wait_leave_functions_free_for_those_who_start() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let document = json!({"name": "w", "nodes": [
        {"id": "x", "variableName": "x", "type": "set", "value": "y"},
    ]});
    let none = BTreeSet::new();
    let workflows = sandbox.store.workflows();
    let document = document.to_string();
    let put = workflows.put("w", "w", &document, &none, &none, Timestamp::now());
    put.await.unwrap();
    // The runs of this sandbox never end.
    assert!(sandbox.executions().is_empty());
    let function = sandbox.function("start-run").await;
    let start = async || {
        let began = Instant::now();
        let path = "/workflows/w/runs?wait=4";
        let started = function.http(Method::POST, path, None).await;
        assert_eq!(started.status, 202, "{:?}", started.body);
        assert_eq!(started.body["status"], "RUNNING");
        assert!(text(&started.body["id"]).len() > 30);
        began.elapsed()
    };
    let at_least = Duration::from_secs(2);
    assert!(start().await > at_least, "it waits");
    // As many wait as may: the sandbox's functions are told of two places.
    let locks = sandbox.store.locks();
    let now = Timestamp::now();
    let until = now + SignedDuration::from_secs(60);
    let mut places = Vec::new();
    for _ in 0..2 {
        places.push(locks.waiting_place(2, now, until).await.unwrap().unwrap());
    }
    assert!(locks.waiting_place(2, now, until).await.unwrap().is_none());
    assert!(start().await < at_least, "it is answered at once");
    // A place is free again, also where its owner has died.
    locks.give_back(places.remove(0)).await.unwrap();
    assert!(start().await > at_least);
    let later = until + SignedDuration::from_secs(1);
    let next = until + SignedDuration::from_secs(60);
    for _ in 0..2 {
        assert!(locks.waiting_place(2, later, next).await.unwrap().is_some());
    }
    assert!(locks.waiting_place(0, later, next).await.unwrap().is_none());
}

#[tokio::test]
async fn a_rerun_that_is_asked_for_again_copies_no_answers() {
    let user = User::new("good");
    let workflow = user
        .workflow(json!([
            {"type": "set", "variableName": "x", "value": "y"},
            {"type": "set", "variableName": "z", "value": "{{x}}"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.ended(&run).await;
    let path = format!("/runs/{run}/rerun");
    let key = [("idempotency-key".to_owned(), user.name.clone())];
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        let body = b"{\"from\": \"z\"}";
        let rerun = user.deliver_with_token(&path, &key, body).await;
        assert_eq!(rerun.status, 202, "{:?}", rerun.body);
        ids.insert(text(&rerun.body["id"]));
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(whole_items(&run, "reusedFrom").await, 1);
}

/// How many items of the table have this text in this attribute.
async fn whole_items(of: &str, name: &str) -> usize {
    let found = aws_sdk_dynamodb::Client::new(&aws().await)
        .scan()
        .table_name(table())
        .filter_expression("#name = :text")
        .expression_attribute_names("#name", name)
        .expression_attribute_values(":text", AttributeValue::S(of.to_owned()))
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .expect("the table can be read");
    found.len()
}
