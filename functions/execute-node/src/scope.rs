//! What a node may ask of this function while it is tried: keys and secrets, models, OpenRouter, the web, other functions, and to
//! write down what it pays.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use steps_key::{ApiKey, HttpSecret};
use steps_nodes::{Invoked, KeptFile, NotInvoked, Paused, Receipt, Said, Scope, own_message};
use steps_openrouter::{Client, ModelList};
use steps_problem::{PATH, Problem, short};
use steps_store::{
    Attempt, Credential, FileRange, Lease, NodeRecord, RUN_ABORTED, RUN_TIMED_OUT, Run, StoredFile,
};
use steps_web::Web;
use steps_workflow::Node;
use tokio::time::Instant;

use crate::app::App;
use crate::deadlines::{left, longest};
use crate::live::Heard;

/// How long the model list may take where none was ever read.
const PATIENCE: Duration = Duration::from_secs(30);

async fn models(app: &App, ids: &[&str]) -> Result<Arc<ModelList>, Problem> {
    match app.catalogue.naming(ids.iter().copied()).await? {
        Some(list) => Ok(list),
        None => app.catalogue.refresh(&app.openrouter, PATIENCE).await,
    }
}

/// The longest that one try may take: what the node says, or what is usual for its kind.
fn seconds(node: &Node) -> Option<u64> {
    node.timeout_seconds.or_else(|| node.kind.usual_seconds())
}

async fn invoke(
    app: &App,
    function: &str,
    payload: &[u8],
    time: Duration,
) -> Result<Invoked, NotInvoked> {
    match app
        .invocations
        .invoke(function, payload.to_vec(), time)
        .await
    {
        Ok(invoked) => Ok(Invoked {
            answer: invoked.answer,
            failed: invoked.failed,
        }),
        Err(error) => Err(NotInvoked {
            may_have_acted: error.may_have_acted(),
            problem: error.into(),
        }),
    }
}

/// For a unit of a run. What it pays is gathered for its attempt.
pub(crate) struct RunScope<'a> {
    pub(crate) app: &'a App,
    pub(crate) run: &'a Run,
    pub(crate) node: &'a Node,
    /// The node, or the item of its list.
    pub(crate) unit: &'a str,
    /// Absent while nothing is claimed: then nothing is written either.
    lease: Option<&'a Lease>,
    /// Whether an earlier attempt began and did not tell how it ended.
    may_have_acted: bool,
    /// Whether another node goes on with this one's conversation.
    pub(crate) is_continued: bool,
    /// How it has paused before.
    paused: Option<Paused>,
    until: Instant,
    receipt: RefCell<Receipt>,
    heard: Heard,
}

impl<'a> RunScope<'a> {
    /// For what comes before and after an attempt.
    pub(crate) fn new(
        app: &'a App,
        run: &'a Run,
        (node, unit): (&'a Node, &'a str),
        until: Instant,
    ) -> Self {
        Self {
            app,
            run,
            node,
            unit,
            lease: None,
            may_have_acted: false,
            is_continued: false,
            paused: None,
            until,
            receipt: RefCell::default(),
            heard: Heard::default(),
        }
    }

    /// For an attempt after those of this record.
    pub(crate) fn after(self, record: Option<&NodeRecord>) -> Self {
        let last = record.and_then(|record| record.attempts.last());
        Self {
            may_have_acted: last.is_some_and(was_cut_off),
            paused: record.and_then(NodeRecord::own_pause).map(|pause| Paused {
                since: pause.since,
                until: pause.until,
                awaits: pause.awaits.clone(),
            }),
            ..self
        }
    }

    /// For a node whose conversation another one goes on with, or does not.
    pub(crate) fn continued(self, is_continued: bool) -> Self {
        Self {
            is_continued,
            ..self
        }
    }

    /// For the attempt under this lease.
    pub(crate) fn under(self, lease: &'a Lease) -> Self {
        Self {
            lease: Some(lease),
            ..self
        }
    }

    /// What the model has written so far.
    pub(crate) fn heard(&self) -> &Heard {
        &self.heard
    }

    /// What was paid so far.
    pub(crate) fn receipt(&self) -> Receipt {
        self.receipt.borrow().clone()
    }
}

impl Scope for RunScope<'_> {
    fn openrouter(&self) -> &Client {
        &self.app.openrouter
    }

    fn time(&self) -> Duration {
        let left_of_run = left(self.run.deadline, Timestamp::now());
        let left_of_function = self.until.saturating_duration_since(Instant::now());
        longest(seconds(self.node)).min(left_of_function.min(left_of_run))
    }

    async fn key(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.run.credential_of(credential)?;
        Ok(self.app.secrets.read(id).await?)
    }

    async fn key_again(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.run.credential_of(credential)?;
        Ok(self.app.secrets.read_again(id).await?)
    }

    async fn models(&self, ids: &[&str]) -> Result<Arc<ModelList>, Problem> {
        models(self.app, ids).await
    }

    fn web(&self) -> &Web {
        &self.app.web
    }

    async fn http_secret(&self, credential: &str) -> Result<HttpSecret, Problem> {
        let id = self.run.credential_of(credential)?;
        Ok(self.app.secrets.read_http(id).await?)
    }

    async fn http_secret_again(&self, credential: &str) -> Result<HttpSecret, Problem> {
        let id = self.run.credential_of(credential)?;
        Ok(self.app.secrets.read_http_again(id).await?)
    }

    fn unit(&self) -> Option<String> {
        Some(format!("{}.{}", self.run.id, self.unit.replace('#', ".")))
    }

    fn may_have_acted(&self) -> bool {
        self.may_have_acted
    }

    fn paused(&self) -> Option<&Paused> {
        self.paused.as_ref()
    }

    fn own_message(&self) -> Option<String> {
        Some(own_message(self.unit, self.run.execution))
    }

    async fn message(&self, name: &str) -> Result<Option<Value>, Problem> {
        let message = self.app.store.nodes().message(&self.run.id, name).await?;
        Ok(message.map(|message| message.value))
    }

    async fn tell(&self, name: &str, value: &Value) -> Result<Value, Problem> {
        let nodes = self.app.store.nodes();
        let told = nodes.tell(&self.run.id, name, value, Timestamp::now());
        if told.await? {
            return Ok(value.clone());
        }
        let before = self.message(name).await?;
        Ok(before.unwrap_or_else(|| value.clone()))
    }

    fn timeout_seconds(&self) -> Option<u64> {
        self.node.timeout_seconds
    }

    fn keeps_files(&self) -> bool {
        true
    }

    async fn keep_file(
        &self,
        bytes: Bytes,
        content_type: &str,
        number: usize,
    ) -> Result<KeptFile, Problem> {
        let lease = self.lease.ok_or_else(file_needs_run)?;
        let nodes = self.app.store.nodes();
        let kept = nodes.keep_file(lease, bytes, content_type, number).await?;
        Ok(KeptFile {
            bucket: kept.bucket,
            key: kept.key,
            at: format!("/runs/{}/files/{}", self.run.id, kept.name),
        })
    }

    async fn kept_file(&self, file: &KeptFile, most: usize) -> Result<Bytes, Problem> {
        // A run that repeats another one takes its answers over, and they name its files.
        let repeated = self.run.rerun_of.as_ref().map(|of| of.run_id.as_str());
        let found = [Some(self.run.id.as_str()), repeated]
            .into_iter()
            .flatten()
            .find_map(|run| Some((run, StoredFile::name_of(run, &file.key)?)));
        let Some((run, name)) = found else {
            return Err(file_not_found(file));
        };
        let nodes = self.app.store.nodes();
        let all = FileRange::Of(0..=most as u64);
        let piece = match nodes.read_file(run, name, &all).await {
            Ok(piece) => piece,
            Err(steps_store::Error::NotFound { .. }) => return Err(file_not_found(file)),
            Err(error) => return Err(error.into()),
        };
        match piece {
            Some(piece) if piece.total > most as u64 => Err(file_too_large(file, most)),
            Some(piece) => Ok(piece.bytes.into()),
            // It has no byte at all.
            None => Ok(Bytes::new()),
        }
    }

    async fn invoke(&self, function: &str, payload: &[u8]) -> Result<Invoked, NotInvoked> {
        invoke(self.app, function, payload, self.time()).await
    }

    async fn began(&self, generation_id: &str) {
        self.receipt.borrow_mut().generation_id = Some(generation_id.to_owned());
        let Some(lease) = self.lease else { return };
        let nodes = self.app.store.nodes();
        if let Err(error) = nodes.note_generation(lease, generation_id).await {
            tracing::warn!(%error, generation = generation_id, "the generation's id could not be noted");
        }
    }

    fn said(&self, said: Said<'_>) {
        self.heard.hear(said);
    }

    fn paid(&self, receipt: Receipt) {
        let mut own = self.receipt.borrow_mut();
        let generation_id = receipt.generation_id.or(own.generation_id.take());
        *own = Receipt {
            generation_id,
            ..receipt
        };
    }
}

/// Whether an attempt ended before it could tell how far it had come: its function died, or its run was stopped meanwhile.
fn was_cut_off(attempt: &Attempt) -> bool {
    let code = attempt.code.as_deref();
    attempt.ended_at.is_none()
        || code.is_some_and(|code| [RUN_ABORTED, RUN_TIMED_OUT].contains(&code))
}

fn file_too_large(file: &KeptFile, most: usize) -> Problem {
    let name = short(&file.key, PATH);
    Problem::new(
        413,
        "FileTooLarge",
        "File Too Large",
        format!("`{name}` has more than the {most} bytes that are left for the files of a call"),
    )
    .solution([
        "Send smaller files, or fewer; or name the file's address, which OpenRouter reads itself",
    ])
}

/// A file of another run is none of this one's.
fn file_not_found(file: &KeptFile) -> Problem {
    Problem::new(
        404,
        "FileNotFound",
        "File Not Found",
        format!("no node of this run keeps the file `{}`", short(&file.key, PATH)),
    )
    .solution([
        "Name the output of a node of the same run that keeps a file: an `http` node with `as: file`, or an `openrouter` node's `images` or `audio`",
        "Of a run that repeats an earlier one, execute the node that keeps the file too",
    ])
}

fn file_needs_run() -> Problem {
    Problem::new(
        422,
        "FileNeedsRun",
        "File Needs Run",
        "a file is kept as long as its run, and this node belongs to none",
    )
    .solution([
        "Make it a node of a workflow",
        "Or set `as` to `json` or `text`: the answer is then the task's output",
    ])
}

/// For a node that no run has: nothing is written down.
pub(crate) struct InlineScope<'a> {
    app: &'a App,
    node: &'a Node,
    until: Instant,
}

impl<'a> InlineScope<'a> {
    pub(crate) fn new(app: &'a App, node: &'a Node, until: Instant) -> Self {
        Self { app, node, until }
    }

    async fn credential_id(&self, reference: &str) -> Result<String, Problem> {
        let known = self.app.store.credentials().list().await?;
        Ok(Credential::find(&known, reference)?.id.clone())
    }
}

impl Scope for InlineScope<'_> {
    fn openrouter(&self) -> &Client {
        &self.app.openrouter
    }

    fn time(&self) -> Duration {
        let left_of_function = self.until.saturating_duration_since(Instant::now());
        longest(seconds(self.node)).min(left_of_function)
    }

    async fn key(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.credential_id(credential).await?;
        Ok(self.app.secrets.read(&id).await?)
    }

    async fn key_again(&self, credential: &str) -> Result<ApiKey, Problem> {
        let id = self.credential_id(credential).await?;
        Ok(self.app.secrets.read_again(&id).await?)
    }

    async fn models(&self, ids: &[&str]) -> Result<Arc<ModelList>, Problem> {
        models(self.app, ids).await
    }

    fn web(&self) -> &Web {
        &self.app.web
    }

    async fn http_secret(&self, credential: &str) -> Result<HttpSecret, Problem> {
        let id = self.credential_id(credential).await?;
        Ok(self.app.secrets.read_http(&id).await?)
    }

    async fn http_secret_again(&self, credential: &str) -> Result<HttpSecret, Problem> {
        let id = self.credential_id(credential).await?;
        Ok(self.app.secrets.read_http_again(&id).await?)
    }

    /// The state machine knows which of its tasks are the same one, and this function does not.
    fn unit(&self) -> Option<String> {
        None
    }

    /// Nothing is written down of such a node.
    fn may_have_acted(&self) -> bool {
        false
    }

    /// A node that no run has does not pause.
    fn paused(&self) -> Option<&Paused> {
        None
    }

    fn own_message(&self) -> Option<String> {
        None
    }

    async fn message(&self, _name: &str) -> Result<Option<Value>, Problem> {
        Ok(None)
    }

    async fn tell(&self, _name: &str, value: &Value) -> Result<Value, Problem> {
        Ok(value.clone())
    }

    fn timeout_seconds(&self) -> Option<u64> {
        self.node.timeout_seconds
    }

    fn keeps_files(&self) -> bool {
        false
    }

    async fn keep_file(
        &self,
        _bytes: Bytes,
        _content_type: &str,
        _number: usize,
    ) -> Result<KeptFile, Problem> {
        Err(file_needs_run())
    }

    async fn kept_file(&self, file: &KeptFile, _most: usize) -> Result<Bytes, Problem> {
        Err(file_not_found(file))
    }

    async fn invoke(&self, function: &str, payload: &[u8]) -> Result<Invoked, NotInvoked> {
        invoke(self.app, function, payload, self.time()).await
    }

    async fn began(&self, _generation_id: &str) {}

    fn paid(&self, _receipt: Receipt) {}
}
