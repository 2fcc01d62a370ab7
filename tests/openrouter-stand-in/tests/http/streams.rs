//! Streams: their events, faults and charges.

use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::{Desk, KEY, amount, events, streamed_text};

async fn text(desk: &Desk, prompt: &str) -> String {
    desk.stream(prompt).await.text().await.unwrap()
}

#[tokio::test]
async fn a_stream_brings_text_finish_usage_and_done() {
    let desk = Desk::open().await;
    let plain: Value = desk.say("[[repeat:500]]hi").await.json().await.unwrap();
    let response = desk.stream("[[repeat:500]]hi").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let id = response.headers()["x-generation-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let text = response.text().await.unwrap();
    assert!(text.ends_with("data: [DONE]\n\n"));
    let events = events(&text);
    assert!((14..=17).contains(&events.len()), "{}", events.len());
    assert!(events.iter().all(|event| event["id"] == id));
    assert!(
        events
            .iter()
            .all(|event| event["choices"][0]["delta"]["role"] == "assistant")
    );
    let whole = plain["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(streamed_text(&events), whole);
    let [.., finish, usage] = events.as_slice() else {
        panic!("too few events");
    };
    assert_eq!(finish["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["choices"][0]["finish_reason"], "stop");
    assert_eq!(usage["usage"], plain["usage"]);
    let row = desk.settled(|row| row["finished"] == true).await;
    assert_eq!(amount(&row["cost"]), amount(&usage["usage"]["cost"]));
    assert_eq!(row["cancelled"], false);
    assert_eq!(row["streamed"], true);
}

#[tokio::test]
async fn usage_has_had_three_shapes() {
    let desk = Desk::open().await;
    let last = async |name: &str| {
        let text = text(&desk, &format!("[[fault:{name}]]hi")).await;
        events(&text).pop().unwrap()
    };
    let usage = last("usage-choices-empty").await;
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["cost"].is_number());
    let usage = last("usage-old-shape").await;
    assert_eq!(usage["choices"][0]["finish_reason"], Value::Null);
    assert!(usage["usage"]["cost"].is_number());
    assert!(last("no-usage").await.get("usage").is_none());
}

#[tokio::test]
async fn a_stream_can_carry_an_error() {
    let desk = Desk::open().await;
    let text_of = async |name: &str| text(&desk, &format!("[[fault:{name}]]hi")).await;
    let text = text_of("stream-error-first").await;
    let first = events(&text);
    assert_eq!((first.len(), &first[0]["error"]["code"]), (1, &502.into()));
    for (name, done, code) in [
        ("stream-error-mid", true, json!(502)),
        ("stream-error-mid-no-done", false, json!(502)),
        ("error-code-word", true, json!("server_error")),
    ] {
        let text = text_of(name).await;
        assert_eq!(text.contains("[DONE]"), done, "{name}");
        let events = events(&text);
        assert!(!streamed_text(&events).is_empty(), "{name}");
        let last = events.last().unwrap();
        assert_eq!(last["error"]["code"], code, "{name}");
        assert_eq!(last["choices"][0]["finish_reason"], "error", "{name}");
    }
    let text = text_of("choice-error").await;
    let last = events(&text).pop().unwrap();
    assert_eq!(last["choices"][0]["error"]["code"], 502);
    let row = desk.settled(|row| row["finished"] == true).await;
    assert_eq!(row["cost"], "0");
    let body: Value = desk
        .stream("[[fault:error-in-200]]")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(body["error"]["code"], 502);
}

#[tokio::test]
async fn a_stream_can_end_early() {
    let desk = Desk::open().await;
    let text_of = async |name: &str| text(&desk, &format!("[[fault:{name}]]hi")).await;
    let text = text_of("stream-no-done").await;
    assert!(!text.contains("[DONE]"));
    assert!(events(&text).pop().unwrap()["usage"]["cost"].is_number());
    let text = text_of("truncated-json").await;
    let last = text.lines().last().unwrap().strip_prefix("data: ").unwrap();
    assert!(serde_json::from_str::<Value>(last).is_err());
    assert_eq!(text_of("empty-body").await, "");
    let mut cut = desk.stream("[[fault:stream-cut]]hi").await;
    let mut got = String::new();
    let end = loop {
        match cut.chunk().await {
            Ok(Some(bytes)) => got.push_str(&String::from_utf8_lossy(&bytes)),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(end.is_err());
    assert!(!streamed_text(&events(&got)).is_empty());
    let row = desk.settled(|row| row["finished"] == true).await;
    assert_eq!(
        (&row["fault"], &row["cancelled"]),
        (&"stream-cut".into(), &false.into())
    );
    assert!(amount(&row["cost"]) > 0.into());
}

#[tokio::test]
async fn the_wire_can_be_rough() {
    let desk = Desk::open().await;
    let comments = text(&desk, "[[fault:comments]]hi").await;
    assert!(comments.starts_with(": OPENROUTER PROCESSING\n\ndata: {"));
    assert!(comments.matches(": OPENROUTER PROCESSING\n\n").count() > 10);
    let crlf = text(&desk, "[[fault:crlf]]hi").await;
    assert!(crlf.ends_with("data: [DONE]\r\n\r\n"));
    assert_eq!(crlf.matches('\n').count(), crlf.matches("\r\n").count());
    let mut split = desk.stream("[[fault:utf8-split]]hi").await;
    let mut all = Vec::new();
    let mut torn = 0;
    while let Some(bytes) = split.chunk().await.unwrap() {
        torn += usize::from(std::str::from_utf8(&bytes).is_err());
        all.extend_from_slice(&bytes);
    }
    assert!(torn > 0, "no piece ended inside a character");
    let all = String::from_utf8(all).unwrap();
    assert!(streamed_text(&events(&all)).starts_with("Grüße an 世界 🌍"));
}

#[tokio::test]
async fn reasoning_refusals_and_tool_calls_stream() {
    let desk = Desk::open().await;
    let reasoning = events(&text(&desk, "[[fault:reasoning-only]]hi").await);
    assert!(reasoning[0]["choices"][0]["delta"]["reasoning"].is_string());
    assert_eq!(streamed_text(&reasoning), "");
    let refusal = events(&text(&desk, "[[fault:refusal]]hi").await);
    assert!(refusal[0]["choices"][0]["delta"]["refusal"].is_string());
    let tools = events(&text(&desk, "[[fault:tool-calls]]hi").await);
    let arguments: String = tools
        .iter()
        .filter_map(|event| {
            event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
        })
        .collect();
    assert!(
        serde_json::from_str::<Value>(&arguments)
            .unwrap()
            .is_object()
    );
}

#[tokio::test]
async fn a_client_that_leaves_pays_for_what_it_got() {
    let desk = Desk::open().await;
    let mut stream = desk
        .stream("[[fault:slow-body(ms=30)]][[repeat:4000]]hi")
        .await;
    let first = stream.chunk().await.unwrap().unwrap();
    assert!(!first.is_empty());
    drop(stream);
    let row = desk.settled(|row| row["cancelled"] == true).await;
    let sent = row["completionTokens"].as_u64().unwrap();
    assert!((1..1000).contains(&sent), "{sent}");
    let prompt = row["promptTokens"].as_u64().unwrap();
    let exact = rust_decimal::Decimal::new(15, 8) * rust_decimal::Decimal::from(prompt)
        + rust_decimal::Decimal::new(60, 8) * rust_decimal::Decimal::from(sent);
    assert_eq!(amount(&row["cost"]), exact);
    let path = format!("/api/v1/generation?id={}", row["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(desk.get_with(&path, KEY).await.status(), 404);
    }
    assert_eq!(desk.get(&path).await["data"]["cancelled"], true);
}

#[tokio::test]
async fn a_stalled_stream_says_nothing() {
    let desk = Desk::open().await;
    let mut stream = desk
        .stream("[[fault:stall(after=2)]][[repeat:900]]hi")
        .await;
    let mut got = String::new();
    while let Ok(Ok(Some(bytes))) =
        tokio::time::timeout(Duration::from_millis(200), stream.chunk()).await
    {
        got.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert_eq!(events(&got).len(), 2);
    let row = desk.ledger().await.pop().unwrap();
    assert_eq!(row["finished"], false);
    drop(stream);
    desk.settled(|row| row["cancelled"] == true).await;
}

#[tokio::test]
async fn a_character_comes_in_two_halves() {
    let desk = Desk::open().await;
    let text = text(&desk, "[[echo]][[fault:half-characters]]a😀é").await;
    let contents: Vec<&str> = text
        .split("\"content\":\"")
        .filter_map(|rest| rest.split('"').next())
        .filter(|content| content.starts_with('\\'))
        .collect();
    assert_eq!(contents, [r"\u0061", r"\ud83d", r"\ude00", r"\u00e9"]);
    let row = desk.settled(|row| row["finished"] == true).await;
    assert_eq!(row["completionTokens"], 1);
}

#[tokio::test]
async fn a_garbled_event_comes_between_the_others() {
    let desk = Desk::open().await;
    let said = text(&desk, "[[fault:garbled-event]]hi").await;
    let garbled = "data: {\"choices\":[{\"delta\":\n\n";
    let others = said.replacen(garbled, "", 1);
    assert_ne!(said, others);
    let events = events(&others);
    assert!(streamed_text(&events).contains("user=\"hi\""));
    assert!(events.last().unwrap()["usage"]["cost"].is_number());
}

#[tokio::test]
async fn an_unfinished_answer_has_no_finish_reason_and_no_usage_and_is_charged() {
    let desk = Desk::open().await;
    let said = text(&desk, "[[fault:unfinished]]hi").await;
    assert!(said.ends_with("data: [DONE]\n\n"));
    let events = events(&said);
    let last = events.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], Value::Null);
    assert_eq!(
        last["choices"][0]["native_finish_reason"],
        json!("network_error")
    );
    assert!(events.iter().all(|event| event.get("usage").is_none()));
    assert!(!streamed_text(&events).is_empty());
    let row = desk.settled(|row| row["finished"] == true).await;
    assert!(amount(&row["cost"]) > rust_decimal::Decimal::ZERO);
}
