//! A `set` node makes a variable from templates, without a call and at no cost.

use end_to_end::{User, decimal, list, node, text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

#[tokio::test]
async fn the_example_makes_a_mail_of_two_answers_with_two_calls() {
    let user = User::with_credential().await;
    let example = include_str!("../../../infra/examples/workflows/mail.yaml");
    let example = example.replace("credential: main", &format!("credential: {}", user.name));
    let document: Value = yaml_serde::from_str(&example).unwrap();
    let workflow = user.workflow_with(document).await;
    let run = user.trigger(&workflow, &json!({"topic": "tea"})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let news = text(&node(&run, "news")["output"]["text"]);
    let headline = text(&node(&run, "headline")["output"]["text"]);
    let mail = &run["output"]["mail"];
    assert_eq!(mail["subject"], format!("tea: {headline}"));
    assert_eq!(mail["body"], format!("{headline}\n\n{news}"));
    assert_eq!(list(&mail["costUsd"]).len(), 2);
    let set = node(&run, "mail");
    assert_eq!(decimal(&set["costUsd"]), Decimal::ZERO);
    assert_eq!(user.ledger().await.len(), 2);
}
