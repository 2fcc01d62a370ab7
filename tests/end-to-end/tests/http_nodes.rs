//! An `http` node calls a public address, or a host that the deployment allows, and nothing else. It is tried again where that
//! does no harm, and its secrets stay with their host.

mod addresses;
mod examples;
mod files;
mod kills;
pub(crate) mod page;
mod redirects;
mod requests;
mod retries;
mod secrets;

use end_to_end::{Function, Sandbox};
use openrouter_stand_in::Settings;
use serde_json::{Value, json};

/// A function that executes nodes, with these variables in its environment.
async fn function(environment: &[(&str, &str)]) -> (Sandbox, Function) {
    let sandbox = Sandbox::new(Settings::default()).await;
    let function = sandbox.function_with("execute-node", environment).await;
    (sandbox, function)
}

/// What a function that may call `localhost` makes of this node.
async fn answer(node: Value) -> Value {
    let (_sandbox, function) = function(&[("HTTP_HOSTS", "localhost")]).await;
    tried(&function, node, json!({})).await
}

/// What the function makes of this node.
async fn tried(function: &Function, mut node: Value, context: Value) -> Value {
    node["type"] = json!("http");
    node["variableName"] = json!("x");
    function
        .invoke(json!({"node": node, "context": context}))
        .await
}
