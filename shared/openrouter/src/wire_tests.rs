//! The client against a server that sends exact bytes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use steps_key::ApiKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::*;

const KEY: &str = "sk-or-v1-0123456789abcdefSECRET";

/// One step of a scripted answer.
enum Step {
    Send(Vec<u8>),
    Pause(u64),
    /// Goes on until the client hangs up.
    Hang,
}

fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// A server that answers each connection with the next script, and keeps what it was asked.
struct Server {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn serve(scripts: Vec<Vec<Step>>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/v1/", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    tokio::spawn(async move {
        for script in scripts {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = read_request(&mut socket).await;
            log.lock().unwrap().push(request);
            for step in script {
                match step {
                    Step::Send(bytes) => {
                        if socket.write_all(&bytes).await.is_err() {
                            break;
                        }
                        socket.flush().await.unwrap();
                    }
                    Step::Pause(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
                    Step::Hang => {
                        let mut end = [0; 64];
                        while matches!(socket.read(&mut end).await, Ok(n) if n > 0) {}
                    }
                }
            }
        }
    });
    Server { base, asked }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let n = socket.read(&mut piece).await.unwrap();
        bytes.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse::<usize>().unwrap())
                })
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        assert!(n > 0, "the request ended early");
    }
}

/// A whole answer whose body ends with the connection.
fn answer(status: u16, headers: &str, body: &str) -> Vec<Step> {
    vec![send(&format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}\r\n{body}"
    ))]
}

const SSE: &str = "Content-Type: text/event-stream\r\nX-Generation-Id: gen-1-h\r\n";
const JSON: &str = "Content-Type: application/json\r\nX-Generation-Id: gen-1-h\r\n";

fn quick() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(2),
        first_byte: Duration::from_secs(5),
        first_token: Duration::from_secs(5),
        idle: Duration::from_secs(5),
        total: Duration::from_secs(8),
    }
}

async fn ask(server: &Server, timeouts: &Timeouts) -> Result<Completion, Failure> {
    let client = Client::new(&server.base, App::default()).unwrap();
    let key = ApiKey::parse(KEY).unwrap();
    let request = ChatRequest::new("a/b").user("Hi").max_tokens(100);
    let outcome = match client.chat(&key, &request, timeouts).await {
        Ok(call) => call.finish().await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = &outcome {
        let problem = steps_problem::Problem::from(failure);
        let shown = format!("{failure:?} {failure} {problem:?} {client:?}");
        assert!(!shown.contains("SECRET"), "{shown}");
    }
    outcome
}

async fn chat(script: Vec<Step>) -> Result<Completion, Failure> {
    ask(&serve(vec![script]).await, &quick()).await
}

async fn stream(body: &str) -> Result<Completion, Failure> {
    chat(answer(200, SSE, body)).await
}

async fn plain(body: &str) -> Result<Completion, Failure> {
    chat(answer(200, JSON, body)).await
}

fn chunk(fields: &str) -> String {
    format!(
        "data: {{\"id\":\"gen-1-b\",\"object\":\"chat.completion.chunk\",\"model\":\"a/b-2026\",\"provider\":\"P\",{fields}}}\n\n"
    )
}

fn delta(delta: &str, finish: &str) -> String {
    chunk(&format!(
        "\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",{delta}}},\"finish_reason\":{finish},\"native_finish_reason\":{finish}}}]"
    ))
}

fn text(content: &str) -> String {
    delta(&format!("\"content\":\"{content}\""), "null")
}

const USAGE: &str = "\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":3,\"total_tokens\":11,\"cost\":0.0000057915,\"prompt_tokens_details\":{\"cached_tokens\":2},\"completion_tokens_details\":{\"reasoning_tokens\":1}}";
const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn usage_comes_in_three_shapes() {
    let stop = delta("\"content\":\"\"", "\"stop\"");
    for usage in [
        chunk(&format!(
            "\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"\"}},\"finish_reason\":\"stop\"}}],{USAGE}"
        )),
        chunk(&format!("\"choices\":[],{USAGE}")),
        chunk(&format!(
            "\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"\"}},\"finish_reason\":null}}],{USAGE}"
        )),
    ] {
        for end in [DONE, ""] {
            let body = format!(
                ": OPENROUTER PROCESSING\n\n{}: OPENROUTER PROCESSING\n\n{}{stop}{usage}{end}",
                text("Hé"),
                text("llo")
            );
            let done = stream(&body).await.unwrap();
            assert_eq!(done.text, "Héllo");
            assert_eq!(done.generation_id.as_deref(), Some("gen-1-h"));
            assert_eq!(done.model, "a/b-2026");
            assert_eq!(done.provider.as_deref(), Some("P"));
            assert_eq!(done.finish_reason.as_deref(), Some("stop"));
            assert_eq!(done.cost_usd.unwrap().to_string(), "0.0000057915");
            assert_eq!(
                done.usage,
                Usage {
                    prompt_tokens: 8,
                    completion_tokens: 3,
                    total_tokens: 11,
                    reasoning_tokens: 1,
                    cached_tokens: 2,
                    ..Usage::default()
                }
            );
        }
    }
}

#[tokio::test]
async fn bytes_may_be_split_anywhere_and_lines_may_end_with_crlf() {
    let body = format!(
        "{}{}{DONE}",
        text("né→😀"),
        delta("\"content\":\"!\"", "\"stop\"")
    )
    .replace('\n', "\r\n");
    let mut script = answer(200, SSE, ": wait\r\n\r\n");
    for byte in body.as_bytes().chunks(1) {
        script.push(Step::Send(byte.to_vec()));
        if !byte[0].is_ascii() {
            script.push(Step::Pause(2));
        }
    }
    assert_eq!(chat(script).await.unwrap().text, "né→😀!");
}

#[tokio::test]
async fn an_error_in_the_stream_keeps_what_had_come() {
    let error = chunk(&format!(
        "\"error\":{{\"code\":502,\"message\":\"Network connection lost.\",\"metadata\":{{\"error_type\":\"provider_unavailable\"}}}},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"\"}},\"finish_reason\":\"error\"}}],{USAGE}"
    ));
    for (start, end, partial) in [
        (text("so far"), DONE, "so far"),
        (text("so far"), "", "so far"),
        (String::new(), "", ""),
    ] {
        let failure = stream(&format!("{start}{error}{end}")).await.unwrap_err();
        assert_eq!(failure.error.code(), "ProviderError");
        assert_eq!(
            failure.error.upstream().unwrap().message,
            "Network connection lost."
        );
        assert_eq!(failure.error.provider(), Some("P"));
        assert_eq!(failure.partial_text, partial);
        assert_eq!(failure.generation_id.as_deref(), Some("gen-1-h"));
        assert_eq!(failure.cost_usd.unwrap().to_string(), "0.0000057915");
        assert_eq!(failure.usage.unwrap().total_tokens, 11);
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_cut() {
    for end in [
        "",
        "data: {\"id\":\"gen-1",
        "data: {\"id\":\"gen-1-b\",\"cho\n\n",
    ] {
        let failure = stream(&format!("{}{end}", text("part"))).await.unwrap_err();
        assert_eq!(failure.error.code(), "StreamCut", "{end}");
        assert_eq!(failure.partial_text, "part");
        assert!(failure.error.retryable());
    }
    assert_eq!(stream("").await.unwrap_err().error.code(), "StreamCut");
    // A chunked body that breaks off.
    let broken = vec![send(&format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{SSE}\r\nff\r\ndata: "
    ))];
    assert_eq!(chat(broken).await.unwrap_err().error.code(), "StreamCut");
}

#[tokio::test]
async fn what_follows_the_finish_reason_may_break() {
    let body = format!(
        "{}data: {{\"usage\":{{\"co",
        delta("\"content\":\"all\"", "\"stop\"")
    );
    let done = stream(&body).await.unwrap();
    assert_eq!((done.text.as_str(), done.cost_usd), ("all", None));
}

#[tokio::test]
async fn an_event_that_is_no_json_fails_where_nothing_else_tells_that_the_answer_is_whole() {
    let oops = "data: <oops>\n\n";
    for (body, partial) in [
        (
            format!("{}{oops}{}", text("part"), text("more")),
            "partmore",
        ),
        (
            format!("{}{oops}{}{DONE}", text("part"), text("more")),
            "partmore",
        ),
        (format!("{oops}{oops}"), ""),
        (format!("{oops}{DONE}"), ""),
    ] {
        let failure = stream(&body).await.unwrap_err();
        assert_eq!(failure.error.code(), "UnexpectedAnswer", "{body}");
        assert_eq!(failure.partial_text, partial, "{body}");
    }
}

#[tokio::test]
async fn an_event_that_is_no_json_costs_itself_alone_where_the_answer_ends_well() {
    let oops = "data: {\"choices\":[{\"delta\":{\"content\":\"\\x\"}}]}\n\n";
    let stop = delta("\"content\":\"\"", "\"stop\"");
    let usage = chunk(&format!("\"choices\":[],{USAGE}"));
    for (body, cost) in [
        (
            format!("{}{oops}{}{stop}{usage}{DONE}", text("a"), text("b")),
            true,
        ),
        (
            format!("{}{}{stop}{oops}{usage}{DONE}", text("a"), text("b")),
            true,
        ),
        (format!("{oops}{}{stop}{usage}", text("ab")), true),
        // The finish reason, or the usage, was what could not be read.
        (format!("{}{oops}{usage}{DONE}", text("ab")), true),
        (format!("{}{stop}{oops}{DONE}", text("ab")), false),
    ] {
        let done = stream(&body).await.unwrap();
        assert_eq!(done.text, "ab", "{body}");
        assert_eq!(done.cost_usd.is_some(), cost, "{body}");
    }
}

#[tokio::test]
async fn halves_of_a_character_are_joined_in_every_text() {
    let tool = |arguments: &str| {
        format!(
            r#""tool_calls":[{{"index":0,"id":"c","function":{{"name":"f","arguments":"{arguments}"}}}}]"#
        )
    };
    let body = [
        delta(r#""content":"a\ud83d""#, "null"),
        // A half of another text does not come between.
        delta(r#""content":"","reasoning":"b\uD83D""#, "null"),
        delta(r#""content":"\ude00","refusal":"\ud83d""#, "null"),
        delta(r#""reasoning":"\uDE00","refusal":"\ude00c""#, "null"),
        // What is no half: whole pairs, and an escaped backslash.
        delta(r#""content":" \ud83d\ude00 \\ud83d 😀""#, "null"),
        delta(&tool(r#"{\"x\":\"\ud83d"#), "null"),
        delta(&tool(r#"\ude00\"}"#), "null"),
        // The other half never comes.
        delta(r#""content":"!\ud83d""#, "\"stop\""),
        chunk(&format!("\"choices\":[],{USAGE}")),
        DONE.to_owned(),
    ]
    .concat();
    let done = stream(&body).await.unwrap();
    assert_eq!(done.text, "a😀 😀 \\ud83d 😀!\u{fffd}");
    assert_eq!(done.reasoning.as_deref(), Some("b😀"));
    assert_eq!(done.refusal.as_deref(), Some("😀c"));
    let arguments = &done.tool_calls[0]["function"]["arguments"];
    assert_eq!(arguments, r#"{"x":"😀"}"#);
    assert_eq!(done.cost_usd.unwrap().to_string(), "0.0000057915");
}

#[tokio::test]
async fn halves_of_a_character_are_read_in_plain_answers_and_errors_too() {
    let done = plain(
        r#"{"choices":[{"message":{"content":"cut \ud83d","annotations":[{"t":"\ude00"}]},"finish_reason":"length"}]}"#,
    )
    .await
    .unwrap();
    assert_eq!(done.text, "cut \u{fffd}");
    assert_eq!(done.annotations[0]["t"], "\u{fffd}");
    let failure = stream(&text(r"part\ud83d")).await.unwrap_err();
    assert_eq!(failure.partial_text, "part\u{fffd}");
    let body = r#"{"error":{"code":403,"message":"x requires moderation","metadata":{"reasons":["violence"],"flagged_input":"\ud83d"}}}"#;
    let failure = chat(answer(403, JSON, body)).await.unwrap_err();
    assert_eq!(failure.error.code(), "ContentModerated");
}

#[tokio::test]
async fn an_answer_that_nobody_finished_is_cut() {
    let native = |native: &str| {
        chunk(&format!(
            r#""choices":[{{"index":0,"delta":{{"content":""}},"finish_reason":null,"native_finish_reason":{native}}}]"#
        ))
    };
    let usage = chunk(&format!("\"choices\":[],{USAGE}"));
    for body in [
        format!("{}{}{DONE}", text("half"), native("\"network_error\"")),
        format!("{}{}{DONE}", text("half"), native("null")),
        format!("{}{DONE}", text("half")),
        // The connection failed, and what had come was charged.
        format!(
            "{}{}{usage}{DONE}",
            text("half"),
            native("\"network_error\"")
        ),
    ] {
        let failure = stream(&body).await.unwrap_err();
        assert_eq!(failure.error.code(), "StreamCut", "{body}");
        assert_eq!(failure.partial_text, "half");
        assert!(failure.error.retryable());
    }
    let failure = plain(
        r#"{"choices":[{"finish_reason":null,"native_finish_reason":"network_error","message":{"content":"half"}}]}"#,
    )
    .await
    .unwrap_err();
    assert_eq!(failure.error.code(), "StreamCut");
    // One of the two is enough; a plain answer is whole once it can be read.
    for body in [
        format!(
            "{}{}{DONE}",
            text("all"),
            delta("\"content\":\"\"", "\"stop\"")
        ),
        format!("{}{usage}{DONE}", text("all")),
    ] {
        assert_eq!(stream(&body).await.unwrap().text, "all");
    }
    let done = plain(r#"{"choices":[{"message":{"content":"all"}}]}"#).await;
    assert_eq!(done.unwrap().text, "all");
}

#[tokio::test]
async fn all_that_a_call_used_is_kept() {
    let usage = r#""usage":{"prompt_tokens":8.0,"completion_tokens":3,"total_tokens":11,"cost":0.001,"is_byok":true,
        "prompt_tokens_details":{"cached_tokens":2,"cache_write_tokens":3,"audio_tokens":4,"video_tokens":5.0},
        "completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":6},
        "cost_details":{"upstream_inference_cost":0.0201,"server_tool_cost":7e-3},
        "server_tool_use_details":{"web_search_requests":2,"tool_calls_requested":4,"tool_calls_executed":3}}"#
        .replace('\n', "");
    let full = Usage {
        prompt_tokens: 8,
        completion_tokens: 3,
        total_tokens: 11,
        reasoning_tokens: 1,
        cached_tokens: 2,
        cache_write_tokens: 3,
        audio_tokens: 4,
        audio_output_tokens: 6,
        video_tokens: 5,
        web_search_requests: 2,
        tool_calls_requested: 4,
        tool_calls_executed: 3,
        server_tool_cost_usd: "0.007".parse().unwrap(),
        upstream_cost_usd: "0.0201".parse().unwrap(),
        is_byok: true,
        service_tier: Some("flex".to_owned()),
        ..Usage::default()
    };
    let streamed = format!(
        "{}{}{DONE}",
        chunk(
            r#""service_tier":null,"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]"#
        ),
        chunk(&format!(r#""service_tier":"flex","choices":[],{usage}"#)),
    );
    assert_eq!(stream(&streamed).await.unwrap().usage, full);
    let choices =
        r#""service_tier":"flex","choices":[{"finish_reason":"stop","message":{"content":"Hi"}}]"#;
    let done = plain(&format!("{{{choices},{usage}}}")).await.unwrap();
    assert_eq!(done.usage, full);
    let failed = format!("{{{},{usage}}}", choices.replace("stop", "error"));
    let failure = plain(&failed).await.unwrap_err();
    assert_eq!(failure.usage, Some(full));
    // A word of any length is recorded with every attempt: it is cut.
    let long = choices.replace("flex", &"x".repeat(100_000));
    let done = plain(&format!("{{{long},{usage}}}")).await.unwrap();
    assert!(done.usage.service_tier.unwrap().len() < 1000);
    // Details that are missing, null or of another kind say nothing, and harm nothing.
    for details in ["null", "\"x\"", "[]", "3", "{}"] {
        let usage = format!(
            r#""usage":{{"prompt_tokens":1,"cost":0.5,"prompt_tokens_details":{details},"completion_tokens_details":{details},"cost_details":{details},"server_tool_use_details":{details},"is_byok":{details}}}"#
        );
        let done = plain(&format!("{{{choices},{usage}}}")).await.unwrap();
        let plain = Usage {
            prompt_tokens: 1,
            total_tokens: 1,
            service_tier: Some("flex".to_owned()),
            ..Usage::default()
        };
        assert_eq!(done.usage, plain, "{details}");
    }
}

#[tokio::test]
async fn reasoning_refusals_parts_and_images_are_kept() {
    let body = format!(
        "{}{}{}{}{DONE}",
        delta("\"content\":\"\",\"reasoning\":\"hm\"", "null"),
        delta(
            "\"content\":null,\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"!\"}]",
            "null"
        ),
        delta(
            "\"content\":[{\"type\":\"text\",\"text\":\"A\"},\"B\"],\"annotations\":[{\"type\":\"url_citation\"}],\"images\":[{\"type\":\"image_url\"}]",
            "null"
        ),
        delta("\"content\":\"\"", "\"length\""),
    );
    let done = stream(&body).await.unwrap();
    assert_eq!(done.text, "AB");
    assert_eq!(done.reasoning.as_deref(), Some("hm!"));
    assert_eq!((done.annotations.len(), done.images.len()), (1, 1));
    assert_eq!(done.finish_reason.as_deref(), Some("length"));

    let done = stream(&format!(
        "{}{DONE}",
        delta("\"content\":null,\"refusal\":\"I won't.\"", "\"stop\"")
    ))
    .await
    .unwrap();
    assert_eq!(
        (done.text.as_str(), done.refusal.as_deref()),
        ("I won't.", Some("I won't."))
    );
}

#[tokio::test]
async fn tool_calls_are_put_together() {
    let body = format!(
        "{}{}{}{}{}{DONE}",
        delta(
            r#""content":null,"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\""}}]"#,
            "null"
        ),
        delta(
            r#""tool_calls":[{"index":0,"function":{"arguments":":1}"}}]"#,
            "null"
        ),
        delta(
            r#""tool_calls":[{"id":"c2","function":{"name":"g","arguments":{"b":2}}}]"#,
            "null"
        ),
        delta(
            r#""tool_calls":[{"id":"c3","function":{"name":"h"}}]"#,
            "null"
        ),
        delta(r#""content":"""#, "\"tool_calls\""),
    );
    let done = stream(&body).await.unwrap();
    assert_eq!(done.text, "");
    assert_eq!(
        serde_json::Value::from(done.tool_calls),
        serde_json::json!([
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{\"b\":2}"}},
            {"id": "c3", "type": "function", "function": {"name": "h", "arguments": "{}"}}])
    );
}

#[tokio::test]
async fn an_answer_past_the_limit_is_not_read_on_and_not_asked_for_again() {
    let long = delta(&format!(r#"{{"content":"{}"}}"#, "x".repeat(5_000)), "null");
    let plain = format!(
        r#"{{"choices":[{{"message":{{"content":"{}"}}}}]}}"#,
        "x".repeat(5_000)
    );
    for (headers, body) in [(SSE, long), (JSON, plain)] {
        let server = serve(vec![answer(200, headers, &body)]).await;
        let client = Client::new(&server.base, App::default())
            .unwrap()
            .with_answers_up_to(4_000);
        let key = ApiKey::parse(KEY).unwrap();
        let request = ChatRequest::new("a/b").user("Hi").max_tokens(100);
        let call = client.chat(&key, &request, &quick()).await.unwrap();
        let failure = call.finish().await.unwrap_err();
        assert!(
            matches!(&failure.error, Error::UnexpectedAnswer { excerpt, .. } if excerpt.contains("4000 bytes")),
            "{failure:?}"
        );
        assert!(!failure.error.retryable());
    }
}

#[tokio::test]
async fn a_plain_answer_is_read_as_well() {
    let body = "\n  : OPENROUTER PROCESSING\n\n ".to_owned()
        + r#"{"id":"gen-2","model":"m","choices":[{"message":{"role":"assistant","content":"Hi","tool_calls":null},"finish_reason":"stop"}],"#
        + r#""usage":{"prompt_tokens":1,"completion_tokens":2,"cost":3.3e-6,"prompt_tokens_details":null}}"#;
    let done = plain(&body).await.unwrap();
    assert_eq!(done.text, "Hi");
    assert_eq!(done.cost_usd.unwrap().to_string(), "0.0000033");
    assert_eq!(done.usage.total_tokens, 3);
    // Events without their content type.
    let body = format!(
        "{}{}{DONE}",
        text("Hi"),
        delta("\"content\":\"!\"", "\"stop\"")
    );
    assert_eq!(chat(answer(200, "", &body)).await.unwrap().text, "Hi!");
}

#[tokio::test]
async fn a_200_may_be_a_failure() {
    for (body, code, partial, retryable) in [
        (
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"provider_name":"Some","raw":"x"}},"user_id":"u"}"#,
            "ProviderError",
            "",
            true,
        ),
        (
            r#"{"choices":[{"finish_reason":"error","message":{"content":"partial"},"error":{"code":502,"message":"Provider disconnected"}}]}"#,
            "ProviderError",
            "partial",
            true,
        ),
        (
            r#"{"choices":[{"finish_reason":"error","message":{"content":"partial"}}]}"#,
            "ProviderError",
            "partial",
            true,
        ),
        (
            r#"{"choices":[{"finish_reason":"stop","native_finish_reason":"network_error","message":{"content":""}}]}"#,
            "ProviderError",
            "",
            true,
        ),
        (
            r#"{"choices":[{"finish_reason":null,"message":{"content":""}}],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#,
            "EmptyAnswer",
            "",
            true,
        ),
        (
            r#"{"choices":[{"finish_reason":"stop","message":{"content":null}}],"usage":{"completion_tokens":5}}"#,
            "EmptyAnswer",
            "",
            true,
        ),
        (
            r#"{"choices":[{"finish_reason":"length","message":{"content":""}}],"usage":{"completion_tokens_details":{"reasoning_tokens":100}}}"#,
            "OutputTruncated",
            "",
            false,
        ),
        (
            r#"{"choices":[{"finish_reason":"content_filter","message":{"content":null,"refusal":"no"}}]}"#,
            "ContentFiltered",
            "",
            false,
        ),
        (
            r#"{"object":"something else"}"#,
            "UnexpectedAnswer",
            "",
            false,
        ),
        (r#"{"choices":[{"mess"#, "UnexpectedAnswer", "", false),
        ("", "UnexpectedAnswer", "", false),
    ] {
        let failure = plain(body).await.unwrap_err();
        assert_eq!(failure.error.code(), code, "{body}");
        assert_eq!(failure.partial_text, partial, "{body}");
        assert_eq!(failure.error.retryable(), retryable, "{body}");
    }
}

#[tokio::test]
async fn a_web_page_is_no_answer() {
    let page = "<html><title>OpenRouter</title></html>";
    let failure = chat(answer(200, "Content-Type: text/html\r\n", page))
        .await
        .unwrap_err();
    let Error::UnexpectedAnswer {
        status, excerpt, ..
    } = failure.error
    else {
        panic!("{failure:?}")
    };
    assert_eq!((status, excerpt.as_str()), (200, "OpenRouter"));
    let failure = chat(answer(502, "Content-Type: text/html\r\n", page))
        .await
        .unwrap_err();
    assert_eq!(failure.error.code(), "ProviderError");
}

#[tokio::test]
async fn a_refusal_keeps_its_headers() {
    let body = format!(r#"{{"error":{{"code":429,"message":"slow down, {KEY}"}}}}"#);
    let failure = chat(answer(
        429,
        "Retry-After: 9\r\nX-Generation-Id: gen-9\r\n",
        &body,
    ))
    .await
    .unwrap_err();
    assert_eq!(failure.error.code(), "RateLimitExceeded");
    assert_eq!(failure.error.retry_after(), Some(Duration::from_secs(9)));
    assert_eq!(failure.generation_id.as_deref(), Some("gen-9"));
}

#[tokio::test]
async fn each_timeout_names_itself() {
    let short = Duration::from_millis(150);
    let head = format!("HTTP/1.1 200 OK\r\n{SSE}\r\n");
    let keep_alive = || {
        let mut script = vec![send(&head)];
        for _ in 0..40 {
            script.push(send(": OPENROUTER PROCESSING\n\n"));
            script.push(Step::Pause(20));
        }
        script.push(Step::Hang);
        script
    };
    let part = text("part");
    for (script, timeouts, code) in [
        (
            vec![Step::Hang],
            Timeouts {
                first_byte: short,
                ..quick()
            },
            "FirstByteTimeout",
        ),
        (
            keep_alive(),
            Timeouts {
                first_token: short,
                ..quick()
            },
            "FirstTokenTimeout",
        ),
        (
            vec![send(&head), send(&part), Step::Hang],
            Timeouts {
                idle: short,
                ..quick()
            },
            "IdleTimeout",
        ),
        (
            vec![send(&head), send(&part), Step::Hang],
            Timeouts {
                total: short,
                ..quick()
            },
            "TotalTimeout",
        ),
        (
            keep_alive(),
            Timeouts {
                total: short,
                ..quick()
            },
            "TotalTimeout",
        ),
    ] {
        let failure = ask(&serve(vec![script]).await, &timeouts)
            .await
            .unwrap_err();
        assert_eq!(failure.error.code(), code);
        assert!(failure.to_string().contains("0.15 s"), "{failure}");
        assert!(failure.error.retryable());
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(&base, App::default()).unwrap();
    let error = client.key(&ApiKey::parse(KEY).unwrap()).await.unwrap_err();
    assert_eq!(error.code(), "Unreachable");
}

#[tokio::test]
async fn the_request_carries_key_app_and_body() {
    let server = serve(vec![answer(200, JSON, "{}")]).await;
    let app = App {
        referer: Some("https://example.com".into()),
        title: Some("Schritte für alle".into()),
    };
    let client = Client::new(server.base.trim_end_matches('/'), app).unwrap();
    let request = ChatRequest::new("a/b").user("Hi");
    let call = client
        .chat(&ApiKey::parse(KEY).unwrap(), &request, &quick())
        .await
        .unwrap();
    assert_eq!(call.generation_id(), Some("gen-1-h"));
    let asked = server.asked.lock().unwrap().join("");
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /api/v1/chat/completions HTTP/1.1"),
        "{head}"
    );
    for line in [
        &format!("authorization: Bearer {KEY}") as &str,
        "http-referer: https://example.com",
        "x-openrouter-title: Schritte",
        "x-title: Schritte",
        "user-agent: openrouter-steps/",
    ] {
        assert!(
            head.to_lowercase().contains(&line.to_lowercase()),
            "{line} in {head}"
        );
    }
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(body).unwrap(),
        serde_json::to_value(&request).unwrap()
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = serve(vec![answer(307, "Location: http://127.0.0.1:9/\r\n", "")]).await;
    assert_eq!(
        ask(&server, &quick()).await.unwrap_err().error.code(),
        "UnexpectedAnswer"
    );
}

#[test]
fn what_no_header_or_address_can_be_is_refused() {
    for (base, title) in [
        ("ftp://x/", "t"),
        ("nonsense", "t"),
        ("https://u:p@x/", "t"),
        ("https://x/?a=b", "t"),
        (BASE_URL, "日本"),
        (BASE_URL, "a\nb"),
    ] {
        let app = App {
            referer: None,
            title: Some(title.into()),
        };
        assert_eq!(
            Client::new(base, app).unwrap_err().code(),
            "InvalidConfiguration",
            "{base} {title}"
        );
    }
    Client::new(BASE_URL, App::default()).unwrap();
}

#[tokio::test]
async fn a_key_is_looked_up() {
    let server = serve(vec![
        answer(200, JSON, r#"{"data":{"label":"mine","limit":25,"limit_remaining":24.1,"usage":9e-7,"is_free_tier":false,"expires_at":null,"free_model_daily_requests":{"limit":1000,"used":3,"remaining":997}}}"#),
        answer(401, JSON, r#"{"error":{"message":"User not found.","code":401}}"#),
        answer(200, "Content-Type: text/html\r\n", "<html>"),
        answer(200, JSON, r#"{"error":{"message":"x","code":503}}"#),
    ])
    .await;
    let client = Client::new(&server.base, App::default()).unwrap();
    let key = ApiKey::parse(KEY).unwrap();
    let info = client.key(&key).await.unwrap();
    assert_eq!(info.limit_remaining.unwrap().to_string(), "24.1");
    assert_eq!(info.usage.unwrap().to_string(), "0.0000009");
    assert_eq!(info.free_model_daily_requests.unwrap().remaining, Some(997));
    assert_eq!(client.key(&key).await.unwrap_err().code(), "InvalidApiKey");
    assert_eq!(
        client.key(&key).await.unwrap_err().code(),
        "UnexpectedAnswer"
    );
    assert_eq!(
        client.key(&key).await.unwrap_err().code(),
        "ProviderOverloaded"
    );
}

#[tokio::test]
async fn keys_are_made_listed_and_changed() {
    let row = |hash: &str, disabled: bool| {
        format!(
            r#"{{"hash":"{hash}","label":"sk-or-v1-abc...890","name":"n","disabled":{disabled},"limit":12.50,"limit_reset":"monthly","usage":0.1,"created_at":"2026-11-01T00:00:00Z","expires_at":null}}"#
        )
    };
    let server = serve(vec![
        answer(
            201,
            JSON,
            &format!(r#"{{"data":{},"key":"{KEY}"}}"#, row("h1", false)),
        ),
        answer(
            200,
            JSON,
            &format!(r#"{{"data":[{},{}]}}"#, row("h1", false), row("h2", true)),
        ),
        answer(200, JSON, &format!(r#"{{"data":[{}]}}"#, row("h3", false))),
        answer(200, JSON, r#"{"data":[]}"#),
        answer(200, JSON, &format!(r#"{{"data":{}}}"#, row("h1", true))),
        answer(
            403,
            JSON,
            r#"{"error":{"code":403,"message":"Only management keys can perform this operation"}}"#,
        ),
    ])
    .await;
    let client = Client::new(&server.base, App::default()).unwrap();
    let management = ApiKey::parse("sk-or-v1-management").unwrap();
    let new = NewKey {
        name: "next".to_owned(),
        limit: Some("12.50".parse().unwrap()),
        limit_reset: Some("monthly".to_owned()),
        include_byok_in_limit: false,
        expires_at: Some("2030-01-01T00:00:00Z".to_owned()),
    };
    let created = client.create_key(&management, &new).await.unwrap();
    assert_eq!(created.key.expose(), KEY);
    assert_eq!(created.record.hash, "h1");
    assert_eq!(created.record.limit.unwrap().to_string(), "12.50");
    assert!(!format!("{created:?}").contains("SECRET"));
    let keys = client.keys(&management).await.unwrap();
    let hashes: Vec<_> = keys.iter().map(|key| key.hash.as_str()).collect();
    assert_eq!(hashes, ["h1", "h2", "h3"]);
    let disable = KeyChange {
        disabled: Some(true),
        ..KeyChange::default()
    };
    let changed = client.change_key(&management, "h/1", &disable).await;
    assert!(changed.unwrap().disabled);
    let refused = client.keys(&management).await.unwrap_err();
    assert_eq!(refused.code(), "PermissionDenied");
    let asked = server.asked.lock().unwrap();
    assert!(asked[0].starts_with("POST /api/v1/keys "), "{}", asked[0]);
    assert!(
        asked[0].ends_with(
            r#"{"name":"next","limit":12.50,"limit_reset":"monthly","include_byok_in_limit":false,"expires_at":"2030-01-01T00:00:00Z"}"#
        ),
        "{}",
        asked[0]
    );
    assert!(
        asked[2].contains("include_disabled=true&offset=2"),
        "{}",
        asked[2]
    );
    assert!(
        asked[4].starts_with("PATCH /api/v1/keys/h%2F1 "),
        "{}",
        asked[4]
    );
    assert!(asked[4].ends_with(r#"{"disabled":true}"#), "{}", asked[4]);
}

#[tokio::test]
async fn a_generation_may_not_be_written_yet() {
    let server = serve(vec![
        answer(404, JSON, r#"{"error":{"message":"Generation gen-1 not found","code":404}}"#),
        answer(200, JSON, r#"{"data":{"id":"gen-1","total_cost":0.00014,"native_tokens_prompt":10,"native_tokens_completion":5,"tokens_prompt":9,"native_tokens_cached":4,"is_byok":true,"upstream_inference_cost":0.0031,"service_tier":"flex"}}"#),
    ])
    .await;
    let client = Client::new(&server.base, App::default()).unwrap();
    let key = ApiKey::parse(KEY).unwrap();
    assert_eq!(client.generation(&key, "gen-1").await.unwrap(), None);
    let generation = client.generation(&key, "gen-1").await.unwrap().unwrap();
    assert_eq!(generation.total_cost.unwrap().to_string(), "0.00014");
    let usage = Usage {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 15,
        cached_tokens: 4,
        upstream_cost_usd: "0.0031".parse().unwrap(),
        is_byok: true,
        service_tier: Some("flex".to_owned()),
        ..Usage::default()
    };
    assert_eq!(generation.usage(), usage);
    assert!(server.asked.lock().unwrap()[0].starts_with("GET /api/v1/generation?id=gen-1 "));
}

#[tokio::test]
async fn all_pages_of_models_are_read() {
    let server = serve(vec![
        answer(
            200,
            JSON,
            r#"{"data":[{"id":"a/1"}],"total_count":3,"links":{"next":"/api/v1/models?offset=1"}}"#,
        ),
        answer(
            200,
            JSON,
            r#"{"data":[{"id":"a/2"}],"total_count":3,"links":{"next":null}}"#,
        ),
        answer(200, JSON, r#"{"data":[{"id":"a/3"}],"total_count":3}"#),
    ])
    .await;
    let client = Client::new(&server.base, App::default()).unwrap();
    let ids: Vec<_> = client
        .models()
        .await
        .unwrap()
        .into_iter()
        .map(|m| m.id)
        .collect();
    assert_eq!(ids, ["a/1", "a/2", "a/3"]);
    let asked = server.asked.lock().unwrap();
    assert!(asked[0].starts_with("GET /api/v1/models?output_modalities=all "));
    assert!(!asked[0].to_lowercase().contains("authorization"));
    assert!(asked[1].starts_with("GET /api/v1/models?offset=1 "));
    assert!(asked[2].starts_with("GET /api/v1/models?output_modalities=all&offset=2&limit=1000 "));
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let server = serve(vec![answer(
        200,
        JSON,
        r#"{"data":[{"id":"a/1"}],"links":{"next":"https://elsewhere.example/"}}"#,
    )])
    .await;
    let client = Client::new(&server.base, App::default()).unwrap();
    assert_eq!(client.models().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_servers_of_a_model_are_listed() {
    let server = serve(vec![
        answer(200, JSON, r#"{"data":{"id":"a/b","name":"B","endpoints":[{"provider_name":"P","tag":"p/fp8","pricing":{"prompt":"0.000001"},"status":0,"uptime_last_30m":99.5,"max_completion_tokens":null}]}}"#),
        answer(404, JSON, r#"{"error":{"message":"Resource not found","code":404}}"#),
    ])
    .await;
    let client = Client::new(&server.base, App::default()).unwrap();
    let found = client.endpoints("a/b:nitro").await.unwrap();
    assert_eq!(
        found.endpoints[0].pricing.prompt.unwrap().to_string(),
        "0.000001"
    );
    assert!(server.asked.lock().unwrap()[0].starts_with("GET /api/v1/models/a/b/endpoints "));
    assert_eq!(
        client.endpoints("a/c").await.unwrap_err().code(),
        "ModelNotFound"
    );
    assert_eq!(
        client.endpoints("nonsense").await.unwrap_err().code(),
        "ModelNotFound"
    );
}

#[tokio::test]
async fn a_connection_serves_the_next_call_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    // One connection is all that this server takes.
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            read_request(&mut socket).await;
            let body = format!("{}{DONE}", delta("\"content\":\"Hi\"", "\"stop\""));
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{SSE}\r\n");
            let sent = format!("{head}{length:x}\r\n{body}\r\n");
            socket.write_all(sent.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            socket.write_all(b"0\r\n\r\n").await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    let client = Client::new(&base, App::default()).unwrap();
    let key = ApiKey::parse(KEY).unwrap();
    let request = ChatRequest::new("a/b").user("Hi");
    for _ in 0..2 {
        let call = client.chat(&key, &request, &quick()).await.unwrap();
        assert_eq!(call.finish().await.unwrap().text, "Hi");
    }
}

#[tokio::test]
async fn a_handshake_that_stalls_is_a_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}/", listener.local_addr().unwrap());
    let client = Client::new(&base, App::default()).unwrap();
    let timeouts = Timeouts {
        connect: Duration::from_millis(900),
        ..quick()
    };
    let request = ChatRequest::new("a/b").user("Hi");
    let failure = client
        .chat(&ApiKey::parse(KEY).unwrap(), &request, &timeouts)
        .await
        .unwrap_err();
    assert_eq!(
        failure.error,
        Error::ConnectTimeout {
            after: Duration::from_secs(1)
        }
    );
}

#[test]
fn calls_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let client = Client::new(BASE_URL, App::default()).unwrap();
    let key = ApiKey::parse(KEY).unwrap();
    is_send(async move {
        let request = ChatRequest::new("a/b");
        let call = client.chat(&key, &request, &Timeouts::default()).await?;
        call.finish().await
    });
}
