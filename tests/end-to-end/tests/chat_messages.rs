//! Conversations: several messages in one call, over several nodes, with images, files and sound from addresses and from nodes
//! that keep files. What a model draws or says is kept, and later nodes send it on.

use end_to_end::{User, list, node, text};
use serde_json::{Value, json};

use crate::http_nodes::page::Page;

#[tokio::test]
async fn messages_stand_in_place_of_the_prompts() {
    let user = User::with_credential().await;
    let marker = format!("few-shot {}", user.name);
    let run = user
        .run(
            json!([{"variableName": "x", "messages": [
                {"role": "system", "content": "Answer in one word. {{hint}}"},
                {"role": "user", "content": "2 + 2?"},
                {"role": "assistant", "content": "four"},
                {"role": "user", "content": format!("[[echo]]{marker} {{{{question}}}}")},
            ]}]),
            json!({"question": "3 + 3?", "hint": ""}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let sent = user.bodies_with(&marker).await;
    assert_eq!(
        sent[0]["messages"],
        json!([
            {"role": "system", "content": "Answer in one word. "},
            {"role": "user", "content": "2 + 2?"},
            {"role": "assistant", "content": "four"},
            {"role": "user", "content": format!("[[echo]]{marker} 3 + 3?")},
        ])
    );
    assert!(
        node(&run, "x")["output"]["conversation"].is_null(),
        "nobody goes on with it"
    );
}

#[tokio::test]
async fn a_conversation_goes_on_over_three_nodes_with_an_image() {
    let user = User::with_credential().await;
    let page = Page::new().await;
    let marker = format!("about the picture {}", user.name);
    let run = user
        .run(
            json!([
                {"type": "http", "variableName": "photo", "url": page.url("/binary"), "as": "file"},
                {"variableName": "first", "messages": [
                    {"role": "system", "content": "You look closely."},
                    {"role": "user", "content": [
                        {"text": format!("[[echo]]{marker}")},
                        {"image": "{{photo.data}}", "detail": "low"},
                    ]},
                ]},
                {"variableName": "second", "continue": "first", "userPrompt": "[[echo]]and the colour?"},
                {"variableName": "third", "continue": "second", "messages": [
                    {"role": "user", "content": "[[echo]]and the size?"},
                ]},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    assert_eq!(node(&run, "third")["output"]["text"], "and the size?");
    let sent = user.bodies_with(&marker).await;
    assert_eq!(sent.len(), 3);
    let last = list(&sent[2]["messages"]);
    let said: Vec<&Value> = last.iter().map(|message| &message["content"]).collect();
    assert_eq!(said[0], "You look closely.");
    assert_eq!(said[2], &json!(marker), "{last:#?}");
    assert_eq!(said[3], "[[echo]]and the colour?");
    assert_eq!(said[4], "and the colour?");
    assert_eq!(said[5], "[[echo]]and the size?");
    let image = &said[1][1]["image_url"];
    assert_eq!(image["detail"], "low");
    assert!(text(&image["url"]).starts_with("data:"), "{image}");
    // What is kept names the file, and does not hold it.
    let kept = node(&run, "second")["output"]["conversation"].to_string();
    assert!(
        kept.contains("kept-file:") && !kept.contains("base64"),
        "{kept}"
    );
}

#[tokio::test]
async fn a_file_is_read_once_and_what_it_said_is_sent_again() {
    let user = User::with_credential().await;
    let marker = format!("a report {}", user.name);
    let run = user
        .run(
            json!([
                {"variableName": "first", "messages": [{"role": "user", "content": [
                    {"text": marker}, {"file": "https://example.org/report.pdf"},
                ]}]},
                {"variableName": "second", "continue": "first", "userPrompt": "and the end?"},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let read = &node(&run, "first")["output"]["annotations"];
    assert_eq!(read[0]["file"]["name"], "report.pdf", "{read}");
    let sent = user.bodies_with(&marker).await;
    assert_eq!(sent[1]["messages"][1]["annotations"], *read);
    assert!(
        node(&run, "second")["output"]["annotations"].is_null(),
        "it was not read again"
    );
}

#[tokio::test]
async fn what_a_model_draws_and_says_is_kept_and_sent_on() {
    let user = User::with_credential().await;
    let marker = format!("look at {}", user.name);
    let run = user
        .run(
            json!([
                {"variableName": "drawing", "userPrompt": "draw and say", "modalities": ["text", "image", "audio"], "audio": {"voice": "alloy", "format": "mp3"}},
                {"variableName": "seen", "messages": [{"role": "user", "content": [
                    {"text": marker}, {"image": "{{drawing.images.0}}"}, {"audio": "{{drawing.audio}}"},
                ]}]},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let drawing = &node(&run, "drawing")["output"];
    let image = &drawing["images"][0];
    assert_eq!(image["contentType"], "image/png", "{drawing:#}");
    assert!(
        image["bytes"].as_u64().unwrap() > 50 && text(&image["key"]).starts_with("runs/"),
        "{image}"
    );
    let range = Some(("range", "bytes=0-99999"));
    let read = user.get_bytes(&text(&image["at"]), range).await;
    let read = read.bytes().await.unwrap();
    assert!(read.starts_with(b"\x89PNG"), "{read:?}");
    assert_eq!(drawing["audio"]["contentType"], "audio/mpeg");
    assert!(text(&drawing["audio"]["transcript"]).contains("draw and say"));
    let sent = user.bodies_with(&marker).await;
    let parts = &sent[0]["messages"][0]["content"];
    assert!(
        text(&parts[1]["image_url"]["url"]).starts_with("data:image/png;base64,iVBOR"),
        "{parts}"
    );
    assert_eq!(parts[2]["input_audio"]["format"], "mp3");
    assert!(
        !text(&parts[2]["input_audio"]["data"]).contains(':'),
        "{parts}"
    );
}

#[tokio::test]
async fn a_file_of_another_run_is_not_sent() {
    let user = User::with_credential().await;
    let page = Page::new().await;
    let other = user
        .run(
            json!([{"type": "http", "variableName": "photo", "url": page.url("/binary"), "as": "file"}]),
            json!({}),
        )
        .await;
    let file = node(&other, "photo")["output"]["data"].clone();
    let nodes = json!([{"variableName": "x", "messages": [{"role": "user", "content": [
        {"text": "look"}, {"image": "{{image}}"},
    ]}]}]);
    for (image, code) in [
        (file, "FileNotFound"),
        (
            json!({"bucket": "b", "key": "runs/x/y.1.file"}),
            "FileNotFound",
        ),
        (json!("file:///etc/passwd"), "MediaUnusable"),
    ] {
        let run = user.run(nodes.clone(), json!({"image": image})).await;
        assert_eq!(run["error"]["code"], code, "{run:#}");
    }
    assert_eq!(user.ledger().await.len(), 0);
}

#[tokio::test]
async fn the_examples_of_the_page_run() {
    let user = User::with_credential().await;
    let page = Page::new().await;
    let docs = include_str!("../../../docs/openrouter-node.md");
    for (example, input, shown) in [
        (
            include_str!("../../../infra/examples/workflows/ticket.yaml"),
            json!({"mail": "[[json:{\"subject\": \"parcel\", \"urgent\": true}]]"}),
            ("line", "parcel (urgent)"),
        ),
        (
            include_str!("../../../infra/examples/workflows/picture-talk.yaml"),
            json!({"url": page.url("/binary")}),
            ("caption", "Write a caption of one line."),
        ),
        (
            include_str!("../../../infra/examples/workflows/careful-answer.yaml"),
            json!({"rules": "Be kind.", "question": "May I?"}),
            ("answer", "May I?"),
        ),
    ] {
        assert!(docs.contains(example), "{example}");
        let document = example.replace("credential: main", &format!("credential: {}", user.name));
        let document: Value = yaml_serde::from_str(&document).unwrap();
        let workflow = user.workflow_with(document).await;
        let run = user.trigger(&workflow, &input).await;
        let run = user.ended(&run).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        let output = run["output"][shown.0].to_string();
        assert!(output.contains(shown.1), "{output}");
    }
}

#[tokio::test]
async fn what_was_corrected_is_no_part_of_the_conversation() {
    let user = User::with_credential().await;
    let marker = format!("how old, {}", user.name);
    let schema =
        json!({"type": "object", "required": ["age"], "properties": {"age": {"type": "integer"}}});
    let run = user
        .run(
            json!([
                {
                    "variableName": "first", "userPrompt": format!("[[json:{{\"age\": \"old\"}}]] {marker}"),
                    "responseFormat": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
                },
                {"variableName": "second", "continue": "first", "userPrompt": "And then?"},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let sent = user.bodies_with(&marker).await;
    let roles: Vec<&Value> = list(&sent[2]["messages"])
        .iter()
        .map(|message| &message["role"])
        .collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(sent[2]["messages"][2]["content"], "{\"age\":1}");
}
