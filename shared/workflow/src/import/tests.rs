//! Exports as the products make them, with nodes that cannot be taken over.

use serde_json::{Value, json};

use super::{Imported, import};
use crate::{Format, parse};

/// As n8n downloads it: a webhook, a condition, two chains with models, a request, a script, a tool, a note.
const N8N: &str = include_str!("../../fixtures/n8n.json");
/// As a workflow editor keeps it.
const EDITOR: &str = include_str!("../../fixtures/editor.json");

fn imported(text: &str) -> Imported {
    import(&serde_json::from_str(text).unwrap()).unwrap()
}

fn node<'a>(document: &'a Value, name: &str) -> &'a Value {
    let nodes = document["nodes"].as_array().unwrap();
    let found = nodes.iter().find(|node| node["variableName"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {document:#}"))
}

#[test]
fn an_export_of_n8n_becomes_a_document_that_can_be_put() {
    let Imported {
        form,
        document,
        notes,
    } = imported(N8N);
    assert_eq!(form, "n8n");
    parse(&document.to_string(), Format::Json)
        .unwrap_or_else(|faulty| panic!("{:#?}", faulty.faults));
    assert_eq!(document["name"], "Support triage");
    assert_eq!(document["limits"]["timeoutSeconds"], 300);
    assert_eq!(document["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(
        *node(&document, "classifyTicket"),
        json!({
            "variableName": "classifyTicket", "type": "openrouter", "credential": "OpenRouter account",
            "model": "openai/gpt-4o-mini", "temperature": 0.2, "maxTokens": 300, "timeoutSeconds": 60,
            "systemPrompt": "You sort tickets. Answer with \\{{one word}}.",
            "userPrompt": "Ticket of {{customer}}:\n{{ticket.text}}",
            "retry": {"maxAttempts": 3},
        })
    );
    assert_eq!(
        *node(&document, "getCustomer"),
        json!({
            "variableName": "getCustomer", "type": "http", "url": "{{vars.CRM_URL}}/customers/{{customer}}",
            "query": {"full": "true"}, "headers": {"x-team": "{{default trigger.headers.[x-team] \"support\"}}"},
            "dependsOn": ["classifyTicket"], "onError": "continue",
        })
    );
    assert_eq!(
        node(&document, "fields")["value"],
        json!({"customer": {"name": "{{getCustomer.data.name}}"}, "kind": "{{classifyTicket.text}}", "limit": 3})
    );
    let answer = node(&document, "writeAnswer");
    assert_eq!(answer["model"], "anthropic/claude-3-5-sonnet-20241022");
    assert_eq!(answer["models"], json!(["openai/gpt-4o"]));
    assert_eq!(
        answer["userPrompt"],
        "Answer {{json fields.customer}} about a {{fields.kind}} at {{trigger.time}} ({{not_taken_over}})"
    );
    // Each thing that is not taken over, at its place.
    let told = |path: &str, words: &str| {
        let found = notes
            .iter()
            .any(|note| note.path == path && note.message.contains(words));
        assert!(found, "{path}: {words}: {notes:#?}");
    };
    told("nodes[0]", "make a webhook");
    told("nodes[2].credentials.openRouterApi", "exports no keys");
    told("nodes[4]", "`when`");
    told("nodes[8]", "Lambda function");
    told("nodes[9]", "ai_tool");
    told("nodes[9]", "no tools");
    told("nodes[10]", "canvas");
    told("nodes[6].parameters.text", "toUpperCase");
    told("nodes[7].parameters.model", "compare with GET /models");
    told(
        "nodes[7].credentials.anthropicApi",
        "no credential of OpenRouter",
    );
    told("nodes[12]", "`http` node");
    told("settings.errorWorkflow", "no such setting");
    told("pinData", "no such field");
}

#[test]
fn nodes_of_a_workflow_editor_become_a_document_that_can_be_put() {
    let Imported {
        form,
        document,
        notes,
    } = imported(EDITOR);
    assert_eq!(form, "editor");
    parse(&document.to_string(), Format::Json)
        .unwrap_or_else(|faulty| panic!("{:#?}", faulty.faults));
    assert_eq!(
        document,
        json!({"name": "Compare models", "nodes": [
            {
                "variableName": "httpResponse", "type": "http", "url": "https://example.com/data.json",
                "method": "GET",
            },
            {
                "variableName": "gptResponse", "type": "openrouter", "credential": "cmb1x2", "model": "openai/gpt-4o-mini",
                "systemPrompt": "You are a helpful assistant.",
                "userPrompt": "Analyze this data: {{json httpResponse.data}}",
            },
            {
                "variableName": "claudeResponse", "type": "openrouter", "credential": "cmb9y8",
                "model": "anthropic/claude-3-5-sonnet", "userPrompt": "Write about {{topic}}",
                "dependsOn": ["httpResponse"],
            },
            {
                "variableName": "gptResponse2", "type": "openrouter", "credential": "cmb1x2",
                "userPrompt": "Which is better? {{claudeResponse.text}}",
            },
        ]})
    );
    let paths: Vec<&str> = notes.iter().map(|note| note.path.as_str()).collect();
    for path in [
        "nodes[0]",
        "nodes[2].data.credentialId",
        "nodes[3].data.credentialId",
        "nodes[3].data.model",
        "nodes[4]",
        "nodes[5].data.variableName",
        "connections[4]",
    ] {
        assert!(paths.contains(&path), "{path}: {notes:#?}");
    }
}

#[test]
fn a_node_alone_and_a_list_of_nodes_are_taken_over_too_and_what_is_not_known_is_refused() {
    let alone = json!({
        "variableName": "testResponse", "credentialId": "main", "model": "google/gemma-2-9b-it:free",
        "systemPrompt": "You are a helpful assistant.", "userPrompt": "Summarize: {{inputText}}",
    });
    let Imported {
        document, notes, ..
    } = import(&alone).unwrap();
    assert_eq!(document["nodes"][0]["model"], "google/gemma-2-9b-it:free");
    assert_eq!(notes.len(), 1, "{notes:#?}");
    assert_eq!(import(&json!([alone])).unwrap().document, document);
    for other in [
        json!({}),
        json!([]),
        json!("x"),
        json!({"nodes": [], "connections": {}}),
        json!({"name": "own", "nodes": [{"type": "openrouter", "credential": "main", "userPrompt": "x"}]}),
    ] {
        assert_eq!(
            import(&other).unwrap_err().code,
            "ImportNotUnderstood",
            "{other}"
        );
    }
}

#[test]
fn whatever_is_brought_is_answered_and_what_is_made_names_each_variable_once() {
    for broken in [
        json!({"nodes": [{"type": "n8n-nodes-base.set"}, {"type": "n8n-nodes-base.set"}, 3, null]}),
        json!({"nodes": [{"type": "@n8n/n8n-nodes-langchain.chainLlm", "name": "a", "parameters": 3}],
            "connections": {"a": {"main": [[{"node": "a"}, {"node": 3}], null], "ai_tool": 4}, "b": []}}),
        json!({"nodes": [{"type": "OPENROUTER", "data": {}}, {"type": 3, "data": {"userPrompt": 4}}], "edges": [3]}),
    ] {
        let Imported { document, .. } = import(&broken).unwrap();
        let Err(faulty) = parse(&document.to_string(), Format::Json) else {
            continue;
        };
        let twice = faulty
            .faults
            .iter()
            .any(|fault| fault.message.contains("already"));
        assert!(!twice, "{:#?}", faulty.faults);
    }
}
