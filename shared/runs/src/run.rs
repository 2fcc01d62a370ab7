//! Runs: begun once, ended once.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_problem::{Fault, Problem, short_faults};
use steps_usage::Usage;
use tokio::try_join;

use crate::attribute::{
    Item, find_decimal, find_nested, find_s, find_time, get_n, get_s, get_time, n, nested, s, time,
};
use crate::due::{DUE, DUE_AT, Due};
use crate::store::{key, passed};
use crate::transaction::Transacted;
use crate::{Error, Store, Turn};

/// Where a run stands, in Step Functions' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// Its execution goes on.
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
            Self::Running,
            Self::Succeeded,
            Self::Failed,
            Self::TimedOut,
            Self::Aborted,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }
}

/// Why a run ended other than well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunError {
    /// What happened, why, and what to do.
    #[serde(flatten)]
    pub problem: Problem,
    /// The node that failed; `None` where no one node did.
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

/// The answer to [`Store::begin_run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The run is recorded.
    New,
    /// A run of the same identity was recorded before: its id.
    Repeated(String),
    /// Another run took the turn; nothing is recorded.
    Overtaken,
}

/// The run that another one was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RerunOf {
    /// That run's id.
    pub run_id: String,
    /// The node from which on everything runs anew; `None` where everything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// A run about to begin.
#[derive(Debug)]
pub struct NewRun<'a> {
    /// UUIDv7, also the name of the execution.
    pub id: &'a str,
    /// The workflow it runs.
    pub workflow_id: &'a str,
    /// The workflow's version.
    pub version: u64,
    /// The workflow document as it is now: the run keeps to it whatever is put later.
    pub definition: &'a str,
    /// The trigger's input, an object.
    pub input: &'a Value,
    /// What started it.
    pub trigger: &'a Trigger,
    /// What makes a repeated delivery the same run, within the workflow; `None` where every delivery is a run of its own.
    pub identity: Option<&'a str>,
    /// Where the run is posted to once it has ended.
    pub callback_url: Option<&'a str>,
    /// The turn that it takes, where it waits for its turn at all.
    pub turn: Option<&'a Turn<'a>>,
    /// The id of the credential behind each reference in the document.
    pub credentials: &'a BTreeMap<String, String>,
    /// When it starts.
    pub started_at: Timestamp,
    /// When no node may start or go on any more.
    pub deadline: Timestamp,
    /// The most it may spend, USD.
    pub max_cost_usd: Option<Decimal>,
    /// The most that all runs of the workflow may spend on one day, USD.
    pub max_cost_usd_per_day: Option<Decimal>,
    /// What is likely to go wrong, found before it starts.
    pub warnings: &'a [Fault],
    /// The run that it repeats.
    pub rerun_of: Option<&'a RerunOf>,
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
    /// Where it stands.
    pub status: RunStatus,
    /// The number of its execution: 1, and one more each time it is resumed.
    pub execution: u32,
    /// The workflow document it keeps to, JSON.
    pub definition: String,
    /// The trigger's input, an object.
    pub input: Value,
    /// What started it.
    pub trigger: Trigger,
    /// The id of the credential behind each reference in the document.
    pub credentials: BTreeMap<String, String>,
    /// Spent so far, USD.
    pub cost_usd: Decimal,
    /// Used so far.
    pub usage: Usage,
    /// Why it ended other than well.
    pub error: Option<RunError>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When no node may start or go on any more.
    pub deadline: Timestamp,
    /// The most it may spend, USD.
    pub max_cost_usd: Option<Decimal>,
    /// The most that all runs of the workflow may spend on one day, USD.
    pub max_cost_usd_per_day: Option<Decimal>,
    /// What was likely to go wrong, found before it started.
    pub warnings: Vec<Fault>,
    /// The run that it repeats.
    pub rerun_of: Option<RerunOf>,
}

/// Where a run stands, without its texts: one small read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunHead {
    /// Where it stands.
    pub status: RunStatus,
    /// The number of its execution: 1, and one more each time it is resumed.
    pub execution: u32,
    /// When its first execution started.
    pub started_at: Timestamp,
    /// When no node may start or go on any more.
    pub deadline: Timestamp,
}

/// How an execution ended.
#[derive(Debug)]
pub struct Ended {
    /// The number of the execution.
    pub execution: u32,
    /// Any status but [`RunStatus::Running`].
    pub status: RunStatus,
    /// When, by Step Functions' clock.
    pub at: Timestamp,
    /// Why; kept only where no node has said so before.
    pub error: Option<RunError>,
}

/// What changes while the run goes on: small, for every node that ends writes to it.
pub(crate) const RUN: &str = "RUN";

/// The run's texts, which never change.
pub(crate) const BODY: &str = "BODY";

/// When a run that has not ended is looked after for the first time, from its start.
pub(crate) const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(5);

const IDENTITY: &str = "IDENTITY";

pub(crate) const MAX_COST_USD_PER_DAY: &str = "maxCostUsdPerDay";

const CALLBACK_URL: &str = "callbackUrl";

/// A workflow's id has no `#`, so no two pairs share a key.
fn identity_key(workflow: &str, identity: &str) -> String {
    format!("IDENTITY#{workflow}#{identity}")
}

pub(crate) fn run_key(id: &str) -> String {
    format!("RUN#{id}")
}

impl Store {
    /// Records a run as RUNNING, unless one of the same identity was recorded before.
    pub async fn begin_run(&self, run: &NewRun<'_>) -> Result<Begun, Error> {
        let input_text = run.input.to_string();
        let context_text = run.trigger.context.to_string();
        let object = |name: &str| format!("runs/{}/{name}.json.gz", run.id);
        let (input_key, definition_key, context_key) =
            (object("input"), object("workflow"), object("trigger"));
        let (input, definition, context) = try_join!(
            self.texts.keep(&input_key, &input_text),
            self.texts.keep(&definition_key, run.definition),
            self.texts.keep(&context_key, &context_text),
        )?;
        let put = |sk| -> PutBuilder {
            Put::builder()
                .table_name(&self.table)
                .condition_expression("attribute_not_exists(pk)")
                .set_item(Some(key(&run_key(run.id), sk)))
                .item("expiresAt", self.expires(run.started_at))
        };
        let mut head = put(RUN)
            .item("kind", s(RUN))
            .item("listKey", s(run.id))
            .item("workflowId", s(run.workflow_id))
            .item("version", n(run.version))
            .item("status", s(RunStatus::Running.as_str()))
            .item("execution", n(1))
            .item("trigger", s(&run.trigger.kind))
            .item("credentials", nested(run.credentials, "credentials")?)
            .item("costUsd", n(0))
            .item("startedAt", time(run.started_at))
            .item("deadline", time(run.deadline))
            .item(DUE, s(Due::Run.as_str()))
            .item(DUE_AT, time(run.started_at + FIRST_LOOK));
        if let Some(most) = run.max_cost_usd {
            head = head
                .item("maxCostUsd", n(most))
                .item("budgetLeftUsd", n(most));
        }
        if let Some(most) = run.max_cost_usd_per_day {
            head = head.item(MAX_COST_USD_PER_DAY, n(most));
        }
        if let Some(url) = run.callback_url {
            head = head.item(CALLBACK_URL, s(url));
        }
        if let Some(rerun_of) = run.rerun_of {
            head = head.item("rerunOf", nested(rerun_of, "rerunOf")?);
        }
        let mut body = put(BODY)
            .item("definition", definition)
            .item("input", input)
            .item("triggerContext", context);
        if !run.warnings.is_empty() {
            body = body.item(
                "warnings",
                nested(&short_faults(run.warnings.to_vec()), "warnings")?,
            );
        }
        let mut puts = vec![head, body];
        if let Some(identity) = run.identity {
            puts.push(
                Put::builder()
                    .table_name(&self.table)
                    .condition_expression("attribute_not_exists(pk)")
                    .return_values_on_condition_check_failure(
                        ReturnValuesOnConditionCheckFailure::AllOld,
                    )
                    .set_item(Some(key(
                        &identity_key(run.workflow_id, identity),
                        IDENTITY,
                    )))
                    .item("runId", s(run.id))
                    .item("expiresAt", self.expires(run.started_at)),
            );
        }
        if let Some(turn) = run.turn {
            puts.push(self.take_turn(turn, run));
        }
        match self.transact(puts).await? {
            Transacted::Done => Ok(Begun::New),
            Transacted::Refused {
                index: 2,
                item: Some(first),
            } => Ok(Begun::Repeated(get_s(&first, "runId")?.to_owned())),
            Transacted::Refused { index: 2.., .. } => Ok(Begun::Overtaken),
            Transacted::Refused { .. } => Err(Error::Conflict {
                what: "run",
                id: run.id.to_owned(),
            }),
        }
    }

    /// Makes the next delivery of this identity a new run.
    pub async fn forget_identity(&self, workflow_id: &str, identity: &str) -> Result<(), Error> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(&identity_key(workflow_id, identity), IDENTITY)))
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(())
    }

    /// The run, or [`Error::NotFound`].
    pub async fn run(&self, id: &str) -> Result<Run, Error> {
        let pk = run_key(id);
        let items = self.batch_get(vec![key(&pk, RUN), key(&pk, BODY)]).await?;
        let find = |sk: &str| items.iter().find(|item| find_s(item, "sk") == Some(sk));
        match (find(RUN), find(BODY)) {
            (Some(head), Some(body)) => self.read_run(head, body).await,
            _ => Err(not_found(id)),
        }
    }

    /// Where the run stands, or [`Error::NotFound`].
    pub async fn run_head(&self, id: &str) -> Result<RunHead, Error> {
        let item = self.get(&run_key(id), RUN).await?;
        let item = item.ok_or_else(|| not_found(id))?;
        Ok(RunHead {
            status: status(&item)?,
            execution: get_n(&item, "execution")?,
            started_at: get_time(&item, "startedAt")?,
            deadline: get_time(&item, "deadline")?,
        })
    }

    /// Where the run is to be posted to; `None` where nobody asked, or there is no such run.
    pub async fn callback_url(&self, id: &str) -> Result<Option<String>, Error> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(&run_key(id), RUN)))
            .consistent_read(true)
            .projection_expression("#url")
            .expression_attribute_names("#url", CALLBACK_URL)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(answer
            .item
            .and_then(|item| find_s(&item, CALLBACK_URL).map(str::to_owned)))
    }

    /// Ends a run whose execution is RUNNING; `false` where that had ended before, and nothing changes.
    pub async fn end_run(&self, id: &str, ended: &Ended) -> Result<bool, Error> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(&run_key(id), RUN)))
            .condition_expression("#status = :running AND #execution = :execution")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#execution", "execution")
            .expression_attribute_names("#error", "error")
            .expression_attribute_names("#due", DUE)
            .expression_attribute_names("#dueAt", DUE_AT)
            .expression_attribute_values(":running", s(RunStatus::Running.as_str()))
            .expression_attribute_values(":execution", n(ended.execution))
            .expression_attribute_values(":status", s(ended.status.as_str()))
            .expression_attribute_values(":at", time(ended.at));
        let expression = match &ended.error {
            Some(error) => {
                update = update.expression_attribute_values(":error", nested(error, "error")?);
                "SET #status = :status, endedAt = :at, #error = if_not_exists(#error, :error) \
                 REMOVE #due, #dueAt"
            }
            None => "SET #status = :status, endedAt = :at REMOVE #error, #due, #dueAt",
        };
        passed(update.update_expression(expression).send().await)
    }

    pub(crate) async fn read_run(&self, item: &Item, body: &Item) -> Result<Run, Error> {
        let part = |attribute: &'static str| {
            body.get(attribute)
                .ok_or(Error::Malformed { attribute })
                .map(|kept| self.texts.fetch(kept, attribute))
        };
        let (definition, input, context) =
            try_join!(part("definition")?, part("input")?, part("triggerContext")?)?;
        Ok(Run {
            id: get_s(item, "listKey")?.to_owned(),
            workflow_id: get_s(item, "workflowId")?.to_owned(),
            version: get_n(item, "version")?,
            status: status(item)?,
            execution: get_n(item, "execution")?,
            definition,
            input: serde_json::from_str(&input)
                .map_err(|_| Error::Malformed { attribute: "input" })?,
            trigger: Trigger {
                kind: get_s(item, "trigger")?.to_owned(),
                context: serde_json::from_str(&context).map_err(|_| Error::Malformed {
                    attribute: "triggerContext",
                })?,
            },
            credentials: find_nested(item, "credentials")?.unwrap_or_default(),
            cost_usd: find_decimal(item, "costUsd").unwrap_or_default(),
            usage: Usage::from_numbers(|name| find_decimal(item, name)),
            error: find_nested(item, "error")?,
            started_at: get_time(item, "startedAt")?,
            ended_at: find_time(item, "endedAt"),
            deadline: get_time(item, "deadline")?,
            max_cost_usd: find_decimal(item, "maxCostUsd"),
            max_cost_usd_per_day: find_decimal(item, MAX_COST_USD_PER_DAY),
            warnings: find_nested(body, "warnings")?.unwrap_or_default(),
            rerun_of: find_nested(item, "rerunOf")?,
        })
    }
}

pub(crate) fn not_found(id: &str) -> Error {
    Error::NotFound {
        what: "run",
        id: id.to_owned(),
    }
}

pub(crate) fn status(item: &Item) -> Result<RunStatus, Error> {
    RunStatus::parse(get_s(item, "status")?).ok_or(Error::Malformed {
        attribute: "status",
    })
}
