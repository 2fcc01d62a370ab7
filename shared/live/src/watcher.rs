//! Reads the table for one reader of a run, look by look, and notes that somebody watches. A look is two or three small
//! reads, however long the texts are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use steps_fresh::Fresh;
use steps_problem::Problem;
use steps_store::{Error, LiveHead, NodeRow, NodeStatus, RunStatus, Store};
use steps_workflow::Workflow;

use crate::event::{Event, News};
use crate::teller::{Plan, Teller, Texts};
use crate::window::Asked;

/// The index of changes may be so much behind, and the clocks of writers so much off. What comes later still is told by the
/// next connection, or at the run's end.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);
/// The same of pieces. What comes later is told with the answer.
const OVERLAP_OF_PIECES: SignedDuration = SignedDuration::from_secs(2);
/// A function that has read that nobody watches has claimed its node within this time.
const CLAIMED_WITHIN: SignedDuration = SignedDuration::from_secs(3);
/// Who finds less than this left of the time for which the run is noted as watched, notes it again.
const WATCHED_AT_LEAST: SignedDuration = SignedDuration::from_secs(30);
/// For so long.
const WATCHED_FOR: SignedDuration = SignedDuration::from_secs(75);
/// Nodes that ended just before the stream began count as ended after it.
const JUST_BEFORE: SignedDuration = SignedDuration::from_secs(1);
/// How long after the run's end functions that still work on a node are waited for. They notice a cancel within two seconds.
const LAST_WORDS: SignedDuration = SignedDuration::from_secs(4);
/// How long nothing runs before the reader is sent to sleep: where something waits, and where nothing does.
const IDLE_WHILE_WAITING: SignedDuration = SignedDuration::from_secs(2);
const IDLE: SignedDuration = SignedDuration::from_secs(15);
/// A wait that ends sooner is not worth a sleep.
const SHORTEST_NAP: SignedDuration = SignedDuration::from_millis(2_500);
const LONGEST_NAP: SignedDuration = SignedDuration::from_secs(15);
/// How long a reader sleeps where nothing waits and nothing runs.
const NAP: Duration = Duration::from_secs(3);
/// The pause between two looks: while something runs, and else.
const BUSY: Duration = Duration::from_millis(400);
const QUIET: Duration = Duration::from_secs(1);
/// How often the pieces of the whole attempt are read where one is missing.
const WIDE_EVERY: SignedDuration = SignedDuration::from_secs(2);
/// After so many bytes of answers a look ends, and the next one goes on.
const MOST_BYTES: usize = 1_000_000;

/// How many plans a warm function remembers, and for how long.
const REMEMBERED: usize = 100;
const REMEMBERED_FOR: Duration = Duration::from_secs(900);

/// The plans of runs, as a warm function remembers them. A run's plan never changes.
#[derive(Debug)]
pub struct Plans(Fresh<String, Arc<Plan>>);

impl Default for Plans {
    fn default() -> Self {
        Self(Fresh::new(REMEMBERED_FOR, REMEMBERED))
    }
}

impl Plans {
    async fn of(&self, store: &Store, run_id: &str) -> Result<Arc<Plan>, Error> {
        if let Some(plan) = self.0.get(run_id) {
            return Ok(plan);
        }
        let texts = store.runs().texts(run_id).await?;
        let workflow = texts.document(Workflow::from_stored)?;
        let ids = workflow.nodes.into_iter().map(|node| node.id).collect();
        let plan = Arc::new(Plan::new(ids));
        self.0.put(run_id.to_owned(), Arc::clone(&plan));
        Ok(plan)
    }
}

/// A reader as it comes.
#[derive(Debug)]
pub enum Opened {
    /// There is something to watch.
    Watches(Box<Watcher>),
    /// The run has ended, and the reader knows all of it.
    Over,
}

/// One reader of one run.
#[derive(Debug)]
pub struct Watcher {
    store: Store,
    run_id: String,
    plan: Arc<Plan>,
    asked: Asked,
    teller: Teller,
    /// As it was read when the reader came.
    head: Option<(LiveHead, Option<Timestamp>)>,
    /// When the last look began; `None` before the first one, which reads everything.
    looked: Option<Timestamp>,
    /// Whether there is more to tell at once.
    is_full: bool,
    /// Since when nodes run, and until when nodes wait.
    runs: HashMap<String, Timestamp>,
    waits: HashMap<String, Option<Timestamp>>,
    /// The nodes that are executed for the items of a list.
    lists: HashMap<String, NodeRow>,
    /// The nodes that run in functions that did not know of a watcher.
    unsaid: BTreeSet<String>,
    /// When all nodes are read once more.
    again_at: Option<Timestamp>,
    /// Whether a piece was missing, and when all pieces were read last.
    is_behind: bool,
    wide: Option<Timestamp>,
    /// Since when nothing ran and nothing was told.
    idle: Option<Timestamp>,
    /// Whether it was told that the run waits for others of its workflow.
    is_queued: bool,
}

impl Watcher {
    /// Opens the run for a reader: one that goes on after an event, or one that knows nothing.
    ///
    /// # Errors
    /// `RunNotFound`; `InvalidRequest` where items of an unknown node are asked for; and the store's.
    pub async fn open(
        store: &Store,
        plans: &Plans,
        run_id: &str,
        after: Option<&str>,
        asked: Asked,
    ) -> Result<Opened, Problem> {
        let head = store.live().head(run_id).await?;
        let plan = plans.of(store, run_id).await?;
        let take = head.0.execution;
        let resumed = after.and_then(|after| Teller::resume(run_id, &plan, take, after));
        // A reader that knows of no node may have been told that the run waits.
        let waited = head.0.queued_at.is_some();
        let resumed = resumed.filter(|teller| !waited || teller.knows_nodes());
        let mut teller = match resumed {
            Some(teller) if teller.has_ended() => return Ok(Opened::Over),
            Some(teller) => teller,
            None => Teller::begin(run_id, &plan, began(asked.all_texts), &head.0),
        };
        if !teller.view(asked.items.as_ref())
            && let Some(items) = &asked.items
        {
            return Err(items.unknown());
        }
        let is_queued = head.0.status == RunStatus::Queued;
        Ok(Opened::Watches(Box::new(Self {
            store: store.clone(),
            run_id: run_id.to_owned(),
            plan,
            asked,
            teller,
            head: Some(head),
            looked: None,
            is_full: false,
            runs: HashMap::new(),
            waits: HashMap::new(),
            lists: HashMap::new(),
            unsaid: BTreeSet::new(),
            again_at: None,
            is_behind: false,
            wide: None,
            idle: None,
            is_queued,
        })))
    }

    /// What the reader knows after everything that was told.
    pub fn id(&self) -> String {
        self.teller.id()
    }

    /// Whether the run's end was told.
    pub fn has_ended(&self) -> bool {
        self.teller.has_ended()
    }

    /// Looks once; gives what there is to tell.
    ///
    /// # Errors
    /// The store's. What was not told is told by the next look.
    pub async fn look(&mut self) -> Result<Vec<News>, Error> {
        let now = Timestamp::now();
        let live = self.store.live();
        let (head, watched_until) = match self.head.take() {
            Some(head) => head,
            None => live.head(&self.run_id).await?,
        };
        let is_let_in = self.is_queued && head.status == RunStatus::Running;
        if head.execution != self.teller.take() || is_let_in {
            self.begin_anew(&head);
        }
        let has_ended = head.status.has_ended();
        if !has_ended && watched_until.is_none_or(|until| until < now + WATCHED_AT_LEAST) {
            let noted = live.watch(&self.run_id, now + WATCHED_FOR).await;
            if let Err(error) = noted {
                // Then texts come with the answers.
                tracing::warn!(%error, run = self.run_id, "that the run is watched could not be noted");
            }
        }
        let mut rows = self.rows(now).await?;
        self.note(&rows);
        self.count_items(&mut rows).await?;
        let pieces = match self.pieces_since(now) {
            Some(since) if !has_ended => live.pieces(&self.run_id, since).await?,
            _ => Vec::new(),
        };
        self.is_behind = self.teller.hear(&rows, &pieces);
        // They are read behind their node, and told before its end.
        self.hear_items().await?;
        self.is_full = !self.hear_ends(&rows).await?;
        if !self.is_full {
            self.looked = Some(now);
            if has_ended {
                self.finish(&head, now).await?;
            }
        }
        let news = self.teller.news();
        let is_idle = news.is_empty() && !self.teller.anything_runs();
        self.idle = is_idle.then(|| self.idle.unwrap_or(now));
        Ok(news)
    }

    /// The nodes that may have changed since the last look. The index has those whose functions knew of a watcher. The others
    /// are read themselves: all at first, all once more when every function that had not known yet has claimed its node, and
    /// from then on those that are still in the hands of such a function.
    async fn rows(&mut self, now: Timestamp) -> Result<Vec<NodeRow>, Error> {
        let nodes = self.store.nodes();
        let Some(looked) = self.looked else {
            self.again_at = Some(now + CLAIMED_WITHIN);
            return nodes.rows(&self.run_id).await;
        };
        if self.again_at.is_some_and(|at| at <= now) {
            self.again_at = None;
            return nodes.rows(&self.run_id).await;
        }
        let mut rows = nodes.rows_since(&self.run_id, looked - OVERLAP).await?;
        if !self.unsaid.is_empty() {
            let unsaid: Vec<&str> = self.unsaid.iter().map(String::as_str).collect();
            let read = nodes.rows_now(&self.run_id, &unsaid).await?;
            rows.retain(|row| read.iter().all(|other| other.id != row.id));
            rows.extend(read);
        }
        Ok(rows)
    }

    /// How long to wait before the next look.
    pub fn pause(&self) -> Duration {
        if self.is_full {
            Duration::ZERO
        } else if self.teller.anything_runs() {
            BUSY
        } else {
            QUIET
        }
    }

    /// How long a reader may sleep, where nothing runs and nothing will soon.
    pub fn nap(&self) -> Option<Duration> {
        let now = Timestamp::now();
        let idle = now.duration_since(self.idle?);
        if !self.teller.anything_waits() {
            return (idle >= IDLE).then_some(NAP);
        }
        if idle < IDLE_WHILE_WAITING {
            return None;
        }
        // What waits for somebody has no end that is known.
        let first = self.waits.values().flatten().min();
        let left = first.map_or(LONGEST_NAP, |first| first.duration_since(now));
        if left < SHORTEST_NAP {
            return None;
        }
        left.min(LONGEST_NAP).try_into().ok()
    }

    /// The run was resumed, or waits for others no more: everything begins anew.
    fn begin_anew(&mut self, head: &LiveHead) {
        self.is_queued = head.status == RunStatus::Queued;
        self.teller = Teller::begin(&self.run_id, &self.plan, began(self.asked.all_texts), head);
        self.teller.view(self.asked.items.as_ref());
        self.looked = None;
        self.runs.clear();
        self.waits.clear();
        self.lists.clear();
        self.unsaid.clear();
        self.is_behind = false;
    }

    /// Notes what runs and what waits.
    fn note(&mut self, rows: &[NodeRow]) {
        for row in rows {
            self.unsaid.remove(&row.id);
            if row.changed_at.is_none() && row.status == NodeStatus::Running {
                self.unsaid.insert(row.id.clone());
            }
            self.runs.remove(&row.id);
            self.waits.remove(&row.id);
            self.lists.remove(&row.id);
            if row.is_of_before(self.teller.take()) {
                continue;
            }
            if row.is_open() {
                self.lists.insert(row.id.clone(), row.clone());
                continue;
            }
            match (row.status, row.changed_at.or(row.started_at)) {
                (NodeStatus::Running, Some(since)) => {
                    self.runs.insert(row.id.clone(), since);
                }
                (NodeStatus::Waiting, _) => {
                    self.waits.insert(row.id.clone(), row.wait_until);
                }
                _ => {}
            }
        }
    }

    /// Counts the items of lists, and adds the rows of those that are open: their counts change without them.
    async fn count_items(&self, rows: &mut Vec<NodeRow>) -> Result<(), Error> {
        for list in self.lists.values() {
            if !rows.iter().any(|row| row.id == list.id) {
                rows.push(list.clone());
            }
        }
        if !rows.iter().any(|row| row.items.is_some()) {
            return Ok(());
        }
        let lists = self.store.live().lists(&self.run_id).await?;
        for row in rows {
            if let Some(counts) = lists.get(&row.id) {
                row.count(counts);
            }
        }
        Ok(())
    }

    /// Reads the items in view that have not ended, where there are any.
    async fn hear_items(&mut self) -> Result<(), Error> {
        let units = self.teller.in_view();
        if !units.is_empty() {
            let units: Vec<&str> = units.iter().map(String::as_str).collect();
            let rows = self.store.nodes().rows_now(&self.run_id, &units).await?;
            self.teller.hear_items(&rows);
        }
        Ok(())
    }

    /// From when on pieces are read; `None` where nothing runs. The first time, and where one is missing, all pieces of what
    /// runs are read.
    fn pieces_since(&mut self, now: Timestamp) -> Option<Timestamp> {
        let first = *self.runs.values().min()?;
        let again = self.wide.is_none_or(|wide| now > wide + WIDE_EVERY);
        match self.looked {
            Some(looked) if self.wide.is_some() && !(self.is_behind && again) => {
                Some(looked - OVERLAP_OF_PIECES)
            }
            _ => {
                self.wide = Some(now);
                Some(first - OVERLAP)
            }
        }
    }

    /// Tells the nodes that have ended, with their texts; `false` where there are more than one look tells.
    async fn hear_ends(&mut self, rows: &[NodeRow]) -> Result<bool, Error> {
        let wanted = self.teller.wanted(rows).into_iter().cloned();
        let mut bytes = 0;
        for row in wanted.collect::<Vec<_>>() {
            if bytes > MOST_BYTES {
                return Ok(false);
            }
            let texts = texts(&self.store, &self.run_id, &row.id).await?;
            bytes += texts.text.len() + texts.reasoning.len();
            let texts = BTreeMap::from([(row.id.clone(), texts)]);
            self.teller.hear_ends(&[row], &texts);
        }
        self.teller.hear_ends(rows, &BTreeMap::new());
        Ok(true)
    }

    /// Tells the run's end. The index may be behind, so what has not ended by it is read from the records.
    async fn finish(&mut self, head: &LiveHead, now: Timestamp) -> Result<(), Error> {
        let nodes = self.store.nodes();
        let mut rows = nodes.rows_now(&self.run_id, &self.teller.open()).await?;
        self.lists.clear();
        self.count_items(&mut rows).await?;
        self.teller.hear(&rows, &[]);
        self.hear_items().await?;
        if !self.hear_ends(&rows).await? {
            self.is_full = true;
            return Ok(());
        }
        let is_held = |row: &NodeRow| {
            row.status == NodeStatus::Running && row.lease_until.is_some_and(|until| until > now)
        };
        let ended_at = head.ended_at.unwrap_or(now);
        if rows.iter().any(is_held) && now < ended_at + LAST_WORDS {
            return Ok(());
        }
        let cost_usd = self.store.live().cost_usd(&self.run_id).await?;
        self.teller.end(&rows, head, cost_usd);
        Ok(())
    }

    /// Looks until there is something to tell, or there may be nothing for a while, or the time is over. Gives how long to
    /// wait before the next call.
    ///
    /// # Errors
    /// The store's.
    pub async fn wait(&mut self, most: Duration) -> Result<(Vec<Event>, Duration), Error> {
        let until = tokio::time::Instant::now() + most;
        loop {
            let news = self.look().await?;
            let pause = self.pause();
            let nap = self.nap();
            if !news.is_empty() || nap.is_some() || tokio::time::Instant::now() + pause > until {
                let events = news.into_iter().map(|news| news.event).collect();
                return Ok((events, nap.unwrap_or(pause.min(BUSY))));
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// From when on the texts of nodes are told, milliseconds since 1970.
fn began(all_texts: bool) -> u64 {
    if all_texts {
        return 0;
    }
    let began = (Timestamp::now() - JUST_BEFORE).as_millisecond();
    u64::try_from(began).unwrap_or_default()
}

/// The texts of a node's answer.
async fn texts(store: &Store, run_id: &str, node_id: &str) -> Result<Texts, Error> {
    let nodes = store.nodes();
    let Some(record) = nodes.get(run_id, node_id).await? else {
        return Ok(Texts::default());
    };
    let variable = nodes.output(&record).await?.unwrap_or_default();
    let text = |name: &str| {
        let text = variable.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Ok(Texts {
        reasoning: text("reasoning"),
        text: text("text"),
    })
}
