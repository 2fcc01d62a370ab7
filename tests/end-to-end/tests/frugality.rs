//! A node needs one read and three writes of AWS, whatever came before it. A warm function does not ask for a key
//! again.

use std::collections::BTreeMap;

use crate::sandboxed::{World, task};

#[tokio::test]
async fn a_warm_node_costs_one_read_and_three_writes() {
    let world = World::new().await;
    let function = world.sandbox.function("execute-node").await;
    let cold = world.begin("first").await;
    assert_eq!(function.invoke(task(&cold)).await["status"], "SUCCEEDED");
    world.sandbox.aws_calls();
    for prompt in ["second", "third"] {
        let run = world.begin(prompt).await;
        assert_eq!(function.invoke(task(&run)).await["status"], "SUCCEEDED");
        // Its claim, the note of its generation, and its end.
        let calls = [
            ("BatchGetItem", 1),
            ("TransactWriteItems", 2),
            ("UpdateItem", 1),
        ];
        let calls = calls.map(|(operation, times)| (operation.to_owned(), times));
        assert_eq!(world.sandbox.aws_calls(), BTreeMap::from(calls));

        assert_eq!(function.invoke(task(&run)).await["status"], "SUCCEEDED");
        let calls = BTreeMap::from([("BatchGetItem".to_owned(), 1)]);
        assert_eq!(world.sandbox.aws_calls(), calls, "from the store");
    }
}
