//! Every post of an ended run is recorded, and can be sent again. A workflow may have a secret of its own that signs them. A
//! receiver that is slow does not hold up the others.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use end_to_end::{User, aws, callback_secret, item_key, list, stack_store, text};
use jiff::Timestamp;
use reqwest::Method;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use steps_store::{Ended, RunStatus, keys};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::callbacks::{Posted, Receiver, workflow};
use super::standard;
use crate::sandboxed::World;

/// The deliveries of a run, as soon as `condition` holds for the last one.
async fn delivery_when(user: &User, run: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let answer = user.get(&format!("/runs/{run}/deliveries")).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let last = list(&answer.body["deliveries"]).last().cloned();
        if let Some(last) = last.filter(&condition) {
            return last;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:#}",
            answer.body
        );
        sleep(Duration::from_millis(100)).await;
    }
}

async fn start(user: &User, workflow: &str, url: &str) -> String {
    let path = format!("/workflows/{workflow}/runs?callbackUrl={url}");
    let started = user.post(&path, &json!({"input": {"topic": "tea"}})).await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    text(&started.body["id"])
}

#[tokio::test]
async fn deliveries_are_listed_with_their_attempts_and_sent_again() {
    let user = User::with_credential().await;
    let receiver = Receiver::new().await;
    let workflow = workflow(&user, json!([receiver.url]), "[[echo]]{{topic}}").await;
    let url = format!("{}/done%3Ftoken%3Dsecret-token", receiver.url);
    let run = start(&user, &workflow, &url).await;
    receiver.next("500 Out of order").await;
    let waits = delivery_when(&user, &run, |it| list(&it["attempts"]).len() == 1).await;
    assert_eq!(waits["status"], "PENDING", "{waits:#}");
    assert!(waits["nextAttemptAt"].is_string());
    receiver.next("204 Taken").await;
    let taken = delivery_when(&user, &run, |it| it["status"] == "DELIVERED").await;
    let attempts = list(&taken["attempts"]);
    assert_eq!(attempts.len(), 2, "{taken:#}");
    assert_eq!(attempts[0]["status"], 500);
    assert!(text(&attempts[0]["error"]).contains("it answered 500"));
    assert_eq!(attempts[1]["status"], 204);
    assert!(attempts[1]["error"].is_null());
    assert!(attempts[1]["durationMs"].is_u64());
    assert_eq!(taken["id"], run);
    assert_eq!(taken["execution"], 1);
    assert!(taken["nextAttemptAt"].is_null());
    assert!(!taken.to_string().contains("secret-token"), "{taken:#}");

    let resend = format!("/runs/{run}/deliveries/{run}/resend");
    let again = user.post(&resend, &json!({})).await;
    assert_eq!(again.status, 202, "{:?}", again.body);
    assert_eq!(again.body["status"], "PENDING");
    let third = receiver.next("200 OK").await;
    assert_eq!(third.header("webhook-id"), run, "the same id");
    let taken = delivery_when(&user, &run, |it| it["status"] == "DELIVERED").await;
    assert_eq!(list(&taken["attempts"]).len(), 3, "{taken:#}");

    for (path, status, code) in [
        (
            format!("/runs/{run}/deliveries/{run}-2/resend"),
            404,
            "DeliveryNotFound",
        ),
        (
            format!("/runs/{run}/deliveries/nonsense/resend"),
            404,
            "DeliveryNotFound",
        ),
        (
            format!("/runs/{}/deliveries/x/resend", uuid::Uuid::now_v7()),
            404,
            "RunNotFound",
        ),
    ] {
        let refused = user.post(&path, &json!({})).await;
        assert_eq!(refused.status, status, "{:?}", refused.body);
        assert_eq!(refused.body["code"], code);
    }
    let silent = self::workflow(&user, Value::Null, "hi").await;
    let silent = user.trigger(&silent, &json!({})).await;
    user.ended(&silent).await;
    let none = user.get(&format!("/runs/{silent}/deliveries")).await;
    assert_eq!(none.body, json!({"deliveries": []}));
}

#[tokio::test]
async fn a_receiver_of_the_stack_may_be_slow_quick_and_gone() {
    let user = User::with_credential().await;
    let receiver = Receiver::new().await;
    let workflow = workflow(&user, json!([receiver.url]), "[[echo]]{{topic}}").await;
    for pause in [Duration::from_millis(2500), Duration::ZERO] {
        let run = start(&user, &workflow, &receiver.url).await;
        receiver.next_after(pause, "200 OK").await;
        delivery_when(&user, &run, |it| it["status"] == "DELIVERED").await;
    }
    let url = receiver.url.clone();
    drop(receiver);
    let run = start(&user, &workflow, &url).await;
    delivery_when(&user, &run, |it| list(&it["attempts"]).len() == 1).await;
    // As if six more tries had been made.
    let deliveries = stack_store().await.deliveries();
    let now = Timestamp::now();
    let changed = deliveries.change(&run, 1, now, |delivery| delivery.tries = 7);
    changed.await.unwrap();
    let failed = delivery_when(&user, &run, |it| it["status"] == "FAILED").await;
    assert_eq!(list(&failed["attempts"]).len(), 2, "{failed:#}");
    assert!(failed["nextAttemptAt"].is_null());
}

/// The signatures of a post, by their versions.
fn signatures<'p>(posted: &'p Posted, version: &str) -> Vec<&'p str> {
    posted
        .header("webhook-signature")
        .split(' ')
        .filter_map(|signature| signature.strip_prefix(version)?.strip_prefix(','))
        .collect()
}

/// Whether one of the post's signatures of version `v1` is of this secret.
fn is_signed(posted: &Posted, secret: &str) -> bool {
    let id = posted.header("webhook-id");
    let time = posted.header("webhook-timestamp").parse().unwrap();
    let headers = standard(secret, id, time, &posted.body);
    let (_, want) = headers
        .iter()
        .find(|(name, _)| name == "webhook-signature")
        .unwrap();
    let want = want.strip_prefix("v1,").unwrap();
    signatures(posted, "v1").contains(&want)
}

/// Whether one of the post's signatures of version `v1a` is verified by this public key.
fn is_verified(posted: &Posted, public_key: &Value) -> bool {
    let key = text(public_key);
    let key = STANDARD.decode(key.strip_prefix("whpk_").unwrap()).unwrap();
    let (id, time) = (
        posted.header("webhook-id"),
        posted.header("webhook-timestamp"),
    );
    let signed = [format!("{id}.{time}.").as_bytes(), &posted.body].concat();
    let key = UnparsedPublicKey::new(&ED25519, key);
    signatures(posted, "v1a").iter().any(|signature| {
        key.verify(&signed, &STANDARD.decode(signature).unwrap())
            .is_ok()
    })
}

#[tokio::test]
async fn a_workflow_has_a_secret_of_its_own_and_what_signed_before_signs_too() {
    let user = User::with_credential().await;
    let receiver = Receiver::new().await;
    let workflow = workflow(&user, json!([receiver.url]), "[[echo]]{{topic}}").await;
    let path = format!("/workflows/{workflow}/callback-secret");
    let rotate = format!("{path}/rotate");
    let none = user.get(&path).await;
    assert_eq!(none.status, 404, "{:?}", none.body);
    assert_eq!(none.body["code"], "CallbackSecretNotFound");

    let first = user.post(&rotate, &json!({})).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    let first_secret = text(&first.body["secret"]);
    assert!(first_secret.starts_with("whsec_"));
    let shown = user.get(&path).await;
    assert_eq!(shown.body["publicKey"], first.body["publicKey"]);
    assert!(shown.body.get("secret").is_none(), "it is shown once");
    assert!(shown.body["previousUntil"].is_string());

    start(&user, &workflow, &receiver.url).await;
    let posted = receiver.next("200 OK").await;
    assert!(is_signed(&posted, &first_secret));
    assert!(is_signed(&posted, &callback_secret()), "the stack's too");
    assert!(is_verified(&posted, &first.body["publicKey"]));
    assert_eq!(signatures(&posted, "v1a").len(), 1, "the stack has none");

    let second = user.post(&rotate, &json!({"overlapSeconds": 3600})).await;
    assert_eq!(second.status, 200, "{:?}", second.body);
    let second_secret = text(&second.body["secret"]);
    assert_ne!(second_secret, first_secret);
    assert_eq!(second.body["previousPublicKey"], first.body["publicKey"]);
    start(&user, &workflow, &receiver.url).await;
    let posted = receiver.next("200 OK").await;
    assert!(is_signed(&posted, &second_secret));
    assert!(is_signed(&posted, &first_secret));
    assert!(!is_signed(&posted, &callback_secret()));
    assert!(is_verified(&posted, &second.body["publicKey"]));
    assert!(is_verified(&posted, &first.body["publicKey"]));

    let third = user.post(&rotate, &json!({"overlapSeconds": 0})).await;
    assert_eq!(third.status, 200, "{:?}", third.body);
    assert!(third.body["previousPublicKey"].is_null());
    start(&user, &workflow, &receiver.url).await;
    let posted = receiver.next("200 OK").await;
    assert!(is_signed(&posted, &text(&third.body["secret"])));
    assert!(!is_signed(&posted, &second_secret));
    assert!(!is_verified(&posted, &second.body["publicKey"]));

    let gone = user.call(Method::DELETE, &path, None).await;
    assert_eq!(gone.status, 204, "{:?}", gone.body);
    start(&user, &workflow, &receiver.url).await;
    let posted = receiver.next("200 OK").await;
    assert!(is_signed(&posted, &callback_secret()));
    assert_eq!(signatures(&posted, "v1").len(), 1);
    assert_eq!(signatures(&posted, "v1a").len(), 0);
    let gone = user.call(Method::DELETE, &path, None).await;
    assert_eq!(gone.body["code"], "CallbackSecretNotFound");

    let too_long = user
        .post(&rotate, &json!({"overlapSeconds": 3_000_000}))
        .await;
    assert_eq!(too_long.status, 400, "{:?}", too_long.body);
    let nowhere = user
        .post("/workflows/nowhere/callback-secret/rotate", &json!({}))
        .await;
    assert_eq!(nowhere.body["code"], "WorkflowNotFound");
    let (reader, _) = user.with_scopes(&["read", "run"]).await;
    let refused = reader.post(&rotate, &json!({})).await;
    assert_eq!(refused.body["code"], "InsufficientScope");
}

// ---- One function and its messages

/// Records a run that has ended and is to be posted to this address.
async fn ended(world: &World, url: &str) -> String {
    let run = world.begin("hi").await;
    aws_sdk_dynamodb::Client::new(&aws().await)
        .update_item()
        .table_name(world.sandbox.table())
        .set_key(Some(item_key(keys::run(&run))))
        .update_expression("SET callbackUrl = :url")
        .expression_attribute_values(
            ":url",
            aws_sdk_dynamodb::types::AttributeValue::S(url.to_owned()),
        )
        .send()
        .await
        .unwrap();
    let mut end = Ended::cancelled(1, "as told");
    end.status = RunStatus::Failed;
    assert!(world.sandbox.store.runs().end(&run, &end).await.unwrap());
    run
}

fn message(execution: &str) -> Value {
    json!({"Records": [{
        "messageId": "m", "receiptHandle": "r", "body": execution,
        "attributes": {"ApproximateReceiveCount": "1"},
    }]})
}

/// Whether the function has put the message back.
fn comes_again(report: &Value) -> bool {
    !list(&report["batchItemFailures"]).is_empty()
}

async fn world() -> World {
    let world = World::new().await;
    let secret = STANDARD.encode([7; 36]);
    world.sandbox.keep_text("callback-secret", &secret);
    world
}

#[tokio::test]
async fn a_receiver_that_hangs_takes_one_place_and_the_others_go_on() {
    let world = world().await;
    // It takes connections and never answers.
    let hangs = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = format!("http://{}/", hangs.local_addr().unwrap());
    let receiver = Receiver::new().await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(ended(&world, &slow).await);
    }
    let quick = ended(&world, &receiver.url).await;
    let first = world.sandbox.function("deliver-callback").await;
    let second = world.sandbox.function("deliver-callback").await;
    // Nobody knows yet that it hangs.
    assert!(comes_again(&first.invoke(message(&waiting[0])).await));
    let attempts = |run: String| {
        let deliveries = world.sandbox.store.deliveries();
        async move {
            let found = deliveries.find(&run, 1).await.unwrap();
            found.map_or_else(Vec::new, |delivery| delivery.attempts)
        }
    };
    let tried = attempts(waiting[0].clone()).await;
    assert_eq!(tried.len(), 1);
    assert!(tried[0].duration_ms >= 19_000, "{tried:?}");
    let error = tried[0].error.clone().unwrap();
    assert_eq!(error, "it did not answer within 20 seconds");
    // From now on one function at a time waits for it.
    let held = first.hand(message(&waiting[1])).await;
    sleep(Duration::from_secs(2)).await;
    let begun = Instant::now();
    assert!(comes_again(&second.invoke(message(&waiting[2])).await));
    assert!(begun.elapsed() < Duration::from_secs(3), "it does not wait");
    assert_eq!(attempts(waiting[2].clone()).await, [], "that is no try");
    let posted = second.hand(message(&quick)).await;
    let taken = timeout(Duration::from_secs(5), receiver.next("200 OK")).await;
    assert_eq!(taken.unwrap().header("webhook-id"), quick);
    assert!(!comes_again(&posted.await.unwrap()));
    assert!(comes_again(&held.await.unwrap()));
    assert_eq!(attempts(waiting[1].clone()).await.len(), 1);
}

#[tokio::test]
async fn a_slow_receiver_that_is_quick_again_counts_as_quick() {
    let world = world().await;
    let receiver = Receiver::new().await;
    let host = receiver.url.trim_start_matches("http://");
    let receivers = world.sandbox.store.receivers();
    receivers.was_slow(host, Timestamp::now()).await.unwrap();
    let function = world.sandbox.function("deliver-callback").await;
    for _ in 0..2 {
        let run = ended(&world, &receiver.url).await;
        let answer = function.hand(message(&run)).await;
        receiver.next("200 OK").await;
        assert!(!comes_again(&answer.await.unwrap()));
    }
    let item = aws_sdk_dynamodb::Client::new(&aws().await)
        .get_item()
        .table_name(world.sandbox.table())
        .set_key(Some(item_key(keys::receiver(host))))
        .send()
        .await
        .unwrap();
    assert!(item.item.is_none(), "{item:?}");
}

#[tokio::test]
async fn what_nobody_takes_with_eight_tries_is_kept_and_can_be_put_back() {
    let world = world().await;
    // Nobody listens there any more.
    let gone = Receiver::new().await.url;
    let run = ended(&world, &gone).await;
    let function = world.sandbox.function("deliver-callback").await;
    let deliveries = world.sandbox.store.deliveries();
    for tries in 1..=8 {
        assert_eq!(world.sandbox.lost().await, Vec::<String>::new());
        let answer = function.invoke(message(&run)).await;
        assert_eq!(comes_again(&answer), tries < 8, "{tries}: {answer}");
    }
    let failed = deliveries.find(&run, 1).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", failed.status), "Failed");
    assert_eq!((failed.tries, failed.attempts.len()), (8, 8));
    assert!(failed.attempts[0].status.is_none());
    assert!(failed.attempts[0].error.is_some());
    assert_eq!(world.sandbox.lost().await, std::slice::from_ref(&run));
    // Whoever moves it back from there starts a new round.
    assert!(comes_again(&function.invoke(message(&run)).await));
    let again = deliveries.find(&run, 1).await.unwrap().unwrap();
    assert_eq!((again.tries, again.attempts.len()), (1, 9));

    // A run that was resumed since is not posted, and cannot be.
    let store = &world.sandbox.store;
    let resumed = store.runs().get(&run).await.unwrap();
    let at = Timestamp::now();
    let resume = steps_store::Resume {
        run: &resumed,
        credentials: &resumed.credentials,
        at,
        deadline: at + Duration::from_secs(60),
        max_cost_usd: None,
        max_cost_usd_per_day: None,
        entry: None,
    };
    store.runs().resume(&resume).await.unwrap();
    assert!(!comes_again(&function.invoke(message(&run)).await));
    let runs = world.sandbox.function("runs").await;
    let path = format!("/runs/{run}/deliveries");
    let listed = runs.http(Method::GET, &path, None).await.body;
    assert_eq!(listed["deliveries"][0]["status"], "SUPERSEDED", "{listed}");
    let refused = runs
        .http(Method::POST, &format!("{path}/{run}/resend"), None)
        .await;
    assert_eq!(refused.status, 409, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "DeliverySuperseded");
}
