//! `POST /workflows/import`: makes a document of one of another product. It stores nothing.

use serde_json::Value;
use steps_api::ImportedWorkflow;
use steps_key::redact;
use steps_lambda::{Answer, Request, invalid};
use steps_problem::{Fault, Problem};
use steps_workflow::{Faulty, Format};

use crate::app::App;
use crate::put::credential_faults;

/// What is told where a key stood in what was brought.
const KEY: &str = "what looks like a key stood in it, and is left out: store it with POST /credentials, and replace it, for it has been written down";

fn holds_key() -> Problem {
    invalid("what looks like a key stands in it: take it out, and store it with POST /credentials")
}

/// The document, what was not taken over, and what `PUT /workflows/{id}` would refuse of it.
pub(crate) async fn import(app: &App, request: &Request) -> Result<Answer, Problem> {
    let brought: Value = request.json()?;
    let text = brought.to_string();
    let clean = redact(&text);
    let brought = if clean == text {
        brought
    } else {
        serde_json::from_str(&clean).map_err(|_| holds_key())?
    };
    let mut imported = steps_workflow::import(&brought)?;
    if clean != text {
        imported.notes.push(Fault::at("", KEY));
    }
    let text = imported.document.to_string();
    let (workflow, mut faults) = match steps_workflow::parse(&text, Format::Json) {
        Ok(workflow) => (Some(workflow), Vec::new()),
        Err(Faulty { faults, rest }) => (rest, faults),
    };
    if let Some(workflow) = &workflow {
        let known = app.store.credentials().list().await?;
        faults.extend(credential_faults(workflow, &known));
    }
    let imported = ImportedWorkflow {
        form: imported.form.to_owned(),
        document: imported.document,
        notes: imported.notes,
        faults,
    };
    Answer::json(200, &imported)
}
