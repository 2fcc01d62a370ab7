//! The workflow document as it is kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use steps_nodes::Kind;
use steps_template::{Reference, Template, VARS};

/// A workflow: nodes whose templates name each other's variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Workflow {
    /// 1 to 128 characters.
    #[schemars(length(max = 128), regex(pattern = r"\S"), extend("errorMessage" = {"pattern": "must not be empty"}))]
    pub name: String,
    /// What it is for, in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the trigger's input, where the author declares one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "object"))]
    pub input: Option<Value>,
    /// Prefixes of the addresses that a finished run may be posted to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("errorMessage" = {"maxItems": "holds {count} addresses; the most is 20"}))]
    pub callbacks: Vec<String>,
    /// What is done where a run fails or takes too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// 1 to 500 nodes, in the order they were written.
    #[schemars(schema_with = "nodes")]
    pub nodes: Vec<Node>,
    /// What a run may use.
    #[serde(default)]
    pub limits: Limits,
    /// Which texts of a run are kept after its end: `all`, or `none`. Without them a run is neither resumed nor repeated.
    #[serde(default, skip_serializing_if = "Keeps::is_all")]
    pub store: Keeps,
}

/// Which texts of a run are kept after its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("errorMessage" = "must be `all` or `none`"))]
pub enum Keeps {
    /// Input, prompts and answers, as long as the run's record.
    #[default]
    All,
    /// None: they go with the run's end.
    None,
}

impl Keeps {
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// What is done where a run fails or takes too long. A run that was itself started by a failure does nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct OnFailure {
    /// The id of a workflow that is started. Its input tells of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub workflow: Option<String>,
    /// Whether an event is sent to EventBridge.
    pub event: bool,
}

/// One step of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Node {
    /// Unique in the workflow; the variable's name when left out.
    #[serde(default)]
    #[schemars(
        regex(pattern = r"^[A-Za-z0-9_$-]{1,64}$"),
        extend("errorMessage" = "must be a text of 1 to 64 letters, digits, `_`, `$` or `-`")
    )]
    pub id: String,
    /// The name that templates read its output by.
    #[schemars(schema_with = "variable_name")]
    pub variable_name: String,
    /// Ids of nodes that must succeed first, beside those that its templates name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// A template: the node is executed only where it is true. Not true are an empty text, `false`, `0` and `null`. A node
    /// that is not executed is SKIPPED, and its variable is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Template>,
    /// Executes it once for each item of a list. Its variable is the list of the outputs, in the same order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<ForEach>,
    /// What its failure means for the run: `fail` ends the run; with `continue` the variable is
    /// `{"error": {"code", "cause"}}`; with `{"fallback": "<id>"}` that node is executed, and its output is the variable.
    #[serde(default, skip_serializing_if = "OnError::is_fail")]
    pub on_error: OnError,
    /// What it does.
    #[serde(flatten)]
    #[schemars(skip)]
    pub kind: Kind,
    /// How often it is tried.
    #[serde(default)]
    pub retry: Retry,
    /// The longest that one try may take, 1 to 840 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 840))]
    pub timeout_seconds: Option<u64>,
}

/// A list, for each item of which a node is executed once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct ForEach {
    /// A template that gives the list, such as `{{pages.data}}`: a list, or a text that is a list in JSON. The node's other
    /// templates read `{{item}}` and, from 0, `{{index}}`. At most 1 000 items.
    pub items: Template,
    /// How many items are executed at once, 1 to 40.
    #[serde(default = "ForEach::default_concurrency")]
    #[schemars(range(min = 1, max = 40))]
    pub concurrency: u32,
    /// What the failure of an item means: `fail` is the node's failure, and no further item begins; with `keep` the item's
    /// output is `{"error": {"code", "cause"}}`, and the others go on.
    #[serde(default)]
    pub on_item_error: OnItemError,
}

impl ForEach {
    fn default_concurrency() -> u32 {
        10
    }
}

/// What the failure of an item of a list means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnItemError {
    /// The node fails.
    #[default]
    Fail,
    /// The item's output tells of the failure.
    Keep,
}

/// What the failure of a node means for its run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("errorMessage" = "must be `fail`, `continue` or {\"fallback\": \"<the id of a node>\"}"))]
pub enum OnError {
    /// The run fails.
    #[default]
    Fail,
    /// The run goes on. The node's variable is `{"error": {"code", "cause"}}`.
    Continue,
    /// The run goes on with the node of this id, whose output becomes the variable of both. Where the node does not fail,
    /// that one is skipped.
    Fallback(String),
}

impl OnError {
    fn is_fail(&self) -> bool {
        *self == Self::Fail
    }

    /// The node that is executed in place of one that failed.
    #[must_use]
    pub fn fallback(&self) -> Option<&str> {
        match self {
            Self::Fallback(id) => Some(id),
            Self::Fail | Self::Continue => None,
        }
    }
}

/// How often a node is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Retry {
    /// Tries in all, the first included: 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub max_attempts: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 5 }
    }
}

/// What a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// The most that the calls of a run may cost: US dollars, best as text. No limit when left out.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "usd")]
    #[schemars(schema_with = "usd_schema")]
    pub max_cost_usd: Option<Decimal>,
    /// The same for all of the workflow's runs on one day (UTC).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "usd")]
    #[schemars(schema_with = "usd_schema")]
    pub max_cost_usd_per_day: Option<Decimal>,
    /// How long the run may take, 1 to 86 400 seconds.
    #[schemars(range(min = 1, max = 86_400))]
    pub timeout_seconds: u64,
    /// How many nodes run at once, 1 to 40.
    #[schemars(range(min = 1, max = 40))]
    pub max_concurrency: u32,
    /// How many runs of the workflow go on at once, and what becomes of a further one. No limit when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_runs: Option<MaxRuns>,
}

/// How many runs of a workflow go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct MaxRuns {
    /// So many, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub count: u32,
    /// What becomes of a further one: `queue` lets it wait until one ends, `skip` starts nothing, `replace` cancels the
    /// oldest.
    #[serde(default)]
    pub then: Then,
}

/// What becomes of a run where as many go on as may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("errorMessage" = "must be `queue`, `skip` or `replace`"))]
pub enum Then {
    /// It waits until one ends.
    #[default]
    Queue,
    /// It is not started.
    Skip,
    /// The one that was asked for first is cancelled.
    Replace,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_cost_usd: None,
            max_cost_usd_per_day: None,
            timeout_seconds: 3600,
            max_concurrency: 10,
            max_runs: None,
        }
    }
}

/// The field of the template that says whether a node is executed.
const WHEN: &str = "when";
/// The field of the template that gives a node's list.
const LIST: &str = "forEach.items";
/// What the templates of a node with a list read of its item.
pub(crate) const OF_ITEM: [&str; 2] = ["item", "index"];

impl Node {
    /// Its templates, each with the field it stands in.
    #[must_use]
    pub fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let when = self.when.as_ref().map(|when| (Cow::Borrowed(WHEN), when));
        let list = self.for_each.as_ref();
        let list = list.map(|each| (Cow::Borrowed(LIST), &each.items));
        let own = when.into_iter().chain(list);
        own.chain(self.kind.templates()).collect()
    }

    /// The list that it is executed for: that of its `forEach`, or its kind's own.
    #[must_use]
    pub fn list(&self) -> Option<Cow<'_, ForEach>> {
        if let Some(list) = &self.for_each {
            return Some(Cow::Borrowed(list));
        }
        let items = self.kind.items()?;
        let concurrency = u32::try_from(items.len()).unwrap_or(1);
        let text = Value::Array(items).to_string().replace("{{", "\\{{");
        Some(Cow::Owned(ForEach {
            items: Template::parse(&text).unwrap_or_default(),
            concurrency,
            on_item_error: OnItemError::Keep,
        }))
    }

    /// What the template in this field reads. What a node with a list reads of its item is left out.
    pub fn references<'t>(
        &self,
        field: &str,
        template: &'t Template,
    ) -> impl Iterator<Item = &'t Reference> + use<'t> {
        let of_item = self.for_each.is_some() && ![WHEN, LIST].contains(&field);
        let references = template.names().references.iter();
        references.filter(move |reference| !of_item || !OF_ITEM.contains(&reference.root.as_str()))
    }

    /// What its costs are asked for by, and nothing else of it.
    fn ledger(&self) -> Value {
        let whole = serde_json::to_value(self).unwrap_or_default();
        let mut kept = json!({
            "id": self.id, "variableName": self.variable_name, "userPrompt": "",
        });
        for name in ["type", "credential", "model", "models"] {
            if let (Some(value), Some(kept)) = (whole.get(name), kept.as_object_mut()) {
                kept.insert(name.to_owned(), value.clone());
            }
        }
        // Of a kind that wants other fields nothing is asked for later.
        if serde_json::from_value::<Self>(kept.clone()).is_ok() {
            return kept;
        }
        json!({"id": self.id, "variableName": self.variable_name, "type": "set", "value": ""})
    }

    /// Whether it is to be executed where its `when` gives this text.
    #[must_use]
    pub fn is_true(text: &str) -> bool {
        !matches!(text.trim(), "" | "false" | "0" | "null")
    }
}

impl Workflow {
    /// Reads the canonical JSON of a workflow that was checked when it was stored; does not check it again. Its
    /// templates are parsed here, once.
    ///
    /// # Errors
    /// The text is not such JSON, or one of its templates cannot be parsed.
    pub fn from_stored(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// A document in place of this one, of a run whose texts are erased: as JSON. It has the same nodes by their ids,
    /// variables, kinds, credentials and models, and no other text of them.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn ledger(&self) -> Result<String, serde_json::Error> {
        let nodes: Vec<Value> = self.nodes.iter().map(Node::ledger).collect();
        serde_json::to_string(&json!({ "name": self.name, "nodes": nodes, "limits": self.limits }))
    }

    /// [`Self::ledger`] of a stored document. One that cannot be read names no nodes.
    #[must_use]
    pub fn ledger_of(stored: &str) -> String {
        let ledger = Self::from_stored(stored).and_then(|workflow| workflow.ledger());
        ledger.unwrap_or_else(|_| json!({ "name": "erased", "nodes": [] }).to_string())
    }

    /// The names of the nodes' variables.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let names = self.nodes.iter().map(|node| node.variable_name.as_str());
        names.collect()
    }

    /// The node whose failure this one is executed for, where it is a fallback.
    #[must_use]
    pub fn stands_in_for(&self, id: &str) -> Option<&Node> {
        self.nodes
            .iter()
            .find(|node| node.on_error.fallback() == Some(id))
    }

    /// What the templates of a run's nodes see: the input's fields at the root, `trigger`, and a variable for each node that
    /// has one in `outputs`, by its id. Where a node is among `failed` and another one stands in for it, its variable is that
    /// one's output.
    #[must_use]
    pub fn context(
        &self,
        input: &Value,
        trigger: Value,
        vars: Option<&Value>,
        outputs: &BTreeMap<String, Value>,
        failed: &BTreeSet<String>,
    ) -> Value {
        let mut context = input.as_object().cloned().unwrap_or_default();
        context.insert("trigger".to_owned(), trigger);
        if let Some(vars) = vars {
            context.insert(VARS.to_owned(), vars.clone());
        }
        for (id, output) in outputs {
            if let Some(node) = self.node(id) {
                let stands_in = node.on_error.fallback().filter(|_| failed.contains(id));
                let other = stands_in.and_then(|fallback| outputs.get(fallback));
                context.insert(node.variable_name.clone(), other.unwrap_or(output).clone());
            }
        }
        Value::Object(context)
    }

    /// The node of this id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }
}

/// Most nodes of a workflow.
pub(crate) const MOST_NODES: usize = 500;

/// The kinds' own fields are added where the schema is put together.
fn nodes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": MOST_NODES,
        "errorMessage": {
            "required": "`nodes` is required: a list of at least one node",
            "minItems": "must hold at least one node",
            "maxItems": format!("holds {{count}} nodes; the most is {MOST_NODES}"),
        },
    })
}

/// Names that mean something else in a template.
pub(crate) const RESERVED_NAMES: [&str; 8] = [
    "trigger", "vars", "this", "else", "as", "true", "false", "null",
];

/// Some names mean something else in a template.
fn variable_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 64,
        "pattern": "^[A-Za-z_$][A-Za-z0-9_$]*$",
        "not": {"enum": RESERVED_NAMES},
        "errorMessage": {
            "pattern": "must begin with a letter, `_` or `$` and go on with letters, digits, `_` or `$`",
            "not": format!("`{{value}}` is reserved; reserved are {}", RESERVED_NAMES.join(", ")),
        },
    })
}

const AMOUNT: &str = "must be an amount in US dollars such as \"0.50\"";

fn usd_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "number"],
        "minimum": 0,
        "pattern": r"^\s*(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$",
        "errorMessage": {
            "type": format!("{AMOUNT}, not {{kind}}"),
            "pattern": AMOUNT,
            "minimum": "must not be negative",
        },
    })
}

/// An amount of money, best as text: a number has been through a float.
fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let text = match Option::<Value>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    let text = text.trim();
    let amount = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    amount
        .map(Some)
        .map_err(|_| serde::de::Error::custom(AMOUNT))
}
