//! What a run has cost is entered into the rows: as much as is new since it was entered last.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use crate::costs::entered::{Amount, Amounts, Place};
use crate::costs::record::{Costs, CostsBy, KEPT_DAYS, UNKNOWN, USD};
use crate::due::{DUE, DUE_AT, Due, costs_change};
use crate::keys::{self, EXPIRES_AT, Key, WORKFLOW_ID};
use crate::node::{Nodes, TriedUnit};
use crate::run::RunStatus;
use crate::run::record::{ENDED_AT, STARTED_BY, STATUS};
use crate::table::texts::{pack, unpack};
use crate::table::{Attribute, Change, Item, Transacted, Write};
use crate::{Error, Record};

/// What of the run stands in the rows.
const ENTRIES: Attribute<AttributeValue> = Attribute::new("entries");
/// How many times something was entered.
const TURN: Attribute<u32> = Attribute::new("turn");

/// For how much longer than the run the record of what was entered is kept: the table drops what has expired within days.
const KEPT_LONGER: i64 = 7 * 24 * 60 * 60;

/// Most rows of one transaction. DynamoDB allows 100 writes.
const MOST_ROWS: usize = 90;

/// How often it is tried where others enter the same run at the same moment.
const TRIES: u32 = 20;

/// So long after the end of a run, no function has a node of it in its hands: none is longer at work.
const AT_WORK: SignedDuration = SignedDuration::from_mins(16);

/// How long after the end of a lease its node is looked at.
const AFTER_LEASE: SignedDuration = SignedDuration::from_secs(60);

impl Costs {
    /// Enters what the run has cost since it was entered last. It can be done again, and while the run goes on. Gives when it
    /// has to be done once more, because functions may still be at work on nodes of a run that did not succeed. Does nothing
    /// where there is no such run any more.
    pub async fn enter(&self, run_id: &str, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        for _ in 0..TRIES {
            let Some(head) = self.0.get(keys::run(run_id)).await? else {
                return Ok(None);
            };
            // Before the attempts: what is written meanwhile is found the next time.
            let before = Entered::of(self.0.get(keys::entered(run_id)).await?)?;
            let units = Nodes(self.0.clone()).tried(run_id).await?;
            if self.enter_units(run_id, &head, before, &units).await? {
                return look_again(&head, &units, now);
            }
        }
        Err(Record::Run.conflict(run_id))
    }

    /// `false` where somebody else has entered something of the run meanwhile.
    async fn enter_units(
        &self,
        run_id: &str,
        head: &Item,
        before: Entered,
        units: &[TriedUnit],
    ) -> Result<bool, Error> {
        let of = OfRun {
            shard: keys::cost_shard(run_id),
            workflow: WORKFLOW_ID.get(head)?,
            started_by: STARTED_BY.find(head)?.unwrap_or_default(),
        };
        let kept_until = EXPIRES_AT
            .find(head)?
            .unwrap_or_else(|| self.0.expires(Timestamp::now()));
        let mut entered = before;
        let new = Amounts::of(units).since(&entered.amounts);
        let mut rows = Rows::default();
        let mut left = new.iter().peekable();
        while let Some((place, amount)) = left.next() {
            entered.amounts.add(place.clone(), amount);
            of.add_to(&mut rows, place, amount);
            if left.peek().is_some() && rows.0.len() + CostsBy::ALL.len() <= MOST_ROWS {
                continue;
            }
            let record = entered.next(run_id, kept_until + KEPT_LONGER)?;
            let writes = [record]
                .into_iter()
                .chain(std::mem::take(&mut rows).writes());
            match self.0.transact(writes).await? {
                Transacted::Done => entered.turn += 1,
                Transacted::Refused { .. } => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Lets the run's costs be entered by the next sweep: something has come late.
    pub async fn has_come_late(&self, run_id: &str, at: Timestamp) -> Result<(), Error> {
        self.0.write(costs_change(&self.0, run_id, at)).await?;
        Ok(())
    }

    /// Lets the run's costs be looked at again then. Changes nothing where they are looked at anyway.
    pub async fn look_again(&self, run_id: &str, at: Timestamp) -> Result<(), Error> {
        let change = Change::of(keys::entered(run_id))
            .when(DUE.missing())
            .set(DUE, Due::Unsettled)
            .set(DUE_AT, at)
            .set_once(EXPIRES_AT, self.0.expires(at));
        self.0.write(change).await?;
        Ok(())
    }
}

/// What of a run was entered, as it was read.
struct Entered {
    amounts: Amounts,
    turn: u32,
}

impl Entered {
    fn of(item: Option<Item>) -> Result<Self, Error> {
        let item = item.unwrap_or_default();
        let amounts = match ENTRIES.find(&item)? {
            Some(AttributeValue::B(packed)) => {
                Amounts::from_text(&unpack(packed.as_ref(), ENTRIES.name())?)?
            }
            _ => Amounts::default(),
        };
        Ok(Self {
            amounts,
            turn: TURN.find(&item)?.unwrap_or_default(),
        })
    }

    /// The write of the amounts, as far as nobody else has entered anything since the last.
    fn next(&self, run_id: &str, expires: i64) -> Result<Write, Error> {
        let as_seen = match self.turn {
            0 => TURN.missing(),
            turn => TURN.is(turn),
        };
        let packed = pack(self.amounts.to_text()?.as_bytes())?;
        let change = Change::of(keys::entered(run_id))
            .when(as_seen)
            .set(ENTRIES, AttributeValue::B(Blob::new(packed)))
            .set(TURN, self.turn + 1)
            .set(EXPIRES_AT, expires);
        Ok(change.into())
    }
}

/// What all attempts of a run have in common.
struct OfRun {
    shard: u8,
    workflow: String,
    started_by: String,
}

impl OfRun {
    /// Adds the amount to the row of each grouping.
    fn add_to(&self, rows: &mut Rows, place: &Place, amount: Amount) {
        for by in CostsBy::ALL {
            let part = match by {
                CostsBy::Day => "",
                CostsBy::Workflow => &self.workflow,
                CostsBy::Model => &place.model,
                CostsBy::Credential => &place.credential,
                CostsBy::Node => &format!("{}#{}", self.workflow, place.node),
                CostsBy::User => &self.started_by,
            };
            let key = keys::costs(by.as_str(), self.shard, place.day, part);
            let row = rows.0.entry(key).or_default();
            row.amount = row.amount.plus(amount);
            let day = place.day.to_string();
            let midnight: Option<Timestamp> = format!("{day}T00:00:00Z").parse().ok();
            row.expires = midnight.map_or(0, |midnight| midnight.as_second()) + KEPT_SECONDS;
        }
    }
}

const KEPT_SECONDS: i64 = KEPT_DAYS * 24 * 60 * 60;

/// What is added to rows.
#[derive(Default)]
struct Rows(BTreeMap<Key, Added>);

#[derive(Default)]
struct Added {
    amount: Amount,
    expires: i64,
}

impl Rows {
    fn writes(self) -> impl Iterator<Item = Write> {
        // What one place gains another one may lose.
        let changed = self
            .0
            .into_iter()
            .filter(|(_, row)| !row.amount.is_nothing());
        changed.map(|(key, row)| {
            Change::of(key)
                .add(USD, row.amount.usd)
                .add(UNKNOWN, row.amount.unknown)
                .set_once(EXPIRES_AT, row.expires)
                .into()
        })
    }
}

/// When the costs of a run with this head have to be looked at again.
fn look_again(
    head: &Item,
    units: &[TriedUnit],
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let status = STATUS.get(head)?;
    // The end of one that goes on comes yet, and of one that succeeded every node is done.
    if !status.has_ended() || status == RunStatus::Succeeded {
        return Ok(None);
    }
    let last = ENDED_AT.find(head)?.unwrap_or(now) + AT_WORK;
    if last <= now {
        return Ok(None);
    }
    let held = units
        .iter()
        .filter(|unit| unit.attempts.iter().any(|one| one.ended_at.is_none()))
        .filter_map(|unit| unit.lease_until)
        .filter(|until| *until > now)
        .map(|until| until + AFTER_LEASE);
    Ok(held.chain([last]).min())
}
