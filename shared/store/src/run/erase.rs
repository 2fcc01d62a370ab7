//! The texts of a run go: input, prompts, answers, the words of failures, and its objects in the bucket. What it cost and
//! used, its times and its statuses stay.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};

use crate::due::{DUE, DUE_AT, Due};
use crate::keys;
use crate::node::{VALUE, at_work_since, without_texts, without_words};
use crate::run::record::{
    CALLBACK_URL, DEFINITION, ENDED_AT, ERASED_AT, ERROR, INPUT, RunError, RunStatus, Runs, STATUS,
    TRIGGER_CONTEXT, UNKEPT_FROM, VARS, WARNINGS,
};
use crate::table::key::{Key, PK, SK};
use crate::table::texts::pack;
use crate::table::{Change, Delete, Item, Put, Query};
use crate::{Error, Record};

/// For how long a function that has taken a node may still write its answer.
const AT_WORK: SignedDuration = SignedDuration::from_mins(16);

/// For how long after its end the texts of a run are kept that is to be posted: the post is tried again for some two hours.
const POSTED_WITHIN: SignedDuration = SignedDuration::from_hours(3);

/// The answer to [`Runs::erase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// The run has no texts any more.
    Done,
    /// It has not ended: nothing is erased.
    GoesOn(RunStatus),
    /// Nothing is erased before this time: a function may still write an answer of it.
    NotBefore(Timestamp),
}

impl Runs {
    /// Erases the run's texts. `ledger` makes of the document that the run was started with one that names the same nodes and
    /// has none of its texts. It can be done again, and after a part of it has failed.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] where the run is resumed at the same moment.
    pub async fn erase(
        &self,
        id: &str,
        now: Timestamp,
        ledger: impl Fn(&str) -> String,
    ) -> Result<Erased, Error> {
        let pk = keys::run(id).pk;
        let items = self.0.all(|| Query::of(PK.is(&pk))).await?;
        let find = |key: keys::Key| items.iter().find(|item| keys::is_at(item, &key));
        let (head, body) = (find(keys::run(id)), find(keys::body(id)));
        let (Some(head), Some(body)) = (head, body) else {
            return Err(Record::Run.not_found(id));
        };
        let status = STATUS.get(head)?;
        if !status.has_ended() {
            return Ok(Erased::GoesOn(status));
        }
        let mut at_work = None;
        for item in &items {
            at_work = at_work.max(at_work_since(item)?);
        }
        if let Some(since) = at_work
            && since + AT_WORK > now
        {
            return Ok(Erased::NotBefore(since + AT_WORK));
        }
        // The head first: from then on the run is neither resumed nor repeated.
        let change = Change::of(keys::run(id))
            .when(STATUS.is(status))
            .set_once(ERASED_AT, now)
            .remove(CALLBACK_URL);
        let change = match ERROR.find(head)? {
            Some(error) => change.set(
                ERROR,
                RunError {
                    problem: without_words(error.problem),
                    ..error
                },
            ),
            None => change,
        };
        if !self.0.write(change).await? {
            // It was resumed at this moment.
            return Err(Record::Run.conflict(id));
        }
        let kept = DEFINITION.get(body)?;
        let definition = self.0.texts().fetch(&kept, DEFINITION).await?;
        let change = Change::of(keys::body(id))
            .when(PK.exists())
            .set(DEFINITION, packed(&ledger(&definition))?)
            .set(INPUT, packed("{}")?)
            .set(TRIGGER_CONTEXT, packed("{}")?)
            .remove(VARS)
            .remove(WARNINGS);
        self.0.write(change).await?;
        for item in &items {
            if let Some(change) = told_without_words(item)? {
                self.0.write(change).await?;
            }
            if let Some(change) = without_texts(item)? {
                self.0.write(change).await?;
            }
            if keys::message_of(item)?.is_some() {
                let key = Key::new(PK.get(item)?, SK.get(item)?);
                let change = Change::of(key).when(PK.exists()).remove(VALUE);
                self.0.write(change).await?;
            }
        }
        for item in self.0.all(|| Query::of(keys::live(id))).await? {
            let key = Key::new(PK.get(&item)?, SK.get(&item)?);
            self.0.write(Delete::of(key)).await?;
        }
        self.0.texts().delete_all(&keys::objects(id)).await?;
        Ok(Erased::Done)
    }

    /// What is to be done with the texts of a run that has ended: `None` where they are kept, or the run goes on; else from
    /// when on nobody wants them any more.
    pub async fn unkept_from(&self, id: &str) -> Result<Option<Timestamp>, Error> {
        let head = self.0.get(keys::run(id)).await?.unwrap_or_default();
        let (Some(waits), Some(ended)) = (UNKEPT_FROM.find(&head)?, ENDED_AT.find(&head)?) else {
            return Ok(None);
        };
        let is_posted = CALLBACK_URL.find(&head)?.is_some();
        let posted = if is_posted {
            ended + POSTED_WITHIN
        } else {
            ended
        };
        Ok(Some(waits.max(posted)))
    }

    /// Lets the texts of a run that are not to be kept be looked at then. Changes nothing where they are gone.
    pub async fn erase_later(&self, id: &str, at: Timestamp) -> Result<(), Error> {
        let change = Change::of(keys::texts(id))
            .when(PK.exists())
            .set(DUE_AT, at);
        self.0.write(change).await?;
        Ok(())
    }

    /// Nothing has to be erased any more.
    pub async fn erased(&self, id: &str) -> Result<(), Error> {
        self.0.write(Delete::of(keys::texts(id))).await?;
        Ok(())
    }
}

/// The change that takes the words out of an entry of the outbox that is not done; `None` for another item.
fn told_without_words(item: &Item) -> Result<Option<Change>, Error> {
    if keys::outbox_of(item)?.is_none() {
        return Ok(None);
    }
    let Some(error) = ERROR.find(item)? else {
        return Ok(None);
    };
    let error = RunError {
        problem: without_words(error.problem),
        ..error
    };
    let key = Key::new(PK.get(item)?, SK.get(item)?);
    Ok(Some(Change::of(key).when(PK.exists()).set(ERROR, &error)))
}

/// The record that the texts of a run are not to be kept. They are looked at after its deadline, where its end was not
/// heard of before.
pub(super) fn planned(id: &str, deadline: Timestamp) -> Put {
    Put::of(keys::texts(id))
        .set(DUE, Due::Texts)
        .set(DUE_AT, deadline + AT_WORK)
}

fn packed(text: &str) -> Result<AttributeValue, Error> {
    Ok(AttributeValue::B(Blob::new(pack(text.as_bytes())?)))
}
