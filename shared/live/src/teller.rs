//! Events made of records: compares how nodes stand with what a reader knows, and tells the difference. No clock, no AWS.
//!
//! Everything goes forward only: an attempt after the one before, WAITING after RUNNING, the end after both. So records that
//! come late, twice or out of order change nothing. A piece of text is told only where it continues what was told, with the
//! overlap cut off; and before a node is told as SUCCEEDED, what is missing of its texts is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rust_decimal::Decimal;
use steps_store::{LiveHead, NodeRow, NodeStatus, Piece, PieceKind, Unit};

use crate::cursor::{Cursor, Seen, Told, View};
use crate::event::{
    Event, ItemStands, ItemsInView, News, NodeStands, NodesStand, RunBegins, RunEnds, TextKind,
    TextPiece, attempt_of,
};
use crate::window::Window;

/// Most bytes of text in one event.
pub const MOST_TEXT: usize = 16_384;

/// About so many bytes of nodes are told in one event.
const MOST_NODES: usize = 200_000;

/// The ids of a run's nodes, in the document's order.
#[derive(Debug)]
pub struct Plan {
    ids: Vec<String>,
    places: HashMap<String, usize>,
}

impl Plan {
    /// A plan of these nodes.
    pub fn new(ids: Vec<String>) -> Self {
        let places = ids
            .iter()
            .enumerate()
            .map(|(place, id)| (id.clone(), place));
        Self {
            places: places.collect(),
            ids,
        }
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}

/// The texts of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// What the model thought.
    pub reasoning: String,
    /// The answer.
    pub text: String,
}

/// One reader of one run.
#[derive(Debug)]
pub struct Teller {
    run_id: String,
    plan: Arc<Plan>,
    cursor: Cursor,
    /// Whether items are in view of which nothing was read yet.
    view_is_new: bool,
    news: Vec<News>,
}

/// How far a node has come, by its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Runs(usize),
    Lists(u32, u32),
    Waits(usize),
    Ended,
}

impl Stand {
    fn of(row: &NodeRow) -> Option<Self> {
        if let Some(items) = row.items.as_ref().filter(|_| row.is_open()) {
            return Some(Self::Lists(items.done, items.failed));
        }
        match row.status {
            NodeStatus::Pending => None,
            NodeStatus::Running => Some(Self::Runs(row.tried)),
            NodeStatus::Waiting => Some(Self::Waits(row.tried)),
            NodeStatus::Succeeded | NodeStatus::Failed | NodeStatus::Skipped => Some(Self::Ended),
        }
    }

    /// Whether a reader that knows this much does not know it yet.
    fn is_new_to(self, seen: Seen) -> bool {
        match (seen, self) {
            (Seen::Ended, _) => false,
            (_, Self::Ended) | (Seen::Nothing, _) => true,
            (Seen::Answered(..), _) => false,
            (Seen::Lists(done, failed), Self::Lists(now_done, now_failed)) => {
                (now_done, now_failed) != (done, failed) && now_done >= done && now_failed >= failed
            }
            (Seen::Lists(..), _) => false,
            (Seen::Runs(..) | Seen::Waits(_), Self::Lists(..)) => true,
            (Seen::Runs(known, _), Self::Waits(now)) => now >= known,
            (Seen::Runs(known, _), Self::Runs(now))
            | (Seen::Waits(known), Self::Runs(now) | Self::Waits(now)) => now > known,
        }
    }
}

impl Teller {
    /// A reader that knows what the `after` of an earlier one says. `None` where that says nothing of this take of the run.
    pub fn resume(run_id: &str, plan: &Arc<Plan>, take: u32, after: &str) -> Option<Self> {
        let cursor = Cursor::decode(after, run_id, plan.len())?;
        (cursor.take == take).then(|| Self::with(run_id, plan, cursor))
    }

    /// A reader that knows nothing. The texts of nodes that ended before `began` (milliseconds since 1970) are not told.
    pub fn begin(run_id: &str, plan: &Arc<Plan>, began: u64, head: &LiveHead) -> Self {
        let mut teller = Self::with(run_id, plan, Cursor::new(head.execution, began));
        teller.tell(Event::Run(RunBegins::of(run_id, head, plan.len())));
        teller
    }

    fn with(run_id: &str, plan: &Arc<Plan>, cursor: Cursor) -> Self {
        Self {
            run_id: run_id.to_owned(),
            plan: Arc::clone(plan),
            cursor,
            view_is_new: false,
            news: Vec::new(),
        }
    }

    /// What there is to tell since this was asked last.
    pub fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// What is known after everything that was told.
    pub fn id(&self) -> String {
        self.cursor.encode(&self.run_id)
    }

    /// The take of the run that it is about.
    pub fn take(&self) -> u32 {
        self.cursor.take
    }

    /// Whether the run's end was told.
    pub fn has_ended(&self) -> bool {
        self.cursor.ended
    }

    /// Whether anything was told of a node.
    pub fn knows_nodes(&self) -> bool {
        let mut places = 0..self.plan.len();
        places.any(|place| self.cursor.of(place) != Seen::default())
    }

    /// Whether a node runs, as far as was told.
    pub fn anything_runs(&self) -> bool {
        self.cursor
            .nodes
            .iter()
            .any(|seen| matches!(seen, Seen::Runs(..) | Seen::Answered(..)))
    }

    /// Whether a node waits, as far as was told.
    pub fn anything_waits(&self) -> bool {
        self.cursor
            .nodes
            .iter()
            .any(|seen| matches!(seen, Seen::Waits(_)))
    }

    /// Lets the reader see these items, or none. What it knows of the same items stays known; of others nothing is. `false`
    /// where the run has no such node.
    pub fn view(&mut self, window: Option<&Window>) -> bool {
        let Some(window) = window else {
            self.cursor.view = None;
            return true;
        };
        let Some(&place) = self.plan.places.get(&window.node) else {
            return false;
        };
        let count = window.count as usize;
        let same =
            |view: &View| (view.place, view.from, view.items.len()) == (place, window.from, count);
        if !self.cursor.view.as_ref().is_some_and(same) {
            self.view_is_new = true;
            self.cursor.view = Some(View {
                place,
                from: window.from,
                items: vec![Seen::Nothing; count],
            });
        }
        true
    }

    /// The items in view whose end was not told yet, as units. None once their node has ended: they ended before it.
    pub fn in_view(&self) -> Vec<String> {
        let Some(view) = &self.cursor.view else {
            return Vec::new();
        };
        let Some(node) = self.plan.ids.get(view.place) else {
            return Vec::new();
        };
        if self.cursor.of(view.place) == Seen::Ended && !self.view_is_new {
            return Vec::new();
        }
        let items = (view.from..=u32::MAX).zip(&view.items);
        items
            .filter(|(_, seen)| **seen != Seen::Ended)
            .map(|(index, _)| Unit::Item(node, index).to_string())
            .collect()
    }

    /// Takes in how items in view stand, and tells what is new of them.
    pub fn hear_items(&mut self, rows: &[NodeRow]) {
        self.view_is_new = false;
        let take = self.cursor.take;
        let Some(view) = &mut self.cursor.view else {
            return;
        };
        let node = self.plan.ids.get(view.place).cloned().unwrap_or_default();
        let mut items = Vec::new();
        for row in rows.iter().filter(|row| !row.is_of_before(take)) {
            let Unit::Item(of, index) = Unit::of(&row.id) else {
                continue;
            };
            let slot = index.checked_sub(view.from).map(|slot| slot as usize);
            let Some(seen) = slot.and_then(|slot| view.items.get_mut(slot)) else {
                continue;
            };
            let Some(stand) = Stand::of(row).filter(|stand| of == node && stand.is_new_to(*seen))
            else {
                continue;
            };
            *seen = match stand {
                Stand::Runs(attempt) => Seen::Runs(attempt, Told::default()),
                Stand::Waits(attempt) => Seen::Waits(attempt),
                Stand::Lists(..) | Stand::Ended => Seen::Ended,
            };
            items.push(ItemStands::of(index, row));
        }
        if !items.is_empty() {
            items.sort_by_key(|item| item.index);
            self.tell(Event::Items(ItemsInView { node, items }));
        }
    }

    /// The nodes whose end was not told yet.
    pub fn open(&self) -> Vec<&str> {
        let ids = self.plan.ids.iter().enumerate();
        ids.filter(|(place, _)| self.cursor.of(*place) != Seen::Ended)
            .map(|(_, id)| id.as_str())
            .collect()
    }

    /// Takes in how nodes stand, but for those that have ended, and pieces of text. `true` where a piece is missing in between:
    /// it comes later, or at last with the answer.
    pub fn hear(&mut self, rows: &[NodeRow], pieces: &[Piece]) -> bool {
        let rows = self.sorted(rows);
        // What an attempt wrote comes before what became of it.
        self.tell_pieces(pieces);
        let mut stands = Vec::new();
        for (place, row) in rows {
            let seen = match Stand::of(row) {
                Some(stand) if !stand.is_new_to(self.cursor.of(place)) => continue,
                Some(Stand::Runs(attempt)) => Seen::Runs(attempt, Told::default()),
                Some(Stand::Lists(done, failed)) => Seen::Lists(done, failed),
                Some(Stand::Waits(attempt)) => Seen::Waits(attempt),
                Some(Stand::Ended) | None => continue,
            };
            stands.push((place, seen, NodeStands::from(row)));
        }
        self.tell_nodes(stands);
        self.tell_pieces(pieces)
    }

    /// The nodes that have ended and whose texts have to be told before that, in the document's order.
    pub fn wanted<'r>(&self, rows: &'r [NodeRow]) -> Vec<&'r NodeRow> {
        let rows = self.sorted(rows);
        rows.into_iter()
            .filter(|(place, row)| {
                let seen = self.cursor.of(*place);
                Stand::of(row) == Some(Stand::Ended)
                    && seen != Seen::Ended
                    && self.wants_texts(seen, row)
            })
            .map(|(_, row)| row)
            .collect()
    }

    /// Tells the nodes that have ended. Those that are wanted are told where their texts are given.
    pub fn hear_ends(&mut self, rows: &[NodeRow], texts: &BTreeMap<String, Texts>) {
        let mut stands = Vec::new();
        for (place, row) in self.sorted(rows) {
            let seen = self.cursor.of(place);
            if Stand::of(row) != Some(Stand::Ended) || seen == Seen::Ended {
                continue;
            }
            if self.wants_texts(seen, row) {
                let Some(texts) = texts.get(&row.id) else {
                    continue;
                };
                self.tell_rest(place, row, texts);
            }
            stands.push((place, Seen::Ended, self.ended(seen, row)));
        }
        self.tell_nodes(stands);
    }

    /// Tells the run's end. `rows` are the nodes that were [open](Self::open), as they are now, and told as far as they have
    /// ended.
    pub fn end(&mut self, rows: &[NodeRow], head: &LiveHead, cost_usd: Decimal) {
        let by_id: HashMap<&str, &NodeRow> =
            rows.iter().map(|row| (row.id.as_str(), row)).collect();
        let mut stands = Vec::new();
        for (place, id) in self.plan.ids.iter().enumerate() {
            let error = head.error.as_ref();
            let own = error.filter(|error| error.node.as_ref() == Some(id));
            let skipped = match (self.cursor.of(place), by_id.get(id.as_str())) {
                (Seen::Ended, _) => continue,
                // The items of its list do not go on; one of them may have ended the run.
                (_, Some(row)) if row.is_open() => NodeStands {
                    status: match own {
                        Some(_) => NodeStatus::Failed,
                        None => NodeStatus::Skipped,
                    },
                    error: own.map(|error| error.problem.clone()),
                    ..NodeStands::from(*row)
                },
                (Seen::Runs(..) | Seen::Answered(..), _) => continue,
                (_, Some(row)) if row.status == NodeStatus::Running => continue,
                // It failed in an earlier take, and was not tried again.
                (_, Some(row)) if row.status == NodeStatus::Failed => NodeStands::from(*row),
                (_, Some(row)) => NodeStands {
                    status: NodeStatus::Skipped,
                    waiting_for: None,
                    until: None,
                    ..NodeStands::from(*row)
                },
                (_, None) => NodeStands::skipped(id),
            };
            stands.push((place, Seen::Ended, skipped));
        }
        self.tell_nodes(stands);
        self.cursor.ended = true;
        self.cursor.view = None;
        self.cursor.nodes.clear();
        let ends = RunEnds::of(&self.run_id, head, cost_usd);
        self.tell(Event::End(Box::new(ends)));
    }

    fn tell(&mut self, event: Event) {
        let id = self.id();
        self.news.push(News { event, id });
    }

    /// The rows of this run's nodes that are of this take, in the document's order. Of two of one node, both.
    fn sorted<'r>(&self, rows: &'r [NodeRow]) -> Vec<(usize, &'r NodeRow)> {
        let places = &self.plan.places;
        let known = rows
            .iter()
            .filter(|row| !row.is_of_before(self.cursor.take))
            .filter_map(|row| Some((*places.get(&row.id)?, row)));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(place, _)| *place);
        known
    }

    /// Tells how these nodes stand, in as few events as are not too long.
    fn tell_nodes(&mut self, stands: Vec<(usize, Seen, NodeStands)>) {
        let mut nodes = Vec::new();
        let mut bytes = 0;
        for (place, seen, stand) in stands {
            bytes += serde_json::to_string(&stand).map_or(0, |json| json.len());
            self.cursor.set(place, seen);
            nodes.push(stand);
            if bytes > MOST_NODES {
                let nodes = std::mem::take(&mut nodes);
                self.tell(Event::Nodes(NodesStand { nodes }));
                bytes = 0;
            }
        }
        if !nodes.is_empty() {
            self.tell(Event::Nodes(NodesStand { nodes }));
        }
    }

    /// Tells pieces where they continue what was told. `true` where one is missing in between.
    fn tell_pieces(&mut self, pieces: &[Piece]) -> bool {
        let mut of_nodes: BTreeMap<usize, Vec<&Piece>> = BTreeMap::new();
        for piece in pieces {
            if let Some(place) = self.plan.places.get(&piece.node) {
                of_nodes.entry(*place).or_default().push(piece);
            }
        }
        let mut is_behind = false;
        for (place, pieces) in of_nodes {
            for kind in [PieceKind::Reasoning, PieceKind::Text] {
                is_behind |= self.tell_pieces_of(place, kind, &pieces);
            }
        }
        is_behind
    }

    fn tell_pieces_of(&mut self, place: usize, kind: PieceKind, pieces: &[&Piece]) -> bool {
        let Seen::Runs(attempt, told) = self.cursor.of(place) else {
            return false;
        };
        let of_attempt = |piece: &&&Piece| piece.attempt == attempt && piece.kind == kind;
        let mut pieces: Vec<&Piece> = pieces.iter().filter(of_attempt).copied().collect();
        pieces.sort_by_key(|piece| piece.from);
        let from = told.of(kind);
        let mut text = String::new();
        for piece in &pieces {
            let known = from + text.len() as u64;
            let Some(overlap) = known.checked_sub(piece.from) else {
                break;
            };
            let new = usize::try_from(overlap)
                .ok()
                .and_then(|overlap| piece.text.get(overlap..));
            text.push_str(new.unwrap_or_default());
        }
        self.tell_text(place, (attempt, told), kind, &text, Seen::Runs);
        let known = from + text.len() as u64;
        pieces.iter().any(|piece| piece.from > known)
    }

    /// Tells text that continues what was told of it, in events that are not too long.
    fn tell_text(
        &mut self,
        place: usize,
        (attempt, mut told): (usize, Told),
        kind: PieceKind,
        text: &str,
        seen: fn(usize, Told) -> Seen,
    ) -> Told {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.floor_char_boundary(MOST_TEXT));
            rest = behind;
            let from = told.of(kind);
            told.set(kind, from + piece.len() as u64);
            self.cursor.set(place, seen(attempt, told));
            let node = self.plan.ids.get(place).cloned().unwrap_or_default();
            self.tell(Event::Text(TextPiece {
                node,
                attempt,
                kind: TextKind::from(kind),
                from,
                text: piece.to_owned(),
            }));
        }
        told
    }

    /// Whether texts have to be told before the end of this node is.
    fn wants_texts(&self, seen: Seen, row: &NodeRow) -> bool {
        let (NodeStatus::Succeeded, Some(answer)) = (row.status, &row.answer) else {
            return false;
        };
        if row.items.is_some() || !self.tells_texts(seen, row) {
            return false;
        }
        let told = told_of(seen, attempt_of(row)).unwrap_or_default();
        answer.text_bytes != Some(told.text) || answer.reasoning_bytes != Some(told.reasoning)
    }

    /// Whether the texts of this node are told, and not only where they can be read.
    fn tells_texts(&self, seen: Seen, row: &NodeRow) -> bool {
        if self.cursor.began == 0 || seen != Seen::Nothing {
            return true;
        }
        let ended = row.ended_at.map_or(0, |at| at.as_millisecond());
        row.reused_from.is_none() && u64::try_from(ended).is_ok_and(|at| at >= self.cursor.began)
    }

    /// Tells what is missing of the node's texts.
    fn tell_rest(&mut self, place: usize, row: &NodeRow, texts: &Texts) {
        let attempt = attempt_of(row);
        let mut told = told_of(self.cursor.of(place), attempt).unwrap_or_default();
        for (kind, text) in [
            (PieceKind::Reasoning, &texts.reasoning),
            (PieceKind::Text, &texts.text),
        ] {
            let known = usize::try_from(told.of(kind)).ok();
            let rest = known.and_then(|known| text.get(known..));
            let rest = rest.unwrap_or_else(|| {
                // No text of this answer has such a place: it begins anew.
                told.set(kind, 0);
                text
            });
            told = self.tell_text(place, (attempt, told), kind, rest, Seen::Answered);
        }
    }

    /// How the node ended, with the path to its text where that was not told.
    fn ended(&self, seen: Seen, row: &NodeRow) -> NodeStands {
        let has_text = row.status == NodeStatus::Succeeded
            && row.items.is_none()
            && row.answer.as_ref().is_some_and(|answer| {
                answer.text_bytes != Some(0) || answer.reasoning_bytes != Some(0)
            });
        let text_at = (has_text && !self.tells_texts(seen, row))
            .then(|| format!("/runs/{}/nodes/{}", self.run_id, row.id));
        NodeStands {
            text_at,
            ..NodeStands::from(row)
        }
    }
}

/// How much of this attempt's texts was told; `None` where another attempt's were.
fn told_of(seen: Seen, attempt: usize) -> Option<Told> {
    match seen {
        Seen::Runs(of, told) | Seen::Answered(of, told) if of == attempt => Some(told),
        _ => None,
    }
}

impl Told {
    fn of(self, kind: PieceKind) -> u64 {
        match kind {
            PieceKind::Reasoning => self.reasoning,
            PieceKind::Text => self.text,
        }
    }

    fn set(&mut self, kind: PieceKind, told: u64) {
        match kind {
            PieceKind::Reasoning => self.reasoning = told,
            PieceKind::Text => self.text = told,
        }
    }
}
