//! The beginning of a run. It is recorded once, also where its delivery comes twice.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;
use steps_problem::{Fault, Problem, short_faults};
use tokio::try_join;

use crate::due::{DUE, DUE_AT, Due};
use crate::keys::{self, EXPIRES_AT, LIST, LIST_KEY, STATUS_LIST, WORKFLOW_ID};
use crate::node::{NodeRecord, Nodes};
use crate::run::end::Ended;
use crate::run::erase;
use crate::run::gate::{self, Entry, Gate, LONGEST_WAIT, Place};
use crate::run::record::{
    BUDGET_LEFT_USD, CALLBACK_URL, COST_USD, CREDENTIALS, DEADLINE, DEFINITION, EXECUTION,
    FIRST_LOOK, INPUT, MAX_COST_USD, MAX_COST_USD_PER_DAY, MAX_RUNS, ON_FAILURE, OnFailure,
    QUEUED_AT, RERUN_OF, RerunOf, RunStatus, Runs, STARTED_AT, STARTED_BY, STATUS, TRIGGER,
    TRIGGER_CONTEXT, Trigger, UNKEPT_FROM, VARS, VERSION, WARNINGS,
};
use crate::run::turn::{self, Turn};
use crate::table::key::PK;
use crate::table::{Attribute, Delete, Item, Put, Transacted};
use crate::{Error, Record};

/// The answer to [`Runs::begin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The run is recorded.
    New,
    /// A run of the same identity was recorded before: its id.
    Repeated(String),
    /// One of the same identity was recorded before whose request was another; nothing is recorded.
    Differs,
    /// Another run took the turn; nothing is recorded.
    Overtaken,
    /// As many runs of the workflow go on as may; nothing is recorded. The gate as it stands.
    Full(Gate),
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
    /// The workflow document as it is now. A later put does not change this run.
    pub definition: &'a str,
    /// The trigger's input, an object.
    pub input: &'a Value,
    /// What started it.
    pub trigger: &'a Trigger,
    /// What makes a repeated delivery the same run, within the workflow; `None` where every delivery is a run of its own.
    pub identity: Option<&'a str>,
    /// A hash of the request, which a repeat of the identity has to have again; `None` where the identity is enough.
    pub fingerprint: Option<&'a str>,
    /// Where the run is posted to once it has ended.
    pub callback_url: Option<&'a str>,
    /// What is done where it fails; `None` where nothing is.
    pub on_failure: Option<&'a OnFailure>,
    /// The turn that it takes; `None` where it takes no turns.
    pub turn: Option<&'a Turn<'a>>,
    /// The id of the credential behind each reference in the document.
    pub credentials: &'a BTreeMap<String, String>,
    /// When it starts.
    pub started_at: Timestamp,
    /// The deadline: from then on no node may start or go on.
    pub deadline: Timestamp,
    /// The most it may spend, USD.
    pub max_cost_usd: Option<Decimal>,
    /// The most that all runs of the workflow may spend on one day, USD.
    pub max_cost_usd_per_day: Option<Decimal>,
    /// The variables of the deployment that it sees, an object; `None` where its document names none.
    pub vars: Option<&'a Value>,
    /// What is likely to go wrong, found before it starts.
    pub warnings: &'a [Fault],
    /// The run that it repeats, and what it takes over from it.
    pub reuse: Option<&'a Reuse<'a>>,
    /// Who asked for it, and what its workflow says of all its runs.
    pub manner: Manner<'a>,
}

/// Who asked for a run, and what its workflow says of all its runs, beside their budgets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner<'a> {
    /// Who asked for it: `token/<id>`, `webhook/<workflow>/<name>`, `schedule/<workflow>/<name>`...; costs are told by it.
    pub started_by: Option<&'a str>,
    /// What else makes a repeated delivery the same run: something that its sender has signed.
    pub twin: Option<&'a str>,
    /// How it comes to the workflow's gate; `None` where there is no gate.
    pub entry: Option<Entry>,
    /// `Some` where its texts are not to be kept: the time until which somebody waits for its end, and wants them.
    pub unkept_from: Option<Timestamp>,
}

/// Answers of an earlier run that a run takes over.
#[derive(Debug)]
pub struct Reuse<'a> {
    /// The earlier run.
    pub of: RerunOf,
    /// Its nodes whose answers hold.
    pub nodes: Vec<&'a NodeRecord>,
}

/// The run that has this identity.
const RUN_ID: Attribute<String> = Attribute::new("runId");
/// The hash of the request that started it.
const FINGERPRINT: Attribute<String> = Attribute::new("fingerprint");

impl Runs {
    /// Records a run as RUNNING, unless one of the same identity was recorded before.
    pub async fn begin(&self, run: &NewRun<'_>) -> Result<Begun, Error> {
        if let Some(reuse) = run.reuse {
            // A repeat copies nothing.
            if let Some(identity) = run.identity
                && let Some(first) = self
                    .0
                    .get(keys::identity(run.workflow_id, identity))
                    .await?
            {
                return begun_before(&first, run.fingerprint);
            }
            // Before the run's record: a run that is found has them all.
            Nodes(self.0.clone())
                .reuse(&reuse.of.run_id, &reuse.nodes, run.id, run.started_at)
                .await?;
        }
        let input_text = run.input.to_string();
        let context_text = run.trigger.context.to_string();
        let object = |name: &str| format!("runs/{}/{name}.json.gz", run.id);
        let (input_key, definition_key, context_key) =
            (object("input"), object("workflow"), object("trigger"));
        let texts = self.0.texts();
        let vars_key = object("vars");
        let (input, definition, context, vars) = try_join!(
            texts.keep(&input_key, &input_text),
            texts.keep(&definition_key, run.definition),
            texts.keep(&context_key, &context_text),
            async {
                match run.vars {
                    Some(vars) => texts.keep(&vars_key, &vars.to_string()).await.map(Some),
                    None => Ok(None),
                }
            },
        )?;
        let Manner {
            started_by,
            twin,
            entry,
            unkept_from,
        } = run.manner;
        let waits = entry.and_then(|entry| entry.waits);
        let (status, longest_wait) = match waits {
            Some(_) => (RunStatus::Queued, LONGEST_WAIT),
            None => (RunStatus::Running, SignedDuration::ZERO),
        };
        // Until the deadline it goes on. One that waits has its deadline later.
        let expires = self
            .0
            .expires(run.deadline.max(run.started_at) + longest_wait);
        let new = |key| Put::of(key).when(PK.missing()).set(EXPIRES_AT, expires);
        let head = new(keys::run(run.id))
            .set(LIST, keys::month_list(run.id)?)
            .set(LIST_KEY, run.id)
            .set(WORKFLOW_ID, run.workflow_id)
            .set(VERSION, run.version)
            .set(STATUS, status)
            .set(STATUS_LIST, keys::status_list(status.as_str(), run.id)?)
            .set(EXECUTION, 1)
            .set(TRIGGER, &run.trigger.kind)
            .set_some(STARTED_BY, started_by)
            .set(CREDENTIALS, run.credentials)
            .set(COST_USD, Decimal::ZERO)
            .set(STARTED_AT, run.started_at)
            .set(DEADLINE, run.deadline)
            .set_some(MAX_RUNS, entry.map(|entry| entry.most))
            .set_some(UNKEPT_FROM, unkept_from)
            .set_some(MAX_COST_USD, run.max_cost_usd)
            .set_some(BUDGET_LEFT_USD, run.max_cost_usd)
            .set_some(MAX_COST_USD_PER_DAY, run.max_cost_usd_per_day)
            .set_some(CALLBACK_URL, run.callback_url)
            .set_some(ON_FAILURE, run.on_failure)
            .set_some(RERUN_OF, run.reuse.map(|reuse| &reuse.of));
        // A run that waits has no execution to look at: its gate is looked at.
        let head = match waits {
            Some(_) => head.set(QUEUED_AT, run.started_at),
            None => head
                .set(DUE, Due::Run)
                .set(DUE_AT, run.started_at + FIRST_LOOK),
        };
        let warnings =
            Some(short_faults(run.warnings.to_vec())).filter(|warnings| !warnings.is_empty());
        let body = new(keys::body(run.id))
            .set(DEFINITION, definition)
            .set(INPUT, input)
            .set(TRIGGER_CONTEXT, context)
            .set_some(VARS, vars)
            .set_some(WARNINGS, warnings);
        let mut writes = vec![head.into(), body.into()];
        if unkept_from.is_some() {
            writes.push(
                erase::planned(run.id, run.deadline)
                    .set(EXPIRES_AT, expires)
                    .into(),
            );
        }
        // Which writes may be refused for which reason.
        let identities = writes.len();
        for identity in run.identity.into_iter().chain(twin) {
            let identity = new(keys::identity(run.workflow_id, identity))
                .telling()
                .set(RUN_ID, run.id)
                .set_some(FINGERPRINT, run.fingerprint);
            writes.push(identity.into());
        }
        let gates = writes.len();
        if let Some(entry) = &entry {
            let place = Place {
                run_id: run.id.to_owned(),
                execution: 1,
            };
            writes.extend(gate::enter(run.workflow_id, &place, entry, run.started_at));
        }
        let turns = writes.len();
        if let Some(turn) = run.turn {
            let taken = turn::take(turn, run.workflow_id, run.id, run.identity);
            writes.push(taken.set(EXPIRES_AT, expires).into());
        }
        match self.0.transact(writes).await? {
            Transacted::Done => Ok(Begun::New),
            Transacted::Refused { index, .. } if index < identities => {
                Err(Record::Run.conflict(run.id))
            }
            Transacted::Refused { index, item } if index < gates => {
                begun_before(&item.unwrap_or_default(), run.fingerprint)
            }
            Transacted::Refused { index, item } if index < turns => {
                Ok(Begun::Full(gate::read(&item.unwrap_or_default())?))
            }
            Transacted::Refused { .. } => Ok(Begun::Overtaken),
        }
    }

    /// Forgets that a delivery of this identity started this run: its record has expired, and the identity's has not yet.
    pub async fn forget(
        &self,
        workflow_id: &str,
        identity: &str,
        run_id: &str,
    ) -> Result<(), Error> {
        let delete = Delete::of(keys::identity(workflow_id, identity)).when(RUN_ID.is(run_id));
        self.0.write(delete).await?;
        Ok(())
    }

    /// Ends a run whose execution could not be started. `delivery` is the workflow's id and the identity of the delivery
    /// that asked for the start: the identity is forgotten, so that the delivery starts a new run when it is sent again.
    pub async fn not_started(
        &self,
        id: &str,
        execution: u32,
        problem: &Problem,
        delivery: Option<(&str, &str)>,
    ) -> Result<(), Error> {
        let ended = Ended::now(execution, RunStatus::Failed, problem.clone());
        self.end(id, &ended).await?;
        if let Some((workflow_id, identity)) = delivery {
            let delete = Delete::of(keys::identity(workflow_id, identity));
            self.0.write(delete).await?;
        }
        Ok(())
    }
}

/// The answer where a delivery of the same identity began a run before.
fn begun_before(first: &Item, fingerprint: Option<&str>) -> Result<Begun, Error> {
    let before = FINGERPRINT.find(first)?;
    if before.is_some_and(|before| Some(before.as_str()) != fingerprint) {
        return Ok(Begun::Differs);
    }
    Ok(Begun::Repeated(RUN_ID.get(first)?))
}
