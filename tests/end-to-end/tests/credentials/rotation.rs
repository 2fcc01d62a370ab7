//! Secrets Manager rotates a key through OpenRouter's management key: a new one is made and tested, the old one disabled.

use end_to_end::{Meets, Sandbox, User, aws_cli, invoke, list, node, text};
use openrouter_stand_in::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use steps_store::{Action, Actor, AuditEntry, Credential, Rotation};

use super::{account_keys, actions, described, key_at, management_key, secret, when};

/// Asks for a rotation and gives the credential once it is done.
async fn rotated(user: &User, id: &str) -> Value {
    let before = user.get(&format!("/credentials/{id}")).await.body;
    let asked = user
        .post(&format!("/credentials/{id}/rotate"), &json!({}))
        .await;
    assert_eq!(asked.status, 202, "{:?}", asked.body);
    when(user, id, |shown| {
        shown["lastRotation"]["version"] != before["lastRotation"]["version"]
    })
    .await
}

/// A rotation whose function is never invoked: the test does its steps, one by one.
fn begun(secret: &str) -> Value {
    let nowhere = "arn:aws:lambda:us-east-1:000000000000:function:nowhere";
    let words = ["secretsmanager", "rotate-secret", "--secret-id", secret];
    aws_cli(&[&words[..], &["--rotation-lambda-arn", nowhere]].concat())
}

/// A key that no other test has: its label begins with these three characters.
fn labelled() -> User {
    let mark = &uuid::Uuid::now_v7().simple().to_string()[29..];
    User::new(mark)
}

#[tokio::test]
async fn a_rotation_is_switched_on_changed_and_off() {
    let user = User::new("good");
    let id = user.store_credential().await;
    let path = format!("/credentials/{id}");
    let set = async |rotation: Value| user.put(&path, &json!({ "rotation": rotation })).await;
    let on = set(json!({"everyDays": 30})).await;
    assert_eq!(on.status, 200, "{:?}", on.body);
    assert_eq!(on.body["rotation"], json!({"everyDays": 30}));
    let secret = described(&id);
    assert_eq!(secret["RotationEnabled"], true);
    assert_eq!(secret["RotationRules"]["AutomaticallyAfterDays"], 30);
    let function = text(&secret["RotationLambdaARN"]);
    assert!(function.ends_with("-rotate-key"), "{function}");
    assert_eq!(set(json!({"everyDays": 7})).await.status, 200);
    let rules = &described(&id)["RotationRules"];
    assert_eq!(rules["AutomaticallyAfterDays"], 7);
    let off = set(Value::Null).await;
    assert_eq!(off.status, 200, "{:?}", off.body);
    assert!(off.body["rotation"].is_null());
    assert_eq!(described(&id)["RotationEnabled"], false);
    // Setting it up rotates nothing.
    assert_eq!(key_at(&id, "AWSCURRENT"), user.key);
    for days in [0, 1001] {
        assert_eq!(set(json!({ "everyDays": days })).await.status, 400);
    }
}

#[tokio::test]
async fn a_key_is_rotated_with_its_limits_and_the_old_one_is_disabled() {
    let user = labelled();
    let id = user.store_credential().await;
    let shown = rotated(&user, &id).await;
    let second = key_at(&id, "AWSCURRENT");
    assert_ne!(second, user.key);
    assert_eq!(key_at(&id, "AWSPREVIOUS"), user.key);
    assert!(second.ends_with(&text(&shown["lastFour"])));
    assert_eq!(shown["lastRotation"]["oldKey"]["state"], "disabled");
    assert_eq!(shown["key"]["limit"], "25", "as the old one had it");
    assert_eq!(shown["key"]["limitReset"], "monthly");
    let old = user.ask_openrouter(&user.key, "/key").await;
    assert_eq!(old.status, 401, "{:?}", old.body);

    // Its hash is known by now, so the next one needs no label.
    let shown = rotated(&user, &id).await;
    assert_eq!(shown["lastRotation"]["oldKey"]["state"], "disabled");
    assert_eq!(user.ask_openrouter(&second, "/key").await.status, 401);
    let third = key_at(&id, "AWSCURRENT");
    assert_eq!(user.ask_openrouter(&third, "/key").await.status, 200);
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": "hi"}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");

    let audit = user.get(&format!("/credentials/{id}/audit")).await.body;
    assert_eq!(
        actions(&user, &id).await,
        [
            "rotated",
            "rotationRequested",
            "rotated",
            "rotationRequested",
            "created"
        ]
    );
    let row = &audit["audit"][2];
    assert_eq!(row["actor"], json!({"principal": "secrets-manager"}));
    assert_eq!(row["details"]["lastFourBefore"], user.last_four());
    assert_eq!(row["details"]["oldKey"]["state"], "disabled");
    let audit = audit.to_string();
    for key in [&user.key, &second, &third, &management_key()] {
        assert!(!audit.contains(key.as_str()));
    }
}

#[tokio::test]
async fn the_day_on_which_a_key_ends_is_the_new_ones_too() {
    let user = User::new("good");
    let ends = "2030-01-01T00:00:00Z";
    let new = json!({ "name": user.name, "limit": 5, "expires_at": ends });
    let made = user.tell_openrouter(&management_key(), "/keys", &new).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let body = json!({ "name": user.name, "apiKey": made.body["key"] });
    let stored = user.post("/credentials", &body).await;
    assert_eq!(stored.status, 201, "{:?}", stored.body);
    let shown = rotated(&user, &text(&stored.body["id"])).await;
    assert_eq!(shown["key"]["expiresAt"], ends, "{shown}");
    assert_eq!(shown["key"]["limit"], "5");
}

#[tokio::test]
async fn a_key_is_rotated_in_the_middle_of_a_run_and_no_node_fails() {
    let user = labelled();
    let id = user.store_credential().await;
    let waits = "[[fault:rate-limit-own(retry_after=15)*1]]first";
    let workflow = user
        .workflow(json!([
            {"variableName": "first", "userPrompt": waits},
            {"variableName": "second", "userPrompt": "[[echo]]second"},
            {"variableName": "third", "userPrompt": "[[echo]]{{first.text}}, {{second.text}}"},
        ]))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    user.run_when(&run, |run| {
        node(run, "first")["status"] == "WAITING" && node(run, "second")["status"] == "SUCCEEDED"
    })
    .await;
    let shown = rotated(&user, &id).await;
    assert_eq!(shown["lastRotation"]["oldKey"]["state"], "disabled");
    assert_eq!(user.ask_openrouter(&user.key, "/key").await.status, 401);
    let under_way = user.get(&format!("/runs/{run}")).await.body;
    assert_eq!(under_way["status"], "RUNNING", "it was rotated in time");
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
    for row in list(&run["nodes"]) {
        assert_eq!(row["status"], "SUCCEEDED", "{row:#}");
    }
    // What the stand-in says of the new key: it has spent what the run's last two nodes cost.
    let last: rust_decimal::Decimal = ["first", "third"]
        .iter()
        .map(|name| end_to_end::decimal(&node(&run, name)["costUsd"]))
        .sum();
    let shown = user.get(&format!("/credentials/{id}")).await.body;
    assert_eq!(end_to_end::decimal(&shown["key"]["usage"]), last);
}

#[tokio::test]
async fn an_old_key_that_cannot_be_told_from_others_is_left_and_said_so() {
    let user = labelled();
    let id = user.store_credential().await;
    // Another key of the account, alike at both ends.
    let twin = format!(
        "{}-its-twin-{}",
        &user.key[..16],
        &user.key[user.key.len() - 3..]
    );
    assert_eq!(user.ask_openrouter(&twin, "/key").await.status, 200);
    let shown = rotated(&user, &id).await;
    let old_key = &shown["lastRotation"]["oldKey"];
    assert_eq!(old_key["state"], "left", "{shown:#}");
    for key in [&user.key, &twin] {
        assert_eq!(user.ask_openrouter(key, "/key").await.status, 200);
    }
    let audit = user.get(&format!("/credentials/{id}/audit")).await.body;
    assert_eq!(&audit["audit"][0]["details"]["oldKey"], old_key);
    assert!(text(&old_key["reason"]).contains("several keys"));
}

#[tokio::test]
async fn each_step_may_be_repeated() {
    let user = labelled();
    let id = user.store_credential().await;
    let begun = begun(&secret(&id));
    let token = text(&begun["VersionId"]);
    let step_with = |token: &str, step: &str| {
        let event = json!({"SecretId": begun["ARN"], "ClientRequestToken": token, "Step": step});
        invoke("rotate-key", &event)
    };
    let step = |name: &str| step_with(&token, name);
    let under_way = user
        .post(&format!("/credentials/{id}/rotate"), &json!({}))
        .await;
    assert_eq!(under_way.status, 409, "{:?}", under_way.body);
    assert_eq!(under_way.body["code"], "RotationUnderWay");

    for early in ["setSecret", "finishSecret"] {
        assert_eq!(step(early)["errorType"], "NotRotating", "{early}");
    }
    assert_eq!(step("testSecret"), Value::Null, "tries out the current key");
    let foreign = step_with("00000000-0000-4000-8000-000000000000", "createSecret");
    assert_eq!(foreign["errorType"], "NotRotating", "{foreign}");

    for name in ["createSecret", "createSecret", "setSecret", "setSecret"] {
        assert_eq!(step(name), Value::Null, "{name}");
    }
    assert_eq!(
        key_at(&id, "AWSCURRENT"),
        user.key,
        "nothing is rotated yet"
    );
    let made = async || -> Vec<Value> {
        let keys = account_keys(&user).await.into_iter();
        keys.filter(|key| text(&key["name"]).contains(&token))
            .collect()
    };
    let [only] = &made().await[..] else {
        panic!("one key is made, however often it is asked for")
    };
    assert_eq!(only["disabled"], false);
    for name in ["testSecret", "testSecret", "finishSecret", "finishSecret"] {
        assert_eq!(step(name), Value::Null, "{name}");
    }
    assert_ne!(key_at(&id, "AWSCURRENT"), user.key);
    assert_eq!(user.ask_openrouter(&user.key, "/key").await.status, 401);
    for name in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
        assert_eq!(step(name), Value::Null, "{name}, once more at the end");
    }
    assert_eq!(made().await.len(), 1);
    assert_eq!(actions(&user, &id).await, ["rotated", "created"]);

    // A late repeat does not replace the key that the owner has put since.
    let next = User::new("good");
    let path = format!("/credentials/{id}");
    let replaced = user.put(&path, &json!({"apiKey": next.key})).await;
    assert_eq!(replaced.status, 200, "{:?}", replaced.body);
    assert_eq!(step("finishSecret")["errorType"], "NotRotating");
    assert_eq!(key_at(&id, "AWSCURRENT"), next.key);
    rotated(&user, &id).await;
}

#[tokio::test]
async fn a_key_that_its_owner_puts_during_a_rotation_stays() {
    let user = labelled();
    let id = user.store_credential().await;
    let begun = begun(&secret(&id));
    let step = |step: &str| {
        let token = &begun["VersionId"];
        let event = json!({"SecretId": begun["ARN"], "ClientRequestToken": token, "Step": step});
        invoke("rotate-key", &event)
    };
    assert_eq!(step("createSecret"), Value::Null);
    let made = key_at(&id, "AWSPENDING");
    let own = User::new("good");
    let path = format!("/credentials/{id}");
    let replaced = user.put(&path, &json!({"apiKey": own.key})).await;
    assert_eq!(replaced.status, 200, "{:?}", replaced.body);
    for name in ["setSecret", "testSecret"] {
        assert_eq!(step(name), Value::Null, "{name}");
    }
    assert_eq!(step("finishSecret")["errorType"], "RotationOvertaken");
    assert_eq!(key_at(&id, "AWSCURRENT"), own.key);
    assert_eq!(user.ask_openrouter(&own.key, "/key").await.status, 200);
    assert_eq!(user.ask_openrouter(&made, "/key").await.status, 401);
    assert_eq!(actions(&user, &id).await, ["keyReplaced", "created"]);
    // The next one begins with the key that was put.
    rotated(&user, &id).await;
    assert_ne!(key_at(&id, "AWSCURRENT"), own.key);
}

#[tokio::test]
async fn a_rotation_that_is_switched_off_while_the_record_changes_is_off_in_the_record() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let credentials = sandbox.function("credentials").await;
    let body = json!({"name": "main", "apiKey": labelled().key});
    let created = credentials
        .http(Method::POST, "/credentials", Some(&body))
        .await;
    let id = text(&created.body["id"]);
    let before = sandbox.store.credentials().get(&id).await.unwrap();
    let on = Credential {
        rotation: Some(Rotation { every_days: 30 }),
        ..before.clone()
    };
    let actor = Actor {
        principal: "test".to_owned(),
        source_ip: None,
    };
    let entry = AuditEntry::now(Action::RotationSet, &actor, Value::Null);
    let store = sandbox.store.credentials();
    store.change(&before, on, &entry).await.unwrap();
    let met = sandbox.trouble(
        "TransactWriteItems",
        "rotationSet",
        1,
        Meets::Cancelled("ConditionalCheckFailed"),
    );
    let path = format!("/credentials/{id}");
    let off = json!({"rotation": null});
    let set = credentials.http(Method::PUT, &path, Some(&off)).await;
    assert!(met.is_over());
    assert_eq!(set.status, 200, "{:?}", set.body);
    assert!(set.body["rotation"].is_null(), "{:?}", set.body);
    let kept = sandbox.store.credentials().get(&id).await.unwrap();
    assert_eq!(kept.rotation, None);
}

#[tokio::test]
async fn a_key_that_was_replaced_by_a_function_that_died_has_its_row_after_a_repeat() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let credentials = sandbox.function("credentials").await;
    let body = json!({"name": "main", "apiKey": labelled().key});
    let created = credentials
        .http(Method::POST, "/credentials", Some(&body))
        .await;
    let path = format!("/credentials/{}", text(&created.body["id"]));
    let next = json!({"apiKey": User::new("good").key});
    let trouble = sandbox.trouble("TransactWriteItems", "keyReplaced", 1, Meets::Dies);
    let dying = {
        let (path, next) = (path.clone(), next.clone());
        tokio::spawn(async move { credentials.http(Method::PUT, &path, Some(&next)).await })
    };
    trouble.met().await;
    dying.abort();
    let credentials = sandbox.function("credentials").await;
    let repeat = credentials.http(Method::PUT, &path, Some(&next)).await;
    assert_eq!(repeat.status, 200, "{:?}", repeat.body);
    assert_ne!(repeat.body["lastFour"], created.body["lastFour"]);
    let audit = credentials
        .http(Method::GET, &format!("{path}/audit"), None)
        .await;
    assert_eq!(audit.body["audit"][0]["action"], "keyReplaced");
}

#[tokio::test]
async fn a_key_that_was_made_and_lost_is_disabled() {
    let user = labelled();
    let id = user.store_credential().await;
    let begun = begun(&secret(&id));
    let token = text(&begun["VersionId"]);
    // This is how it is when the function ends between OpenRouter's answer and Secrets Manager's.
    let lost = json!({"name": format!("{} ({token})", user.name)});
    let made = user
        .tell_openrouter(&management_key(), "/keys", &lost)
        .await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let lost = text(&made.body["key"]);
    let event =
        json!({"SecretId": begun["ARN"], "ClientRequestToken": token, "Step": "createSecret"});
    assert_eq!(invoke("rotate-key", &event), Value::Null);
    assert_eq!(user.ask_openrouter(&lost, "/key").await.status, 401);
    let pending = key_at(&id, "AWSPENDING");
    assert_eq!(user.ask_openrouter(&pending, "/key").await.status, 200);
}

#[tokio::test]
async fn what_fails_half_way_is_told_and_mended_by_a_repeat() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let (credentials, rotate_key) = (
        sandbox.function("credentials").await,
        sandbox.function("rotate-key").await,
    );
    let body = json!({"name": "main", "apiKey": labelled().key});
    let created = credentials
        .http(Method::POST, "/credentials", Some(&body))
        .await;
    let id = text(&created.body["id"]);
    let begun = begun(&sandbox.secret(&id));
    let step = async |step: &str| {
        let token = &begun["VersionId"];
        let event = json!({"SecretId": begun["ARN"], "ClientRequestToken": token, "Step": step});
        rotate_key.invoke(event).await
    };
    let change = |state: &str| json!({"key": management_key(), "state": state});
    sandbox.tell_stand_in("keys", &change("good")).await;
    let refused = step("createSecret").await;
    assert_eq!(refused["errorType"], "ManagementKeyRefused", "{refused}");
    sandbox.tell_stand_in("keys", &change("management")).await;
    for name in ["createSecret", "setSecret", "testSecret"] {
        assert_eq!(step(name).await, Value::Null, "{name}");
    }

    // The new key is current already when OpenRouter goes away, and the old one is still to be disabled.
    sandbox.tell_stand_in("away", &json!({"away": true})).await;
    let failed = step("finishSecret").await;
    assert_eq!(failed["errorType"], "ProviderOverloaded", "{failed}");
    sandbox.tell_stand_in("away", &json!({"away": false})).await;
    let shown = async || {
        let shown = credentials.http(Method::GET, "/credentials/main", None);
        shown.await.body
    };
    let left = shown().await;
    assert_eq!(left["lastRotation"]["oldKey"]["state"], "left");
    assert_ne!(left["lastFour"], created.body["lastFour"]);
    assert_eq!(step("finishSecret").await, Value::Null);
    let mended = shown().await;
    assert_eq!(mended["lastRotation"]["oldKey"]["state"], "disabled");
    assert_eq!(mended["lastFour"], left["lastFour"]);
    let audit = credentials
        .http(Method::GET, "/credentials/main/audit", None)
        .await;
    let rows = list(&audit.body["audit"]).iter();
    let told: Vec<_> = rows.map(|row| &row["details"]["oldKey"]["state"]).collect();
    assert_eq!(json!(told), json!(["disabled", "left", null]));
}
