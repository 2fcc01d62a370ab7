//! A run can be watched as it goes on: whoever watches hears everything once, however often the connection breaks, and what
//! was heard of a node is its answer.

use std::process::Stdio;
use std::time::{Duration, Instant};

use end_to_end::{Heard, Parser, Source, User, aws_cli, list, node, noise, text};
use futures_util::future::join_all;
use serde_json::{Value, json};
use steps_store::keys;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::sleep;

/// A prompt whose answer of so many bytes takes some seconds.
fn slow(user: &User, bytes: usize, milliseconds: u64) -> String {
    format!(
        "[[fault:slow-body(ms={milliseconds})]][[repeat:{bytes}]] {}",
        user.name
    )
}

async fn started(user: &User, nodes: Value) -> String {
    let workflow = user.workflow(nodes).await;
    user.trigger(&workflow, &json!({})).await
}

#[tokio::test]
async fn curl_reads_the_stream_behind_the_apis_own_address() {
    let user = User::with_credential().await;
    let run = started(
        &user,
        json!([
            {"variableName": "a", "userPrompt": slow(&user, 4_000, 250)},
            {"variableName": "b", "userPrompt": "[[echo]]after {{a.model}}"},
            {"variableName": "c", "type": "set", "value": "{{b.text}}"},
        ]),
    )
    .await;
    let mut curl = Command::new("curl")
        .args(user.curl_words(&run))
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl is installed");
    let mut output = curl.stdout.take().unwrap();
    let (mut parser, mut heard, mut bytes) = (Parser::default(), Heard::default(), [0; 4_096]);
    // How long before the node's end its first piece came.
    let (mut first, mut done) = (None, None);
    loop {
        let read = output.read(&mut bytes).await.unwrap();
        if read == 0 {
            break;
        }
        for (name, data) in parser.feed(&bytes[..read]) {
            heard.hear(&name, data);
        }
        if heard.pieces("a") > 0 {
            first.get_or_insert_with(Instant::now);
        }
        if heard
            .nodes
            .get("a")
            .is_some_and(|a| a["status"] == "SUCCEEDED")
        {
            done.get_or_insert_with(Instant::now);
        }
    }
    assert!(curl.wait().await.unwrap().success());
    heard.agrees_with(&user.ended(&run).await);
    assert_eq!(heard.events[0].0, "run");
    assert!(heard.pieces("a") >= 3, "{:?}", heard.events);
    assert!(done.unwrap() - first.unwrap() > Duration::from_secs(1));
    assert_eq!(heard.statuses("a"), ["RUNNING", "SUCCEEDED"]);
    assert_eq!(parser.retry, 200);
}

#[tokio::test]
async fn a_page_reads_it_as_an_event_source_and_is_told_to_stop_after_the_end() {
    let user = User::with_credential().await;
    let run = started(
        &user,
        json!([
            {"variableName": "a", "userPrompt": slow(&user, 3_000, 150)},
            {"variableName": "no", "userPrompt": "x", "when": "{{#if absent}}yes{{/if}}"},
            {"variableName": "fails", "userPrompt": format!("[[fault:no-credits]] {}", user.name), "onError": "continue"},
        ]),
    )
    .await;
    let mut source = user.source(&run, "").await;
    source.read_to_the_end().await;
    let ended = user.ended(&run).await;
    source.heard.agrees_with(&ended);
    assert_eq!(source.heard.nodes["no"]["status"], "SKIPPED");
    let fails = &source.heard.nodes["fails"];
    assert_eq!(fails["status"], "FAILED");
    assert_eq!(fails["handled"], true);
    assert_eq!(fails["error"]["code"], "InsufficientCredits");
    let answer = &source.heard.nodes["a"]["answer"];
    assert_eq!(answer["finishReason"], "stop");
    assert!(answer["completionTokens"].as_u64().unwrap() > 100);

    // What ended just before a stream begins counts as ended after it.
    sleep(Duration::from_millis(1_500)).await;
    // Who comes when all is over hears how it ended, and where the texts are; or all of them.
    let mut late = user.source(&run, "").await;
    assert_eq!(late.read_to_the_end().await, 1);
    late.heard.agrees_with(&ended);
    assert_eq!(
        late.heard.nodes["a"]["textAt"],
        format!("/runs/{run}/nodes/a")
    );
    assert_eq!(late.heard.pieces("a"), 0);
    let mut all = user.source(&run, "&texts=all").await;
    assert_eq!(all.read_to_the_end().await, 1);
    all.heard.agrees_with(&ended);
    assert_eq!(all.heard.text_of("a"), source.heard.text_of("a"));
}

#[tokio::test]
async fn a_stream_that_is_cut_at_forty_places_goes_on_without_a_gap() {
    let user = User::with_credential().await;
    let run = started(
        &user,
        json!([
            {"variableName": "a", "userPrompt": slow(&user, 30_000, 700)},
            {"variableName": "b", "userPrompt": slow(&user, 12_000, 400)},
            {"variableName": "c", "userPrompt": "[[echo]]{{a.model}} {{b.model}}"},
        ]),
    )
    .await;
    let mut source = user.source(&run, "&texts=all").await;
    let mut cuts = 0;
    for place in 0..40 {
        let response = source.connect().await;
        if response.status() == 204 {
            break;
        }
        // In the middle of a line, of an event, or between two.
        source.read(response, 150 + 97 * place).await;
        cuts += 1;
    }
    assert!(cuts >= 10, "{cuts} cuts");
    source.read_to_the_end().await;
    source.heard.agrees_with(&user.ended(&run).await);
}

#[tokio::test]
async fn whoever_joins_in_the_middle_of_an_answer_hears_it_from_its_beginning() {
    let user = User::with_credential().await;
    let run = started(
        &user,
        json!([{"variableName": "a", "userPrompt": slow(&user, 60_000, 800), "maxTokens": 20_000}]),
    )
    .await;
    user.run_when(&run, |run| {
        list(&node(run, "a")["attempts"])
            .iter()
            .any(|attempt| attempt["generationId"].is_string())
    })
    .await;
    sleep(Duration::from_secs(3)).await;
    // Nobody has watched so far, so nothing was written down.
    let mut source = user.source(&run, "").await;
    source.read_to_the_end().await;
    source.heard.agrees_with(&user.ended(&run).await);
    let pieces: Vec<&Value> = source
        .heard
        .events
        .iter()
        .filter(|(name, _)| name == "text")
        .map(|(_, data)| data)
        .collect();
    let first = text(&pieces[0]["text"]).len();
    assert!(
        first > 8_000,
        "what was written before comes at once: {first}"
    );
    assert!(
        pieces.len() > 3,
        "and the rest as it is written: {}",
        pieces.len()
    );
    assert!(
        pieces
            .iter()
            .all(|piece| text(&piece["text"]).len() <= 16_384)
    );
}

#[tokio::test]
async fn twenty_watch_forty_nodes_at_once() {
    let user = User::with_credential().await;
    let nodes: Vec<Value> = (0..40)
        .map(|place| json!({"variableName": format!("n{place}"), "userPrompt": format!("{} {place}", slow(&user, 3_000, 300))}))
        .collect();
    let workflow = user
        .workflow_with(json!({"nodes": nodes, "limits": {"maxConcurrency": 40}}))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let sources = (0..20).map(async |_| {
        let mut source = user.source(&run, "&texts=all").await;
        source.read_to_the_end().await;
        source.heard
    });
    let heard = join_all(sources).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    for one in &heard {
        one.agrees_with(&ended);
    }
}

#[tokio::test]
async fn where_the_stream_is_refused_long_poll_gives_the_same() {
    let user = User::with_credential().await;
    let wait = format!(
        "[[fault:rate-limit-own(retry_after=3)*1]]{}",
        slow(&user, 2_000, 150)
    );
    let run = started(
        &user,
        json!([
            {"variableName": "a", "userPrompt": wait},
            {"variableName": "b", "userPrompt": "[[echo]]{{a.text}}"},
        ]),
    )
    .await;
    let mut source = user.source(&run, "").await;
    let streamed = async {
        source.read_to_the_end().await;
    };
    let ((), (polled, requests)) = tokio::join!(streamed, user.poll(&run));
    let ended = user.ended(&run).await;
    polled.agrees_with(&ended);
    source.heard.agrees_with(&ended);
    assert_eq!(polled.nodes, source.heard.nodes);
    assert_eq!(polled.text_of("a"), source.heard.text_of("a"));
    assert_eq!(polled.end, source.heard.end);
    assert!(requests < 60, "{requests}");
    for heard in [&polled, &source.heard] {
        // An attempt that fails at once may be over before it is looked at.
        let statuses = heard.statuses("a");
        let mut statuses: Vec<_> = statuses.iter().map(String::as_str).collect();
        statuses.retain(|status| *status != "RUNNING");
        assert_eq!(statuses, ["WAITING", "SUCCEEDED"]);
    }

    // The cursor is the same on both ways.
    let id = source.parser.last_id.clone().unwrap();
    let over = user.get(&format!("/runs/{run}?after={id}")).await.body;
    assert_eq!(over["ended"], true);
    assert_eq!(over["events"], json!([]));
    let begin = user
        .get(&format!("/runs/{run}?after=no-cursor&wait=0"))
        .await
        .body;
    assert_eq!(begin["events"][0]["event"], "run", "it begins anew");
}

#[tokio::test]
async fn a_run_that_waits_holds_no_function_and_its_readers_sleep() {
    let user = User::with_credential().await;
    let prompt = format!(
        "[[fault:rate-limit-own(retry_after=14)*1]][[echo]]hi {}",
        user.name
    );
    let run = started(&user, json!([{"variableName": "x", "userPrompt": prompt}])).await;
    user.waiting(&run, "x").await;
    let mut source = user.source(&run, "").await;
    let opened = Instant::now();
    let response = source.connect().await;
    source.read(response, usize::MAX).await;
    assert!(
        opened.elapsed() < Duration::from_secs(7),
        "{:?}",
        opened.elapsed()
    );
    assert!(source.parser.retry > 4_000, "{}", source.parser.retry);
    let x = &source.heard.nodes["x"];
    assert_eq!(
        (&x["status"], &x["waitingFor"]),
        (&json!("WAITING"), &json!("RETRY"))
    );
    assert_eq!(x["error"]["code"], "RateLimitExceeded");
    let until: jiff::Timestamp = text(&x["until"]).parse().unwrap();
    assert!(until > jiff::Timestamp::now());
    sleep(Duration::from_millis(source.parser.retry)).await;
    source.read_to_the_end().await;
    let ended = user.ended(&run).await;
    source.heard.agrees_with(&ended);
    let statuses = source.heard.statuses("x");
    assert_eq!(statuses.first().unwrap(), "WAITING");
    assert_eq!(statuses.last().unwrap(), "SUCCEEDED");
}

#[tokio::test]
async fn a_run_that_fails_and_is_resumed_is_told_anew() {
    let user = User::new("nocredits");
    user.store_credential().await;
    let run = started(
        &user,
        json!([
            {"variableName": "first", "type": "set", "value": "x"},
            {"variableName": "x", "userPrompt": "[[echo]]hi {{first}}"},
            {"variableName": "y", "userPrompt": "[[echo]]{{x.text}}"},
        ]),
    )
    .await;
    let mut source = user.source(&run, "").await;
    source.read_to_the_end().await;
    let failed = user.ended(&run).await;
    source.heard.agrees_with(&failed);
    assert_eq!(source.heard.end.as_ref().unwrap()["error"]["node"], "x");
    assert_eq!(source.heard.nodes["y"]["status"], "SKIPPED");

    user.stand_in_post("keys", &json!({"key": user.key, "state": "good"}))
        .await;
    let resumed = user.post(&format!("/runs/{run}/resume"), &json!({})).await;
    assert!(resumed.status.is_success(), "{:?}", resumed.body);
    // With the id of the first take's end.
    source.heard = Heard::default();
    source.read_to_the_end().await;
    source.heard.agrees_with(&user.ended(&run).await);
    assert_eq!(source.heard.events[0].1["take"], 2);
    assert_eq!(source.heard.nodes["x"]["attempt"], 2);
}

#[tokio::test]
async fn a_run_that_is_cancelled_ends_its_stream() {
    let user = User::with_credential().await;
    let run = started(
        &user,
        json!([{"variableName": "x", "userPrompt": slow(&user, 50_000, 2_000)}]),
    )
    .await;
    let mut source = user.source(&run, "").await;
    let response = source.connect().await;
    let cancel = async {
        sleep(Duration::from_secs(4)).await;
        user.post(&format!("/runs/{run}/cancel"), &json!({})).await
    };
    let (_, cancelled) = tokio::join!(source.read(response, usize::MAX), cancel);
    assert_eq!(cancelled.status, 200);
    let end = source.heard.end.as_ref().expect("the end was told");
    assert_eq!(end["status"], "ABORTED");
    // Its function had the time to say how it ended.
    assert_eq!(source.heard.nodes["x"]["status"], "FAILED");
    assert!(source.heard.pieces("x") > 0);
}

#[tokio::test]
async fn a_run_is_read_without_a_single_text() {
    let user = User::with_credential().await;
    let secret = "the answer that is not shown";
    let workflow = user
        .workflow(json!([
            {"variableName": "a", "userPrompt": format!("[[echo]]{secret}")},
            {"variableName": "b", "userPrompt": "x", "when": "{{#if absent}}yes{{/if}}"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({"text": "the input"})).await;
    let whole = user.ended(&run).await;
    let short = user.get(&format!("/runs/{run}?texts=false")).await;
    assert_eq!(short.status, 200);
    let short = short.body;
    assert!(!short.to_string().contains(secret) && !short.to_string().contains("the input"));
    for field in [
        "id",
        "status",
        "workflowId",
        "costUsd",
        "usage",
        "endedAt",
        "execution",
    ] {
        assert_eq!(short[field], whole[field], "{field}");
    }
    for (short, whole) in list(&short["nodes"]).iter().zip(list(&whole["nodes"])) {
        for field in [
            "id",
            "variableName",
            "status",
            "costUsd",
            "startedAt",
            "endedAt",
            "error",
        ] {
            assert_eq!(short[field], whole[field], "{field}");
        }
        assert_eq!(short["output"], Value::Null);
    }
    assert_eq!(
        short["nodes"][0]["attemptsAt"],
        format!("/runs/{run}/nodes/a")
    );
}

#[tokio::test]
async fn what_was_written_for_watchers_expires_and_an_unwatched_run_has_nothing_of_it() {
    let user = User::with_credential().await;
    let watched = started(
        &user,
        json!([{"variableName": "a", "userPrompt": slow(&user, 3_000, 200)}]),
    )
    .await;
    let mut source = user.source(&watched, "").await;
    source.read_to_the_end().await;
    let other = started(
        &user,
        json!([{"variableName": "a", "userPrompt": slow(&user, 3_000, 200)}]),
    )
    .await;
    user.ended(&other).await;
    let items = |run: &str| {
        let values = json!({":pk": {"S": keys::watch(run).pk}}).to_string();
        let found = aws_cli(&[
            "dynamodb",
            "query",
            "--table-name",
            &end_to_end::table(),
            "--key-condition-expression",
            "pk = :pk",
            "--expression-attribute-values",
            &values,
        ]);
        list(&found["Items"]).to_vec()
    };
    let of_watched = items(&watched);
    assert!(of_watched.len() > 2, "{of_watched:?}");
    let soon = jiff::Timestamp::now().as_second() + 2 * 3600;
    for item in &of_watched {
        let expires: i64 = text(&item["expiresAt"]["N"]).parse().unwrap();
        assert!(expires < soon, "{item}");
    }
    assert_eq!(items(&other), Vec::<Value>::new());
    let _: &Source = &source;
}

#[tokio::test]
async fn a_list_is_told_by_how_many_of_its_items_are_done() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow_with(json!({
            "nodes": [
                {"variableName": "each", "forEach": {"items": "{{things}}", "concurrency": 2},
                 "userPrompt": format!("[[fault:slow-body(ms=60)]][[echo]]{{{{item}}}} {}", user.name)},
                {"variableName": "after", "type": "set", "value": "{{each}}"},
            ],
        }))
        .await;
    let items: Vec<String> = (0..12).map(|number| format!("item {number}")).collect();
    let run = user.trigger(&workflow, &json!({ "things": items })).await;
    let mut source = user.source(&run, "").await;
    source.read_to_the_end().await;
    let ended = user.ended(&run).await;
    source.heard.agrees_with(&ended);
    let stands = source
        .heard
        .events
        .iter()
        .filter(|(name, _)| name == "nodes");
    let counts: Vec<u64> = stands
        .flat_map(|(_, data)| list(&data["nodes"]))
        .filter(|stands| stands["node"] == "each")
        .filter_map(|stands| stands["items"]["done"].as_u64())
        .collect();
    assert!(counts.len() > 2 && counts.is_sorted(), "{counts:?}");
    let last = &source.heard.nodes["each"];
    assert_eq!(last["items"], json!({"total": 12, "done": 12, "failed": 0}));
    assert_eq!(last["status"], "SUCCEEDED");
    let short = user.get(&format!("/runs/{run}?texts=false")).await.body;
    assert_eq!(node(&short, "each")["items"], node(&ended, "each")["items"]);
    assert_eq!(
        node(&short, "each")["costUsd"],
        node(&ended, "each")["costUsd"]
    );
}

#[tokio::test]
async fn an_answer_that_lies_in_the_bucket_is_told_whole() {
    let user = User::with_credential().await;
    let prompt = format!("[[echo]]{}", noise(200_000));
    let nodes = json!([{
        "variableName": "a", "userPrompt": prompt, "model": "openai/gpt-6-luna", "maxTokens": 120_000,
    }]);
    let run = started(&user, nodes).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{}", ended["error"]);
    let mut source = user.source(&run, "&texts=all").await;
    source.read_to_the_end().await;
    source.heard.agrees_with(&ended);
    assert!(source.heard.text_of("a").len() >= 200_000);
}
