//! Runs as they are recorded: a head, which changes while the run goes on, and texts, which never change.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_problem::{Fault, Problem};
use steps_usage::Usage;
use tokio::try_join;

use crate::keys::{self, Key, LIST_KEY, WORKFLOW_ID};
use crate::lane::{Totals, totals_of, usage_of};
use crate::run::part::Part;
use crate::table::item::{kept_as_word, kept_by_serde};
use crate::table::key::SK;
use crate::table::{Attribute, Item, Table};
use crate::workflow::document;
use crate::{Error, Record, millis};

/// The status of a run, in Step Functions' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// It waits until others of its workflow have ended: see `limits.maxRuns`.
    Queued,
    /// Its execution has not ended.
    Running,
    /// Every node succeeded.
    Succeeded,
    /// A node failed for good.
    Failed,
    /// It went past its time limit.
    TimedOut,
    /// Someone stopped it.
    Aborted,
}

impl RunStatus {
    /// The word as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Queued,
            Self::Running,
            Self::Succeeded,
            Self::Failed,
            Self::TimedOut,
            Self::Aborted,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }

    /// Whether it is over.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

kept_as_word!(RunStatus);

/// Why a run did not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunError {
    /// What happened, why, and what to do.
    #[serde(flatten)]
    pub problem: Problem,
    /// The node that failed; `None` where the reason is no single node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// What started a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// `api`, `webhook`...
    pub kind: String,
    /// What templates see as `trigger`, beside `type`, `runId` and `time`: an object.
    pub context: Value,
}

/// The run that another one was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RerunOf {
    /// That run's id.
    pub run_id: String,
    /// The node from which on everything runs again; `None` where the whole run does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// What a workflow wants to happen where a run of it fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnFailure {
    /// The workflow that is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Whether an event is sent.
    #[serde(default)]
    pub event: bool,
}

/// Which workflow a run is of, and what its end asks for. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOrigin {
    /// The workflow it runs.
    pub workflow_id: String,
    /// The workflow's version.
    pub version: u64,
    /// What is done where it fails.
    pub on_failure: OnFailure,
}

/// A run as recorded.
#[derive(Debug, Clone)]
pub struct Run {
    /// UUIDv7.
    pub id: String,
    /// The workflow it runs.
    pub workflow_id: String,
    /// The workflow's version.
    pub version: u64,
    /// Its status.
    pub status: RunStatus,
    /// Its take: 1, and one more each time it is resumed.
    pub execution: u32,
    /// The part that it is at.
    pub part: Part,
    /// What started it: `api`, `webhook`...
    pub trigger: String,
    /// Its texts, which never change.
    pub texts: Arc<RunTexts>,
    /// The id of the credential behind each reference in the document.
    pub credentials: BTreeMap<String, String>,
    /// Spent so far, USD.
    pub cost_usd: Decimal,
    /// Used so far.
    pub usage: Usage,
    /// Why it did not succeed.
    pub error: Option<RunError>,
    /// When it started; of a run that waits: since when.
    pub started_at: Timestamp,
    /// When it began to wait for others of its workflow, where it did.
    pub queued_at: Option<Timestamp>,
    /// When its texts were erased, where they were.
    pub erased_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The deadline: from then on no node may start or go on.
    pub deadline: Timestamp,
    /// The most it may spend, USD.
    pub max_cost_usd: Option<Decimal>,
    /// The most that all runs of the workflow may spend on one day, USD.
    pub max_cost_usd_per_day: Option<Decimal>,
    /// The run that it repeats.
    pub rerun_of: Option<RerunOf>,
}

/// What of a run never changes.
#[derive(Debug, Clone)]
pub struct RunTexts {
    /// The workflow document that it runs, JSON.
    pub definition: String,
    /// The trigger's input, an object.
    pub input: Value,
    /// What templates see as `trigger`, beside `type`, `runId` and `time`: an object.
    pub trigger: Value,
    /// The variables of the deployment as they were at the run's start, an object; `None` where the document names none.
    pub vars: Option<Value>,
    /// What was likely to go wrong, found before it started.
    pub warnings: Vec<Fault>,
}

impl RunTexts {
    /// The document as `read` understands it.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it does not.
    pub fn document<T, E>(&self, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Error> {
        document(&self.definition, read)
    }
}

impl Run {
    /// The document as `read` understands it.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it does not.
    pub fn document<T, E>(&self, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Error> {
        self.texts.document(read)
    }

    /// The id of the credential for this reference in the document.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the run has no such reference.
    pub fn credential_of(&self, reference: &str) -> Result<&str, Error> {
        let id = self.credentials.get(reference);
        id.map(String::as_str)
            .ok_or_else(|| Record::Credential.not_found(reference))
    }

    /// What templates see as `trigger`.
    #[must_use]
    pub fn trigger_seen(&self) -> Value {
        let mut trigger = self.texts.trigger.as_object().cloned().unwrap_or_default();
        trigger.insert("type".to_owned(), json!(self.trigger));
        trigger.insert("runId".to_owned(), json!(self.id));
        trigger.entry("id").or_insert_with(|| json!(self.id));
        trigger.insert("time".to_owned(), json!(millis::text(self.started_at)));
        Value::Object(trigger)
    }

    /// The error for a node that the document does not have.
    pub fn no_node(&self, id: &str) -> Error {
        Record::Node.not_found(id)
    }
}

/// The head of a run, without its texts. One small read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunHead {
    /// Its status.
    pub status: RunStatus,
    /// Its take: 1, and one more each time it is resumed.
    pub execution: u32,
    /// The part that it is at.
    pub part: Part,
    /// How many lanes that part has, where it is not the first of its take.
    pub lanes: u8,
    /// When its first execution started.
    pub started_at: Timestamp,
    /// When it began to wait for others of its workflow, where it did.
    pub queued_at: Option<Timestamp>,
    /// When its records and texts were last kept for longer; at first: when it started.
    pub kept_at: Timestamp,
    /// The deadline: from then on no node may start or go on.
    pub deadline: Timestamp,
}

/// The head of a run, as far as whoever watches it needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveHead {
    /// Its workflow.
    pub workflow_id: String,
    /// Its status.
    pub status: RunStatus,
    /// The number of its execution: 1, and one more each time it is resumed.
    pub execution: u32,
    /// When its first execution started; of a run that waits: since when.
    pub started_at: Timestamp,
    /// When it began to wait for others of its workflow, where it did.
    pub queued_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it did not succeed.
    pub error: Option<RunError>,
}

/// The head that the item is.
pub(crate) fn live_head(item: &Item) -> Result<LiveHead, Error> {
    Ok(LiveHead {
        workflow_id: WORKFLOW_ID.get(item)?,
        status: STATUS.get(item)?,
        execution: EXECUTION.get(item)?,
        started_at: STARTED_AT.get(item)?,
        queued_at: QUEUED_AT.find(item)?,
        ended_at: ENDED_AT.find(item)?,
        error: ERROR.find(item)?,
    })
}

/// A run that is still RUNNING so long after its deadline is lost: its end was never written. A little more than one task
/// of the state machine may take (930 seconds).
pub const LOST_AFTER: SignedDuration = SignedDuration::from_mins(16);

impl RunHead {
    /// Whether it is RUNNING, but so long after its deadline that nothing of it can go on.
    pub fn is_lost(&self, now: Timestamp) -> bool {
        self.status == RunStatus::Running && now > self.deadline + LOST_AFTER
    }
}

/// How long after its start a run that has not ended is looked at for the first time.
pub(super) const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(5);

// The head. The end of a node does not write to it, but where the run has a budget, or fails.
/// When a run that goes on for long was last kept for longer.
pub(super) const KEPT_AT: Attribute<Timestamp> = Attribute::new("keptAt");
pub(super) const VERSION: Attribute<u64> = Attribute::new("version");
pub(crate) const STATUS: Attribute<RunStatus> = Attribute::new("status");
pub(crate) const EXECUTION: Attribute<u32> = Attribute::new("execution");
/// The number of the part within the take, where it is not the first one.
pub(super) const PART: Attribute<u32> = Attribute::new("part");
/// How many lanes that part has.
pub(super) const LANES: Attribute<u8> = Attribute::new("lanes");
pub(super) const TRIGGER: Attribute<String> = Attribute::new("trigger");
/// Who asked for it, in the words of the costs by day: `token/root`.
pub(crate) const STARTED_BY: Attribute<String> = Attribute::new("startedBy");
pub(super) const CREDENTIALS: Attribute<BTreeMap<String, String>> = Attribute::new("credentials");
pub(super) const COST_USD: Attribute<Decimal> = Attribute::new("costUsd");
pub(crate) const ERROR: Attribute<RunError> = Attribute::new("error");
pub(super) const STARTED_AT: Attribute<Timestamp> = Attribute::new("startedAt");
pub(crate) const ENDED_AT: Attribute<Timestamp> = Attribute::new("endedAt");
pub(super) const DEADLINE: Attribute<Timestamp> = Attribute::new("deadline");
pub(super) const MAX_COST_USD: Attribute<Decimal> = Attribute::new("maxCostUsd");
pub(crate) const BUDGET_LEFT_USD: Attribute<Decimal> = Attribute::new("budgetLeftUsd");
pub(super) const MAX_COST_USD_PER_DAY: Attribute<Decimal> = Attribute::new("maxCostUsdPerDay");
pub(super) const CALLBACK_URL: Attribute<String> = Attribute::new("callbackUrl");
pub(super) const RERUN_OF: Attribute<RerunOf> = Attribute::new("rerunOf");
pub(super) const ON_FAILURE: Attribute<OnFailure> = Attribute::new("onFailure");

/// There where its workflow has `limits.maxRuns`: so many.
pub(super) const MAX_RUNS: Attribute<u32> = Attribute::new("maxRuns");
pub(super) const QUEUED_AT: Attribute<Timestamp> = Attribute::new("queuedAt");
/// There where the workflow says `store: none`. It is the time until which somebody may still want the texts.
pub(super) const UNKEPT_FROM: Attribute<Timestamp> = Attribute::new("unkeptFrom");
pub(super) const ERASED_AT: Attribute<Timestamp> = Attribute::new("erasedAt");

/// The run's totals as they were noted when it ended, or later.
pub(super) const TOTALS: Attribute<Totals> = Attribute::new("totals");

// The texts.
pub(super) const DEFINITION: Attribute<AttributeValue> = Attribute::new("definition");
pub(super) const INPUT: Attribute<AttributeValue> = Attribute::new("input");
pub(super) const TRIGGER_CONTEXT: Attribute<AttributeValue> = Attribute::new("triggerContext");
/// There where the document names variables of the deployment.
pub(super) const VARS: Attribute<AttributeValue> = Attribute::new("vars");
pub(super) const WARNINGS: Attribute<Vec<Fault>> = Attribute::new("warnings");

kept_by_serde!(
    BTreeMap<String, String>,
    RunError,
    RerunOf,
    OnFailure,
    Vec<Fault>
);

/// Runs by id.
#[derive(Debug, Clone)]
pub struct Runs(pub(crate) Table);

impl Runs {
    /// The run, or [`Error::NotFound`]. Its totals are those that were noted last: [`crate::Nodes::of_run`] adds them up.
    pub async fn get(&self, id: &str) -> Result<Run, Error> {
        let keys = [keys::run(id), keys::body(id)];
        let items = self.0.get_many(&keys).await?;
        read(&self.0, id, &items, None).await
    }

    /// The run's texts, or [`Error::NotFound`].
    pub async fn texts(&self, id: &str) -> Result<RunTexts, Error> {
        let item = self.0.get(keys::body(id)).await?;
        let item = item.ok_or_else(|| Record::Run.not_found(id))?;
        read_texts(&self.0, &item).await
    }

    /// The run's head, or [`Error::NotFound`].
    pub async fn head(&self, id: &str) -> Result<RunHead, Error> {
        let item = self.0.get(keys::run(id)).await?;
        let item = item.ok_or_else(|| Record::Run.not_found(id))?;
        Ok(RunHead {
            status: STATUS.get(&item)?,
            execution: EXECUTION.get(&item)?,
            part: part(&item)?,
            lanes: LANES.find(&item)?.unwrap_or_default(),
            started_at: STARTED_AT.get(&item)?,
            queued_at: QUEUED_AT.find(&item)?,
            kept_at: match KEPT_AT.find(&item)? {
                Some(kept_at) => kept_at,
                None => STARTED_AT.get(&item)?,
            },
            deadline: DEADLINE.get(&item)?,
        })
    }

    /// The run's workflow, and what is done where it fails; `None` where there is no such run.
    pub async fn origin(&self, id: &str) -> Result<Option<RunOrigin>, Error> {
        let item = self.0.get(keys::run(id)).await?;
        item.map(|item| {
            Ok(RunOrigin {
                workflow_id: WORKFLOW_ID.get(&item)?,
                version: VERSION.get(&item)?,
                on_failure: ON_FAILURE.find(&item)?.unwrap_or_default(),
            })
        })
        .transpose()
    }

    /// Checks that the run still has its texts.
    ///
    /// # Errors
    /// [`Error::Erased`].
    pub fn check_texts(run: &Run) -> Result<(), Error> {
        match run.erased_at {
            Some(_) => Err(Error::Erased { id: run.id.clone() }),
            None => Ok(()),
        }
    }

    /// The address to which the run is to be posted; `None` where there is none, or no such run.
    pub async fn callback_url(&self, id: &str) -> Result<Option<String>, Error> {
        let item = self.0.get_only(keys::run(id), CALLBACK_URL).await?;
        CALLBACK_URL.find(&item.unwrap_or_default())
    }
}

/// The part that the run with this head is at.
fn part(head: &Item) -> Result<Part, Error> {
    Ok(Part {
        take: EXECUTION.get(head)?,
        number: PART.find(head)?.unwrap_or(1),
    })
}

/// The run whose head is among these items, and its texts too, unless they are known; [`Error::NotFound`] where they are
/// not.
pub(crate) async fn read(
    table: &Table,
    id: &str,
    items: &[Item],
    known: Option<&Arc<RunTexts>>,
) -> Result<Run, Error> {
    let find = |key: Key| {
        let found = |item: &&Item| SK.get(item).is_ok_and(|found| found == key.sk);
        let item = items.iter().find(found);
        item.ok_or_else(|| Record::Run.not_found(id))
    };
    let head = find(keys::run(id))?;
    let texts = match known {
        Some(texts) => Arc::clone(texts),
        None => Arc::new(read_texts(table, find(keys::body(id))?).await?),
    };
    let totals = totals(head, items)?;
    Ok(Run {
        id: LIST_KEY.get(head)?,
        workflow_id: WORKFLOW_ID.get(head)?,
        version: VERSION.get(head)?,
        status: STATUS.get(head)?,
        execution: EXECUTION.get(head)?,
        part: part(head)?,
        trigger: TRIGGER.get(head)?,
        texts,
        credentials: CREDENTIALS.find(head)?.unwrap_or_default(),
        cost_usd: totals.cost_usd,
        usage: totals.usage,
        error: ERROR.find(head)?,
        started_at: STARTED_AT.get(head)?,
        queued_at: QUEUED_AT.find(head)?,
        erased_at: ERASED_AT.find(head)?,
        ended_at: ENDED_AT.find(head)?,
        deadline: DEADLINE.get(head)?,
        max_cost_usd: MAX_COST_USD.find(head)?,
        max_cost_usd_per_day: MAX_COST_USD_PER_DAY.find(head)?,
        rerun_of: RERUN_OF.find(head)?,
    })
}

async fn read_texts(table: &Table, body: &Item) -> Result<RunTexts, Error> {
    let (definition, input, trigger) = (
        DEFINITION.get(body)?,
        INPUT.get(body)?,
        TRIGGER_CONTEXT.get(body)?,
    );
    let texts = table.texts();
    let vars = VARS.find(body)?;
    let (definition, input, trigger, vars) = try_join!(
        texts.fetch(&definition, DEFINITION),
        texts.fetch(&input, INPUT),
        texts.fetch(&trigger, TRIGGER_CONTEXT),
        async {
            match &vars {
                Some(vars) => texts.fetch(vars, VARS).await.map(Some),
                None => Ok(None),
            }
        },
    )?;
    Ok(RunTexts {
        definition,
        input: json(&input, INPUT)?,
        trigger: json(&trigger, TRIGGER_CONTEXT)?,
        vars: vars.map(|vars| json(&vars, VARS)).transpose()?,
        warnings: WARNINGS.find(body)?.unwrap_or_default(),
    })
}

/// What the run has used and cost, as exactly as its items tell: by its lanes where they are among them, else as noted in
/// its head. A run of a release without lanes has its totals in its head.
pub(crate) fn totals(head: &Item, items: &[Item]) -> Result<Totals, Error> {
    let of_lanes = totals_of(items)?;
    if of_lanes.charges > 0 {
        return Ok(totals_of_head(head)?.plus(&of_lanes));
    }
    Ok(match TOTALS.find(head)? {
        Some(noted) => noted,
        None => totals_of_head(head)?,
    })
}

/// What a release without lanes has added up in the run's head.
fn totals_of_head(head: &Item) -> Result<Totals, Error> {
    Ok(Totals {
        cost_usd: COST_USD.find(head)?.unwrap_or_default(),
        usage: usage_of(head)?,
        charges: 0,
    })
}

fn json(text: &str, attribute: Attribute<AttributeValue>) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|_| Error::Malformed {
        attribute: attribute.name(),
    })
}
