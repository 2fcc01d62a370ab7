#![doc = include_str!("../README.md")]

mod approval;
mod audit;
mod callback;
mod cost;
mod credential;
mod events;
mod model;
mod money;
mod openapi;
mod plan;
mod preview;
mod problem;
mod run;
mod run_view;
mod schedule;
mod secret;
mod switch;
mod token;
mod var;
mod webhook;
mod workflow;

pub use approval::{
    ApprovalLink, ApprovalPage, ApprovalView, DecideApproval, DecideByLink, Decided,
    NewApprovalLink,
};
pub use audit::AuditPage;
pub use callback::{CallbackSecretView, DeliveryList, DeliveryView, RotateCallbackSecret};
pub use cost::{CostPage, CostView};
pub use credential::{
    ChangeCredential, ChangedCredential, CredentialList, CredentialView, CredentialWithKey,
    HttpLogin, KeyView, NewCredential, RestoreCredential,
};
pub use events::{MadeEventsToken, NewEventsToken, RunAnswer, RunEvents};
pub use model::{
    Age, EndpointView, FullModel, ModelDetails, ModelPage, ModelView, Offer, RefreshedModels,
    RoutingView, per_million,
};
pub use openapi::{VERSION, openapi};
pub use plan::{PlannedEdge, PlannedNodeView, PlannedRead, WorkflowPlan};
pub use preview::{CallView, ModelCost, PreviewNode, PreviewView, RenderedField};
pub use problem::GatewayRefusal;
pub use run::{
    CancelRun, EndedOrSkipped, GiveOutput, NewRun, Newest, RerunRun, ResumeRun, RunInput, RunPage,
    RunRow, SentSignal, SkippedRun, StartedRun, Version,
};
pub use run_view::{ItemPage, NodeView, OutputPiece, RunView, SHOWN_BYTES};
pub use schedule::{ChangeSchedule, PutSchedule, SchedulePage, ScheduleView};
pub use secret::Secret;
pub use switch::{SetSwitch, SwitchView};
pub use token::{MadeToken, NewToken, TokenPage};
pub use var::{SetVar, VarList, VarView};
pub use webhook::{Challenge, Delivered, PutWebhook, RotateWebhook, WebhookList, WebhookView};
pub use workflow::{
    ForeignWorkflow, ImportedWorkflow, PutWorkflow, SourceList, SourceView, WorkflowDocument,
    WorkflowPage, WorkflowRow, WorkflowView,
};
