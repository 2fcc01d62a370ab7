//! Whoever is cut off and comes back with the `id` of the last event has lost nothing and hears nothing twice. In virtual
//! time, over made-up runs: clocks of writers are off, the index and pieces become visible late and out of order, pieces are
//! lost or written twice, functions die, or are taken for dead and succeed all the same.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fastrand::Rng;
use jiff::Timestamp;
use rust_decimal::Decimal;
use steps_live::{Event, News, Plan, Teller, TextKind, Texts, Window};
use steps_store::{
    Answer, ItemCounts, LiveHead, NodeRow, NodeStatus, Piece, PieceKind, RunError, RunStatus, Unit,
    Waiting,
};

const RUN: &str = "019ab000-0000-7000-8000-000000000000";
const BEGAN: i64 = 1_795_622_400_000;

/// Something that becomes visible at a time. Its writer's clock said another time.
#[derive(Debug, Clone)]
struct Visible<T> {
    at: i64,
    stamp: i64,
    what: T,
}

/// What happens in a run, and when it can be seen.
struct World {
    ids: Vec<String>,
    rows: Vec<Visible<NodeRow>>,
    /// The same rows as a consistent read sees them.
    truth: Vec<Visible<NodeRow>>,
    pieces: Vec<Visible<Piece>>,
    texts: BTreeMap<String, Texts>,
    end: i64,
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(BEGAN + ms).unwrap()
}

/// The head of a run that stands so.
fn head_with(status: RunStatus, error: Option<RunError>) -> LiveHead {
    LiveHead {
        workflow_id: "w".to_owned(),
        status,
        execution: 1,
        started_at: at(0),
        queued_at: None,
        ended_at: None,
        error,
    }
}

fn row(id: &str, status: NodeStatus, tried: usize) -> NodeRow {
    NodeRow {
        id: id.to_owned(),
        execution: 1,
        status,
        tried,
        error: None,
        handled: false,
        items: None,
        cost_usd: Decimal::ZERO,
        started_at: None,
        ended_at: None,
        waiting: None,
        wait_until: None,
        lease_until: None,
        changed_at: None,
        reused_from: None,
        answer: None,
    }
}

fn words(random: &mut Rng, most: usize) -> String {
    let letters = ['a', 'b', ' ', 'é', '€', '😀', '\n', '"'];
    let count = random.usize(0..=most);
    (0..count)
        .map(|_| *random.choice(&letters).unwrap())
        .collect()
}

impl World {
    fn new(random: &mut Rng) -> Self {
        let mut world = Self {
            ids: (0..random.usize(1..7)).map(|n| format!("n{n}")).collect(),
            rows: Vec::new(),
            truth: Vec::new(),
            pieces: Vec::new(),
            texts: BTreeMap::new(),
            end: 0,
        };
        for id in world.ids.clone() {
            world.play(random, &id);
        }
        world
    }

    fn write(&mut self, random: &mut Rng, now: i64, mut row: NodeRow) {
        let stamp = now + random.i64(-200..200);
        if matches!(
            row.status,
            NodeStatus::Succeeded | NodeStatus::Failed | NodeStatus::Skipped
        ) {
            row.ended_at = Some(at(stamp));
        }
        let visible = |at| Visible {
            at,
            stamp,
            what: row.clone(),
        };
        self.truth.push(visible(now));
        self.rows.push(visible(now + random.i64(0..800)));
        self.end = self.end.max(now);
    }

    /// The life of a node.
    fn play(&mut self, random: &mut Rng, id: &str) {
        let mut now = random.i64(0..3_000);
        if random.u8(0..12) == 0 {
            return self.write(random, now, row(id, NodeStatus::Skipped, 0));
        }
        let mut tried = 0;
        // What an earlier attempt has written whose function was taken for dead.
        let mut earlier: Option<(usize, Texts)> = None;
        loop {
            tried += 1;
            self.write(random, now, row(id, NodeStatus::Running, tried));
            let texts = Texts {
                reasoning: if random.bool() {
                    words(random, 60)
                } else {
                    String::new()
                },
                text: words(random, 400),
            };
            // A short node may not know that somebody watches.
            let knows = random.u8(0..10) < 8;
            let dies = random.u8(0..10) == 0;
            for (kind, text) in [
                (PieceKind::Reasoning, &texts.reasoning),
                (PieceKind::Text, &texts.text),
            ] {
                let (mut sent, mut written) = (0, 0);
                while written < text.len() {
                    written = text.floor_char_boundary(written + random.usize(1..60).max(4));
                    now += random.i64(50..500);
                    let fate = random.u8(0..20);
                    // It is lost; or it is written though that seemed to fail, so the next one overlaps it.
                    if knows && fate > 0 {
                        let piece = Piece {
                            node: id.to_owned(),
                            attempt: tried,
                            kind,
                            from: sent as u64,
                            text: text[sent..written].to_owned(),
                        };
                        self.pieces.push(Visible {
                            at: now + random.i64(0..500),
                            stamp: now + random.i64(-200..200),
                            what: piece,
                        });
                        if fate > 1 {
                            sent = written;
                        }
                    }
                }
            }
            if dies {
                // Its lease runs out, and another function takes over.
                earlier = Some((tried, texts));
                now += 60_000;
                continue;
            }
            if let Some((attempt, texts)) = earlier.take()
                && random.bool()
            {
                // It was not dead: its answer comes first.
                return self.succeed(random, now, id, (tried, attempt), texts);
            }
            now += random.i64(1..200);
            match random.u8(0..10) {
                0 | 1 if tried < 4 => {
                    let waits = NodeRow {
                        waiting: Some(Waiting::Retry),
                        wait_until: Some(at(now + 3_000)),
                        ..row(id, NodeStatus::Waiting, tried)
                    };
                    self.write(random, now, waits);
                    now += random.i64(1_000..5_000);
                }
                2 => return self.write(random, now, row(id, NodeStatus::Failed, tried)),
                _ => return self.succeed(random, now, id, (tried, tried), texts),
            }
        }
    }

    fn succeed(
        &mut self,
        random: &mut Rng,
        now: i64,
        id: &str,
        (tried, attempt): (usize, usize),
        texts: Texts,
    ) {
        let answer = Answer {
            attempt,
            // Records of an earlier release have no lengths.
            text_bytes: (random.u8(0..5) > 0).then_some(texts.text.len() as u64),
            reasoning_bytes: (random.u8(0..5) > 0).then_some(texts.reasoning.len() as u64),
            ..Answer::default()
        };
        let row = NodeRow {
            answer: Some(answer),
            ..row(id, NodeStatus::Succeeded, tried)
        };
        self.texts.insert(id.to_owned(), texts);
        self.write(random, now, row);
    }

    /// The newest row of each node that can be seen.
    fn seen(rows: &[Visible<NodeRow>], now: i64, since: i64) -> Vec<NodeRow> {
        let mut newest: BTreeMap<&str, &Visible<NodeRow>> = BTreeMap::new();
        let order = |row: &Visible<NodeRow>| {
            let ended = !matches!(row.what.status, NodeStatus::Running | NodeStatus::Waiting);
            (
                ended,
                row.what.tried,
                row.what.status == NodeStatus::Waiting,
            )
        };
        for row in rows.iter().filter(|row| row.at <= now) {
            let held = newest.entry(&row.what.id).or_insert(row);
            if order(row) > order(held) {
                *held = row;
            }
        }
        let newest = newest.into_values().filter(|row| row.stamp >= since);
        newest.map(|row| row.what.clone()).collect()
    }

    fn head(&self, now: i64) -> LiveHead {
        let status = if now > self.end + 50 {
            RunStatus::Succeeded
        } else {
            RunStatus::Running
        };
        head_with(status, None)
    }
}

/// What one look of a connection tells.
fn look(world: &World, teller: &mut Teller, now: i64, since: i64) -> Vec<News> {
    let head = world.head(now);
    let mut rows = World::seen(&world.rows, now, since - 5_000);
    let pieces = world
        .pieces
        .iter()
        .filter(|piece| piece.at <= now && piece.stamp >= since - 2_000);
    let mut pieces: Vec<_> = pieces.collect();
    pieces.sort_by_key(|piece| piece.stamp);
    let pieces: Vec<Piece> = pieces.into_iter().map(|piece| piece.what.clone()).collect();
    let has_ended = head.status.has_ended();
    if has_ended {
        rows = World::seen(&world.truth, now, i64::MIN);
    }
    teller.hear(&rows, &pieces);
    let wanted = teller.wanted(&rows).into_iter();
    let texts = wanted.map(|row| (row.id.clone(), world.texts[&row.id].clone()));
    let texts = texts.collect();
    teller.hear_ends(&rows, &texts);
    if has_ended {
        teller.end(&rows, &head, Decimal::ONE);
    }
    teller.news()
}

/// What a reader makes of the events.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    texts: BTreeMap<(String, usize, bool), String>,
    nodes: BTreeMap<String, (NodeStatus, Option<usize>)>,
    has_ended: bool,
    steps: BTreeMap<String, Vec<(NodeStatus, Option<usize>)>>,
}

impl Heard {
    fn hear(&mut self, event: &Event) {
        assert!(!self.has_ended, "something came after the end");
        match event {
            Event::Run(_) => *self = Self::default(),
            Event::Nodes(nodes) => {
                for node in &nodes.nodes {
                    let stands = (node.status, node.attempt);
                    let before = self.nodes.insert(node.node.clone(), stands);
                    assert_ne!(before, Some(stands), "repeated");
                    self.steps
                        .entry(node.node.clone())
                        .or_default()
                        .push(stands);
                }
            }
            Event::Items(view) => {
                for item in &view.items {
                    let stands = (item.status, item.attempt);
                    let key = format!("{}#{}", view.node, item.index);
                    let before = self.nodes.insert(key, stands);
                    assert_ne!(before, Some(stands), "repeated");
                }
            }
            Event::Text(piece) => {
                let is_text = piece.kind == TextKind::Text;
                let key = (piece.node.clone(), piece.attempt, is_text);
                let text = self.texts.entry(key).or_default();
                if piece.from == 0 {
                    text.clear();
                }
                assert_eq!(piece.from as usize, text.len(), "a gap, or an overlap");
                assert!(piece.text.len() <= 16_384);
                text.push_str(&piece.text);
            }
            Event::End(_) => self.has_ended = true,
        }
    }

    fn text_of(&self, node: &str, attempt: usize, is_text: bool) -> &str {
        let key = (node.to_owned(), attempt, is_text);
        self.texts.get(&key).map_or("", String::as_str)
    }

    /// Compares with what is true in the end.
    fn check(&self, world: &World, seed: u64) {
        assert!(self.has_ended);
        for row in World::seen(&world.truth, i64::MAX, i64::MIN) {
            let (status, attempt) = self.nodes[&row.id];
            assert_eq!(status, row.status, "seed {seed}, {}", row.id);
            if let Some(texts) = world.texts.get(&row.id) {
                let attempt = attempt.unwrap();
                assert_eq!(attempt, row.answer.as_ref().unwrap().attempt, "seed {seed}");
                assert_eq!(
                    self.text_of(&row.id, attempt, true),
                    texts.text,
                    "seed {seed}"
                );
                assert_eq!(
                    self.text_of(&row.id, attempt, false),
                    texts.reasoning,
                    "seed {seed}"
                );
            }
        }
        for steps in self.steps.values() {
            for (before, after) in steps.iter().zip(steps.iter().skip(1)) {
                let is_end = !matches!(after.0, NodeStatus::Running | NodeStatus::Waiting);
                let waits = before.0 == NodeStatus::Running && after.0 == NodeStatus::Waiting;
                assert!(
                    is_end || after.1 > before.1 || waits && after.1 == before.1,
                    "seed {seed}: {before:?} {after:?}"
                );
            }
        }
    }
}

fn open(world: &World, plan: &Arc<Plan>, id: Option<&str>, now: i64) -> Teller {
    match id {
        Some(id) => Teller::resume(RUN, plan, 1, id).expect("its own cursor"),
        None => Teller::begin(RUN, plan, 0, &world.head(now)),
    }
}

#[test]
fn whoever_is_cut_off_anywhere_loses_nothing_and_hears_nothing_twice() {
    let (mut events, mut cuts) = (0, 0);
    for seed in 0..800 {
        let mut random = Rng::with_seed(seed);
        let world = World::new(&mut random);
        let plan = Arc::new(Plan::new(world.ids.clone()));
        let mut now = random.i64(0..2_000);
        let (mut heard, mut last, mut ids) = (Heard::default(), None::<String>, BTreeSet::new());
        'connections: loop {
            let mut teller = open(&world, &plan, last.as_deref(), now);
            if teller.has_ended() {
                break;
            }
            let opened = now;
            let lasts = if random.bool() {
                random.i64(200..3_000)
            } else {
                60_000
            };
            let mut since = i64::MIN + 10_000;
            while now - opened < lasts {
                now += random.i64(250..600);
                let news = look(&world, &mut teller, now, since);
                since = now;
                let cut = random.u8(0..7) == 0;
                let arrive = if cut {
                    random.usize(0..=news.len())
                } else {
                    news.len()
                };
                for one in news.iter().take(arrive) {
                    heard.hear(&one.event);
                    assert!(ids.insert(one.id.clone()), "seed {seed}: an id twice");
                    last = Some(one.id.clone());
                    events += 1;
                }
                if cut {
                    cuts += 1;
                    now += random.i64(0..3_000);
                    continue 'connections;
                }
                if teller.has_ended() {
                    break 'connections;
                }
            }
            now += random.i64(0..3_000);
        }
        heard.check(&world, seed);
    }
    assert!(
        events > 15_000 && cuts > 2_000,
        "{events} events, {cuts} cuts"
    );
}

#[test]
fn a_stream_that_is_cut_after_any_byte_goes_on_to_the_same_texts() {
    for seed in 0..4 {
        let mut random = Rng::with_seed(seed);
        let world = World::new(&mut random);
        let plan = Arc::new(Plan::new(world.ids.clone()));
        // One connection that sees everything.
        let mut teller = open(&world, &plan, None, 0);
        let mut stream = String::new();
        let mut looks = (0..)
            .step_by(400)
            .map(|now| look(&world, &mut teller, now, i64::MIN + 10_000));
        loop {
            let news = looks.next().unwrap();
            stream.extend(news.iter().map(|one| one.sse().unwrap()));
            if news.iter().any(|one| matches!(one.event, Event::End(_))) {
                break;
            }
        }
        for cut in 0..=stream.len() {
            let Some(part) = stream.get(..cut) else {
                continue;
            };
            let mut heard = Heard::default();
            let mut last = None;
            // An event is one only with the blank line behind it.
            let whole = part.rfind("\n\n").map_or("", |end| &part[..end + 2]);
            for block in whole.split_terminator("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .unwrap()
                };
                let data: serde_json::Value = serde_json::from_str(field("data: ")).unwrap();
                let event = serde_json::json!({"event": field("event: "), "data": data});
                heard.hear(&serde_json::from_value(event).unwrap());
                last = Some(field("id: ").to_owned());
            }
            let mut rest = open(&world, &plan, last.as_deref(), i64::MAX / 2);
            if !rest.has_ended() {
                for one in look(&world, &mut rest, i64::MAX / 2, i64::MIN + 10_000) {
                    heard.hear(&one.event);
                }
            }
            heard.check(&world, seed);
        }
    }
}

#[test]
fn whoever_comes_late_hears_the_texts_of_what_runs_and_where_the_others_are() {
    let plan = Arc::new(Plan::new(vec!["done".into(), "runs".into(), "next".into()]));
    let head = head_with(RunStatus::Running, None);
    let answer = |text: &str| Answer {
        attempt: 1,
        text_bytes: Some(text.len() as u64),
        reasoning_bytes: Some(0),
        ..Answer::default()
    };
    let ended = |id: &str, when: i64, text: &str| NodeRow {
        ended_at: Some(at(when)),
        answer: Some(answer(text)),
        ..row(id, NodeStatus::Succeeded, 1)
    };
    let began = u64::try_from(BEGAN + 10_000).unwrap();
    let mut teller = Teller::begin(RUN, &plan, began, &head);
    let rows = [
        ended("done", 2_000, "old"),
        row("runs", NodeStatus::Running, 1),
    ];
    let piece = |from: u64, text: &str| Piece {
        node: "runs".to_owned(),
        attempt: 1,
        kind: PieceKind::Text,
        from,
        text: text.to_owned(),
    };
    assert!(
        teller.hear(&rows, &[piece(0, "One "), piece(9, "gap")]),
        "a piece is missing"
    );
    assert!(teller.wanted(&rows).is_empty());
    teller.hear_ends(&rows, &BTreeMap::new());
    let mut heard = Heard::default();
    let news = teller.news();
    for one in &news {
        heard.hear(&one.event);
    }
    assert_eq!(heard.text_of("runs", 1, true), "One ");
    assert_eq!(heard.text_of("done", 1, true), "");
    let told: Vec<_> = news
        .iter()
        .map(|one| serde_json::to_value(&one.event).unwrap())
        .collect();
    let done = told
        .iter()
        .flat_map(|event| event["data"]["nodes"].as_array())
        .flatten();
    let done: Vec<_> = done.filter(|node| node["node"] == "done").collect();
    assert_eq!(done[0]["textAt"], format!("/runs/{RUN}/nodes/done"));

    // What ends from now on is told whole, however quick it was.
    let mut later = Teller::resume(RUN, &plan, 1, &news.last().unwrap().id).unwrap();
    let rows = [
        ended("runs", 11_000, "One two"),
        ended("next", 11_500, "quick"),
    ];
    later.hear(&rows, &[]);
    let wanted: Vec<_> = later
        .wanted(&rows)
        .iter()
        .map(|row| row.id.clone())
        .collect();
    assert_eq!(wanted, ["runs", "next"]);
    let texts = [("runs", "One two"), ("next", "quick")].map(|(id, text)| {
        let texts = Texts {
            text: text.to_owned(),
            ..Texts::default()
        };
        (id.to_owned(), texts)
    });
    later.hear_ends(&rows, &BTreeMap::from(texts));
    for one in later.news() {
        heard.hear(&one.event);
    }
    assert_eq!(heard.text_of("runs", 1, true), "One two");
    assert_eq!(heard.text_of("next", 1, true), "quick");
    // Another take of the run is another stream.
    assert!(Teller::resume(RUN, &plan, 2, &later.id()).is_none());
}

#[test]
fn a_resumed_run_tells_nothing_of_what_failed_before_until_it_is_tried_again() {
    let plan = Arc::new(Plan::new(vec!["a".into(), "b".into(), "c".into()]));
    let head = |status| LiveHead {
        execution: 2,
        ..head_with(status, None)
    };
    let mut teller = Teller::begin(RUN, &plan, 0, &head(RunStatus::Running));
    let failed = |id: &str| row(id, NodeStatus::Failed, 1);
    let mut heard = Heard::default();
    teller.hear(&[failed("a"), failed("b")], &[]);
    teller.hear_ends(&[failed("a"), failed("b")], &BTreeMap::new());
    let again = NodeRow {
        execution: 2,
        ..row("a", NodeStatus::Running, 2)
    };
    teller.hear(&[again], &[]);
    let failed_again = NodeRow {
        execution: 2,
        ..row("a", NodeStatus::Failed, 2)
    };
    teller.hear_ends(&[failed_again], &BTreeMap::new());
    teller.end(&[failed("b")], &head(RunStatus::Failed), Decimal::ONE);
    for one in teller.news() {
        heard.hear(&one.event);
    }
    assert_eq!(
        heard.steps["a"],
        [
            (NodeStatus::Running, Some(2)),
            (NodeStatus::Failed, Some(2))
        ]
    );
    assert_eq!(
        heard.steps["b"],
        [(NodeStatus::Failed, Some(1))],
        "it was not tried again"
    );
    assert_eq!(heard.steps["c"], [(NodeStatus::Skipped, None)]);
}

#[test]
fn a_list_is_two_numbers_that_only_grow_and_ends_as_its_run_says() {
    let plan = Arc::new(Plan::new(vec!["each".into(), "after".into()]));
    let open = |done, failed| NodeRow {
        items: Some(ItemCounts {
            total: 50,
            done,
            failed,
            ..ItemCounts::default()
        }),
        ..row("each", NodeStatus::Running, 0)
    };
    let mut told = Vec::new();
    let mut teller = Teller::begin(RUN, &plan, 0, &head_with(RunStatus::Running, None));
    for (done, failed) in [(0, 0), (3, 1), (3, 1), (2, 1), (7, 1)] {
        // Each look is another connection.
        teller.hear(&[open(done, failed)], &[]);
        for one in teller.news() {
            if let Event::Nodes(nodes) = &one.event {
                let items = nodes.nodes[0].items.as_ref().unwrap();
                told.push((items.done, items.failed));
            }
        }
        teller = Teller::resume(RUN, &plan, 1, &teller.id()).unwrap();
    }
    assert_eq!(told, [(0, 0), (3, 1), (7, 1)]);
    // An item ends the run: the list has failed with it. Where another node did, its list does not go on.
    let problem = steps_problem::Problem::new(400, "InvalidInput", "Invalid Input", "an item");
    for (node, status) in [("each", NodeStatus::Failed), ("after", NodeStatus::Skipped)] {
        let mut teller = Teller::resume(RUN, &plan, 1, &teller.id()).unwrap();
        let error = RunError {
            problem: problem.clone(),
            node: Some(node.to_owned()),
        };
        let head = head_with(RunStatus::Failed, Some(error));
        teller.end(&[open(7, 1)], &head, Decimal::ONE);
        let mut heard = Heard::default();
        for one in teller.news() {
            heard.hear(&one.event);
        }
        assert_eq!(heard.nodes["each"].0, status);
    }
}

#[test]
fn items_in_view_are_told_once_each_however_often_a_reader_is_cut_off_and_only_those() {
    let plan = Arc::new(Plan::new(vec!["first".into(), "each".into()]));
    let head = head_with(RunStatus::Running, None);
    let window = Window::parse("each:5-24").unwrap();
    for seed in 0..300 {
        let mut random = Rng::with_seed(seed);
        let mut truth: Vec<Option<(NodeStatus, usize)>> = vec![None; 40];
        let mut teller = Teller::begin(RUN, &plan, 0, &head);
        assert!(teller.view(Some(&window)));
        let mut heard = Heard::default();
        for _ in 0..60 {
            for stand in &mut truth {
                *stand = match *stand {
                    None if random.u8(0..4) == 0 => Some((NodeStatus::Running, 1)),
                    Some((NodeStatus::Running, tried)) => match random.u8(0..8) {
                        0 => Some((NodeStatus::Succeeded, tried)),
                        1 => Some((NodeStatus::Waiting, tried)),
                        _ => *stand,
                    },
                    Some((NodeStatus::Waiting, tried)) if random.u8(0..3) == 0 => {
                        Some((NodeStatus::Running, tried + 1))
                    }
                    other => other,
                };
            }
            // Records of all items, also of those that are not in view, in any order.
            let mut rows: Vec<NodeRow> = (0..)
                .zip(&truth)
                .filter_map(|(index, stand)| {
                    let (status, tried) = (*stand)?;
                    Some(row(&Unit::Item("each", index).to_string(), status, tried))
                })
                .collect();
            random.shuffle(&mut rows);
            let asked = teller.in_view();
            assert!(asked.len() <= 20);
            rows.retain(|row| asked.contains(&row.id) || random.u8(0..9) == 0);
            teller.hear_items(&rows);
            let news = teller.news();
            // The connection breaks behind one of the events, or before the first.
            let kept = random.usize(0..=news.len());
            let before = teller.id();
            for one in news.iter().take(kept) {
                heard.hear(&one.event);
            }
            let id = match kept {
                0 if news.is_empty() => Some(before),
                0 => None,
                kept => Some(news[kept - 1].id.clone()),
            };
            if let Some(id) = id {
                teller = Teller::resume(RUN, &plan, 1, &id).unwrap();
                teller.view(Some(&window));
            } else {
                teller = Teller::begin(RUN, &plan, 0, &head);
                teller.view(Some(&window));
                heard = Heard::default();
            }
        }
        let rows: Vec<NodeRow> = (0..)
            .zip(&truth)
            .filter_map(|(index, stand)| {
                let (status, tried) = (*stand)?;
                Some(row(&Unit::Item("each", index).to_string(), status, tried))
            })
            .collect();
        teller.hear_items(&rows);
        for one in teller.news() {
            heard.hear(&one.event);
        }
        for (index, stand) in truth.iter().enumerate() {
            let told = heard.nodes.get(&format!("each#{index}"));
            let expected = stand.filter(|_| (5..25).contains(&index));
            let told = told.map(|(status, attempt)| (*status, attempt.unwrap_or_default()));
            assert_eq!(told, expected, "item {index}, seed {seed}");
        }
    }
}

#[test]
fn another_window_is_told_from_its_beginning_and_none_is_told_nothing() {
    let plan = Arc::new(Plan::new(vec!["each".into()]));
    let head = head_with(RunStatus::Running, None);
    let rows: Vec<NodeRow> = (0..10)
        .map(|index| {
            row(
                &Unit::Item("each", index).to_string(),
                NodeStatus::Succeeded,
                1,
            )
        })
        .collect();
    let told = |teller: &mut Teller| -> Vec<u32> {
        let news = teller.news();
        let items = news.iter().filter_map(|one| match &one.event {
            Event::Items(view) => Some(view.items.iter().map(|item| item.index)),
            _ => None,
        });
        items.flatten().collect()
    };
    let mut teller = Teller::begin(RUN, &plan, 0, &head);
    assert!(!teller.view(Some(&Window::parse("other:0-3").unwrap())));
    assert!(teller.in_view().is_empty());
    assert!(teller.view(Some(&Window::parse("each:0-3").unwrap())));
    teller.hear_items(&rows);
    assert_eq!(told(&mut teller), [0, 1, 2, 3]);
    assert!(teller.in_view().is_empty(), "all have ended");
    // The list has ended too, and another part of it is looked at.
    teller.hear_ends(&[row("each", NodeStatus::Succeeded, 0)], &BTreeMap::new());
    let mut later = Teller::resume(RUN, &plan, 1, &teller.id()).unwrap();
    assert!(later.view(Some(&Window::parse("each:2-9").unwrap())));
    assert_eq!(later.in_view().len(), 8);
    later.hear_items(&rows);
    assert_eq!(told(&mut later), [2, 3, 4, 5, 6, 7, 8, 9]);
    let mut without = Teller::resume(RUN, &plan, 1, &later.id()).unwrap();
    assert!(without.view(None));
    without.hear_items(&rows);
    assert!(told(&mut without).is_empty());
}
