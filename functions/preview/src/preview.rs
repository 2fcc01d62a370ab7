//! `POST /workflows/preview`: a node's templates rendered, what it would send, and what it may cost. Nothing is called.

use serde_json::{Map, Value, json};
use steps_api::{CallView, ModelCost, PreviewNode, PreviewView, RenderedField, WorkflowDocument};
use steps_key::redact;
use steps_lambda::{Answer, Request, invalid};
use steps_problem::{Fault, Problem, known_names, short};
use steps_workflow::{Faulty, Format, Node, Workflow};

use crate::app::App;
use crate::values::{Past, seen};

/// Most characters of a rendered template that are shown.
const MOST_SHOWN: usize = 100_000;

/// Most bytes of what would be sent that are shown.
const MOST_SENT: usize = 1_000_000;

/// Most models that are priced at once.
const MOST_MODELS: usize = 100;

/// Most faults that are told.
const MOST_FAULTS: usize = 100;

/// Renders the node's templates with what they see, by the code that a run uses.
pub(crate) async fn preview(app: &App, request: &Request) -> Result<Answer, Problem> {
    let asked: PreviewNode = request.json()?;
    if asked.models.len() > MOST_MODELS {
        return Err(invalid(format!(
            "`models` names {}; the most is {MOST_MODELS}",
            asked.models.len()
        )));
    }
    let past = match &asked.run_id {
        Some(id) => Some(Past::read(&app.store, id).await?),
        None => None,
    };
    let (workflow, mut faults) = document(app, &asked, past.as_ref()).await?;
    let Some(workflow) = workflow else {
        return Answer::json(200, &unread(&asked, faults));
    };
    let Some(place) = workflow.nodes.iter().position(|node| node.id == asked.node) else {
        let ids = workflow.nodes.iter().map(|node| node.id.as_str());
        let known = known_names(&asked.node, ids);
        let cause = format!(
            "the workflow has no node `{}`{known}",
            short(&asked.node, 64)
        );
        return Err(invalid(cause));
    };
    let Some(node) = workflow.nodes.get(place) else {
        return Err(invalid("the workflow has no such node"));
    };
    let seen = seen(&app.store, &asked, past.as_ref(), node).await?;
    let path = |field: &str| format!("nodes[{place}].{field}");
    let mut view = Rendering {
        node,
        names: workflow.variables(),
        context: Value::Object(seen),
        view: PreviewView {
            node: node.id.clone(),
            kind: node.kind.type_name().to_owned(),
            ..PreviewView::default()
        },
    };
    view.frame(asked.index);
    view.own();
    let mut view = view.send(app, &asked).await?;
    // Of a template that has a fault of its own the document's check has told it already.
    let found = std::mem::take(&mut view.faults);
    for fault in found {
        let fault = Fault {
            path: path(&fault.path),
            ..fault
        };
        if !faults.iter().any(|told| told.path == fault.path) {
            faults.push(fault);
        }
    }
    faults.truncate(MOST_FAULTS);
    view.faults = faults;
    Answer::json(200, &view)
}

/// The document that the node is of, and its faults.
async fn document(
    app: &App,
    asked: &PreviewNode,
    past: Option<&Past>,
) -> Result<(Option<Workflow>, Vec<Fault>), Problem> {
    if let Some(WorkflowDocument(document)) = &asked.document {
        return Ok(
            match steps_workflow::parse(&document.to_string(), Format::Json) {
                Ok(workflow) => (Some(workflow), Vec::new()),
                Err(Faulty { faults, rest }) => (rest, faults),
            },
        );
    }
    let workflow = match (&asked.workflow_id, past) {
        (Some(id), _) => {
            let workflows = app.store.workflows();
            let stored = match asked.version {
                Some(version) => workflows.version(id, version).await?,
                None => workflows.get(id).await?,
            };
            stored.document(Workflow::from_stored)?
        }
        (None, Some(past)) => past.workflow.clone(),
        (None, None) => {
            return Err(invalid(
                "one of `document`, `workflowId` and `runId` is needed: the node is of that workflow",
            ));
        }
    };
    Ok((Some(workflow), Vec::new()))
}

/// The answer for a document of which nothing can be read.
fn unread(asked: &PreviewNode, faults: Vec<Fault>) -> PreviewView {
    PreviewView {
        node: asked.node.clone(),
        faults,
        ..PreviewView::default()
    }
}

/// A node while its templates are rendered.
struct Rendering<'n> {
    node: &'n Node,
    names: Vec<&'n str>,
    context: Value,
    view: PreviewView,
}

impl Rendering<'_> {
    /// Renders `when` and the list, and lets the other templates see an item of it.
    fn frame(&mut self, index: usize) {
        if let Some(when) = &self.node.when {
            match when.render(&self.context, &self.names) {
                Ok(text) => {
                    self.view.skipped = Some(!Node::is_true(&text));
                    self.shown("when", &text);
                }
                Err(error) => self.failed("when", error.into()),
            }
        }
        let Some(for_each) = self.node.list() else {
            return;
        };
        let field = "forEach.items";
        match for_each.items.render(&self.context, &self.names) {
            Ok(text) => {
                self.shown(field, &text);
                let items = serde_json::from_str(&text).unwrap_or(Value::Null);
                let Value::Array(items) = items else {
                    let message = "gives no list, and no text that is one in JSON";
                    return self.view.faults.push(Fault::at(field, message));
                };
                self.view.items = Some(items.len());
                match items.into_iter().nth(index) {
                    Some(item) => self.see(item, index),
                    None => self.view.faults.push(Fault::at(
                        field,
                        format!("gives a list that has no item {index}"),
                    )),
                }
            }
            Err(error) => self.failed(field, error.into()),
        }
        self.names.extend(["item", "index"]);
    }

    fn see(&mut self, item: Value, index: usize) {
        if let Value::Object(context) = &mut self.context {
            context.insert("item".to_owned(), item);
            context.insert("index".to_owned(), json!(index));
        }
    }

    /// Renders the templates of the kind.
    fn own(&mut self) {
        for (field, template) in self.node.kind.templates() {
            match template.render(&self.context, &self.names) {
                Ok(text) => self.shown(&field, &text),
                Err(error) => self.failed(&field, error.into()),
            }
        }
    }

    fn shown(&mut self, field: &str, text: &str) {
        let shown = redact(text).chars().take(MOST_SHOWN).collect();
        self.view.fields.push(RenderedField {
            field: field.to_owned(),
            text: shown,
            bytes: text.len(),
        });
    }

    fn failed(&mut self, field: &str, problem: Problem) {
        let place = problem.faults.first();
        self.view.faults.push(Fault {
            line: place.and_then(|place| place.line),
            column: place.and_then(|place| place.column),
            ..Fault::at(field, problem.cause.clone())
        });
    }

    /// What would be sent, and what it may cost.
    async fn send(mut self, app: &App, asked: &PreviewNode) -> Result<PreviewView, Problem> {
        let prepared = match self.node.kind.prepare(&self.context, &self.names) {
            Ok(prepared) => prepared,
            Err(problem) => {
                // Of a template that cannot be rendered it is told already.
                if self.view.faults.is_empty() {
                    self.view.faults.push(Fault::at("", problem.cause));
                }
                return Ok(self.view);
            }
        };
        let own = self.node.kind.models();
        let models = own
            .into_iter()
            .chain(asked.models.iter().map(String::as_str));
        let list = app.catalogue.naming(models).await?;
        let preview = prepared.preview(list.as_deref(), &asked.models);
        let sends = without_keys(preview.sends);
        self.view.sends = Some(sends).filter(|sends| sends.to_string().len() <= MOST_SENT);
        self.view.call = preview.call.map(|call| CallView {
            prompt_tokens_about: call.tokens_about,
            prompt_tokens_at_most: call.tokens_at_most,
            max_tokens: call.max_tokens,
            unpriced: call.most_usd.as_ref().err().map(|model| match list {
                Some(_) => format!("OpenRouter lists no price for `{}`", short(model, 128)),
                None => "no model list was read yet: read it with POST /models/refresh".to_owned(),
            }),
            most_usd: call.most_usd.ok(),
            by_model: call
                .by_model
                .into_iter()
                .map(|(model, most_usd)| ModelCost { model, most_usd })
                .collect(),
        });
        Ok(self.view)
    }
}

/// The value with every text without what looks like a key.
fn without_keys(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(without_keys).collect()),
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (redact(&name), without_keys(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other,
    }
}
