//! A credential's secret goes to its hosts and nowhere else, and is written down nowhere.

use end_to_end::{User, function_logs, node, whole_table};
use serde_json::{Value, json};
use uuid::Uuid;

use super::page::Page;

fn unique(what: &str) -> String {
    format!("{what}-{}", Uuid::now_v7().simple())
}

/// A user with a credential of type `http` under the user's name.
async fn with_secret(http: Value, hosts: Value) -> User {
    let user = User::new("good");
    let mut body = json!({"name": user.name, "type": "http", "http": http});
    if !hosts.is_null() {
        body["hosts"] = hosts;
    }
    let stored = user.post("/credentials", &body).await;
    assert_eq!(stored.status, 201, "{:?}", stored.body);
    user
}

async fn run(user: &User, mut fields: Value, input: Value) -> Value {
    fields["type"] = json!("http");
    fields["variableName"] = json!("x");
    fields["credential"] = json!(user.name);
    user.run(json!([fields]), input).await
}

#[tokio::test]
async fn each_way_of_proving_arrives() {
    let page = Page::new().await;
    for (http, header, value) in [
        (
            json!({"auth": "bearer", "token": "t0ken"}),
            "authorization",
            "Bearer t0ken",
        ),
        (
            json!({"auth": "basic", "username": "Aladdin", "password": "open sesame"}),
            "authorization",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
        (
            json!({"auth": "header", "name": "X-Key", "value": "v4lue"}),
            "x-key",
            "v4lue",
        ),
    ] {
        let user = with_secret(http, Value::Null).await;
        let run = run(&user, json!({"url": page.url("/x")}), json!({})).await;
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        assert_eq!(page.seen().last().unwrap()["headers"][header], value);
    }
}

#[tokio::test]
async fn it_goes_to_no_host_that_is_not_its_own() {
    let (page, other) = (Page::new().await, Page::new().await);
    let bearer = || json!({"auth": "bearer", "token": unique("token")});
    let host = |page: &Page| format!("localhost:{}", page.port);

    let bound = with_secret(bearer(), json!([host(&page)])).await;
    let good = run(
        &bound,
        json!({"url": "{{to}}"}),
        json!({"to": page.url("/x")}),
    )
    .await;
    assert_eq!(good["status"], "SUCCEEDED", "{good:#}");
    let bad = run(
        &bound,
        json!({"url": "{{to}}"}),
        json!({"to": other.url("/x")}),
    )
    .await;
    assert_eq!(bad["error"]["code"], "CredentialHostRefused", "{bad:#}");
    // A redirect takes it nowhere either.
    let led = json!({"url": page.url("/redirect/302"), "query": {"to": other.url("/x")}});
    let led = run(&bound, led, json!({})).await;
    assert_eq!(led["status"], "SUCCEEDED", "{led:#}");
    assert!(
        other.only()["headers"]["authorization"].is_null(),
        "{:?}",
        other.seen()
    );

    // Without `hosts` the document has to spell the host out.
    let free = with_secret(bearer(), Value::Null).await;
    let spelled = run(
        &free,
        json!({"url": page.url("/{{path}}")}),
        json!({"path": "x"}),
    )
    .await;
    assert_eq!(spelled["status"], "SUCCEEDED", "{spelled:#}");
    for (url, input) in [
        ("{{to}}".to_owned(), json!({"to": page.url("/x")})),
        (
            format!("http://localhost:{}{{{{rest}}}}", page.port),
            json!({"rest": "/x"}),
        ),
    ] {
        let refused = run(&free, json!({"url": url}), input).await;
        assert_eq!(
            refused["error"]["code"], "CredentialHostRefused",
            "{refused:#}"
        );
    }
}

#[tokio::test]
async fn a_replaced_secret_is_used_by_functions_that_remember_the_old_one() {
    let page = Page::new().await;
    let user = with_secret(
        json!({"auth": "bearer", "token": "first-token"}),
        Value::Null,
    )
    .await;
    let fields = json!({"url": page.url("/echo"), "as": "text"});
    run(&user, fields.clone(), json!({})).await;
    let path = format!("/credentials/{}", user.name);
    let second = json!({"http": {"auth": "bearer", "token": "second-token"}});
    assert_eq!(user.put(&path, &second).await.status, 200);
    // Who is refused reads the secret once more.
    let refused = json!({"url": page.url("/status/401"), "accept": [401]});
    let before = page.seen().len();
    run(&user, refused, json!({})).await;
    let seen = page.seen();
    assert_eq!(
        seen.last().unwrap()["headers"]["authorization"],
        "Bearer second-token"
    );
    assert!(seen.len() - before <= 2, "{seen:#?}");
}

#[tokio::test]
async fn it_is_nowhere_but_in_secrets_manager() {
    let page = Page::new().await;
    let mut answers = String::new();
    let (first, second) = (unique("first-secret"), unique("second-secret"));
    let user = with_secret(json!({"auth": "bearer", "token": first}), Value::Null).await;
    // The other side says what it was sent.
    for url in [
        page.url("/echo"),
        page.url("/redirect/307?to=/echo"),
        page.url("/status/404"),
    ] {
        let run = run(&user, json!({"url": url}), json!({})).await;
        answers.push_str(&run.to_string());
    }
    assert!(answers.contains("Bearer [secret removed]"), "{answers}");
    let path = format!("/credentials/{}", user.name);
    for body in [
        json!({"http": {"auth": "bearer", "token": [second]}}),
        json!({"http": {"auth": "bearer", "token": format!("{second}\n")}}),
        json!({"http": {"auth": "basic", "username": "a:b", "password": second}}),
        json!({"http": {"auth": "header", "name": "Host", "value": second}}),
        json!({"apiKey": second}),
    ] {
        let refused = user.put(&path, &body).await;
        assert_eq!(refused.status, 400, "{:?}", refused.body);
        answers.push_str(&refused.body.to_string());
    }
    let replaced = json!({"http": {"auth": "header", "name": "x-key", "value": second}});
    for answer in [
        user.put(&path, &replaced).await,
        user.post(&format!("{path}/check"), &json!({})).await,
        user.get(&path).await,
        user.get("/credentials").await,
        user.get(&format!("{path}/audit")).await,
    ] {
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answers.push_str(&answer.body.to_string());
    }
    let echoed = run(&user, json!({"url": page.url("/echo")}), json!({})).await;
    // Whichever of the two a warm function still had.
    let sent = node(&echoed, "x")["output"]["data"]["headers"].to_string();
    assert!(sent.contains("[secret removed]"), "{sent}");
    answers.push_str(&echoed.to_string());
    let (table, logs) = (whole_table().await, function_logs());
    for secret in [&first, &second] {
        let part = &secret[secret.len() - 24..];
        assert!(!answers.contains(part), "in an answer");
        assert!(!table.contains(part), "in the table");
        assert!(!logs.contains(part), "in a log");
    }
}
