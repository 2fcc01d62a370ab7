//! Workflows that n8n has exported: LLM chains, agents and messages to models with their model nodes, HTTP requests and fields
//! that are set.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Imported;
use super::draft::{Draft, Fields, after, literal, shown};
use super::expression::{Expression, From, Part, Read, parts, read, written};

/// What the types of n8n's nodes have in them: `n8n-nodes-base.set`, `@n8n/n8n-nodes-langchain.agent`.
const OF_ITS_PACKAGES: &str = "n8n-nodes-";

/// What a template reads in place of an expression that is not taken over: nothing has this name, so a run fails before it
/// calls.
const MISSING: &str = "not_taken_over";

/// What of a node is n8n's own matter.
const OF_N8N: [&str; 8] = [
    "id",
    "name",
    "type",
    "typeVersion",
    "position",
    "parameters",
    "credentials",
    "webhookId",
];

/// The models of n8n's model nodes: the node, the parameter, and how the ids begin at OpenRouter.
const MODELS: [(&str, &str, &str); 8] = [
    ("lmChatOpenRouter", "model", ""),
    ("lmChatOpenAi", "model", "openai/"),
    ("lmOpenAi", "model", "openai/"),
    ("lmChatAnthropic", "model", "anthropic/"),
    ("lmChatGoogleGemini", "modelName", "google/"),
    ("lmChatMistralCloud", "model", "mistralai/"),
    ("lmChatDeepSeek", "model", "deepseek/"),
    ("lmChatXAiGrok", "model", "x-ai/"),
];

/// Options of a model by their names in n8n and here.
const OPTIONS: [(&str, &str); 8] = [
    ("temperature", "temperature"),
    ("maxTokens", "maxTokens"),
    ("maxTokensToSample", "maxTokens"),
    ("maxOutputTokens", "maxTokens"),
    ("topP", "topP"),
    ("topK", "topK"),
    ("frequencyPenalty", "frequencyPenalty"),
    ("presencePenalty", "presencePenalty"),
];

/// Whether a node is one of n8n's.
pub(super) fn is_node(value: &Value) -> bool {
    let kind = value
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    kind.contains(OF_ITS_PACKAGES)
}

/// What a node is here, which tells what an expression may read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A node of type `openrouter`.
    Chat,
    /// A node of type `http`.
    Http,
    /// A node of type `set`.
    Set,
    /// A webhook: its body is the input.
    Webhook,
    /// Another thing that starts a run: what it gives is the input.
    Trigger,
    /// It gives what it gets.
    Through,
    /// It is not taken over.
    None,
}

/// The workflow as it was brought.
struct Export<'a> {
    nodes: Vec<&'a Value>,
    places: BTreeMap<&'a str, usize>,
    /// The main connections.
    edges: Vec<(usize, usize)>,
    /// Of a node, what is plugged into it: the kind of the plug, which of that kind, and the node.
    plugs: BTreeMap<usize, Vec<(&'a str, u64, usize)>>,
    sources: Vec<Source>,
    variables: BTreeMap<usize, String>,
}

/// Takes over a workflow that n8n has exported.
pub(super) fn import(value: &Value) -> Imported {
    let mut draft = Draft::default();
    let nodes: Vec<&Value> = value
        .get("nodes")
        .and_then(Value::as_array)
        .map(|nodes| nodes.iter().collect())
        .unwrap_or_default();
    let names = nodes.iter().enumerate();
    let places = names
        .filter_map(|(place, node)| Some((node.get("name")?.as_str()?, place)))
        .collect();
    let mut export = Export {
        sources: nodes.iter().map(|node| source(node)).collect(),
        nodes,
        places,
        edges: Vec::new(),
        plugs: BTreeMap::new(),
        variables: BTreeMap::new(),
    };
    export.connect(value.get("connections"), &mut draft);
    for place in 0..export.nodes.len() {
        if matches!(
            export.source(place),
            Source::Chat | Source::Http | Source::Set
        ) {
            let name = export.text(place, "name");
            export.variables.insert(place, draft.variable(name));
        }
    }
    for place in 0..export.nodes.len() {
        export.take(place, &mut draft);
    }
    let mut top = Fields::of(Some(value), "");
    let mut settings = top.within("settings");
    let seconds = settings
        .take("executionTimeout")
        .and_then(|seconds| seconds.as_u64());
    settings.ignore(&["executionOrder"]);
    settings.rest(&mut draft, "a document here has no such setting");
    let description = top.text("description");
    top.ignore(&[
        "id",
        "name",
        "nodes",
        "connections",
        "versionId",
        "meta",
        "createdAt",
        "updatedAt",
        "staticData",
        "triggerCount",
        "shared",
        "isArchived",
        "versionCounter",
        "activeVersionId",
    ]);
    top.rest(&mut draft, "a document here has no such field");
    let after = after(&export.edges, &export.variables);
    let name = value
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (mut document, notes) = draft.finish(name, &after);
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        document.insert("description".to_owned(), json!(description));
    }
    if let Some(seconds) = seconds.filter(|seconds| *seconds > 0) {
        document.insert("limits".to_owned(), json!({ "timeoutSeconds": seconds }));
    }
    Imported {
        form: "n8n",
        document: Value::Object(document),
        notes,
    }
}

/// The type of a node without the package that it is of.
fn kind(node: &Value) -> &str {
    let kind = node.get("type").and_then(Value::as_str).unwrap_or_default();
    kind.rsplit('.').next().unwrap_or(kind)
}

fn source(node: &Value) -> Source {
    if node.get("disabled") == Some(&Value::Bool(true)) {
        return Source::Through;
    }
    match kind(node) {
        "chainLlm" | "agent" | "openAi" => Source::Chat,
        "httpRequest" => Source::Http,
        "set" => Source::Set,
        "webhook" => Source::Webhook,
        "start" | "cron" | "interval" => Source::Trigger,
        kind if kind.ends_with("Trigger") => Source::Trigger,
        "noOp" | "if" | "switch" | "filter" | "limit" | "wait" | "splitInBatches" => {
            Source::Through
        }
        _ => Source::None,
    }
}

impl<'a> Export<'a> {
    fn source(&self, place: usize) -> Source {
        self.sources.get(place).copied().unwrap_or(Source::None)
    }

    fn text(&self, place: usize, field: &str) -> &'a str {
        let node = self.nodes.get(place).and_then(|node| node.get(field));
        node.and_then(Value::as_str).unwrap_or_default()
    }

    fn connect(&mut self, connections: Option<&'a Value>, draft: &mut Draft) {
        let connections = connections.and_then(Value::as_object);
        for (name, outputs) in connections.into_iter().flatten() {
            let Some(&from) = self.places.get(name.as_str()) else {
                draft.note(
                    format!("connections.{name}"),
                    "no node has this name: it is left out",
                );
                continue;
            };
            for (plug, outputs) in outputs.as_object().into_iter().flatten() {
                let ends = outputs.as_array().into_iter().flatten();
                for end in ends.filter_map(Value::as_array).flatten() {
                    let index = end.get("index").and_then(Value::as_u64).unwrap_or_default();
                    let to = end.get("node").and_then(Value::as_str);
                    let Some(&to) = to.and_then(|to| self.places.get(to)) else {
                        draft.note(
                            format!("connections.{name}.{plug}"),
                            "leads to no node: it is left out",
                        );
                        continue;
                    };
                    if plug == "main" {
                        self.edges.push((from, to));
                    } else {
                        self.plugs.entry(to).or_default().push((plug, index, from));
                    }
                }
            }
        }
        for plugs in self.plugs.values_mut() {
            plugs.sort_unstable();
        }
    }

    /// Takes a node over, or notes why not.
    fn take(&self, place: usize, draft: &mut Draft) {
        let Some(node) = self.nodes.get(place) else {
            return;
        };
        let path = format!("nodes[{place}]");
        if node.get("disabled") == Some(&Value::Bool(true)) {
            draft.note(
                path,
                "is switched off in n8n: it is left out, and what it gets is passed on",
            );
            return;
        }
        let mut made = Map::new();
        let Some(variable) = self.variables.get(&place) else {
            if let Some(why) = self.not_taken(place, kind(node)) {
                draft.note(path, why);
            }
            return;
        };
        made.insert("variableName".to_owned(), json!(variable));
        let mut fields = Fields::of(Some(node), &path);
        let mut parameters = fields.within("parameters");
        match self.source(place) {
            Source::Chat => self.chat(place, &mut parameters, &mut made, draft),
            Source::Http => self.http(place, &mut parameters, &mut made, draft),
            _ => self.set(place, &mut parameters, &mut made, draft),
        }
        parameters.rest(draft, "nothing here is its like");
        let retries = fields.take("retryOnFail") == Some(Value::Bool(true));
        let tries = fields
            .take("maxTries")
            .and_then(|tries| tries.as_u64())
            .unwrap_or(3);
        if retries {
            made.insert(
                "retry".to_owned(),
                json!({ "maxAttempts": tries.clamp(1, 20) }),
            );
        }
        let on_error = fields.text("onError");
        let goes_on = fields.take("continueOnFail") == Some(Value::Bool(true));
        match on_error.as_deref() {
            Some("continueRegularOutput") => {
                made.insert("onError".to_owned(), json!("continue"));
            }
            Some("continueErrorOutput") => {
                draft.note(fields.at("onError"), "a second output for failures is not taken over: name a `fallback` in `onError`");
            }
            _ if goes_on => {
                made.insert("onError".to_owned(), json!("continue"));
            }
            _ => {}
        }
        fields.ignore(&OF_N8N);
        fields.rest(draft, "nothing here is its like");
        draft.add(made);
    }

    /// Why a node is not taken over, and what to do instead; `None` where it is taken over with another one.
    fn not_taken(&self, place: usize, kind: &str) -> Option<String> {
        let plugged = self.plugs.values().any(|plugs| {
            plugs
                .iter()
                .any(|(plug, _, from)| *plug == "ai_languageModel" && *from == place)
        });
        let instead = match (self.source(place), kind) {
            _ if kind.starts_with("lmChat") && plugged => return None,
            _ if kind.starts_with("lm") => {
                "no chain uses it, or it is of a kind that is not known here"
            }
            (Source::Webhook, _) => {
                "make a webhook with PUT /workflows/{id}/webhooks/{webhook}: the body of a delivery is the run's input"
            }
            (Source::Trigger, "scheduleTrigger" | "cron" | "interval") => {
                "make a schedule with PUT /workflows/{id}/schedules/{name}"
            }
            (Source::Trigger, _) => {
                "what starts a run is no node here: start it with POST /workflows/{id}/runs, or by a webhook or an AWS event; its fields are the run's input"
            }
            (_, "stickyNote") => "it is a note on the canvas",
            (_, "noOp") => "it does nothing: what it gets is passed on",
            (_, "if" | "switch" | "filter") => {
                "say it in `when` of the nodes behind it: until then they are executed in any case"
            }
            (_, "merge") => "a node here waits for all nodes that its templates read",
            (_, "splitInBatches" | "splitOut" | "itemLists") => {
                "say `forEach` in the node that is to be executed for each item"
            }
            (_, "code" | "function" | "functionItem") => {
                "scripts are not carried out: put it into a Lambda function, and call that with a `lambda` node"
            }
            (_, "executeWorkflow") => "it calls another workflow of n8n",
            (_, "respondToWebhook") => {
                "whoever starts the run gets its output with `?wait=`, or by a `callbackUrl`"
            }
            (_, "wait") => "what it gets is passed on at once",
            _ if kind.starts_with("outputParser") => {
                "ask for JSON with `responseFormat` in the node that it belongs to"
            }
            _ if kind.starts_with("memory") => {
                "a call here has no memory: put what was said into the prompt"
            }
            _ if kind.starts_with("tool") || kind.ends_with("Tool") => {
                "a call here has no tools of n8n"
            }
            _ => "call the service with an `http` node",
        };
        Some(format!(
            "a node of type {kind} is not taken over: {instead}"
        ))
    }

    fn chat(
        &self,
        place: usize,
        parameters: &mut Fields,
        made: &mut Map<String, Value>,
        draft: &mut Draft,
    ) {
        made.insert("type".to_owned(), json!("openrouter"));
        let kind = self.nodes.get(place).map_or("", |node| kind(node));
        let plugs = self.plugs.get(&place).map_or(&[][..], Vec::as_slice);
        let mut models = plugs
            .iter()
            .filter(|(plug, ..)| *plug == "ai_languageModel");
        if kind == "openAi" {
            self.own_model(place, parameters, made, draft);
        } else {
            match models.next() {
                Some((.., model)) => self.model(*model, made, draft),
                None => draft.note(
                    format!("nodes[{place}]"),
                    "no model is plugged into it: the default model is called",
                ),
            }
        }
        for (.., further) in models {
            let mut other = Map::new();
            self.model(*further, &mut other, draft);
            if let Some(model) = other.remove("model") {
                let list = made.entry("models").or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(model);
                }
            }
        }
        let prompt_type = parameters.text("promptType");
        let text = parameters
            .text("text")
            .or_else(|| parameters.text("prompt"));
        let mut user = match (prompt_type.as_deref(), text) {
            (Some("define") | None, Some(text)) => {
                self.template(place, &text, &parameters.at("text"), draft)
            }
            _ if kind == "openAi" => String::new(),
            _ => self.template(
                place,
                "={{ $json.chatInput }}",
                &parameters.at("text"),
                draft,
            ),
        };
        let mut system = match kind {
            // What n8n says itself where a chain or an agent says nothing.
            "agent" => None,
            _ => Some(String::new()),
        };
        let mut add_system = |text: String| {
            let before = system.take().filter(|before| !before.is_empty());
            system = Some(before.map_or(text.clone(), |before| format!("{before}\n\n{text}")));
        };
        let mut options = parameters.within("options");
        if let Some(text) = options.text("systemMessage") {
            add_system(self.template(place, &text, &options.at("systemMessage"), draft));
        }
        let mut messages = parameters.within("messages");
        for list in ["messageValues", "values"] {
            let said = messages.take(list);
            let at = messages.at(list);
            let said = said.as_ref().and_then(Value::as_array);
            for (index, message) in said.into_iter().flatten().enumerate() {
                let path = format!("{at}[{index}]");
                let field = |name: &str| message.get(name).and_then(Value::as_str);
                let text = field("message")
                    .or_else(|| field("content"))
                    .unwrap_or_default();
                let text = self.template(place, text, &path, draft);
                let by = field("type").or_else(|| field("role"));
                match by.unwrap_or(if kind == "openAi" { "user" } else { "system" }) {
                    "SystemMessagePromptTemplate" | "system" => add_system(text),
                    "HumanMessagePromptTemplate" | "user" if user.is_empty() => user = text,
                    "HumanMessagePromptTemplate" | "user" => user = format!("{text}\n\n{user}"),
                    other => draft.note(path, format!("a message by `{other}` is not taken over: a call here has one message of the system and one of the user")),
                }
            }
        }
        messages.rest(draft, "nothing here is its like");
        if options.take("maxIterations").is_some() {
            draft.note(
                options.at("maxIterations"),
                "a call here has no tools, so it is one step",
            );
        }
        options_of_model(&mut options, made, draft);
        options.rest(draft, "nothing here is its like");
        for (plug, _, from) in plugs
            .iter()
            .filter(|(plug, ..)| *plug != "ai_languageModel")
        {
            draft.note(
                format!("nodes[{from}]"),
                format!("is plugged into nodes[{place}] as {plug}, which is called without it"),
            );
        }
        if let Some(system) = system {
            made.insert("systemPrompt".to_owned(), json!(system));
        }
        made.insert("userPrompt".to_owned(), json!(user));
        parameters.ignore(&["needsFallback", "resource", "operation", "simplify"]);
    }

    /// What a model node says.
    fn model(&self, place: usize, made: &mut Map<String, Value>, draft: &mut Draft) {
        let Some(node) = self.nodes.get(place) else {
            return;
        };
        let path = format!("nodes[{place}]");
        let mut fields = Fields::of(Some(node), &path);
        let of = kind(node);
        let known = MODELS.iter().find(|(kind, ..)| *kind == of);
        let (name, begin) = known.map_or(("model", ""), |(_, name, begin)| (*name, *begin));
        if known.is_none() {
            draft.note(format!("{path}.type"), format!("`{of}` is not known: it is taken over as a call through OpenRouter, so name a model that OpenRouter has"));
        }
        let mut parameters = fields.within("parameters");
        let model = listed(parameters.take(name));
        if let Some(model) = model {
            made.insert(
                "model".to_owned(),
                json!(routed(&model, begin, &parameters.at(name), draft)),
            );
        } else if of == "lmChatOpenRouter" {
            // What n8n calls where the node says nothing.
            made.insert("model".to_owned(), json!("openai/gpt-4.1-mini"));
        }
        self.credential(place, made, draft);
        let mut options = parameters.within("options");
        options_of_model(&mut options, made, draft);
        options.rest(draft, "nothing here is its like");
        parameters.rest(draft, "nothing here is its like");
    }

    /// The model of a node that names it itself.
    fn own_model(
        &self,
        place: usize,
        parameters: &mut Fields,
        made: &mut Map<String, Value>,
        draft: &mut Draft,
    ) {
        if let Some(model) = listed(
            parameters
                .take("modelId")
                .or_else(|| parameters.take("model")),
        ) {
            made.insert(
                "model".to_owned(),
                json!(routed(&model, "openai/", &parameters.at("modelId"), draft)),
            );
        }
        self.credential(place, made, draft);
        if parameters.take("jsonOutput") == Some(Value::Bool(true)) {
            made.insert(
                "responseFormat".to_owned(),
                json!({ "type": "json_object" }),
            );
        }
    }

    fn credential(&self, place: usize, made: &mut Map<String, Value>, draft: &mut Draft) {
        let credentials = self
            .nodes
            .get(place)
            .and_then(|node| node.get("credentials")?.as_object());
        let Some((kind, credential)) = credentials.and_then(|all| all.iter().next()) else {
            draft.note(
                format!("nodes[{place}].credentials"),
                "it names none: give the node a `credential`",
            );
            return;
        };
        let name = credential
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let path = format!("nodes[{place}].credentials.{kind}");
        let what = if kind == "openRouterApi" {
            "n8n exports no keys: store the key under this name with POST /credentials"
        } else {
            "it is no credential of OpenRouter: store a key of OpenRouter under this name with POST /credentials"
        };
        draft.note(path, what);
        made.insert("credential".to_owned(), json!(name));
    }

    fn http(
        &self,
        place: usize,
        parameters: &mut Fields,
        made: &mut Map<String, Value>,
        draft: &mut Draft,
    ) {
        made.insert("type".to_owned(), json!("http"));
        let method = parameters
            .text("method")
            .or_else(|| parameters.text("requestMethod"));
        if let Some(method) = method.filter(|method| method != "GET") {
            made.insert("method".to_owned(), json!(method));
        }
        let at = parameters.at("url");
        let url = parameters.text("url").unwrap_or_default();
        made.insert(
            "url".to_owned(),
            json!(self.template(place, &url, &at, draft)),
        );
        for (switch, list, name) in [
            ("sendQuery", "queryParameters", "query"),
            ("sendHeaders", "headerParameters", "headers"),
        ] {
            let sends = parameters.take(switch) == Some(Value::Bool(true));
            let pairs = self.pairs(place, &mut parameters.within(list), draft);
            if sends && !pairs.is_empty() {
                made.insert(name.to_owned(), Value::Object(pairs));
            }
        }
        parameters.ignore(&["specifyQuery", "specifyHeaders"]);
        let sends = parameters.take("sendBody") == Some(Value::Bool(true));
        let content = parameters.text("contentType");
        let specified = parameters.text("specifyBody");
        let pairs = self.pairs(place, &mut parameters.within("bodyParameters"), draft);
        let json_at = parameters.at("jsonBody");
        let text = parameters
            .text("jsonBody")
            .filter(|_| specified.as_deref() == Some("json"));
        let raw_at = parameters.at("body");
        let body = match content.as_deref() {
            _ if !sends => None,
            None | Some("json") => match text {
                Some(text) => Some(json!({ "json": self.template(place, &text, &json_at, draft) })),
                None => Some(json!({ "json": pairs })),
            },
            Some("form-urlencoded") => Some(json!({ "form": pairs })),
            Some("raw") => {
                let text = parameters.text("body").unwrap_or_default();
                Some(json!({ "text": self.template(place, &text, &raw_at, draft) }))
            }
            Some(other) => {
                draft.note(
                    parameters.at("contentType"),
                    format!("a body of the kind `{other}` is not taken over"),
                );
                None
            }
        };
        if let Some(body) = body {
            made.insert("body".to_owned(), body);
        }
        let authentication = parameters
            .text("authentication")
            .filter(|kind| kind != "none");
        if authentication.is_some() {
            draft.note(
                parameters.at("authentication"),
                "n8n exports no secrets: store it as a credential of type `http` with POST /credentials, and name that in `credential`",
            );
        }
        parameters.ignore(&["genericAuthType", "nodeCredentialType"]);
        let mut options = parameters.within("options");
        seconds(&mut options, made);
        options.rest(draft, "nothing here is its like");
    }

    /// Names with values, as `{"parameters": [{"name", "value"}]}` says them.
    fn pairs(&self, place: usize, fields: &mut Fields, draft: &mut Draft) -> Map<String, Value> {
        let mut pairs = Map::new();
        let at = fields.at("parameters");
        let list = fields.take("parameters");
        let list = list.as_ref().and_then(Value::as_array);
        for (index, pair) in list.into_iter().flatten().enumerate() {
            let name = pair.get("name").and_then(Value::as_str).unwrap_or_default();
            let value = self.value(
                place,
                pair.get("value"),
                &format!("{at}[{index}].value"),
                draft,
            );
            if !name.is_empty() {
                pairs.insert(name.to_owned(), value);
            }
        }
        pairs
    }

    fn set(
        &self,
        place: usize,
        parameters: &mut Fields,
        made: &mut Map<String, Value>,
        draft: &mut Draft,
    ) {
        made.insert("type".to_owned(), json!("set"));
        let raw_at = parameters.at("jsonOutput");
        let raw = parameters
            .text("jsonOutput")
            .filter(|text| !text.trim().is_empty());
        let is_raw = parameters.text("mode").as_deref() == Some("raw");
        if let (true, Some(text)) = (is_raw, raw) {
            let value = match serde_json::from_str::<Value>(&text) {
                Ok(value) => self.value(place, Some(&value), &raw_at, draft),
                Err(_) => {
                    draft.note(raw_at.clone(), "JSON with expressions in it gives a text here: read it where JSON is expected, or write its fields out");
                    json!(self.template(place, &text, &raw_at, draft))
                }
            };
            made.insert("value".to_owned(), value);
            return;
        }
        let mut value = Value::Object(Map::new());
        let mut assignments = parameters.within("assignments");
        let mut lists = vec![(
            assignments.at("assignments"),
            assignments.take("assignments"),
        )];
        let mut values = parameters.within("values");
        for of in ["string", "number", "boolean"] {
            lists.push((values.at(of), values.take(of)));
        }
        values.rest(draft, "nothing here is its like");
        for (at, list) in lists {
            let list = list.as_ref().and_then(Value::as_array);
            for (index, field) in list.into_iter().flatten().enumerate() {
                let name = field
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let given = self.value(
                    place,
                    field.get("value"),
                    &format!("{at}[{index}].value"),
                    draft,
                );
                insert(&mut value, name, given);
            }
        }
        if parameters.take("includeOtherFields") == Some(Value::Bool(true)) {
            draft.note(parameters.at("includeOtherFields"), "the fields of the node before are not in this variable: read them by that node's name");
        }
        parameters.ignore(&["keepOnlySet", "include"]);
        made.insert("value".to_owned(), value);
    }

    /// A value whose texts are n8n's, as one whose texts are templates.
    fn value(&self, place: usize, value: Option<&Value>, path: &str, draft: &mut Draft) -> Value {
        match value {
            Some(Value::String(text)) => json!(self.template(place, text, path, draft)),
            Some(Value::Array(items)) => {
                let items = items.iter().enumerate();
                let items = items.map(|(index, item)| {
                    self.value(place, Some(item), &format!("{path}[{index}]"), draft)
                });
                Value::Array(items.collect())
            }
            Some(Value::Object(fields)) => {
                let fields = fields.iter().map(|(name, field)| {
                    let value = self.value(place, Some(field), &format!("{path}.{name}"), draft);
                    (name.clone(), value)
                });
                Value::Object(fields.collect())
            }
            other => other.cloned().unwrap_or_default(),
        }
    }

    /// A text of n8n as a template: one that begins with `=` has expressions in it.
    fn template(&self, place: usize, text: &str, path: &str, draft: &mut Draft) -> String {
        let Some(text) = text.strip_prefix('=') else {
            return literal(text);
        };
        let mut template = String::new();
        for part in parts(text) {
            match part {
                Part::Text(text) => template.push_str(&literal(text)),
                Part::Expression(expression) => match self.written(place, expression) {
                    Some(written) => template.push_str(&written),
                    None => {
                        draft.note(path, format!(
                            "the expression `{}` is not taken over: `{{{{{MISSING}}}}}` stands in its place, so that a run fails before it calls",
                            shown(expression)
                        ));
                        template.push_str(&format!("{{{{{MISSING}}}}}"));
                    }
                },
            }
        }
        template
    }

    /// An expression as a template says it.
    fn written(&self, place: usize, expression: &str) -> Option<String> {
        Some(match read(expression)? {
            Expression::Text(text) => literal(&text),
            Expression::Value(value) => format!("{{{{{}}}}}", self.path(place, &value)?),
            Expression::Json(value) => format!("{{{{json {}}}}}", self.path(place, &value)?),
            Expression::Default(value, text) => {
                let text = text.replace('"', "'");
                format!("{{{{default {} \"{text}\"}}}}", self.path(place, &value)?)
            }
        })
    }

    fn path(&self, place: usize, value: &Read) -> Option<String> {
        match &value.from {
            From::Time => Some("trigger.time".to_owned()),
            From::RunId => Some("trigger.runId".to_owned()),
            From::Vars => (!value.path.is_empty()).then(|| written("vars", &value.path)),
            From::Before => self.of_node(self.before(place)?, &value.path, &mut BTreeSet::new()),
            From::Node(name) => {
                let of = *self.places.get(name.as_str())?;
                self.of_node(of, &value.path, &mut BTreeSet::new())
            }
        }
    }

    /// The one node before this one.
    fn before(&self, place: usize) -> Option<usize> {
        let mut before = self
            .edges
            .iter()
            .filter(|(_, to)| *to == place)
            .map(|(from, _)| *from);
        let first = before.next()?;
        before.all(|other| other == first).then_some(first)
    }

    /// What a node gives at this path of its output.
    fn of_node(&self, place: usize, path: &[String], seen: &mut BTreeSet<usize>) -> Option<String> {
        let variable = || self.variables.get(&place);
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        match self.source(place) {
            Source::Chat => match steps.as_slice() {
                ["text" | "output" | "content"] | ["response", "text"] | ["message", "content"] => {
                    Some(format!("{}.text", variable()?))
                }
                _ => None,
            },
            Source::Http => Some(written(&format!("{}.data", variable()?), path)),
            Source::Set => Some(written(variable()?, path)),
            Source::Webhook => match steps.split_first()? {
                (&"body", rest) if !rest.is_empty() => Some(written("", path.get(1..)?)),
                (&("headers" | "query"), rest) if !rest.is_empty() => {
                    Some(written("trigger", path))
                }
                _ => None,
            },
            Source::Trigger => (!path.is_empty()).then(|| written("", path)),
            Source::Through => {
                let before = self.before(place).filter(|_| seen.insert(place))?;
                self.of_node(before, path, seen)
            }
            Source::None => None,
        }
    }
}

/// A name that n8n keeps as a text, or as an entry of a list.
fn listed(value: Option<Value>) -> Option<String> {
    let value = value?;
    let name = value.as_str().or_else(|| value.get("value")?.as_str())?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The id of a provider's model at OpenRouter.
fn routed(model: &str, begin: &str, path: &str, draft: &mut Draft) -> String {
    let model = model.strip_prefix('=').unwrap_or(model);
    if model.contains("{{") {
        draft.note(
            path,
            "a model that an expression names is not taken over: name it, or one of `models`",
        );
    }
    if begin.is_empty() {
        return model.to_owned();
    }
    let model = model.strip_prefix("models/").unwrap_or(model);
    draft.note(
        path,
        format!("OpenRouter may name the model otherwise than `{begin}{model}`: compare with GET /models"),
    );
    format!("{begin}{model}")
}

fn options_of_model(options: &mut Fields, made: &mut Map<String, Value>, draft: &mut Draft) {
    for (name, here) in OPTIONS {
        if let Some(value) = options.take(name) {
            if value.is_number() {
                made.insert(here.to_owned(), value);
            } else {
                draft.note(
                    options.at(name),
                    "an option that an expression gives is not taken over",
                );
            }
        }
    }
    match options.text("responseFormat").as_deref() {
        Some("json_object") => {
            made.insert(
                "responseFormat".to_owned(),
                json!({ "type": "json_object" }),
            );
        }
        Some("text") | None => {}
        Some(other) => draft.note(
            options.at("responseFormat"),
            format!("`{other}` is not known here"),
        ),
    }
    if let Some(retries) = options
        .take("maxRetries")
        .and_then(|retries| retries.as_u64())
    {
        let tries = retries.saturating_add(1).clamp(1, 20);
        made.insert("retry".to_owned(), json!({ "maxAttempts": tries }));
    }
    seconds(options, made);
}

/// A limit in milliseconds as one in seconds.
fn seconds(options: &mut Fields, made: &mut Map<String, Value>) {
    if let Some(millis) = options.take("timeout").and_then(|millis| millis.as_u64()) {
        let seconds = millis.div_ceil(1000).clamp(1, 840);
        made.insert("timeoutSeconds".to_owned(), json!(seconds));
    }
}

/// Sets a field, whose name may lead into objects: `a.b`.
fn insert(value: &mut Value, name: &str, given: Value) {
    let (first, rest) = name
        .split_once('.')
        .map_or((name, None), |(first, rest)| (first, Some(rest)));
    let Some(fields) = value.as_object_mut().filter(|_| !first.is_empty()) else {
        return;
    };
    match rest {
        None => {
            fields.insert(first.to_owned(), given);
        }
        Some(rest) => {
            let inner = fields.entry(first).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            insert(inner, rest, given);
        }
    }
}
