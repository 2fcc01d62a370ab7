//! What is kept of a run while somebody watches it: until when that is, and pieces of the texts that its models write.
//! All of it expires after an hour.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::keys::{self, EXPIRES_AT};
use crate::lane::{Lanes, lists_of};
use crate::node::ItemCounts;
use crate::run::record::{self as run, LiveHead, Run};
use crate::table::item::kept_as_word;
use crate::table::key::{PK, SK};
use crate::table::{Attribute, Item, Put, Query, Table};
use crate::{Error, Record};

/// How long these items are kept.
const KEPT: Duration = Duration::from_secs(3600);

/// Which of an attempt's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PieceKind {
    /// What the model thinks before it answers.
    Reasoning,
    /// The answer.
    Text,
}

impl PieceKind {
    /// The word as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reasoning => "reasoning",
            Self::Text => "text",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Reasoning, Self::Text]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

kept_as_word!(PieceKind);

/// A piece of a text that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The node whose text it is.
    pub node: String,
    /// The number of its attempt, from 1.
    pub attempt: usize,
    /// Which of the attempt's texts.
    pub kind: PieceKind,
    /// Where it begins: bytes of the whole text (UTF-8).
    pub from: u64,
    /// The piece.
    pub text: String,
}

const WATCHED_UNTIL: Attribute<Timestamp> = Attribute::new("watchedUntil");
const NODE: Attribute<String> = Attribute::new("node");
const ATTEMPT: Attribute<usize> = Attribute::new("attempt");
const KIND: Attribute<PieceKind> = Attribute::new("kind");
const FROM: Attribute<u64> = Attribute::new("from");
const TEXT: Attribute<String> = Attribute::new("text");

/// What is kept of runs while somebody watches them.
#[derive(Debug, Clone)]
pub struct Live(pub(crate) Table);

impl Live {
    /// The run's head, and until when somebody watches it; or [`Error::NotFound`]. One read of two small items.
    pub async fn head(&self, run_id: &str) -> Result<(LiveHead, Option<Timestamp>), Error> {
        let keys = [keys::run(run_id), keys::watch(run_id)];
        let items = self.0.get_many(&keys).await?;
        let [head, _] = keys;
        let is_head = |item: &&Item| SK.get(item).is_ok_and(|sk| sk == head.sk);
        let item = items.iter().find(is_head);
        let item = item.ok_or_else(|| Record::Run.not_found(run_id))?;
        Ok((run::live_head(item)?, watched_until(&items)?))
    }

    /// Notes that somebody watches the run until then.
    pub async fn watch(&self, run_id: &str, until: Timestamp) -> Result<(), Error> {
        let put = Put::of(keys::watch(run_id))
            .set(WATCHED_UNTIL, until)
            .set(EXPIRES_AT, (until + KEPT).as_second());
        self.0.write(put).await?;
        Ok(())
    }

    /// Adds a piece.
    pub async fn tell(&self, run_id: &str, piece: &Piece, now: Timestamp) -> Result<(), Error> {
        let name = format!(
            "{}#{}#{}#{}",
            piece.node,
            piece.attempt,
            piece.kind.as_str(),
            piece.from
        );
        let put = Put::of(keys::piece(run_id, now, &name))
            .set(NODE, &piece.node)
            .set(ATTEMPT, piece.attempt)
            .set(KIND, piece.kind)
            .set(FROM, piece.from)
            .set(TEXT, &piece.text)
            .set(EXPIRES_AT, (now + KEPT).as_second());
        self.0.write(put).await?;
        Ok(())
    }

    /// The pieces that were added from this time on, by their writers' clocks, in that order.
    pub async fn pieces(&self, run_id: &str, since: Timestamp) -> Result<Vec<Piece>, Error> {
        let from = keys::pieces_since(run_id, since);
        let query = || Query::of(PK.is(&from.pk).and(SK.is_at_least(&from.sk)));
        let items = self.0.all(query).await?;
        let mut pieces = Vec::with_capacity(items.len());
        for item in &items {
            if keys::is_piece(item)? {
                pieces.push(piece(item)?);
            }
        }
        Ok(pieces)
    }

    /// The run, with its texts and with what it has used and cost so far, but without its nodes; or [`Error::NotFound`].
    pub async fn run(&self, run_id: &str) -> Result<Run, Error> {
        let keys = [keys::run(run_id), keys::body(run_id)];
        let mut items = self.0.get_many(&keys).await?;
        items.extend(Lanes(self.0.clone()).items(run_id).await?);
        run::read(&self.0, run_id, &items, None).await
    }

    /// How the items of the run's lists stand, and what they cost (USD), by the lists' nodes.
    pub async fn lists(
        &self,
        run_id: &str,
    ) -> Result<BTreeMap<String, (ItemCounts, Decimal)>, Error> {
        lists_of(&Lanes(self.0.clone()).items(run_id).await?)
    }

    /// What the run has cost so far, USD, as exactly as its lanes tell.
    pub async fn cost_usd(&self, run_id: &str) -> Result<Decimal, Error> {
        let head = self.0.get(keys::run(run_id)).await?;
        let head = head.ok_or_else(|| Record::Run.not_found(run_id))?;
        let lanes = Lanes(self.0.clone()).items(run_id).await?;
        Ok(run::totals(&head, &lanes)?.cost_usd)
    }
}

/// Until when somebody watches the run, where that is among its items.
pub(crate) fn watched_until(items: &[Item]) -> Result<Option<Timestamp>, Error> {
    for item in items {
        if let Some(until) = WATCHED_UNTIL.find(item)? {
            return Ok(Some(until));
        }
    }
    Ok(None)
}

fn piece(item: &Item) -> Result<Piece, Error> {
    Ok(Piece {
        node: NODE.get(item)?,
        attempt: ATTEMPT.get(item)?,
        kind: KIND.get(item)?,
        from: FROM.get(item)?,
        text: TEXT.get(item)?,
    })
}
