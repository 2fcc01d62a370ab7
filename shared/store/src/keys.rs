//! The keys of every item, and of the indexes: the only place where a key or a prefix is written out.
//!
//! Ids and names in keys have no `#`, or stand at the end. So no two records share a key.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::table::key::{PK, SK, Under};
use crate::table::{Attribute, Condition, Item};
use crate::{Error, Record, Unit};

pub use crate::table::key::Key;

// ---- Runs ------------------------------------------------------------------------------------------------------------

const RUN: &str = "RUN";
const BODY: &str = "BODY";
const NODE: &str = "NODE#";
const NEEDS: &str = "NEEDS#";
const READY: &str = "READY#";
const LANE: &str = "LANE#";
const EACH: &str = "EACH#";
const COUNTER: &str = "COUNTER#";
const ITEM: &str = "ITEM#";
const LANE_OF_LIST: &str = "LANELIST#";
/// Lanes and their parts in lists.
const LANES: &str = "LANE";
const OUTBOX: &str = "OUTBOX#";
const ENTERED: &str = "ENTERED";
const DELIVERY: &str = "DELIVERY#";
const RUNS: &str = "RUN#";
const PAUSED: &str = "PAUSED#";
const MESSAGE: &str = "MESSAGE#";
const LIVE: &str = "LIVE#";
const WATCH: &str = "WATCH";
const PIECE: &str = "PIECE#";

fn run_partition(run: &str) -> String {
    format!("{RUNS}{run}")
}

/// A run's head: what changes while it goes on.
pub fn run(id: &str) -> Key {
    Key::new(run_partition(id), RUN)
}

/// A run's texts, which never change.
pub fn body(run: &str) -> Key {
    Key::new(run_partition(run), BODY)
}

/// A unit of a run: a node, or an item of a node's list. Items are in the order of the list. The gathering of a list has
/// its node's record.
pub fn unit(run: &str, unit: &str) -> Key {
    let place = match Unit::of(unit) {
        Unit::Item(..) => format!("{ITEM}{unit}"),
        Unit::Node(node) | Unit::Gathering(node) => format!("{NODE}{node}"),
    };
    Key::new(run_partition(run), place)
}

/// The list of a node.
pub fn list(run: &str, node: &str) -> Key {
    Key::new(run_partition(run), format!("{EACH}{node}"))
}

/// Which items of a node's list are done: one set for each 200 of them.
pub fn done_items(run: &str, node: &str, chunk: u32) -> Key {
    Key::new(run_partition(run), format!("{EACH}{node}#{chunk:06}"))
}

/// Which of these sets are full.
pub fn done_chunks(run: &str, node: &str) -> Key {
    Key::new(run_partition(run), format!("{EACH}{node}#all"))
}

/// Which item of a node's list comes next.
pub fn next_item(run: &str, node: &str) -> Key {
    Key::new(run_partition(run), format!("{COUNTER}{node}"))
}

/// What a lane has done of a node's list.
pub fn lane_of_list(run: &str, node: &str, lane: u8) -> Key {
    Key::new(
        run_partition(run),
        format!("{LANE_OF_LIST}{node}#{lane:03}"),
    )
}

/// The sets of the items of a node's list that are done, and the set of those that are full.
pub(crate) fn all_done_items(run: &str, node: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: format!("{EACH}{node}#"),
    }
}

/// The items of a node's list that have begun.
pub(crate) fn items(run: &str, node: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: format!("{ITEM}{node}#"),
    }
}

/// The lanes of a run, and what each has done of lists.
pub(crate) fn lanes_and_lists(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: LANES.to_owned(),
    }
}

/// What the lanes of a run have done of a node's list.
pub(crate) fn lanes_of_list(run: &str, node: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: format!("{LANE_OF_LIST}{node}#"),
    }
}

/// All of a run but its texts, its lists and their items: what it takes to show its nodes.
pub(crate) fn without_items(run: &str) -> Condition {
    PK.is(run_partition(run)).and(SK.is_at_least(LANES))
}

/// The node whose list the item counts a lane's part in; `None` for the run's other items.
pub(crate) fn list_of_lane(item: &Item) -> Result<Option<String>, Error> {
    let sk = SK.get(item)?;
    let rest = sk.strip_prefix(LANE_OF_LIST);
    Ok(rest.and_then(|rest| Some(rest.split_once('#')?.0.to_owned())))
}

/// Which of the nodes that a node waits for are done.
pub fn needs(run: &str, node: &str) -> Key {
    Key::new(run_partition(run), format!("{NEEDS}{node}"))
}

/// A unit that waits for a lane. The highest rank stands first.
pub fn ready(run: &str, rank: u16, unit: &str) -> Key {
    let place = u16::MAX - rank;
    Key::new(run_partition(run), format!("{READY}{place:05}#{unit}"))
}

/// A lane of a run.
pub fn lane(run: &str, number: u8) -> Key {
    Key::new(run_partition(run), format!("{LANE}{number:03}"))
}

/// What is to be done because a take of a run has ended. `what` is the word of it.
pub fn outbox(run: &str, take: u32, what: &str) -> Key {
    Key::new(run_partition(run), format!("{OUTBOX}{take:06}#{what}"))
}

/// What of the run's costs stands in the costs by day. It is not read with the run: it stands before the lanes.
pub fn entered(run: &str) -> Key {
    Key::new(run_partition(run), ENTERED)
}

/// The delivery of the end of a take to the run's callback address.
pub fn delivery(run: &str, take: u32) -> Key {
    Key::new(run_partition(run), format!("{DELIVERY}{take:06}"))
}

/// What is to be done because takes of a run have ended.
pub(crate) fn all_outbox(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: OUTBOX.to_owned(),
    }
}

/// The deliveries of a run, the first take's first.
pub(crate) fn deliveries(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: DELIVERY.to_owned(),
    }
}

/// The take of an item of the outbox, and the word of what is to be done; `None` for the run's other items.
pub(crate) fn outbox_of(item: &Item) -> Result<Option<(u32, String)>, Error> {
    let sk = SK.get(item)?;
    let place = |rest: &str| {
        let (take, what) = rest.split_once('#')?;
        Some((take.parse().ok()?, what.to_owned()))
    };
    Ok(sk.strip_prefix(OUTBOX).and_then(place))
}

/// That a unit of a run has paused: it waits without a lane.
pub fn paused(run: &str, unit: &str) -> Key {
    Key::new(run_partition(run), format!("{PAUSED}{unit}"))
}

/// A message to units of a run.
pub fn message(run: &str, name: &str) -> Key {
    Key::new(run_partition(run), format!("{MESSAGE}{name}"))
}

/// The units of a run that have paused.
pub(crate) fn all_paused(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: PAUSED.to_owned(),
    }
}

/// The messages to units of a run.
pub(crate) fn messages(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: MESSAGE.to_owned(),
    }
}

/// The unit that has paused, where the item says so; `None` for the run's other items.
pub(crate) fn unit_paused(item: &Item) -> Result<Option<String>, Error> {
    let sk = SK.get(item)?;
    Ok(sk.strip_prefix(PAUSED).map(str::to_owned))
}

/// The name of the message that the item is; `None` for the run's other items.
pub(crate) fn message_of(item: &Item) -> Result<Option<String>, Error> {
    let sk = SK.get(item)?;
    Ok(sk.strip_prefix(MESSAGE).map(str::to_owned))
}

/// The units of a run that wait for a lane, or whose lane has not gone on yet. The highest rank stands first.
pub(crate) fn all_ready(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: READY.to_owned(),
    }
}

/// The lanes of a run.
pub(crate) fn lanes(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: LANE.to_owned(),
    }
}

/// The unit of an item among those that are ready; `None` for the run's other items.
pub(crate) fn unit_of(item: &Item) -> Result<Option<String>, Error> {
    let sk = SK.get(item)?;
    let unit = |rest: &str| Some(rest.split_once('#')?.1.to_owned());
    Ok(sk.strip_prefix(READY).and_then(unit))
}

/// The number of the lane whose record the item is; `None` for the run's other items.
pub(crate) fn lane_of(item: &Item) -> Result<Option<u8>, Error> {
    let sk = SK.get(item)?;
    Ok(sk.strip_prefix(LANE).and_then(|number| number.parse().ok()))
}

/// The nodes of a run.
pub(crate) fn nodes(run: &str) -> Under {
    Under {
        pk: run_partition(run),
        prefix: NODE.to_owned(),
    }
}

/// The run of an item in a run's partition.
pub(crate) fn run_of(item: &Item) -> Result<String, Error> {
    let pk = PK.get(item)?;
    let run = pk.strip_prefix(RUNS);
    Ok(run
        .ok_or(Error::Malformed {
            attribute: PK.name(),
        })?
        .to_owned())
}

/// Whether the item is the record of a node, or of an item of its list.
pub(crate) fn is_of_nodes(item: &Item) -> Result<bool, Error> {
    let sk = SK.get(item)?;
    Ok(sk.starts_with(NODE) || sk.starts_with(ITEM))
}

/// Whether the item is the one with this key.
pub(crate) fn is_at(item: &Item, key: &Key) -> bool {
    let at = |attribute: Attribute<String>| attribute.get(item).unwrap_or_default();
    at(PK) == key.pk && at(SK) == key.sk
}

/// The node, or the item of a node's list, whose record the item is; `None` for the run's other items.
pub(crate) fn unit_recorded(item: &Item) -> Result<Option<String>, Error> {
    let sk = SK.get(item)?;
    let unit = sk.strip_prefix(NODE).or_else(|| sk.strip_prefix(ITEM));
    Ok(unit.map(str::to_owned))
}

/// The partition of what is kept of a run while somebody watches it. Not the run's own: whoever watches may write here, and
/// only here.
fn live_partition(run: &str) -> String {
    format!("{LIVE}{run}")
}

/// Until when somebody watches a run.
pub fn watch(run: &str) -> Key {
    Key::new(live_partition(run), WATCH)
}

/// A piece of a text that is being written: `name` tells the pieces of one millisecond apart.
pub fn piece(run: &str, at: Timestamp, name: &str) -> Key {
    let at = at.as_millisecond();
    Key::new(live_partition(run), format!("{PIECE}{at:013}#{name}"))
}

/// All that is kept of a run while somebody watches it.
pub(crate) fn live(run: &str) -> Condition {
    PK.is(live_partition(run))
}

/// Where the pieces from this time on begin.
pub(crate) fn pieces_since(run: &str, since: Timestamp) -> Key {
    piece(run, since.max(Timestamp::UNIX_EPOCH), "")
}

/// Whether the item is a piece of a text.
pub(crate) fn is_piece(item: &Item) -> Result<bool, Error> {
    Ok(SK.get(item)?.starts_with(PIECE))
}

/// What makes a repeated delivery the same run. The identity, which may have a `#`, stands last.
pub fn identity(workflow: &str, identity: &str) -> Key {
    Key::new(format!("IDENTITY#{workflow}#{identity}"), "IDENTITY")
}

/// The last run of a schedule whose runs take turns.
pub fn turn(workflow: &str, schedule: &str) -> Key {
    Key::new(format!("SCHEDULE#{workflow}#{schedule}"), "TURN")
}

/// What makes texts of a run go that are not to be kept: it is due once the run has ended.
pub fn texts(run: &str) -> Key {
    Key::new(run_partition(run), "TEXTS")
}

/// What the names of a run's objects in the bucket begin with.
pub(crate) fn objects(run: &str) -> String {
    format!("runs/{run}/")
}

// ---- Runs that wait for others of their workflow ---------------------------------------------------------------------

const GATES: &str = "GATE#";
const WAITS: &str = "WAITS#";

fn gate_partition(workflow: &str) -> String {
    format!("{GATES}{workflow}")
}

/// Which runs of a workflow with `limits.maxRuns` go on, and how many wait.
pub fn gate(workflow: &str) -> Key {
    Key::new(gate_partition(workflow), "GATE")
}

/// A run that waits at its workflow's gate. The ids are UUIDv7: the one that was asked for first stands first.
pub fn waits(workflow: &str, run: &str) -> Key {
    Key::new(gate_partition(workflow), format!("{WAITS}{run}"))
}

/// The runs that wait at a workflow's gate, the oldest first.
pub(crate) fn all_waiting(workflow: &str) -> Under {
    Under {
        pk: gate_partition(workflow),
        prefix: WAITS.to_owned(),
    }
}

/// The workflow whose gate the item is.
pub(crate) fn workflow_of_gate(item: &Item) -> Result<String, Error> {
    let pk = PK.get(item)?;
    let workflow = pk.strip_prefix(GATES);
    Ok(workflow
        .ok_or(Error::Malformed {
            attribute: PK.name(),
        })?
        .to_owned())
}

/// The run of an item that waits at a gate.
pub(crate) fn run_that_waits(item: &Item) -> Result<String, Error> {
    let sk = SK.get(item)?;
    let run = sk.strip_prefix(WAITS);
    Ok(run
        .ok_or(Error::Malformed {
            attribute: SK.name(),
        })?
        .to_owned())
}

// ---- Switches --------------------------------------------------------------------------------------------------------

/// Whether runs of a workflow may start.
pub fn workflow_switch(workflow: &str) -> Key {
    Key::new(workflow_partition(workflow), "SWITCH")
}

/// Whether any run may start.
pub fn stack_switch() -> Key {
    Key::new("SWITCHES", "STACK")
}

// ---- Variables of the deployment -------------------------------------------------------------------------------------

const VARS: &str = "VARS";
const VAR: &str = "NAME#";

/// A variable of the deployment.
pub fn var(name: &str) -> Key {
    Key::new(VARS, format!("{VAR}{name}"))
}

/// All of them.
pub(crate) fn vars() -> Under {
    Under {
        pk: VARS.to_owned(),
        prefix: VAR.to_owned(),
    }
}

// ---- Callers that wait for the end of their runs ---------------------------------------------------------------------

/// A place for a caller who waits, counted from 0.
pub fn waiting_place(number: u32) -> Key {
    Key::new("WAITERS", format!("PLACE#{number:04}"))
}

/// The lock of a schedule that is being changed.
pub fn schedule_lock(workflow: &str, schedule: &str) -> Key {
    Key::new(format!("SCHEDULE#{workflow}#{schedule}"), "LOCK")
}

// ---- Workflows -------------------------------------------------------------------------------------------------------

const WEBHOOK: &str = "WEBHOOK#";

fn workflow_partition(id: &str) -> String {
    format!("WORKFLOW#{id}")
}

/// A workflow's newest version.
pub fn workflow(id: &str) -> Key {
    Key::new(workflow_partition(id), "LATEST")
}

/// One version of a workflow.
pub fn version(workflow: &str, number: u64) -> Key {
    Key::new(workflow_partition(workflow), format!("VERSION#{number:08}"))
}

/// A webhook of a workflow.
pub fn webhook(workflow: &str, name: &str) -> Key {
    Key::new(workflow_partition(workflow), format!("{WEBHOOK}{name}"))
}

/// Where the secret is that signs a workflow's callbacks.
pub fn callback_secret(workflow: &str) -> Key {
    Key::new(workflow_partition(workflow), "CALLBACK_SECRET")
}

/// A host that is slow to take callbacks.
pub fn receiver(host: &str) -> Key {
    Key::new(format!("RECEIVER#{host}"), "RECEIVER")
}

/// Every webhook of a workflow.
pub(crate) fn webhooks(workflow: &str) -> Under {
    Under {
        pk: workflow_partition(workflow),
        prefix: WEBHOOK.to_owned(),
    }
}

const SOURCES: &str = "SOURCES";
const ARN: &str = "ARN#";

/// A queue, topic or bucket whose events start a workflow.
pub fn source(arn: &str) -> Key {
    Key::new(SOURCES, format!("{ARN}{arn}"))
}

/// Every source.
pub(crate) fn sources() -> Under {
    Under {
        pk: SOURCES.to_owned(),
        prefix: ARN.to_owned(),
    }
}

// ---- Credentials -----------------------------------------------------------------------------------------------------

/// All credentials share a partition: they are few, and a list just after a creation has to show it.
const CREDENTIALS: &str = "CREDENTIALS";
const ID: &str = "ID#";
const DELETED: &str = "DELETED#";

/// A credential's record.
pub fn credential(id: &str) -> Key {
    Key::new(CREDENTIALS, format!("{ID}{id}"))
}

/// Every credential, the oldest first.
pub(crate) fn credentials() -> Under {
    Under {
        pk: CREDENTIALS.to_owned(),
        prefix: ID.to_owned(),
    }
}

/// The claim on a credential's name.
pub fn credential_name(name: &str) -> Key {
    Key::new(CREDENTIALS, format!("NAME#{name}"))
}

/// A deleted credential, until its key is gone.
pub fn deleted_credential(id: &str) -> Key {
    Key::new(CREDENTIALS, format!("{DELETED}{id}"))
}

/// Every deleted credential, the oldest first.
pub(crate) fn deleted_credentials() -> Under {
    Under {
        pk: CREDENTIALS.to_owned(),
        prefix: DELETED.to_owned(),
    }
}

const CREDENTIAL_USERS: &str = "CREDENTIAL_USERS";
const BY_WORKFLOW_ID: &str = "WORKFLOW#";

/// The credentials that a workflow's newest version names.
pub fn credential_user(workflow: &str) -> Key {
    Key::new(CREDENTIAL_USERS, format!("{BY_WORKFLOW_ID}{workflow}"))
}

/// The same of every workflow: a partition of its own, so that all rows are read consistently, at once.
pub(crate) fn credential_users() -> Under {
    Under {
        pk: CREDENTIAL_USERS.to_owned(),
        prefix: BY_WORKFLOW_ID.to_owned(),
    }
}

// ---- Tokens and the audit --------------------------------------------------------------------------------------------

/// All named tokens share a partition: they are few.
pub(crate) const TOKENS: &str = "TOKENS";

/// A named token.
pub fn token(id: &str) -> Key {
    Key::new(TOKENS, format!("{ID}{id}"))
}

/// The partition of what was done to a record, such as `workflows/post`.
pub(crate) fn audit(subject: &str) -> String {
    format!("AUDIT#{subject}")
}

/// One row of it. `row` is a UUIDv7: rows are in the order of time, and no two alike.
pub fn audit_row(subject: &str, row: Uuid) -> Key {
    Key::new(audit(subject), format!("AT#{row}"))
}

/// What the audit calls a credential.
pub(crate) fn audited_credential(id: &str) -> String {
    format!("credentials/{id}")
}

/// What the audit calls a token.
pub(crate) fn audited_token(id: &str) -> String {
    format!("tokens/{id}")
}

/// Whether the audit's subject of this name is a run.
pub(crate) fn is_run_audited(subject: &str) -> bool {
    subject.starts_with("runs/")
}

// ---- Budgets ---------------------------------------------------------------------------------------------------------

/// What a run's own budget is called in an attempt's record.
pub const RUN_BUDGET: &str = RUN;

/// What a workflow's budget of a day is called in an attempt's record.
pub fn workflow_day(workflow: &str, day: Date) -> String {
    format!("WORKFLOW#{workflow}#{day}")
}

/// What a credential's budget of a day is called in an attempt's record.
pub fn credential_day(credential: &str, day: Date) -> String {
    format!("CREDENTIAL#{credential}#{day}")
}

/// What a day has committed of the budget of this name.
pub fn spend(budget: &str) -> Key {
    Key::new(format!("SPEND#{budget}"), "DAY")
}

/// The day (UTC) that a time is on.
pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

// ---- Costs by day ----------------------------------------------------------------------------------------------------

const COSTS: &str = "COSTS#";

/// Over how many partitions the rows of a grouping are spread: runs that end at the same moment add to different rows.
pub(crate) const COST_SHARDS: u8 = 8;

/// The partition that a run's costs are added in. Its id ends with chance.
pub fn cost_shard(run: &str) -> u8 {
    run.bytes().last().map_or(0, |last| last % COST_SHARDS)
}

fn costs_partition(by: &str, shard: u8) -> String {
    format!("{COSTS}{by}#{shard}")
}

/// What one part of a grouping has cost on a day (UTC), as far as this shard has added it up. The part, which may have a `#`,
/// stands last.
pub fn costs(by: &str, shard: u8, day: Date, part: &str) -> Key {
    Key::new(costs_partition(by, shard), format!("{day}#{part}"))
}

/// The rows of a shard whose places lie between `from`, itself included, and the end of the day `to`.
pub(crate) fn costs_between(by: &str, shard: u8, from: &str, to: Date) -> Condition {
    // `$` comes right after `#`.
    PK.is(costs_partition(by, shard))
        .and(SK.is_between(from, format!("{to}$").as_str()))
}

/// The place of a row among those of its grouping.
pub(crate) fn cost_place(item: &Item) -> Result<String, Error> {
    SK.get(item)
}

/// The day and the part of a row at this place.
pub(crate) fn cost_part(place: &str) -> Result<(Date, &str), Error> {
    let part = place.split_once('#');
    part.and_then(|(day, part)| Some((day.parse().ok()?, part)))
        .ok_or(Error::Malformed {
            attribute: SK.name(),
        })
}

// ---- The model list --------------------------------------------------------------------------------------------------

const MODELS: &str = "MODELS";

/// The head of the model list.
pub fn model_list() -> Key {
    Key::new(MODELS, "HEAD")
}

/// A further part of a model list, counted from 1.
pub fn model_list_part(refresh: &str, part: usize) -> Key {
    Key::new(MODELS, format!("PART#{refresh}#{part:04}"))
}

// ---- Indexes ---------------------------------------------------------------------------------------------------------

/// Newest versions of workflows by id, runs by the month of their start, and the audit: hash `list`, range `listKey`.
pub(crate) const BY_LIST: &str = "byList";
/// Runs of a workflow: hash `workflowId`, range `listKey`.
pub(crate) const BY_WORKFLOW: &str = "byWorkflow";
/// Runs by status and month: hash `statusList`, range `listKey`.
pub(crate) const BY_STATUS: &str = "byStatus";
/// What has to be looked at again: hash `due`, range `dueAt`.
pub(crate) const BY_DUE: &str = "byDue";
/// Nodes that wait: hash `waiting`, range `waitUntil`.
pub(crate) const BY_WAITING: &str = "byWaiting";
/// Nodes of a run by their last change: hash `pk`, range `changedAt`.
pub(crate) const BY_CHANGE: &str = "byChange";

/// The list that the item is in.
pub(crate) const LIST: Attribute<String> = Attribute::new("list");
/// Its place in that list: a workflow's id, a run's id.
pub(crate) const LIST_KEY: Attribute<String> = Attribute::new("listKey");
/// A run's workflow. No other record has an attribute of this name: the index of a workflow's runs stands on it.
pub(crate) const WORKFLOW_ID: Attribute<String> = Attribute::new("workflowId");
/// The list of its status that a run is in.
pub(crate) const STATUS_LIST: Attribute<String> = Attribute::new("statusList");
/// The list of workflows.
pub(crate) const WORKFLOWS: &str = "WORKFLOWS";
/// The list of everything that was done.
pub(crate) const AUDIT_LIST: &str = "AUDIT";

/// A month (UTC), such as `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month that a time is in.
    pub(crate) fn of(at: Timestamp) -> Self {
        let date = day(at);
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The month of a run's start, which its id (a UUIDv7) tells; [`Error::NotFound`] for what is no run's id.
    pub(crate) fn of_run(id: &str) -> Result<Self, Error> {
        Uuid::try_parse(id)
            .ok()
            .and_then(|id| id.get_timestamp())
            .and_then(|at| {
                let (seconds, _) = at.to_unix();
                Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
            })
            .map(Self::of)
            .ok_or_else(|| Record::Run.not_found(id))
    }

    /// The month before.
    pub(crate) fn before(self) -> Self {
        match self.month {
            1 => Self {
                year: self.year - 1,
                month: 12,
            },
            month => Self {
                year: self.year,
                month: month - 1,
            },
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let month = text.split_once('-').and_then(|(year, month)| {
            let (year, month) = (year.parse().ok()?, month.parse().ok()?);
            Date::new(year, month, 1).ok()?;
            Some(Self { year, month })
        });
        month
            .filter(|month| month.to_string() == text)
            .ok_or(Error::BadCursor)
    }
}

/// The list of the runs that started in this month.
pub(crate) fn runs_of(month: Month) -> String {
    format!("RUNS#{month}")
}

/// The list of the runs that started in this month and have this status.
pub(crate) fn runs_that_are(status: &str, month: Month) -> String {
    format!("{status}#{month}")
}

/// The list of its month that a run is in; [`Error::NotFound`] for what is no run's id.
pub fn month_list(run: &str) -> Result<String, Error> {
    Ok(runs_of(Month::of_run(run)?))
}

/// The list of its month and of this status that a run is in; [`Error::NotFound`] for what is no run's id.
pub fn status_list(status: &str, run: &str) -> Result<String, Error> {
    Ok(runs_that_are(status, Month::of_run(run)?))
}

/// Months in which a run that is still kept may have started, the newest first. A resumed run may be kept longer than
/// `days`: one month more. A clock that is a little ahead may have put a run into the next month already.
pub(crate) fn months(now: Timestamp, days: i64) -> Vec<Month> {
    let newest = Month::of(now + SignedDuration::from_mins(5));
    let begin = now - SignedDuration::from_hours(24 * days);
    let oldest = Month::of(begin).before();
    let mut months = vec![newest];
    let mut month = newest;
    while month > oldest {
        month = month.before();
        months.push(month);
    }
    months
}

/// The retention's end as DynamoDB's time to live wants it: seconds since 1970.
pub(crate) const EXPIRES_AT: Attribute<i64> = Attribute::new("expiresAt");

#[cfg(test)]
mod tests {
    use super::*;

    const RUN_ID: &str = "019ab000-0000-7000-8000-000000000000";

    fn sorted(keys: Vec<Key>) {
        let mut by_sort_key = keys.clone();
        by_sort_key.sort();
        assert_eq!(keys, by_sort_key);
    }

    #[test]
    fn records_of_a_run_stand_in_the_order_that_readers_want() {
        // The longest path first, then by unit.
        sorted(vec![
            ready(RUN_ID, u16::MAX, "z"),
            ready(RUN_ID, 500, "b"),
            ready(RUN_ID, 12, "a"),
            ready(RUN_ID, 3, "a#000001"),
            ready(RUN_ID, 3, "b"),
            ready(RUN_ID, 0, "a"),
        ]);
        sorted((0..=40).map(|number| lane(RUN_ID, number)).collect());
        let items = [0, 1, 9, 10, 99_999, 100_000];
        let item = |index| unit(RUN_ID, &Unit::Item("n", index).to_string());
        sorted(items.map(item).to_vec());
        sorted(items.map(|chunk| done_items(RUN_ID, "n", chunk)).to_vec());
    }

    #[test]
    fn no_two_records_share_a_key() {
        let mut keys = vec![
            run(RUN_ID),
            body(RUN_ID),
            lane(RUN_ID, 1),
            needs(RUN_ID, "n"),
            outbox(RUN_ID, 1, "COSTS"),
            outbox(RUN_ID, 1, "CALLBACK"),
            outbox(RUN_ID, 2, "CALLBACK"),
            entered(RUN_ID),
            costs("day", 0, day(Timestamp::UNIX_EPOCH), ""),
            costs("model", 0, day(Timestamp::UNIX_EPOCH), ""),
            costs("model", 1, day(Timestamp::UNIX_EPOCH), ""),
            costs("model", 0, day(Timestamp::UNIX_EPOCH), "a#b"),
            delivery(RUN_ID, 1),
            delivery(RUN_ID, 2),
            callback_secret("w"),
            receiver("w"),
            identity("w", "a#b"),
            turn("w", "a"),
            workflow("w"),
            version("w", 1),
            webhook("w", "LATEST"),
            source("arn:aws:s3:::w"),
            var("w"),
            credential("w"),
            credential_name("w"),
            deleted_credential("w"),
            audit_row("w", Uuid::nil()),
            credential_user("w"),
            spend(&workflow_day("w", day(Timestamp::UNIX_EPOCH))),
            spend(&credential_day("w", day(Timestamp::UNIX_EPOCH))),
            model_list(),
            model_list_part("w", 1),
        ];
        for id in ["RUN", "BODY", "n", "n-1", "1"] {
            keys.push(unit(RUN_ID, id));
            for index in [0, 1, 200] {
                let item = Unit::Item(id, index).to_string();
                keys.push(unit(RUN_ID, &item));
                keys.push(done_items(RUN_ID, id, index));
                keys.push(ready(RUN_ID, 1, &item));
            }
            keys.push(ready(RUN_ID, 1, id));
            keys.push(ready(RUN_ID, 1, &Unit::Gathering(id).to_string()));
            keys.push(list(RUN_ID, id));
            keys.push(done_chunks(RUN_ID, id));
            keys.push(next_item(RUN_ID, id));
            keys.push(lane_of_list(RUN_ID, id, 1));
        }
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn only_the_record_of_a_unit_names_it() {
        let name = |key: Key| unit_recorded(&key.item()).unwrap();
        for id in ["a$b_c-d", "a#000003"] {
            assert_eq!(name(unit(RUN_ID, id)).as_deref(), Some(id));
        }
        for other in [
            run(RUN_ID),
            body(RUN_ID),
            list(RUN_ID, "a"),
            done_items(RUN_ID, "a", 0),
            next_item(RUN_ID, "a"),
            lane_of_list(RUN_ID, "a", 1),
            ready(RUN_ID, 0, "a"),
            needs(RUN_ID, "a"),
            lane(RUN_ID, 0),
            outbox(RUN_ID, 1, "COSTS"),
            entered(RUN_ID),
            delivery(RUN_ID, 1),
        ] {
            assert_eq!(name(other.clone()), None, "{other:?}");
            assert_eq!(run_of(&other.item()).unwrap(), RUN_ID);
        }
    }

    #[test]
    fn a_runs_month_is_told_by_its_id() {
        let id = "0199f5d6-8c00-7000-8000-000000000000";
        assert_eq!(Month::of_run(id).unwrap().to_string(), "2025-10");
        for none in ["", "run", "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
            assert!(matches!(Month::of_run(none), Err(Error::NotFound { .. })));
        }
    }

    #[test]
    fn months_go_back_to_the_one_before_the_retention_began() {
        let now: Timestamp = "2026-02-03T00:00:00Z".parse().unwrap();
        let list = |days| -> Vec<String> {
            let months = months(now, days);
            months.iter().map(ToString::to_string).collect()
        };
        assert_eq!(list(1), ["2026-02", "2026-01"]);
        assert_eq!(list(40), ["2026-02", "2026-01", "2025-12", "2025-11"]);
        let eve: Timestamp = "2026-02-28T23:58:00Z".parse().unwrap();
        assert_eq!(months(eve, 1)[0].to_string(), "2026-03");
        for wrong in ["", "2026", "2026-13", "2026-1", "x-01"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
        assert_eq!("2026-02".parse::<Month>().unwrap(), Month::of(now));
    }
}
