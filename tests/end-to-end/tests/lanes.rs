//! A run takes its longest path, whatever its branches look like. Nothing of it is lost or paid twice when functions of its
//! lanes die or when the table is troubled. A run of a release without lanes goes on by lanes.

use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::types::ReturnValue;
use end_to_end::{Meets, User, aws, decimal, item_key, list, node, text};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_store::keys;

use crate::played::Machine;

// ---- The longest path

fn time(node: &Value, name: &str) -> Timestamp {
    text(&node[name]).parse().unwrap()
}

/// The seconds between two moments.
fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

#[tokio::test]
async fn of_two_unequal_branches_neither_waits_for_the_other() {
    let user = User::with_credential().await;
    let workflow = user
        .workflow(json!([
            {"variableName": "short", "type": "set", "value": "now"},
            {"variableName": "long", "userPrompt": "[[fault:slow-headers(ms=3000)]] {{short}}"},
            {"variableName": "other", "userPrompt": "[[fault:slow-headers(ms=3000)]]"},
            {"variableName": "end", "type": "set", "value": "{{long.text}} {{other.text}}"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    let at = |name: &str, moment: &str| time(node(&run, name), moment);
    // By levels `long` began once both nodes of the first level were done: 6 seconds in all.
    assert!(
        at("long", "startedAt") < at("other", "endedAt") - SignedDuration::from_millis(500),
        "{run:#}"
    );
    let all = between(at("short", "startedAt"), at("end", "endedAt"));
    let long = between(at("long", "startedAt"), at("long", "endedAt"));
    let other = between(at("other", "startedAt"), at("other", "endedAt"));
    assert!(all < long + other, "{all} s, by levels {} s", long + other);
}

/// How many branches there are, and how many nodes each of them has. A chain of nodes that only make a text runs beside
/// them: what a node costs in time when nothing is done in it.
const BRANCHES: usize = 5;
const LENGTH: usize = 10;

#[tokio::test]
async fn sixty_nodes_in_unequal_branches_take_their_longest_path() {
    let user = User::with_credential().await;
    let name = |branch: usize, place: usize| format!("b{branch}_{place}");
    let mut nodes = Vec::new();
    for branch in 0..=BRANCHES {
        for place in 0..LENGTH {
            let before = match place {
                0 => String::new(),
                _ => format!("{{{{#if {}}}}}.{{{{/if}}}}", name(branch, place - 1)),
            };
            // Each branch is slow at another place: by levels each of them waits for all the others.
            let slow = place == 2 * branch;
            let fault = if slow {
                "[[fault:slow-headers(ms={{ms}})]]"
            } else {
                ""
            };
            nodes.push(match branch {
                BRANCHES => json!({
                    "variableName": name(branch, place), "type": "set", "value": format!("x{before}"),
                }),
                _ => json!({
                    "variableName": name(branch, place), "maxTokens": 50,
                    "userPrompt": format!("{fault} {branch} {place} {before}"),
                }),
            });
        }
    }
    let workflow = user.workflow(Value::Array(nodes)).await;
    // The first run starts the functions.
    for (ms, is_measured) in [(1, false), (2000, true)] {
        let run = user.trigger(&workflow, &json!({ "ms": ms })).await;
        let run = user.ended(&run).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        if !is_measured {
            continue;
        }
        let started = |branch, place| time(node(&run, &name(branch, place)), "startedAt");
        let ended = |branch, place| time(node(&run, &name(branch, place)), "endedAt");
        let took = |branch, place| between(started(branch, place), ended(branch, place));
        let first = (0..=BRANCHES)
            .map(|branch| started(branch, 0))
            .min()
            .unwrap();
        let last = (0..=BRANCHES)
            .map(|branch| ended(branch, LENGTH - 1))
            .max()
            .unwrap();
        let all = between(first, last);
        let longest = (0..BRANCHES)
            .map(|branch| (0..LENGTH).map(|place| took(branch, place)).sum::<f64>())
            .fold(0.0, f64::max);
        let by_levels: f64 = (0..LENGTH)
            .map(|place| {
                let all = (0..BRANCHES).map(|branch| took(branch, place));
                all.fold(0.0, f64::max)
            })
            .sum();
        let count = f64::from(u32::try_from(LENGTH).unwrap());
        let empty = between(started(BRANCHES, 0), ended(BRANCHES, LENGTH - 1)) / count;
        let most = 1.1 * longest + count * (empty + 0.15);
        assert!(
            all <= most,
            "{all} s: the longest path {longest} s, an empty node {empty} s, {most} s at most"
        );
        let levels = by_levels + count * empty;
        assert!(all < levels, "{all} s, by levels {levels} s");
    }
}

// ---- Deaths

/// A node, three behind it that are ready at once, and one behind these.
fn fan() -> Value {
    json!({"nodes": [
        {"variableName": "a", "userPrompt": "a"},
        {"variableName": "b", "userPrompt": "b {{a.text}}"},
        {"variableName": "c", "userPrompt": "c {{a.text}}"},
        {"variableName": "d", "userPrompt": "d {{a.text}}"},
        {"variableName": "e", "userPrompt": "e {{b.text}} {{c.text}} {{d.text}}"},
    ]})
}

/// How many nodes it has.
const FAN: usize = 5;

/// A request of a lane's task.
#[derive(Debug, Clone, Copy)]
struct Request {
    operation: &'static str,
    /// A text that is in it, and in no other request of this operation that comes earlier.
    containing: &'static str,
}

const fn request(operation: &'static str, containing: &'static str) -> Request {
    Request {
        operation,
        containing,
    }
}

const WORK: Request = request("BatchGetItem", "NODE");
const CLAIM: Request = request("TransactWriteItems", "RUNNING");
const GENERATION: Request = request("UpdateItem", "generationId");
const SETTLE: Request = request("TransactWriteItems", "SUCCEEDED");
const TELL: Request = request("UpdateItem", "NEEDS");
const OFFER: Request = request("PutItem", "READY");
const LOOK: Request = request("Query", "READY");
const TAKE: Request = request("UpdateItem", "READY");
const LANES: Request = request("Query", "LANE");
const SLEEP: Request = request("UpdateItem", "\"call\"");
const WOKEN: Request = request("UpdateItem", "REMOVE");
const UNLIST: Request = request("DeleteItem", "READY");
/// The answer to another lane's token.
const WAKE: Request = request("SendTaskSuccess", r#"\"unit\":null"#);
/// The answer to the own token.
const NEXT: Request = request("SendTaskSuccess", r#"\"unit\":\""#);
const DONE: Request = request("SendTaskFailure", "Lane.Done");

const ALL: [Request; 15] = [
    WORK, CLAIM, GENERATION, SETTLE, TELL, OFFER, LOOK, TAKE, LANES, SLEEP, WOKEN, UNLIST, WAKE,
    NEXT, DONE,
];

/// Runs the fan while functions die at this request. `lost` calls are paid whose answers died with their functions.
async fn dies(machine: &Machine, at: Request, (meets, times): (Meets, usize), lost: usize) {
    let sandbox = &machine.world.sandbox;
    let paid = machine.world.paid().await;
    let run = machine.start(fan()).await;
    let trouble = sandbox.trouble(at.operation, at.containing, times, meets);
    let ended = machine.play(&run).await;
    assert_eq!(
        ended["status"], "SUCCEEDED",
        "{meets:?} at {at:?}: {ended:#}"
    );
    assert!(trouble.is_over(), "nothing died at {at:?}");
    sandbox.calm();
    machine.agrees_with_the_ledger(&run).await;
    let calls = machine.world.paid().await - paid;
    assert_eq!(calls, FAN + lost, "{meets:?} at {at:?}");
}

/// How many calls are lost where a function dies at this request.
fn lost(at: Request, meets: Meets) -> usize {
    let is = |other: Request| (at.operation, at.containing) == (other.operation, other.containing);
    usize::from(is(GENERATION) || is(SETTLE) && matches!(meets, Meets::Dies))
}

#[tokio::test]
async fn a_function_that_dies_before_any_request_loses_nothing() {
    let machine = Machine::new().await;
    for at in ALL {
        let meets = Meets::Dies;
        dies(&machine, at, (meets, 1), lost(at, meets)).await;
    }
}

#[tokio::test]
async fn a_function_that_dies_behind_any_write_loses_nothing() {
    let machine = Machine::new().await;
    for at in ALL {
        if matches!(at.operation, "BatchGetItem" | "Query") {
            // Nothing is changed: it is as if it died before the next request.
            continue;
        }
        let meets = Meets::DiesAfter;
        dies(&machine, at, (meets, 1), lost(at, meets)).await;
    }
}

#[tokio::test]
async fn a_function_that_answers_and_dies_may_have_been_heard() {
    let machine = Machine::new().await;
    machine.failure_wins.store(false, Ordering::Relaxed);
    for at in [NEXT, DONE, WAKE] {
        dies(&machine, at, (Meets::DiesAfter, 1), 0).await;
    }
}

#[tokio::test]
async fn functions_that_die_one_after_the_other_lose_nothing() {
    let machine = Machine::new().await;
    for (at, meets) in [
        (SETTLE, Meets::DiesAfter),
        (TELL, Meets::Dies),
        (OFFER, Meets::DiesAfter),
        (NEXT, Meets::Dies),
        (NEXT, Meets::DiesAfter),
        (SLEEP, Meets::DiesAfter),
        (WAKE, Meets::Dies),
    ] {
        dies(&machine, at, (meets, 2), 2 * lost(at, meets)).await;
    }
}

// ---- Trouble

/// Each of these requests of the lanes meets this as many times. The run ends all the same, and no call is paid twice.
async fn is_ridden_out(
    requests: &[Request],
    meets: impl Fn(Request) -> Option<Meets>,
    times: usize,
) {
    let machine = Machine::new().await;
    let sandbox = &machine.world.sandbox;
    let run = machine.start(fan()).await;
    let mut troubles = Vec::new();
    for &at in requests {
        if let Some(meets) = meets(at) {
            let trouble = sandbox.trouble(at.operation, at.containing, times, meets);
            troubles.push((at, trouble));
        }
    }
    let ended = machine.play(&run).await;
    assert_eq!(ended["status"], "SUCCEEDED", "{ended:#}");
    for (at, trouble) in troubles {
        assert!(trouble.is_over(), "{at:?} met none");
    }
    machine.agrees_with_the_ledger(&run).await;
    for node in list(&ended["nodes"]) {
        assert_eq!(list(&node["attempts"]).len(), 1, "{node:#}");
    }
    assert_eq!(machine.world.paid().await, FAN);
}

#[tokio::test]
async fn throttling_of_every_request_is_ridden_out() {
    is_ridden_out(&ALL, |_| Some(Meets::Throttling), 2).await;
}

#[tokio::test]
async fn failures_of_aws_at_every_request_are_ridden_out() {
    is_ridden_out(&ALL, |_| Some(Meets::InternalError), 2).await;
}

#[tokio::test]
async fn transactions_in_the_way_of_every_write_are_ridden_out() {
    let meets = |at: Request| match at.operation {
        "TransactWriteItems" => Some(Meets::Cancelled("TransactionConflict")),
        "UpdateItem" | "PutItem" | "DeleteItem" => {
            Some(Meets::Refused("TransactionConflictException"))
        }
        _ => None,
    };
    is_ridden_out(&ALL, meets, 5).await;
}

#[tokio::test]
async fn answers_of_aws_that_do_not_come_are_ridden_out() {
    // A function waits for each of them for 15 seconds.
    let runs = ALL.chunks(3);
    join_all(runs.map(|some| is_ridden_out(some, |_| Some(Meets::AnswerHeldBack), 1))).await;
}

// ---- Cancel

#[tokio::test]
async fn a_run_with_forty_busy_lanes_is_cancelled_past_transactions_in_the_way() {
    let machine = Machine::new().await;
    let sandbox = &machine.world.sandbox;
    let nodes: Vec<Value> = (0..40)
        .map(|index| {
            let prompt = format!("[[fault:slow-body(ms=400)]] [[repeat:400000]] {index}");
            json!({"variableName": format!("n{index}"), "userPrompt": prompt, "maxTokens": 100_000})
        })
        .collect();
    let limits = json!({"maxConcurrency": 40, "maxCostUsd": "10000"});
    let run = machine
        .start(json!({"nodes": nodes, "limits": limits}))
        .await;
    assert_eq!(list(&machine.execution(&run)["lanes"]).len(), 40);
    let runs = sandbox.function("runs").await;
    let cancel = async {
        machine
            .world
            .run_when(&run, |run| {
                let nodes = list(&run["nodes"]).iter();
                let mut attempts = nodes.map(|node| &node["attempts"][0]);
                attempts.all(|attempt| attempt["generationId"].is_string())
            })
            .await;
        let conflict = Meets::Cancelled("TransactionConflict");
        let trouble = sandbox.trouble("TransactWriteItems", "ABORTED", 4, conflict);
        // Every end of a node gives its budget back to the run.
        sandbox.trouble("TransactWriteItems", "budgetLeftUsd", 40, conflict);
        let path = format!("/runs/{run}/cancel");
        let cancelled = runs.http(Method::POST, &path, None).await;
        assert_eq!(cancelled.status, 200, "{:?}", cancelled.body);
        assert_eq!(cancelled.body["status"], "ABORTED");
        assert!(trouble.is_over());
    };
    let execution = machine.execution(&run);
    let lanes = list(&execution["lanes"]);
    let lanes = join_all(lanes.iter().map(|lane| machine.lane(&execution, lane)));
    let (ended, ()) = tokio::join!(lanes, cancel);
    for lane in ended {
        assert_eq!(lane, Err("RunAborted".to_owned()));
    }
    let ended = machine.agrees_with_the_ledger(&run).await;
    assert_eq!(ended["status"], "ABORTED", "{ended:#}");
    for node in list(&ended["nodes"]) {
        assert_eq!(node["status"], "FAILED", "{node:#}");
        assert_eq!(list(&node["attempts"]).len(), 1, "{node:#}");
    }
    assert_eq!(sandbox.ledger().await.len(), 40, "none is called again");
}

// ---- Runs of a release without lanes

/// How much of a run that release's records has become one of this release.
#[derive(Debug, Clone, Copy)]
enum Since {
    /// Nothing.
    Nothing,
    /// A cost was recorded that OpenRouter told later.
    ACost,
    /// Its state machine had this release execute a node.
    ANode,
}

#[tokio::test]
async fn a_run_that_failed_in_a_release_without_lanes_is_resumed_by_lanes() {
    let machine = Machine::new().await;
    for since in [Since::Nothing, Since::ACost, Since::ANode] {
        let run = machine
            .world
            .begin_nodes(json!([
                {"variableName": "a", "userPrompt": format!("a {since:?}")},
                {"variableName": "b", "userPrompt": "b"},
                {"variableName": "x", "userPrompt": format!("[[fault:no-credits*1]] {since:?} {{{{a.text}}}}")},
                {"variableName": "y", "userPrompt": "y {{x.text}} {{b.text}}"},
            ]))
            .await;
        let paid = machine.world.paid().await;
        let function = machine.function().await;
        let task = |node: &str, needs: &[&str]| json!({"runId": run, "execution": 1, "nodeId": node, "needs": needs});
        let a = function.invoke(task("a", &[])).await;
        assert_eq!(a["status"], "SUCCEEDED", "{a}");
        without_lanes(&machine, &run).await;
        let b = function.invoke(task("b", &[])).await;
        assert_eq!(b["status"], "SUCCEEDED", "{b}");
        match since {
            Since::Nothing => without_lanes(&machine, &run).await,
            Since::ACost => without_settled(&machine, &run).await,
            Since::ANode => {}
        }
        let x = function.invoke(task("x", &["a"])).await;
        assert_eq!(x["errorType"], "InsufficientCredits", "{x}");
        if matches!(since, Since::Nothing) {
            without_lanes(&machine, &run).await;
        }
        let execution = json!({"runId": run, "take": 1});
        let error = Some("InsufficientCredits".to_owned());
        machine.tell_of_end(&execution, "FAILED", error).await;
        let failed = machine.world.run(&run).await;
        assert_eq!(failed["error"]["code"], "InsufficientCredits", "{failed:#}");

        machine.resume(&run).await;
        let units = machine.execution(&run);
        let units: Vec<&Value> = list(&units["lanes"])
            .iter()
            .map(|lane| &lane["unit"])
            .collect();
        assert_eq!(units, ["x"], "{since:?}");
        let ended = machine.play(&run).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{since:?}: {ended:#}");
        assert_eq!(ended["execution"], 2);
        let ended = machine.agrees_with_the_ledger(&run).await;
        assert!(decimal(&ended["costUsd"]) > Decimal::ZERO);
        let of_nodes: u64 = list(&ended["nodes"])
            .iter()
            .filter_map(|node| node["usage"]["totalTokens"].as_u64())
            .sum();
        assert_eq!(ended["usage"]["totalTokens"], of_nodes, "{ended:#}");
        assert_eq!(
            machine.world.paid().await - paid,
            4,
            "each node is paid once"
        );
    }
}

/// Moves what tasks without a lane have counted into the run's head, where a release without lanes counts.
async fn without_lanes(machine: &Machine, run: &str) {
    let client = aws_sdk_dynamodb::Client::new(&aws().await);
    let table = machine.world.sandbox.table();
    let taken = client
        .delete_item()
        .table_name(table)
        .set_key(Some(item_key(keys::lane(run, 0))))
        .return_values(ReturnValue::AllOld)
        .send()
        .await
        .unwrap();
    let own = ["pk", "sk", "expiresAt", "settled", "charges"];
    let counted = taken.attributes.expect("something is counted");
    for (name, value) in counted {
        if own.contains(&name.as_str()) {
            continue;
        }
        client
            .update_item()
            .table_name(table)
            .set_key(Some(item_key(keys::run(run))))
            .update_expression("ADD #name :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    }
}

/// Takes from what tasks without a lane have counted how many nodes they settled.
async fn without_settled(machine: &Machine, run: &str) {
    aws_sdk_dynamodb::Client::new(&aws().await)
        .update_item()
        .table_name(machine.world.sandbox.table())
        .set_key(Some(item_key(keys::lane(run, 0))))
        .update_expression("REMOVE settled")
        .send()
        .await
        .unwrap();
}
