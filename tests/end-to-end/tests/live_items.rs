//! Of the items of a list, those that a watcher asks for are told one by one. And while a run waits, no function works for it.

use end_to_end::{User, aws_cli, list, node, text};
use jiff::Timestamp;
use serde_json::{Value, json};

#[tokio::test]
async fn the_items_in_view_are_told_one_by_one_by_stream_and_by_long_poll() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([
            {"variableName": "each", "forEach": {"items": "{{things}}", "concurrency": 3},
             "userPrompt": format!("[[fault:slow-body(ms=60)]][[echo]]{{{{item}}}} {}", user.name)},
            {"variableName": "after", "type": "set", "value": "{{each}}"},
        ]))
        .await;
    let things: Vec<String> = (0..12).map(|number| format!("thing {number}")).collect();
    let run = user.trigger(&workflow, &json!({ "things": things })).await;
    let stream = async {
        let mut source = user.source(&run, "&items=each:2-8").await;
        source.read_to_the_end().await;
        source.heard
    };
    let (streamed, (polled, _), (plain, _)) = tokio::join!(
        stream,
        user.poll_with(&run, "&items=each:2-8"),
        user.poll(&run),
    );
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    for heard in [&streamed, &polled] {
        heard.agrees_with(&ended);
        let told: Vec<u64> = heard.items.keys().map(|(_, index)| *index).collect();
        assert_eq!(told, [2, 3, 4, 5, 6, 7, 8]);
        for ((of, index), stands) in &heard.items {
            assert_eq!(of, "each");
            let item = user
                .get(&format!("/runs/{run}/nodes/each/items/{index}"))
                .await;
            let item = item.body;
            for field in ["status", "costUsd", "startedAt", "endedAt"] {
                assert_eq!(stands[field], item[field], "{field} of {index}");
            }
        }
        // At most three are at work at once, and each was heard at work or at its end, before its node's end.
        let place = |name: &str, is: &dyn Fn(&Value) -> bool| {
            let found = heard
                .events
                .iter()
                .position(|(of, data)| of == name && is(data));
            found.unwrap_or_else(|| panic!("{name} was told"))
        };
        let done = place("nodes", &|data| {
            list(&data["nodes"])
                .iter()
                .any(|one| one["node"] == "each" && one["status"] == "SUCCEEDED")
        });
        let last = heard.events.iter().rposition(|(of, _)| of == "items");
        assert!(last.is_some_and(|last| last < done));
    }
    assert!(plain.items.is_empty(), "nobody asked for items");

    for wrong in ["each", "each:0-50", "other:0-1"] {
        let answer = user.get(&format!("/runs/{run}?wait=0&items={wrong}")).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        assert!(
            text(&answer.body["cause"]).contains("items"),
            "{:?}",
            answer.body
        );
    }
}

/// An invocation of a function: from when to when it worked, milliseconds since 1970.
#[derive(Debug)]
struct Invocation {
    function: String,
    began: i64,
    ended: i64,
}

/// The invocations since `since` whose logs name the run.
fn invocations(run: &str, since: Timestamp) -> Vec<Invocation> {
    let stack = std::env::var("STACK").unwrap_or_else(|_| "openrouter-steps".to_owned());
    let logged = aws_cli(&[
        "logs",
        "filter-log-events",
        "--log-group-name",
        &format!("/aws/lambda/{stack}"),
        "--start-time",
        &since.as_millisecond().to_string(),
    ]);
    let events = list(&logged["events"]);
    let message = |event: &Value| text(&event["message"]);
    let of_run: Vec<String> = events
        .iter()
        .map(message)
        .filter(|message| message.contains(run))
        .filter_map(|message| {
            let (_, rest) = message.split_once("requestId=\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        })
        .collect();
    let mut found = Vec::new();
    for event in events {
        let message = message(event);
        let Some(rest) = message.strip_prefix("REPORT RequestId: ") else {
            continue;
        };
        let mut words = rest.split_whitespace();
        let id = words.next().unwrap_or_default();
        if !of_run.iter().any(|of| of == id) {
            continue;
        }
        let lasted: f64 = rest
            .split_once("Duration: ")
            .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
            .expect("a duration");
        let ended = event["timestamp"].as_i64().expect("a time");
        found.push(Invocation {
            function: text(&event["logStreamName"]),
            began: ended - lasted as i64,
            ended,
        });
    }
    found
}

#[tokio::test]
async fn while_a_run_waits_no_function_works_for_it() {
    let began = Timestamp::now();
    let user = User::with_credential().await;
    let prompt = format!(
        "[[fault:rate-limit-own(retry_after=12)*1]][[echo]]hi {}",
        user.name
    );
    let workflow = user
        .workflow(json!([{"variableName": "x", "userPrompt": prompt}]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let waiting = user.waiting(&run, "x").await;
    let until: Timestamp = text(&node(&waiting, "x")["waitUntil"]).parse().unwrap();
    let ended = user.ended(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    let of_run = invocations(&run, began);
    let attempts = list(&node(&ended, "x")["attempts"]);
    assert_eq!(attempts.len(), 2);
    let of_node: Vec<&Invocation> = of_run
        .iter()
        .filter(|one| one.function.contains("execute-node"))
        .collect();
    assert_eq!(of_node.len(), 2, "one for each attempt: {of_run:#?}");
    // From the end of the first attempt to the time that it waits for, nothing is begun and nothing goes on.
    let first_ended: Timestamp = text(&attempts[0]["endedAt"]).parse().unwrap();
    let (from, to) = (first_ended.as_millisecond() + 3_000, until.as_millisecond());
    assert!(
        to - from > 5_000,
        "it waits long enough for that to be seen"
    );
    for one in &of_run {
        assert!(
            one.ended <= from || one.began >= to - 500,
            "{one:?} within {from} to {to}"
        );
    }
}
