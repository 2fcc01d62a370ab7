//! A document of another product becomes one of this product, with word of each thing that could not be taken over. Nothing
//! is stored by it.

use end_to_end::{User, list, text};
use serde_json::{Value, json};

#[tokio::test]
async fn an_export_of_n8n_is_made_a_document_that_is_put_once_its_credentials_are_there_and_runs() {
    let user = User::with_credential().await;
    let export = include_str!("../../../shared/workflow/fixtures/n8n.json");
    let export = export
        .replace("OpenRouter account", &user.name)
        .replace("Anthropic account", &user.name);
    let brought: Value = serde_json::from_str(&export).unwrap();
    let (reader, _) = user.with_scopes(&["read", "run"]).await;
    let refused = reader.post("/workflows/import", &brought).await;
    assert_eq!(refused.status, 403, "{:?}", refused.body);

    let imported = user.post("/workflows/import", &brought).await;
    assert_eq!(imported.status, 200, "{:?}", imported.body);
    assert_eq!(imported.body["form"], "n8n");
    assert_eq!(imported.body["faults"], json!([]), "{:?}", imported.body);
    let notes = list(&imported.body["notes"]);
    for path in [
        "nodes[0]",
        "nodes[4]",
        "nodes[8]",
        "nodes[9]",
        "nodes[12]",
        "pinData",
    ] {
        assert!(
            notes.iter().any(|note| note["path"] == path),
            "{path}: {notes:#?}"
        );
    }
    // What was not understood stops a run before it calls.
    let id = user.name.clone();
    let put = user
        .put(&format!("/workflows/{id}"), &imported.body["document"])
        .await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    let mut document = imported.body["document"].clone();
    for node in document["nodes"].as_array_mut().unwrap() {
        if node["variableName"] == "getCustomer" {
            // Nobody listens there: the node lets its failure go.
            node["url"] = json!("https://nobody.invalid/{{customer}}");
            node["retry"] = json!({"maxAttempts": 1});
        }
        if node["variableName"] == "fields" {
            node["value"] = json!({"customer": {"name": "Ana"}, "kind": "{{classifyTicket.text}}"});
        }
    }
    let put = user.put(&format!("/workflows/{id}"), &document).await;
    assert_eq!(put.status, 200, "{:?}", put.body);
    let input = json!({"customer": "7", "ticket": {"text": user.name}});
    let run = user.trigger(&id, &input).await;
    let ended = user.ended(&run).await;
    assert_eq!(ended["error"]["code"], "MissingVariable", "{ended:#}");
    assert_eq!(ended["error"]["node"], "writeAnswer");
    assert!(text(&ended["error"]["cause"]).contains("not_taken_over"));
    assert_eq!(user.ledger().await.len(), 1, "the ticket was classified");
}

#[tokio::test]
async fn nodes_of_a_workflow_editor_are_taken_over_with_what_put_would_refuse_and_without_a_key() {
    let user = User::with_credential().await;
    let workflows = user.get("/workflows?limit=1").await;
    assert_eq!(workflows.status, 200);
    let editor = include_str!("../../../shared/workflow/fixtures/editor.json");
    let brought: Value = serde_json::from_str(editor).unwrap();
    let imported = user.post("/workflows/import", &brought).await;
    assert_eq!(imported.body["form"], "editor", "{:?}", imported.body);
    let faults = list(&imported.body["faults"]);
    assert!(
        faults
            .iter()
            .any(|fault| fault["path"] == "nodes[1].credential"
                && text(&fault["message"]).contains("cmb1x2")),
        "{faults:#?}"
    );
    let one = json!({
        "variableName": "x", "credentialId": user.key, "userPrompt": "Summarize: {{inputText}}",
    });
    let imported = user.post("/workflows/import", &one).await;
    assert_eq!(imported.status, 200, "{:?}", imported.body);
    assert!(!imported.body.to_string().contains(&user.key));
    let notes = list(&imported.body["notes"]);
    assert!(
        notes
            .iter()
            .any(|note| text(&note["message"]).contains("key")),
        "{notes:#?}"
    );

    let unknown = user.post("/workflows/import", &json!({"steps": []})).await;
    assert_eq!(unknown.status, 422, "{:?}", unknown.body);
    assert_eq!(unknown.body["code"], "ImportNotUnderstood");
    let kept = user.get("/workflows/import").await;
    assert_eq!(kept.body["code"], "WorkflowNotFound", "nothing is stored");
    let audit = user.get("/audit?subject=workflows/import").await;
    assert_eq!(audit.body["audit"], json!([]));
}
