//! A node that asks for JSON gives JSON that fits, or fails. The model is asked once to correct an answer that does not fit: that
//! is an attempt of its own, counted, priced and covered by the budgets.

use end_to_end::{User, decimal, list, node, text};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::sandboxed::{World, task};

/// A person's age; the stand-in's own answer fits it.
fn age() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true, "schema": {
        "type": "object", "required": ["age"], "properties": {"age": {"type": "integer"}},
    }}})
}

/// No answer of the stand-in fits this.
fn never() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "never", "schema": {
        "type": "object", "required": ["a"], "properties": {"a": {"type": "string", "pattern": "^never$"}},
    }}})
}

#[tokio::test]
async fn a_schema_gives_fields_that_later_nodes_read() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([
                {"variableName": "x", "userPrompt": "[[json:{\"age\": 7}]] how old?", "responseFormat": age()},
                {"type": "set", "variableName": "y", "value": "{{x.json.age}} years"},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    assert_eq!(run["output"]["y"], "7 years");
    assert_eq!(user.ledger().await.len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_corrected_once_and_both_calls_are_counted() {
    let user = User::with_credential().await;
    let marker = format!("correct me {}", user.name);
    let prompt = format!("[[json:{{\"age\": \"seven\"}}]] {marker}");
    let node_of_run = json!([{"variableName": "x", "userPrompt": prompt, "responseFormat": age()}]);
    let workflow = user
        .workflow_with(json!({"nodes": node_of_run, "limits": {"maxCostUsd": "0.5"}}))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let x = node(&run, "x");
    assert_eq!(x["output"]["json"]["age"], 1, "{x:#}");
    let attempts = list(&x["attempts"]);
    assert_eq!(attempts.len(), 2, "{x:#}");
    assert_eq!(attempts[0]["code"], "InvalidOutput");
    assert_eq!(attempts[0]["waitSeconds"], 0);
    assert_eq!(attempts[1]["model"], "openai/gpt-4o-mini");
    assert_eq!(attempts[1]["provider"], "OpenAI");
    let costs: Decimal = attempts
        .iter()
        .map(|attempt| decimal(&attempt["costUsd"]))
        .sum();
    assert_eq!(decimal(&run["costUsd"]), costs);
    assert_eq!(user.charged().await, costs);
    assert_eq!(user.ledger().await.len(), 2);
    let sent = user.bodies_with(&marker).await;
    let messages = list(&sent[1]["messages"]);
    assert_eq!(messages.len(), 4, "{messages:#?}");
    assert_eq!(
        messages[2],
        json!({"role": "assistant", "content": "{\"age\": \"seven\"}"})
    );
    let asked = text(&messages[3]["content"]);
    assert!(
        asked.contains("`/age`") && asked.contains("integer"),
        "{asked}"
    );
    for body in &sent {
        assert!(
            body["provider"]["max_price"]["prompt"].is_number(),
            "{body:#}"
        );
    }
}

#[tokio::test]
async fn a_second_answer_that_does_not_fit_fails_the_node_and_its_text_is_kept() {
    let user = User::with_credential().await;
    let prompt = format!("never {}", user.name);
    let nodes = json!([{"variableName": "x", "userPrompt": prompt, "responseFormat": never()}]);
    let workflow = user.workflow(nodes).await;
    let id = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&id).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    assert_eq!(run["error"]["code"], "InvalidOutput");
    let x = node(&run, "x");
    assert_eq!(list(&x["attempts"]).len(), 2, "{x:#}");
    assert_eq!(x["output"]["error"]["code"], "InvalidOutput");
    assert!(text(&x["output"]["text"]).starts_with("{\"a\":"), "{x:#}");
    assert!(text(&x["output"]["faults"][0]).contains("`/a`"), "{x:#}");
    // A resumed run asks anew, and may correct once more.
    let path = format!("/runs/{id}/resume");
    assert_eq!(user.post(&path, &json!({})).await.status, 202);
    let run = user.ended(&id).await;
    assert_eq!(list(&node(&run, "x")["attempts"]).len(), 4, "{run:#}");
    assert_eq!(user.ledger().await.len(), 4);
    assert_eq!(decimal(&run["costUsd"]), user.charged().await);
}

#[tokio::test]
async fn a_failure_that_may_be_has_the_text_as_its_variable() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([
                {"variableName": "x", "userPrompt": "never", "responseFormat": never(), "onError": "continue", "repair": false},
                {"type": "set", "variableName": "y", "value": "{{x.error.code}}: {{x.text}}"},
            ]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let y = text(&run["output"]["y"]);
    assert!(y.starts_with("InvalidOutput: {\"a\":"), "{y}");
    assert_eq!(user.ledger().await.len(), 1, "repair is off");
}

#[tokio::test]
async fn no_correction_begins_that_its_budget_does_not_cover() {
    let user = User::with_credential().await;
    // The first call may cost 0.0006 USD, and costs 0.0004. The second one may cost more than what is left: it has the first
    // answer in its prompt.
    let workflow = user
        .workflow_with(json!({
            "limits": {"maxCostUsd": "0.0008"},
            "nodes": [{
                "variableName": "x", "maxTokens": 600, "userPrompt": format!("[[json:{{\"text\": \"{}\"}}]]", "word ".repeat(400)),
                "responseFormat": never(),
            }],
        }))
        .await;
    let run = user.trigger(&workflow, &json!({})).await;
    let run = user.ended(&run).await;
    assert_eq!(run["status"], "FAILED", "{run:#}");
    assert_eq!(run["error"]["code"], "BudgetExceeded", "{run:#}");
    assert_eq!(user.ledger().await.len(), 1);
    assert_eq!(decimal(&run["costUsd"]), user.charged().await);
}

#[tokio::test]
async fn an_answer_that_was_cut_is_not_asked_for_again() {
    let user = User::with_credential().await;
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": "a long text, please", "maxTokens": 2, "responseFormat": {"type": "json_object"}}]),
            json!({}),
        )
        .await;
    assert_eq!(run["error"]["code"], "InvalidOutput", "{run:#}");
    assert!(text(&run["error"]["cause"]).contains("`maxTokens`"));
    assert_eq!(user.ledger().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_format_is_refused_with_its_place() {
    let user = User::with_credential().await;
    let path_of = format!("/workflows/{}", user.name);
    let with = |more: Value| {
        let mut node = json!({"type": "openrouter", "variableName": "x", "credential": user.name, "userPrompt": "hi"});
        node.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"name": user.name, "nodes": [node]})
    };
    for (more, path, word) in [
        (
            json!({"responseFormat": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "objekt"}}}}),
            "nodes[0].responseFormat.json_schema.schema",
            "",
        ),
        (
            json!({"plugins": [{"id": "response-healing"}]}),
            "nodes[0].plugins[0]",
            "streamed",
        ),
        (
            json!({"userPrompt": null}),
            "nodes[0].userPrompt",
            "required",
        ),
        (
            json!({"messages": [{"role": "user", "content": "hi"}]}),
            "nodes[0].userPrompt",
            "not both",
        ),
        (
            json!({"userPrompt": null, "messages": [{"role": "user", "content": [{"text": "a", "image": "b"}]}]}),
            "nodes[0].messages[0].content[0]",
            "one of",
        ),
    ] {
        let answer = user.put(&path_of, &with(more.clone())).await;
        assert_eq!(answer.status, 422, "{more}: {:?}", answer.body);
        let faults = list(&answer.body["faults"]);
        let fault = faults
            .iter()
            .find(|fault| text(&fault["path"]).starts_with(path))
            .unwrap_or_else(|| panic!("{path}: {:#}", answer.body));
        assert!(text(&fault["message"]).contains(word), "{fault}");
    }
    let off = with(json!({"plugins": [{"id": "response-healing", "enabled": false}]}));
    assert!(user.put(&path_of, &off).await.status.is_success());
}

#[tokio::test]
async fn a_correction_that_fails_for_a_while_is_tried_again() {
    let user = User::with_credential().await;
    // The faults that the model is told have its answer in them, and with it what the stand-in is to do.
    let answer = json!({"age": format!("[[fault:rate-limit-own(retry_after=1)*1]] {}", user.name)});
    let prompt = format!("[[json:{answer}]] how old?");
    let run = user
        .run(
            json!([{"variableName": "x", "userPrompt": prompt, "responseFormat": age()}]),
            json!({}),
        )
        .await;
    assert_eq!(run["status"], "SUCCEEDED", "{}", run["error"]);
    let attempts = node(&run, "x")["attempts"].clone();
    let codes: Vec<&Value> = list(&attempts).iter().map(|tried| &tried["code"]).collect();
    assert_eq!(codes.len(), 3, "{attempts:#}");
    assert_eq!(codes[0], "InvalidOutput");
    assert_eq!(codes[1], "RateLimitExceeded");
    assert_eq!(user.ledger().await.len(), 2, "what was refused is not paid");
}

#[tokio::test]
async fn a_correction_whose_function_dies_is_made_by_another_one_and_the_first_answer_stays_paid() {
    let world = World::new().await;
    let answer = json!({"age": "[[fault:slow-headers(ms=20000)*1]]"});
    let run = world
        .begin_nodes(json!([{
            "variableName": "x", "userPrompt": format!("[[json:{answer}]] how old?"), "responseFormat": age(),
        }]))
        .await;
    let function = world.sandbox.function_for("execute-node", 300).await;
    let _lost = function.hand(task(&run)).await;
    world
        .run_when(&run, |run| list(&node(run, "x")["attempts"]).len() == 2)
        .await;
    function.kill().await;
    world.sandbox.let_leases_end(&run).await;
    let next = world.sandbox.function("execute-node").await;
    assert_eq!(next.invoke(task(&run)).await["status"], "SUCCEEDED");
    let run = world.run(&run).await;
    let x = node(&run, "x");
    assert_eq!(x["output"]["json"]["age"], 1, "{x:#}");
    let attempts = list(&x["attempts"]);
    assert_eq!(attempts.len(), 3, "{x:#}");
    assert_eq!(attempts[0]["code"], "InvalidOutput");
    assert!(decimal(&attempts[0]["costUsd"]) > Decimal::ZERO);
}

#[tokio::test]
async fn a_node_of_someones_own_state_machine_corrects_its_answer_in_the_same_task() {
    let world = World::new().await;
    let function = world.sandbox.function("execute-node").await;
    let node = json!({
        "type": "openrouter", "variableName": "x", "credential": "main", "responseFormat": age(),
        "userPrompt": "[[json:{\"age\": \"seven\"}]] how old?",
    });
    let answered = function.invoke(json!({"node": node, "context": {}})).await;
    assert_eq!(answered["output"]["json"]["age"], 1, "{answered}");
    assert_eq!(world.paid().await, 2);
}
