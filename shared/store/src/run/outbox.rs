//! The outbox: what is to be done because a take of a run has ended. An entry is written in the write that ends the run, and
//! removed once it is done. Until then the sweep finds it.

use jiff::{SignedDuration, Timestamp};

use crate::Error;
use crate::due::{DUE, DUE_AT, Due};
use crate::keys::{self, EXPIRES_AT};
use crate::run::record::{
    CALLBACK_URL, ERROR, MAX_RUNS, ON_FAILURE, RunError, RunStatus, STATUS, UNKEPT_FROM,
};
use crate::table::key::PK;
use crate::table::{Attribute, Change, Delete, Item, Put, Table};

/// What the end of a take asks for. `finish-run` has the one place where each of these is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FollowUp {
    /// What the run cost is entered into the costs by day. Where it did not succeed, nodes whose calls may have a cost that is
    /// not recorded are made due to be asked for.
    Costs,
    /// The ended run is queued to be posted to its callback address.
    Callback,
    /// The workflow is started that the document names in `onFailure`.
    FailureRun,
    /// The event is sent that the document asks for in `onFailure`.
    FailureEvent,
    /// The run's place at its workflow's gate is given back, and runs that wait are started.
    Room,
    /// The run's texts are erased, which are not to be kept.
    Texts,
}

impl FollowUp {
    const ALL: [Self; 6] = [
        Self::Costs,
        Self::Callback,
        Self::FailureRun,
        Self::FailureEvent,
        Self::Room,
        Self::Texts,
    ];

    /// The word as it stands in the key of an entry. Entries of a take are done in the order of these words: the texts go last.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Costs => "COSTS",
            Self::Callback => "CALLBACK",
            Self::FailureRun => "FAILURE_RUN",
            Self::FailureEvent => "FAILURE_EVENT",
            Self::Room => "ROOM",
            Self::Texts => "TEXTS",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// An entry of the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEntry {
    /// The run.
    pub run_id: String,
    /// The take of the run that has ended.
    pub take: u32,
    /// What is to be done.
    pub follow_up: FollowUp,
    /// How the take ended.
    pub status: RunStatus,
    /// Why, where it did not succeed.
    pub error: Option<RunError>,
    /// When the take ended.
    pub since: Timestamp,
    due_at: Timestamp,
}

impl OutboxEntry {
    /// Whether it is time to do it, or to try it again.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }
}

/// When the take ended.
const SINCE: Attribute<Timestamp> = Attribute::new("since");

/// After so long the sweep takes up what whoever ended the run has not done.
const FIRST_SWEPT: SignedDuration = SignedDuration::from_secs(60);

/// The outboxes of runs.
#[derive(Debug, Clone)]
pub struct Outbox(pub(crate) Table);

impl Outbox {
    /// What is to be done for the run, the earliest take first.
    pub async fn list(&self, run_id: &str) -> Result<Vec<OutboxEntry>, Error> {
        let items = self.0.all_under(&keys::all_outbox(run_id)).await?;
        let mut entries = Vec::with_capacity(items.len());
        for item in &items {
            let Some((take, word)) = keys::outbox_of(item)? else {
                continue;
            };
            let Some(follow_up) = FollowUp::parse(&word) else {
                // A later release has written it, and will do it.
                tracing::warn!(run = run_id, word, "unknown in the outbox");
                continue;
            };
            entries.push(OutboxEntry {
                run_id: run_id.to_owned(),
                take,
                follow_up,
                status: STATUS.get(item)?,
                error: ERROR.find(item)?,
                since: SINCE.get(item)?,
                due_at: DUE_AT.get(item)?,
            });
        }
        Ok(entries)
    }

    /// It is done: removes it.
    pub async fn done(&self, entry: &OutboxEntry) -> Result<(), Error> {
        self.0.write(Delete::of(key(entry))).await?;
        Ok(())
    }

    /// Makes it due again at this time. Changes nothing where it is done.
    pub async fn again(&self, entry: &OutboxEntry, at: Timestamp) -> Result<(), Error> {
        let change = Change::of(key(entry)).when(PK.exists()).set(DUE_AT, at);
        self.0.write(change).await?;
        Ok(())
    }
}

fn key(entry: &OutboxEntry) -> keys::Key {
    keys::outbox(&entry.run_id, entry.take, entry.follow_up.as_str())
}

/// How a take ended, as its entries keep it.
pub(super) struct TakeEnded<'a> {
    pub(super) run_id: &'a str,
    pub(super) take: u32,
    pub(super) status: RunStatus,
    pub(super) error: Option<&'a RunError>,
    pub(super) at: Timestamp,
    pub(super) expires: i64,
}

/// The write of an entry. It stands in the transaction that ends the run.
pub(super) fn entry(ended: &TakeEnded<'_>, follow_up: FollowUp) -> Put {
    Put::of(keys::outbox(ended.run_id, ended.take, follow_up.as_str()))
        .set(STATUS, ended.status)
        .set_some(ERROR, ended.error)
        .set(SINCE, ended.at)
        .set(DUE, Due::End)
        .set(DUE_AT, Timestamp::now() + FIRST_SWEPT)
        .set(EXPIRES_AT, ended.expires)
}

/// What the end of a run with this head asks for.
pub(super) fn follow_ups(head: &Item, status: RunStatus) -> Result<Vec<FollowUp>, Error> {
    let mut asked = vec![FollowUp::Costs];
    if CALLBACK_URL.find(head)?.is_some() {
        asked.push(FollowUp::Callback);
    }
    if matches!(status, RunStatus::Failed | RunStatus::TimedOut)
        && let Some(on_failure) = ON_FAILURE.find(head)?
    {
        if on_failure.workflow.is_some() {
            asked.push(FollowUp::FailureRun);
        }
        if on_failure.event {
            asked.push(FollowUp::FailureEvent);
        }
    }
    if MAX_RUNS.find(head)?.is_some() {
        asked.push(FollowUp::Room);
    }
    if UNKEPT_FROM.find(head)?.is_some() {
        asked.push(FollowUp::Texts);
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::OnFailure;
    use crate::table::item::Kept;

    fn head(callback: bool, on_failure: Option<OnFailure>) -> Item {
        let mut head = Item::new();
        if callback {
            let url = "https://example.com".to_owned().write().unwrap();
            head.insert(CALLBACK_URL.name().to_owned(), url);
        }
        if let Some(on_failure) = on_failure {
            let kept = on_failure.write().unwrap();
            head.insert(ON_FAILURE.name().to_owned(), kept);
        }
        head
    }

    #[test]
    fn an_end_asks_for_what_the_run_wants_and_no_more() {
        use FollowUp::{Callback, Costs, FailureEvent, FailureRun};
        let both = || {
            Some(OnFailure {
                workflow: Some("tell".to_owned()),
                event: true,
            })
        };
        let event = Some(OnFailure {
            workflow: None,
            event: true,
        });
        for (head, status, asked) in [
            (head(false, None), RunStatus::Succeeded, vec![Costs]),
            (
                head(true, both()),
                RunStatus::Succeeded,
                vec![Costs, Callback],
            ),
            (head(false, None), RunStatus::Failed, vec![Costs]),
            (
                head(true, both()),
                RunStatus::TimedOut,
                vec![Costs, Callback, FailureRun, FailureEvent],
            ),
            (
                head(false, event),
                RunStatus::Failed,
                vec![Costs, FailureEvent],
            ),
            // Who cancels a run knows that it ends.
            (
                head(true, both()),
                RunStatus::Aborted,
                vec![Costs, Callback],
            ),
        ] {
            assert_eq!(follow_ups(&head, status).unwrap(), asked, "{head:?}");
        }
    }

    #[test]
    fn the_end_of_a_run_with_a_gate_and_without_kept_texts_asks_for_both_last() {
        let mut head = head(true, None);
        head.insert(MAX_RUNS.name().to_owned(), 2_u32.write().unwrap());
        let from = Timestamp::UNIX_EPOCH.write().unwrap();
        head.insert(UNKEPT_FROM.name().to_owned(), from);
        for status in [RunStatus::Succeeded, RunStatus::Aborted] {
            let asked = follow_ups(&head, status).unwrap();
            assert!(asked.ends_with(&[FollowUp::Room, FollowUp::Texts]));
        }
    }

    #[test]
    fn the_texts_go_last() {
        let mut words = FollowUp::ALL.map(FollowUp::as_str);
        words.sort_unstable();
        assert_eq!(words.last(), Some(&FollowUp::Texts.as_str()));
    }

    #[test]
    fn a_word_reads_back() {
        for one in FollowUp::ALL {
            assert_eq!(FollowUp::parse(one.as_str()), Some(one));
        }
        assert_eq!(FollowUp::parse("OTHER"), None);
    }
}
