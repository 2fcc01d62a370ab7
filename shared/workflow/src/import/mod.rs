//! Documents of other products: nodes of a workflow editor, and workflows that n8n has exported. What of them has its like here
//! becomes a document; what has not is told, each with its path and why.

mod draft;
mod editor;
mod expression;
mod n8n;

use serde_json::Value;
use steps_problem::Problem;

/// What was made of a document of another product.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// What was brought: `n8n` or `editor`.
    pub form: &'static str,
    /// The document. It may have faults: what another product leaves open, this one may want.
    pub document: Value,
    /// What was not taken over, or not quite: paths are those of what was brought.
    pub notes: Vec<steps_problem::Fault>,
}

/// Makes a document of another product's.
///
/// # Errors
/// `ImportNotUnderstood`.
pub fn import(value: &Value) -> Result<Imported, Problem> {
    let nodes = value.as_array().or_else(|| value.get("nodes")?.as_array());
    if value.get("nodes").is_some() && nodes.is_some_and(|nodes| nodes.iter().any(n8n::is_node)) {
        return Ok(n8n::import(value));
    }
    let is_editors = match nodes {
        Some(nodes) => nodes.iter().any(editor::is_node),
        None => editor::is_node(value),
    };
    let is_own = nodes.is_some_and(|nodes| {
        nodes.iter().any(|node| node.get("credential").is_some())
            && nodes.iter().all(|node| node.get("credentialId").is_none())
    });
    if is_editors && !is_own {
        return Ok(editor::import(value));
    }
    Err(Problem::new(
        422,
        "ImportNotUnderstood",
        "Import Not Understood",
        "this is neither a workflow that n8n has exported nor nodes of a workflow editor",
    )
    .solution([
        "Of n8n send the whole file that its `Download` gives: an object with `nodes` and `connections`",
        "Of a workflow editor send its `nodes`, each with `variableName`, `credentialId`, `model`, `systemPrompt` and `userPrompt`",
        "A document of this product needs no import: PUT /workflows/{id}",
    ]))
}

#[cfg(test)]
mod tests;
