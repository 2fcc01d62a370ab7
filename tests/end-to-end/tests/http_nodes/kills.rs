//! A function may die after it has sent a request. What may not be repeated is not sent again by itself.

use end_to_end::{list, node};
use serde_json::{Value, json};

use super::page::Page;
use crate::sandboxed::{World, task};

const ENVIRONMENT: [(&str, &str); 1] = [("HTTP_HOSTS", "localhost")];

/// Runs this node with a function that dies once the page has the request, and then with another one; gives its answer
/// and the run.
async fn dies(page: &Page, mut fields: Value) -> (Value, Value) {
    let world = World::new().await;
    fields["type"] = json!("http");
    fields["variableName"] = json!("x");
    let run = world.begin_nodes(json!([fields])).await;
    let function = world.sandbox.function_with("execute-node", &ENVIRONMENT);
    let function = function.await;
    let _lost = function.hand(task(&run)).await;
    page.is_asked(1).await;
    function.kill().await;
    world.sandbox.let_leases_end(&run).await;
    let next = world.sandbox.function_with("execute-node", &ENVIRONMENT);
    let next = next.await;
    let answer = next.invoke(task(&run)).await;
    (answer, world.run(&run).await)
}

#[tokio::test]
async fn a_post_is_not_sent_again_after_its_function_died() {
    let page = Page::new().await;
    let fields = json!({"url": page.url("/silent"), "method": "POST", "timeoutSeconds": 20});
    let (answer, run) = dies(&page, fields).await;
    assert_eq!(answer["errorType"], "OutcomeUnknown", "{answer}");
    assert_eq!(page.seen().len(), 1);
    assert_eq!(list(&node(&run, "x")["attempts"]).len(), 2, "{run:#}");
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_again_with_the_same_key() {
    for method in ["GET", "POST"] {
        let page = Page::new().await;
        let fields = json!({
            "url": page.url("/silent"), "method": method, "timeoutSeconds": 2, "repeatable": true,
        });
        let (answer, _) = dies(&page, fields).await;
        assert_eq!(answer["status"], "WAIT", "{answer}");
        let seen = page.seen();
        assert_eq!(seen.len(), 2);
        let key = &seen[0]["headers"]["idempotency-key"];
        assert_eq!(key.is_string(), method == "POST");
        assert_eq!(&seen[1]["headers"]["idempotency-key"], key);
    }
}
