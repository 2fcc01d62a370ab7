//! A token does what its scopes allow, until it ends or is revoked, and is shown once.

use std::collections::BTreeSet;

use end_to_end::{Function, Sandbox, User, aws_cli, function_logs, list, text, whole_table};
use jiff::{SignedDuration, Timestamp};
use openrouter_stand_in::Settings;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use steps_access::{Scope, Scopes, Token};
use steps_store::{Actor, AuditEntry, TokenRecord};
use tokio::time::{Duration, Instant, sleep};

#[tokio::test]
async fn a_revoked_token_is_refused_within_a_minute() {
    let user = User::new("good");
    let (reader, id) = user.with_scopes(&["read"]).await;
    assert_eq!(reader.get("/runs").await.status, 200);
    let path = format!("/tokens/{id}");
    for _ in 0..2 {
        let revoked = user.call(Method::DELETE, &path, None).await;
        assert_eq!(revoked.status, 204, "{:?}", revoked.body);
    }
    let began = Instant::now();
    while reader.get("/runs").await.status != 403 {
        assert!(began.elapsed() < Duration::from_secs(60), "still let in");
        sleep(Duration::from_millis(500)).await;
    }
    let shown = user.get(&path).await;
    assert_eq!(shown.status, 200, "{:?}", shown.body);
    assert!(shown.body["revokedAt"].is_string());
    let rows = user.get(&format!("/audit?subject=tokens/{id}")).await;
    let actions: Vec<String> = list(&rows.body["audit"])
        .iter()
        .map(|row| text(&row["action"]))
        .collect();
    assert_eq!(actions, ["revoked", "created"]);
}

#[tokio::test]
async fn a_token_is_shown_in_the_answer_that_makes_it_and_nowhere_else() {
    let user = User::new("good");
    let body = json!({"name": user.name, "scopes": ["admin", "read"], "expiresInDays": 1});
    let made = user.post("/tokens", &body).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let (token, id) = (text(&made.body["token"]), text(&made.body["id"]));
    assert!(token.starts_with(&format!("os_{id}_")), "{token}");
    assert_eq!(made.body["scopes"], json!(["read", "admin"]));

    let holder = user.with_token(token.as_str());
    let path = format!("/tokens/{id}");
    let mut shown = String::new();
    for path in [path.as_str(), "/tokens?limit=100", "/audit?limit=100"] {
        let answer = holder.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        assert!(answer.body.to_string().contains(&id), "{path}");
        shown.push_str(&answer.body.to_string());
    }
    // A body of the wrong shape is the likeliest place for an error to repeat a token.
    for body in [
        json!(token),
        json!({"name": token, "scopes": ["read"]}),
        json!({"name": "x", "scopes": [token]}),
        json!({"name": "x", "scopes": ["read"], (token.as_str()): 1}),
    ] {
        let answer = holder.post("/tokens", &body).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        shown.push_str(&answer.body.to_string());
    }
    let secret = &token[token.len() - 64..];
    assert!(!shown.contains(secret), "in an answer");
    assert!(!whole_table().await.contains(secret), "in the table");
    assert!(!function_logs().contains(secret), "in a log");
}

#[tokio::test]
async fn what_makes_no_good_token_is_refused_with_every_fault() {
    let user = User::new("good");
    let bad = json!({"name": " ", "scopes": [], "expiresInDays": 0});
    let refused = user.post("/tokens", &bad).await;
    assert_eq!(refused.status, 400, "{:?}", refused.body);
    assert_eq!(refused.body["code"], "InvalidToken");
    let paths: Vec<String> = list(&refused.body["faults"])
        .iter()
        .map(|fault| text(&fault["path"]))
        .collect();
    assert_eq!(paths, ["name", "scopes", "expiresInDays"]);
    for (method, path) in [(Method::GET, "/tokens/x"), (Method::DELETE, "/tokens/x")] {
        let missing = user.call(method, path, None).await;
        assert_eq!(missing.status, 404, "{:?}", missing.body);
        assert_eq!(missing.body["code"], "TokenNotFound");
    }
}

#[tokio::test]
async fn a_list_of_tokens_has_each_of_them_once() {
    let user = User::new("good");
    let mut made = BTreeSet::new();
    for _ in 0..3 {
        made.insert(user.with_scopes(&["run"]).await.1);
    }
    let mut found = Vec::new();
    let mut cursor = Some(String::new());
    while found.iter().filter(|id| made.contains(*id)).count() < made.len() {
        let after = cursor.expect("a further page");
        let page = user.get(&format!("/tokens?limit=2&cursor={after}")).await;
        assert_eq!(page.status, 200, "{:?}", page.body);
        found.extend(
            list(&page.body["tokens"])
                .iter()
                .map(|row| text(&row["id"])),
        );
        cursor = page.body["cursor"].as_str().map(str::to_owned);
    }
    let once: BTreeSet<&String> = found.iter().collect();
    assert_eq!(once.len(), found.len());
    assert!(
        found.is_sorted_by(|a, b| a > b),
        "the newest first: {found:?}"
    );
    for wrong in ["nonsense", "e30"] {
        let refused = user.get(&format!("/tokens?cursor={wrong}")).await;
        assert_eq!(refused.status, 400, "{:?}", refused.body);
    }
}

/// What `authorize` says of this token.
async fn verdict(authorize: &Function, token: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let event = json!({"headers": {"authorization": bearer}});
    authorize.invoke(event).await
}

#[tokio::test]
async fn authorize_names_the_token_and_its_scopes_in_one_read_and_refuses_one_that_has_ended() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let authorize = sandbox.function("authorize").await;
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let actor = Actor {
        principal: "root".to_owned(),
        source_ip: None,
    };
    for (expires_at, is_good) in [
        (None, true),
        (Some(now + hour), true),
        (Some(now - hour), false),
    ] {
        let token = Token::generate().unwrap();
        let record = TokenRecord {
            id: token.id().to_owned(),
            name: "t".to_owned(),
            scopes: Scopes::from_iter([Scope::Run, Scope::Read]),
            created_at: now,
            expires_at,
            revoked_at: None,
        };
        let entry = AuditEntry::now("created", &actor, Value::Null);
        let tokens = sandbox.store.tokens();
        tokens.add(&record, token.hash(), &entry).await.unwrap();
        let said = verdict(&authorize, token.text().expose_secret()).await;
        sandbox.aws_calls();
        let again = verdict(&authorize, token.text().expose_secret()).await;
        assert_eq!(again, said);
        let calls = sandbox.aws_calls();
        assert_eq!(
            calls.into_iter().collect::<Vec<_>>(),
            [("GetItem".to_owned(), 1)]
        );
        let expected = match is_good {
            true => json!({
                "isAuthorized": true,
                "context": {"principal": token.id(), "scopes": "read run"},
            }),
            false => json!({"isAuthorized": false}),
        };
        assert_eq!(said, expected);
        // The same id with another secret.
        let other = Token::generate().unwrap();
        let forged = other.text().expose_secret().replace(other.id(), token.id());
        assert_eq!(
            verdict(&authorize, &forged).await,
            json!({"isAuthorized": false})
        );
    }
}

#[tokio::test]
async fn a_root_token_that_is_replaced_stays_good_for_a_while_and_the_new_one_is_good_at_once() {
    let sandbox = Sandbox::new(Settings::default()).await;
    let [first, second, third] = ["first", "second", "third"].map(|name| {
        let unique = uuid::Uuid::now_v7().simple();
        format!("{name}{unique}")
    });
    sandbox.keep_text("api-token", &first);
    let authorize = sandbox.function("authorize").await;
    let root = json!({"principal": "root", "scopes": "read run admin"});
    assert_eq!(verdict(&authorize, &first).await["context"], root);

    let replace = |text: &str| {
        let name = sandbox.secret("api-token");
        let words = ["--secret-id", &name, "--secret-string", text];
        aws_cli(&[&["secretsmanager", "put-secret-value"], &words[..]].concat());
    };
    for (new, good, gone) in [
        (&second, vec![&first, &second], None),
        // Replaced once more, the first is no longer the one before.
        (&third, vec![&second, &third], Some(&first)),
    ] {
        replace(new);
        let began = Instant::now();
        while verdict(&authorize, new).await["isAuthorized"] != true {
            assert!(began.elapsed() < Duration::from_secs(30), "not taken up");
            sleep(Duration::from_millis(500)).await;
        }
        for token in good {
            assert_eq!(verdict(&authorize, token).await["context"], root, "{token}");
        }
        if let Some(gone) = gone {
            assert_eq!(
                verdict(&authorize, gone).await,
                json!({"isAuthorized": false})
            );
        }
    }
}
