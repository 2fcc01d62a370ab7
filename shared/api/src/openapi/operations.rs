//! The table of operations: every route of the API with what it is sent and what it answers.

use serde_json::{Value, json};
use steps_store::TokenRecord;

use crate::openapi::operation::{Access, Operation};
use crate::openapi::problems::{OPENROUTER, SCHEDULER, SECRETS, START, STORE};
use crate::{
    ApprovalLink, ApprovalPage, ApprovalView, AuditPage, CallbackSecretView, CancelRun,
    ChangeCredential, ChangeSchedule, ChangedCredential, CostPage, CredentialList, CredentialView,
    CredentialWithKey, DecideApproval, DecideByLink, Decided, Delivered, DeliveryList,
    DeliveryView, EndedOrSkipped, ForeignWorkflow, GiveOutput, ImportedWorkflow, ItemPage,
    MadeEventsToken, MadeToken, ModelDetails, ModelPage, NewApprovalLink, NewCredential,
    NewEventsToken, NewRun, NewToken, NodeView, PreviewNode, PreviewView, PutSchedule, PutWebhook,
    PutWorkflow, RefreshedModels, RerunRun, RestoreCredential, ResumeRun, RotateCallbackSecret,
    RotateWebhook, RunAnswer, RunInput, RunPage, RunView, SchedulePage, ScheduleView, SentSignal,
    SetSwitch, SetVar, SourceList, SourceView, StartedRun, SwitchView, TokenPage, VarList, VarView,
    WebhookList, WebhookView, WorkflowDocument, WorkflowPage, WorkflowPlan, WorkflowView,
};

/// Every operation, by noun.
pub(crate) fn operations() -> Vec<Operation> {
    [
        credentials(),
        models(),
        workflows(),
        switches(),
        vars(),
        sources(),
        webhooks(),
        callbacks(),
        schedules(),
        starts(),
        runs(),
        approvals(),
        costs(),
        tokens(),
        audit(),
        reference(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn get(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::new(("GET", path), id, tag, summary).fails(STORE)
}

fn post(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::new(("POST", path), id, tag, summary).fails(STORE)
}

fn put(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::new(("PUT", path), id, tag, summary).fails(STORE)
}

fn patch(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::new(("PATCH", path), id, tag, summary).fails(STORE)
}

fn delete(
    path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
) -> Operation {
    Operation::new(("DELETE", path), id, tag, summary).fails(STORE)
}

/// A value of the query that is `true` or `false`.
fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn credentials() -> Vec<Operation> {
    const TAG: &str = "credentials";
    let changed = "The credential as it is now.";
    vec![
        post(
            "/credentials",
            "createCredential",
            TAG,
            "Stores a key or a secret under a name. A key is checked with OpenRouter first.",
        )
        .takes::<NewCredential>(json!({
            "name": "main", "apiKey": "sk-or-v1-0123456789abcdef", "maxCostUsdPerDay": "5.00",
        }))
        .answers::<CredentialView>(201, "The new credential.")
        .located()
        .fails(&["InvalidCredential", "ManagementKey", "NameTaken"])
        .fails(SECRETS)
        .fails(OPENROUTER),
        get(
            "/credentials",
            "listCredentials",
            TAG,
            "Lists the credentials, or those that can be restored.",
        )
        .query(
            "deleted",
            flag(),
            "Whether to list the deleted ones instead.",
        )
        .answers::<CredentialList>(200, "The credentials."),
        get(
            "/credentials/{id}",
            "getCredential",
            TAG,
            "Reads a credential and asks OpenRouter about its key.",
        )
        .answers::<CredentialWithKey>(
            200,
            "The credential; of type `openrouter`, with `key` or `keyProblem`.",
        )
        .fails(&["CredentialNotFound"]),
        put(
            "/credentials/{id}",
            "changeCredential",
            TAG,
            "Changes what the body names: name, key or secret, hosts, rotation, daily budget.",
        )
        .takes::<ChangeCredential>(json!({ "name": "main", "maxCostUsdPerDay": null }))
        .answers::<ChangedCredential>(200, changed)
        .fails(&[
            "Conflict",
            "CredentialNotFound",
            "CredentialOfOtherType",
            "InvalidCredential",
            "MalformedApiKey",
            "ManagementKey",
            "NameTaken",
        ])
        .fails(&["RotationNotConfigured", "RotationUnderWay"])
        .fails(SECRETS)
        .fails(OPENROUTER),
        delete(
            "/credentials/{id}",
            "deleteCredential",
            TAG,
            "Deletes a credential that no workflow uses; it can be restored for some days.",
        )
        .query(
            "force",
            flag(),
            "Whether to delete it even if workflows use it.",
        )
        .answers::<CredentialView>(
            200,
            "The deleted credential; `restorableUntil` says how long its key is kept.",
        )
        .fails(&["Conflict", "CredentialInUse", "CredentialNotFound"])
        .fails(SECRETS),
        post(
            "/credentials/{id}/check",
            "checkCredential",
            TAG,
            "Asks OpenRouter about the key again and notes what it says; of an `http` secret, whether it can be read.",
        )
        .answers::<CredentialView>(200, "The credential with the check in `lastCheck`.")
        .fails(&["CredentialNotFound", "CredentialOfOtherType"])
        .fails(SECRETS)
        .fails(OPENROUTER),
        post(
            "/credentials/{id}/restore",
            "restoreCredential",
            TAG,
            "Restores a deleted credential.",
        )
        .may_take::<RestoreCredential>(json!({ "name": "main-again" }))
        .answers::<CredentialView>(200, changed)
        .fails(&["CredentialNotFound", "InvalidCredential", "NameTaken"])
        .fails(SECRETS),
        post(
            "/credentials/{id}/rotate",
            "rotateCredential",
            TAG,
            "Asks Secrets Manager to rotate the key now.",
        )
        .answers::<CredentialView>(
            202,
            "The rotation is asked for; the audit tells when the key is rotated.",
        )
        .fails(&[
            "CredentialNotFound",
            "CredentialOfOtherType",
            "RotationNotConfigured",
            "RotationUnderWay",
        ])
        .fails(SECRETS),
        get(
            "/credentials/{id}/audit",
            "auditCredential",
            TAG,
            "Tells who did what to a credential, of a deleted one too.",
        )
        .pages(100, 50)
        .answers::<AuditPage>(200, "A page, the newest first.")
        .fails(&["CredentialNotFound"]),
    ]
}

fn models() -> Vec<Operation> {
    const TAG: &str = "models";
    let price = || json!({ "type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,12})?$" });
    vec![
        get("/models", "listModels", TAG, "Lists OpenRouter's models, filtered and sorted.")
            .query("provider", text(), "Authors, such as `openai`, with commas between them.")
            .query("free", flag(), "Whether free variants only, or none of them.")
            .query("q", text(), "Words that id, name or description have.")
            .query("inputModality", text(), "What the model takes, such as `image`, with commas between them.")
            .query("outputModality", text(), "What the model gives, with commas between them.")
            .query("supports", text(), "Request fields that it heeds, such as `tools`, with commas between them.")
            .query("minContext", json!({ "type": "integer", "minimum": 0, "maximum": 1_000_000_000 }), "The least tokens of prompt and answer.")
            .query("maxPromptPrice", price(), "The most USD per million tokens sent.")
            .query("maxCompletionPrice", price(), "The most USD per million tokens generated.")
            .query("sort", json!({ "type": "string", "enum": ["newest", "price", "context", "name"], "default": "newest" }), "The order.")
            .pages(1000, 1000)
            .answers::<ModelPage>(200, "A page of the models.")
            .fails(OPENROUTER),
        get("/models/{author}/{slug}", "getModel", TAG, "Describes one model and those who serve it.")
            .answers::<ModelDetails>(200, "The model.")
            .fails(&["ModelNotFound"])
            .fails(OPENROUTER),
        post("/models/refresh", "refreshModels", TAG, "Reads the list from OpenRouter now.")
            .answers::<RefreshedModels>(200, "How many models there are.")
            .fails(OPENROUTER),
    ]
}

fn workflows() -> Vec<Operation> {
    const TAG: &str = "workflows";
    let version = "Which version; the newest where it is left out.";
    let document = json!({
        "name": "Summarise",
        "nodes": [{
            "id": "summary", "type": "openrouter", "credential": "main", "model": "openai/gpt-4o-mini",
            "userPrompt": "Summarise in one sentence: {{input.text}}",
        }],
    });
    vec![
        get(
            "/workflows",
            "listWorkflows",
            TAG,
            "Lists the workflows, without their documents.",
        )
        .pages(100, 50)
        .answers::<WorkflowPage>(200, "A page of the workflows, by id."),
        put(
            "/workflows/{id}",
            "putWorkflow",
            TAG,
            "Stores a document as the workflow's next version.",
        )
        .body::<WorkflowDocument>(true, &["application/json", "application/yaml"], document)
        .answers::<PutWorkflow>(200, "A further version.")
        .located()
        .answers::<PutWorkflow>(201, "The first version.")
        .located()
        .fails(&["Conflict", "InvalidWorkflow"]),
        post(
            "/workflows/import",
            "importWorkflow",
            TAG,
            "Makes a document of one of another product, and tells what could not be taken over. It stores nothing.",
        )
        .takes::<ForeignWorkflow>(json!({ "nodes": [{
            "id": "1", "type": "OPENROUTER", "position": { "x": 0, "y": 0 },
            "data": { "variableName": "gptResponse", "credentialId": "main", "userPrompt": "Summarize: {{inputText}}" },
        }], "connections": [] }))
        .answers::<ImportedWorkflow>(200, "The document, and what could not be taken over.")
        .fails(&["ImportNotUnderstood"]),
        get(
            "/workflows/{id}",
            "getWorkflow",
            TAG,
            "Reads a workflow's document.",
        )
        .query(
            "version",
            json!({ "type": "integer", "minimum": 1 }),
            version,
        )
        .answers::<WorkflowView>(200, "The version with its document.")
        .fails(&["WorkflowNotFound"]),
        get(
            "/workflows/{id}/plan",
            "planWorkflow",
            TAG,
            "Tells which node waits for which and why, and what a run takes and may cost.",
        )
        .query(
            "version",
            json!({ "type": "integer", "minimum": 1 }),
            version,
        )
        .answers::<WorkflowPlan>(200, "The plan of the version.")
        .fails(&["WorkflowNotFound"]),
        post(
            "/workflows/preview",
            "previewNode",
            TAG,
            "Renders a node's prompts with given values or those of a run, and tells what it would send and may cost. Nothing is called.",
        )
        .takes::<PreviewNode>(json!({
            "workflowId": "summary", "node": "summary", "input": { "input": { "text": "a long text" } },
        }))
        .answers::<PreviewView>(200, "What is rendered, and what could not be.")
        .fails(&["RunErased", "RunNotFound", "WorkflowNotFound"]),
        delete(
            "/workflows/{id}",
            "deleteWorkflow",
            TAG,
            "Deletes a workflow, its schedules and its sources. Its runs stay.",
        )
        .answers_nothing("It is deleted.")
        .fails(&["WorkflowNotFound"])
        .fails(SCHEDULER),
    ]
}

fn switches() -> Vec<Operation> {
    let off = || json!({ "enabled": false, "reason": "the prices have changed" });
    vec![
        get(
            "/workflows/{id}/switch",
            "getWorkflowSwitch",
            "workflows",
            "Tells whether runs of a workflow may start.",
        )
        .answers::<SwitchView>(200, "The switch.")
        .fails(&["WorkflowNotFound"]),
        put(
            "/workflows/{id}/switch",
            "setWorkflowSwitch",
            "workflows",
            "Lets runs of a workflow start, or refuses them. Runs that go on are not touched.",
        )
        .takes::<SetSwitch>(off())
        .answers::<SwitchView>(200, "The switch as it is now.")
        .fails(&["WorkflowNotFound"]),
        get(
            "/switch",
            "getSwitch",
            "workflows",
            "Tells whether any run may start.",
        )
        .answers::<SwitchView>(200, "The switch."),
        put(
            "/switch",
            "setSwitch",
            "workflows",
            "Lets runs of all workflows start, or refuses them. Runs that go on are not touched.",
        )
        .takes::<SetSwitch>(off())
        .answers::<SwitchView>(200, "The switch as it is now."),
    ]
}

fn vars() -> Vec<Operation> {
    const TAG: &str = "vars";
    vec![
        get(
            "/vars",
            "listVars",
            TAG,
            "Lists the variables of the deployment.",
        )
        .answers::<VarList>(200, "The variables."),
        get(
            "/vars/{name}",
            "getVar",
            TAG,
            "Tells a variable of the deployment.",
        )
        .answers::<VarView>(200, "The variable.")
        .fails(&["VarNotFound"]),
        put(
            "/vars/{name}",
            "setVar",
            TAG,
            "Sets a variable of the deployment. Runs that have started keep the value that they have seen.",
        )
        .takes::<SetVar>(json!({ "value": "https://crm.test.example.com" }))
        .answers::<VarView>(201, "The variable, which is new.")
        .answers::<VarView>(200, "The variable as it is now.")
        .located(),
        delete(
            "/vars/{name}",
            "deleteVar",
            TAG,
            "Deletes a variable of the deployment. Runs that have started keep the value that they have seen.",
        )
        .answers_nothing("It is deleted.")
        .fails(&["VarNotFound"]),
    ]
}

fn sources() -> Vec<Operation> {
    const TAG: &str = "sources";
    vec![
        get(
            "/workflows/{id}/sources",
            "listSources",
            TAG,
            "Lists the queues, topics and buckets that start a workflow.",
        )
        .answers::<SourceList>(200, "The sources.")
        .fails(&["WorkflowNotFound"]),
        put(
            "/workflows/{id}/sources/{arn}",
            "putSource",
            TAG,
            "Lets the events of a queue, topic or bucket start a workflow.",
        )
        .answers::<SourceView>(200, "The source.")
        .fails(&["InvalidSource", "SourceTaken", "WorkflowNotFound"]),
        delete(
            "/workflows/{id}/sources/{arn}",
            "deleteSource",
            TAG,
            "Stops the source from starting the workflow.",
        )
        .answers_nothing("It is deleted.")
        .fails(&["SourceNotFound"]),
    ]
}

fn webhooks() -> Vec<Operation> {
    const TAG: &str = "webhooks";
    let shown = "The webhook. `secret` is in the answer only where this request made it.";
    vec![
        get(
            "/workflows/{id}/webhooks",
            "listWebhooks",
            TAG,
            "Lists a workflow's webhooks, without their secrets.",
        )
        .answers::<WebhookList>(200, "The webhooks.")
        .fails(&["WorkflowNotFound"]),
        put(
            "/workflows/{id}/webhooks/{webhook}",
            "putWebhook",
            TAG,
            "Makes a webhook, or changes the one of this name.",
        )
        .takes::<PutWebhook>(
            json!({ "mode": "standard", "toleranceSeconds": 300, "enabled": true }),
        )
        .answers::<WebhookView>(200, shown)
        .located()
        .answers::<WebhookView>(201, shown)
        .located()
        .fails(&[
            "Conflict",
            "InvalidWebhook",
            "NoRandomness",
            "WebhookSecretMissing",
            "WorkflowNotFound",
        ])
        .fails(SECRETS),
        get(
            "/workflows/{id}/webhooks/{webhook}",
            "getWebhook",
            TAG,
            "Reads a webhook, without its secret.",
        )
        .answers::<WebhookView>(200, "The webhook.")
        .fails(&["WebhookNotFound"]),
        post(
            "/workflows/{id}/webhooks/{webhook}/rotate",
            "rotateWebhook",
            TAG,
            "Gives a webhook a new secret; the old one stays good for a while.",
        )
        .may_take::<RotateWebhook>(json!({ "overlapSeconds": 3600 }))
        .answers::<WebhookView>(200, shown)
        .located()
        .fails(&[
            "Conflict",
            "InvalidWebhook",
            "NoRandomness",
            "WebhookNotFound",
            "WebhookSecretMissing",
        ])
        .fails(SECRETS),
        delete(
            "/workflows/{id}/webhooks/{webhook}",
            "deleteWebhook",
            TAG,
            "Deletes a webhook and its secret.",
        )
        .answers_nothing("It is deleted.")
        .fails(&["WebhookNotFound", "WebhookSecretMissing"])
        .fails(SECRETS),
    ]
}

fn callbacks() -> Vec<Operation> {
    const TAG: &str = "callbacks";
    let shown = "What signs; `secret` is in this answer only.";
    vec![
        get(
            "/workflows/{id}/callback-secret",
            "getCallbackSecret",
            TAG,
            "Reads what signs a workflow's callbacks: the public key, never the secret.",
        )
        .answers::<CallbackSecretView>(200, "What signs, where the workflow has its own.")
        .fails(&["CallbackSecretNotFound"]),
        post(
            "/workflows/{id}/callback-secret/rotate",
            "rotateCallbackSecret",
            TAG,
            "Gives a workflow a callback secret of its own, or the next one; what signed before signs too for a while.",
        )
        .may_take::<RotateCallbackSecret>(json!({ "overlapSeconds": 3600 }))
        .answers::<CallbackSecretView>(200, shown)
        .located()
        .answers::<CallbackSecretView>(201, shown)
        .located()
        .fails(&[
            "CallbackSecretMissing",
            "Conflict",
            "NoRandomness",
            "WorkflowNotFound",
        ])
        .fails(SECRETS),
        delete(
            "/workflows/{id}/callback-secret",
            "deleteCallbackSecret",
            TAG,
            "Deletes a workflow's own callback secret; the stack's signs again.",
        )
        .answers_nothing("It is deleted.")
        .fails(&["CallbackSecretMissing", "CallbackSecretNotFound"])
        .fails(SECRETS),
        get(
            "/runs/{id}/deliveries",
            "listDeliveries",
            TAG,
            "Lists the posts of a run's ends to its callback address.",
        )
        .answers::<DeliveryList>(200, "The deliveries with their attempts.")
        .fails(&["RunNotFound"]),
        post(
            "/runs/{id}/deliveries/{delivery}/resend",
            "resendDelivery",
            TAG,
            "Posts the end of a run again.",
        )
        .answers::<DeliveryView>(202, "The delivery: it is queued.")
        .fails(&[
            "CallbackNotQueued",
            "Conflict",
            "DeliveryNotFound",
            "DeliverySuperseded",
            "RunNotFound",
        ]),
    ]
}

fn schedules() -> Vec<Operation> {
    const TAG: &str = "schedules";
    vec![
        get("/workflows/{id}/schedules", "listSchedules", TAG, "Lists a workflow's schedules.")
            .pages(50, 20)
            .answers::<SchedulePage>(200, "A page of the schedules.")
            .fails(&["WorkflowNotFound"])
            .fails(SCHEDULER),
        put("/workflows/{id}/schedules/{name}", "putSchedule", TAG, "Makes a schedule, or replaces the one of this name.")
            .takes::<PutSchedule>(json!({
                "expression": "cron(0 9 ? * MON-FRI *)", "timezone": "Europe/Berlin", "input": { "topic": "tea" },
            }))
            .answers::<ScheduleView>(200, "The schedule as it is now.")
            .located()
            .answers::<ScheduleView>(201, "The new schedule.")
            .located()
            .fails(&["ScheduleNotFound", "WorkflowNotFound"])
            .fails(SCHEDULER),
        patch("/workflows/{id}/schedules/{name}", "changeSchedule", TAG, "Changes the fields that the body has.")
            .takes::<ChangeSchedule>(json!({ "enabled": false }))
            .answers::<ScheduleView>(200, "The schedule as it is now.")
            .located()
            .fails(&["ScheduleNotFound", "WorkflowNotFound"])
            .fails(SCHEDULER),
        get("/workflows/{id}/schedules/{name}", "getSchedule", TAG, "Reads a schedule, with its next times.")
            .answers::<ScheduleView>(200, "The schedule.")
            .fails(&["ScheduleNotFound"])
            .fails(SCHEDULER),
        delete("/workflows/{id}/schedules/{name}", "deleteSchedule", TAG, "Deletes a schedule.")
            .answers_nothing("It is deleted.")
            .fails(&["ScheduleNotFound"])
            .fails(SCHEDULER),
    ]
}

/// The parts that all starts of runs have.
fn start(operation: Operation) -> Operation {
    operation
        .query(
            "wait",
            json!({ "type": "integer", "minimum": 0, "maximum": 25, "default": 0 }),
            "Seconds to wait for the run's end.",
        )
        .answers::<EndedOrSkipped>(200, "The run, where it ended while the caller waited; or that no run was started, because the workflow's `limits.maxRuns` says so.")
        .answers::<StartedRun>(202, "The run goes on, or waits for others: where it can be looked at.")
        .located()
        .fails(START)
}

fn callback(operation: Operation) -> Operation {
    operation.query(
        "callbackUrl",
        text(),
        "Where the ended run is posted to; the workflow's `callbacks` has to allow it.",
    )
}

fn identity(operation: Operation) -> Operation {
    operation.header(
        "idempotency-key",
        "What makes a repeated request the same run: up to 255 characters.",
    )
}

/// What a delivery's body may be.
const DELIVERIES: &[&str] = &[
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
];

fn starts() -> Vec<Operation> {
    const TAG: &str = "runs";
    let input = json!({ "text": "A long text." });
    vec![
        start(identity(callback(
            post("/workflows/{id}/runs", "startRun", TAG, "Starts a run of a workflow.")
                .may_take::<NewRun>(json!({ "input": input.clone() })),
        ))),
        start(identity(callback(
            post("/hooks/{id}", "startRunWithBody", TAG, "Starts a run with the body as its input.")
                .body::<RunInput>(false, DELIVERIES, input.clone())
                .fails(&["UnsupportedContentType"]),
        ))),
        start(callback(
            post("/hooks/{id}/{webhook}", "deliver", TAG, "Takes a delivery to a webhook, and starts a run with the body as its input. The sender proves itself as the webhook's mode says.")
                .access(Access::Delivery)
                .body::<RunInput>(false, DELIVERIES, input)
                .fails(&["UnsupportedContentType", "WebhookDisabled", "WebhookNotFound", "WebhookSecretMissing"])
                .fails(&["WebhookSignatureInvalid", "WebhookTimeRefused", "WebhookUnsigned"])
                .fails(SECRETS),
        ))
        .answers_instead::<Delivered>(200, "The run, where it ended while the caller waited; that no run was started; or Slack's challenge."),
        start(
            post("/runs/{id}/resume", "resumeRun", TAG, "Goes on with a run that failed, timed out or was aborted.")
                .may_take::<ResumeRun>(json!({ "maxCostUsd": "2.50" }))
                .fails(&["RunErased", "RunSucceeded"]),
        ),
        start(identity(callback(
            post("/runs/{id}/rerun", "rerunRun", TAG, "Makes another run of a run.")
                .may_take::<RerunRun>(json!({ "from": "summary", "version": "latest" }))
                .fails(&["RunErased"]),
        ))),
    ]
}

fn runs() -> Vec<Operation> {
    const TAG: &str = "runs";
    let statuses = [
        "QUEUED",
        "RUNNING",
        "SUCCEEDED",
        "FAILED",
        "TIMED_OUT",
        "ABORTED",
    ];
    vec![
        get("/runs", "listRuns", TAG, "Lists runs, the newest first.")
            .query("workflowId", text(), "Those of one workflow.")
            .query(
                "status",
                json!({ "type": "string", "enum": statuses }),
                "Those with this status.",
            )
            .pages(100, 20)
            .answers::<RunPage>(200, "A page of the runs."),
        get("/runs/{id}", "getRun", TAG, "Reads a run with its nodes, or what it does meanwhile.")
            .query(
                "texts",
                json!({ "type": "string", "enum": ["true", "false", "all"], "default": "true" }),
                "`false`: without any text. With `wait` or `after`, `all`: with the texts of nodes that had ended before, too.",
            )
            .query(
                "wait",
                json!({ "type": "integer", "minimum": 0, "maximum": 20 }),
                "Answers events instead: as soon as there are any, or after so many seconds.",
            )
            .query(
                "items",
                json!({ "type": "string", "examples": ["each:0-24"] }),
                "With `wait` or `after`: how these items of a list stand is told too, up to 50, as `node:from-to`.",
            )
            .query(
                "after",
                text(),
                "Answers the events that come after this: the `after` of the answer before, or the id of an event of the stream.",
            )
            .answers::<RunAnswer>(200, "The run, or its events.")
            .fails(&["RunNotFound"]),
        get(
            "/runs/{id}/events",
            "watchRun",
            TAG,
            "Sends the caller to the stream of the run's events, with a token for it.",
        )
        .query(
            "texts",
            json!({ "type": "string", "enum": ["all"] }),
            "With the texts of nodes that had ended before, too.",
        )
        .query(
            "items",
            json!({ "type": "string", "examples": ["each:0-24"] }),
            "How these items of a list stand is told too, up to 50, as `node:from-to`.",
        )
        .sends_elsewhere("The stream's address: server-sent events.")
        .fails(&["EventsKeyMissing", "EventsNotStreamed", "RunNotFound"])
        .fails(SECRETS),
        post(
            "/runs/{id}/events-token",
            "createEventsToken",
            TAG,
            "Makes a token with which a page can watch this run.",
        )
        .may_take::<NewEventsToken>(json!({ "ttlSeconds": 900 }))
        .answers::<MadeEventsToken>(200, "The token, and where the run is streamed.")
        .fails(&["EventsKeyMissing", "EventsNotStreamed", "RunNotFound"])
        .fails(SECRETS),
        get(
            "/runs/{id}/nodes/{node}",
            "getRunNode",
            TAG,
            "Reads one node of a run with its output, or with a piece of it.",
        )
        .query(
            "offset",
            json!({ "type": "integer", "minimum": 0, "maximum": 1_u64 << 40 }),
            "Where the piece of the output begins: 0, then the `next` of each answer.",
        )
        .answers::<NodeView>(200, "The node.")
        .fails(&["NodeNotFound", "RunNotFound"]),
        get(
            "/runs/{id}/files/{file}",
            "getRunFile",
            TAG,
            "Reads a file that a node of the run has kept, whole or in pieces: the header `range` says which bytes.",
        )
        .answers_file(200, "The file.")
        .answers_file(206, "The bytes that `range` asked for, at most 4,194,304; `content-range` says which.")
        .fails(&["FileNeedsRange", "FileNotFound", "RangeNotSatisfiable", "RunNotFound"]),
        get(
            "/runs/{id}/nodes/{node}/items",
            "listRunItems",
            TAG,
            "Lists the items of a node's list that have begun, in the list's order.",
        )
        .pages(100, 20)
        .answers::<ItemPage>(200, "A page of the items.")
        .fails(&["NodeNotFound", "RunNotFound"]),
        get(
            "/runs/{id}/nodes/{node}/items/{index}",
            "getRunItem",
            TAG,
            "Reads one item of a node's list with its output, or with a piece of it.",
        )
        .query(
            "offset",
            json!({ "type": "integer", "minimum": 0, "maximum": 1_u64 << 40 }),
            "Where the piece of the output begins: 0, then the `next` of each answer.",
        )
        .answers::<NodeView>(200, "The item.")
        .fails(&["NodeNotFound", "RunNotFound"]),
        delete("/runs/{id}", "eraseRun", TAG, "Erases the texts of a run that has ended. What it cost and used, its times and statuses stay.")
            .answers::<RunView>(200, "The run without its texts.")
            .fails(&["Conflict", "RunNotEnded", "RunNotFound"]),
        post(
            "/runs/{id}/cancel",
            "cancelRun",
            TAG,
            "Ends a run and drops its calls.",
        )
        .may_take::<CancelRun>(json!({ "reason": "not needed any more" }))
        .answers::<RunView>(200, "The run as it ended.")
        .fails(&["RunEnded", "RunNotFound", "RunNotStopped"]),
        put(
            "/runs/{id}/nodes/{node}/output",
            "giveOutput",
            TAG,
            "Gives a node that failed or waits its output by hand, so that its run goes on.",
        )
        .takes::<GiveOutput>(json!({ "output": { "text": "Said by hand." } }))
        .answers::<NodeView>(200, "The node. It is settled by the function that takes it next.")
        .fails(&["NodeNotFound", "NodeNotWaiting", "RunErased", "RunNotFound"]),
        post(
            "/runs/{id}/signals/{name}",
            "sendSignal",
            TAG,
            "Tells a run a signal: nodes of type `signal` that wait for it go on. The JSON is their variable.",
        )
        .may_take::<Value>(json!({ "paid": true }))
        .answers::<SentSignal>(202, "The signal is kept.")
        .fails(&["RunEnded", "RunNotFound", "SignalNotFound", "SignalSent", "TokenNotAnswered"]),
    ]
}

fn approvals() -> Vec<Operation> {
    const TAG: &str = "approvals";
    const DECIDES: &[&str] = &["ApprovalDecided", "NotAsked", "RunEnded", "RunNotFound"];
    let decides = |operation: Operation| {
        operation
            .answers::<Decided>(200, "The decision, which counts.")
            .fails(DECIDES)
            .fails(&["TokenNotAnswered"])
    };
    let by_link = |method, id, summary| {
        Operation::new((method, "/approvals/{token}"), id, TAG, summary)
            .access(Access::Open)
            .fails(STORE)
            .fails(SECRETS)
            .fails(&[
                "ApprovalLinkExpired",
                "ApprovalLinkInvalid",
                "InvalidRequest",
            ])
            .fails(DECIDES)
    };
    vec![
        get(
            "/approvals",
            "listApprovals",
            TAG,
            "Lists what waits for a decision, in runs that go on. What ends first is first.",
        )
        .pages(100, 20)
        .answers::<ApprovalPage>(200, "A page of questions; it may be short."),
        decides(
            post(
                "/runs/{id}/nodes/{node}/approve",
                "approve",
                TAG,
                "Approves what a node asks.",
            )
            .may_take::<DecideApproval>(json!({ "comment": "well done" })),
        ),
        decides(
            post(
                "/runs/{id}/nodes/{node}/reject",
                "reject",
                TAG,
                "Rejects what a node asks.",
            )
            .may_take::<DecideApproval>(json!({ "comment": "too long" })),
        ),
        post(
            "/runs/{id}/nodes/{node}/approval-link",
            "createApprovalLink",
            TAG,
            "Makes a link by which somebody without a token decides, once.",
        )
        .may_take::<NewApprovalLink>(json!({ "ttlSeconds": 86_400 }))
        .answers::<ApprovalLink>(200, "The link; it is kept nowhere.")
        .fails(DECIDES)
        .fails(SECRETS),
        by_link(
            "GET",
            "showApproval",
            "Shows what a link asks: a page for browsers, else JSON. It changes nothing.",
        )
        .answers::<ApprovalView>(200, "The question."),
        by_link(
            "POST",
            "decideByLink",
            "Decides what a link asks, once. Browsers send the page's form.",
        )
        .takes::<DecideByLink>(json!({ "decision": "approve" }))
        .answers::<Decided>(200, "The decision, which counts.")
        .fails(&["TokenNotAnswered"]),
    ]
}

fn tokens() -> Vec<Operation> {
    const TAG: &str = "tokens";
    vec![
        post("/tokens", "createToken", TAG, "Makes a token of the API.")
            .takes::<NewToken>(json!({ "name": "billing", "scopes": ["run"], "expiresInDays": 30 }))
            .answers::<MadeToken>(201, "The token; it is in this answer only.")
            .located()
            .fails(&["InvalidToken", "NoRandomness"]),
        get(
            "/tokens",
            "listTokens",
            TAG,
            "Lists the tokens, without their secrets.",
        )
        .pages(100, 50)
        .answers::<TokenPage>(200, "A page of the tokens, the newest first."),
        get(
            "/tokens/{id}",
            "getToken",
            TAG,
            "Reads a token, without its secret.",
        )
        .answers::<TokenRecord>(200, "The token.")
        .fails(&["TokenNotFound"]),
        delete(
            "/tokens/{id}",
            "revokeToken",
            TAG,
            "Revokes a token: within a minute it is refused.",
        )
        .answers_nothing("It is revoked.")
        .fails(&["TokenNotFound"]),
    ]
}

fn costs() -> Vec<Operation> {
    const TAG: &str = "costs";
    let groupings = ["day", "workflow", "model", "credential", "node", "user"];
    vec![
        get(
            "/costs",
            "listCosts",
            TAG,
            "Tells what runs have cost, by day.",
        )
        .query(
            "from",
            json!({ "type": "string", "format": "date" }),
            "The first day (UTC); 29 days before `to` where it is left out.",
        )
        .query(
            "to",
            json!({ "type": "string", "format": "date" }),
            "The last day (UTC), 365 days after `from` at most; today where it is left out.",
        )
        .query(
            "by",
            json!({ "type": "string", "enum": groupings, "default": "day" }),
            "What the costs are told by, beside the day.",
        )
        .query("cursor", text(), "The `cursor` of the page before.")
        .answers::<CostPage>(200, "A page of costs, the earliest day first.")
        .fails(&["InvalidRequest"]),
    ]
}

fn audit() -> Vec<Operation> {
    const TAG: &str = "audit";
    vec![
        get(
            "/audit",
            "listAudit",
            TAG,
            "Tells who changed what through the API, and when.",
        )
        .query(
            "subject",
            text(),
            "The rows about one record, such as `workflows/post` or `runs/<id>`.",
        )
        .pages(100, 50)
        .answers::<AuditPage>(200, "A page, the newest first."),
    ]
}

fn reference() -> Vec<Operation> {
    const TAG: &str = "reference";
    let open =
        |path, id, summary| Operation::new(("GET", path), id, TAG, summary).access(Access::Open);
    vec![
        open(
            "/errors/{code}",
            "getErrorPage",
            "The page that explains an error code.",
        )
        .answers_as("text/markdown; charset=utf-8", "The page.")
        .fails(&["ErrorPageNotFound", "InvalidRequest"]),
        open(
            "/schema/workflow.json",
            "getWorkflowSchema",
            "The JSON Schema of the workflow document.",
        )
        .answers_as("application/schema+json", "The schema."),
        open("/openapi.json", "getOpenapi", "This document.")
            .answers::<serde_json::Map<String, Value>>(200, "The document."),
    ]
}
