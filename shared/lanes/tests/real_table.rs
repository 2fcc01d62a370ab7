//! The rules over the real table, under random schedules: functions die between any two requests, or in the middle of one,
//! and tasks are tried again. Step Functions is the test's own, since it has to know which function it gave up.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;
use futures_util::StreamExt;
use futures_util::future::{join, join_all};
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use local_table::{aws, new_table, variable};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_lanes::{RunBoard, Task, Tasks, Tokens, Worked, Worker, lay, offer_paused, step};
use steps_problem::Problem;
use steps_store::{
    Attempt, Begun, Claim, Claimed, Lease, ListEnd, Manner, NewRun, NodeStatus, Outcome, Part,
    Pause, Store, Trigger, Unit, Waiting,
};
use steps_workflow::{Plan, PlannedList};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// How long a dead function holds its node here.
const LEASE: Duration = Duration::from_millis(400);

/// The longest that a run may take before it counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(90);

/// The tasks that wait for their tokens, and what each was answered.
#[derive(Default)]
struct StepFunctions {
    waiting: Mutex<BTreeMap<String, Option<Told>>>,
    /// The parts whose executions were started, and of these the ones that are yet to begin.
    started: Mutex<BTreeSet<Part>>,
    to_begin: Mutex<Vec<(Part, u8)>>,
    changed: Notify,
}

#[derive(Clone)]
enum Told {
    Next(Value),
    Wait(String),
    Done,
}

impl StepFunctions {
    fn tell(&self, token: &str, told: Told) -> bool {
        let mut waiting = self.waiting.lock().unwrap();
        match waiting.get_mut(token) {
            Some(slot @ None) => *slot = Some(told),
            _ => return false,
        }
        self.changed.notify_waiters();
        true
    }

    fn begin(&self, token: &str) {
        self.waiting.lock().unwrap().insert(token.to_owned(), None);
    }

    fn give_up(&self, token: &str) -> Option<Told> {
        self.waiting.lock().unwrap().remove(token).flatten()
    }

    async fn told(&self, token: &str) -> Told {
        loop {
            let changed = self.changed.notified();
            let told = self.waiting.lock().unwrap().get(token).cloned().flatten();
            if let Some(told) = told {
                self.give_up(token);
                return told;
            }
            // A moment at most: the answer may have come before this task listened.
            let _ = timeout(Duration::from_millis(50), changed).await;
        }
    }
}

impl Tokens for StepFunctions {
    async fn succeed(&self, token: &str, output: &Value) -> Result<bool, Problem> {
        Ok(self.tell(token, Told::Next(output.clone())))
    }

    async fn fail(&self, token: &str, error: &str, cause: &str) -> Result<bool, Problem> {
        let told = match error {
            "Lane.Done" => Told::Done,
            _ => Told::Wait(cause.to_owned()),
        };
        Ok(self.tell(token, told))
    }

    async fn start(&self, _: &str, part: Part, lanes: u8) -> Result<(), Problem> {
        if self.started.lock().unwrap().insert(part) {
            self.to_begin.lock().unwrap().push((part, lanes));
        }
        Ok(())
    }

    async fn has_ended(&self, _: &str, _: Part) -> Result<bool, Problem> {
        unreachable!("only the sweep asks")
    }
}

/// A run, and those who work on it.
struct World {
    store: Store,
    plan: Plan,
    /// How many items the nodes with lists have.
    totals: BTreeMap<String, u32>,
    /// Units that wait for a message of their name.
    pausing: BTreeSet<String>,
    run_id: String,
    step_functions: StepFunctions,
    random: Mutex<Rng>,
    deaths: f64,
    /// How many lanes an execution has, and after how many tasks it hands over.
    lanes: u8,
    most_tasks: u32,
    /// The lanes that have a unit in hand.
    at_work: Mutex<BTreeSet<u8>>,
    /// How many times each node was paid for.
    paid: Mutex<BTreeMap<String, usize>>,
}

/// Executes a node by claiming and settling it, at 0.001 USD a time.
struct Nodes<'a> {
    world: &'a World,
    lane: u8,
    seen: &'a Cell<Option<Part>>,
}

impl Worker for Nodes<'_> {
    type Error = Problem;

    async fn work(&self, node_id: &str) -> Result<Worked, Problem> {
        let World {
            store,
            run_id,
            totals,
            ..
        } = self.world;
        self.seen.set(store.runs().part(run_id).await?);
        let nodes = store.nodes();
        let unit = Unit::of(node_id);
        let total = totals.get(unit.node()).copied().unwrap_or_default();
        let done = |now| match unit.index() {
            Some(_) => Worked::ItemDone { total },
            None => Worked::Done { now },
        };
        if let Unit::Gathering(node) = unit {
            let end = ListEnd::Gathered("[]");
            let of_run = (run_id.as_str(), 1, self.lane);
            let now = nodes.end_list(of_run, node, &end, Timestamp::now()).await?;
            return Ok(Worked::Done { now });
        }
        let seen = nodes.get(run_id, node_id).await?;
        let pauses =
            self.world.pausing.contains(node_id) && !nodes.is_told(run_id, node_id).await?;
        if let Some(seen) = &seen {
            if pauses && seen.has_paused(1) {
                return Ok(Worked::Paused);
            }
            if seen.is_open() {
                return Ok(Worked::Opened { total });
            }
            if seen.status == NodeStatus::Succeeded {
                return Ok(done(false));
            }
            if !seen.has_paused(1)
                && !seen
                    .claimable_in(1, Timestamp::now())
                    .unwrap_or_default()
                    .is_zero()
            {
                return Ok(Worked::Wait { seconds: 1 });
            }
        }
        let claim = Claim {
            run_id,
            execution: 1,
            lane: self.lane,
            workflow_id: "lanes",
            node_id,
            seen: seen.as_ref(),
            now: Timestamp::now(),
            lease: LEASE,
            watched: false,
            reserve: None,
        };
        if unit.index().is_none() && total > 0 {
            let items = vec![json!(0); total as usize];
            return Ok(match nodes.open(&claim, &items).await? {
                true => Worked::Opened { total },
                false => Worked::Wait { seconds: 1 },
            });
        }
        let Claimed::Granted(lease) = nodes.claim(&claim).await? else {
            return Ok(Worked::Wait { seconds: 1 });
        };
        let alone = self.world.at_work.lock().unwrap().insert(self.lane);
        assert!(alone || self.world.deaths > 0.0, "two lanes of a number");
        if pauses {
            let paused = self.pause(&lease).await;
            self.world.at_work.lock().unwrap().remove(&self.lane);
            return paused;
        }
        *self
            .world
            .paid
            .lock()
            .unwrap()
            .entry(node_id.to_owned())
            .or_default() += 1;
        let attempt = Attempt {
            started_at: Timestamp::now(),
            ended_at: Some(Timestamp::now()),
            cost_usd: Some(Decimal::new(1, 3)),
            ..Attempt::default()
        };
        let answer = json!({"text": node_id});
        let outcome = Outcome::Succeeded(&answer);
        let now = nodes
            .settle(&lease, &attempt, &outcome, false, Timestamp::now())
            .await?;
        self.world.at_work.lock().unwrap().remove(&self.lane);
        Ok(done(now))
    }
}

impl Nodes<'_> {
    async fn pause(&self, lease: &Lease) -> Result<Worked, Problem> {
        let nodes = self.world.store.nodes();
        let now = Timestamp::now();
        let attempt = Attempt {
            started_at: now,
            ended_at: Some(now),
            paused: true,
            ..Attempt::default()
        };
        let pause = Pause {
            since: now,
            until: None,
            awaits: Some(lease.node_id().to_owned()),
            shown: None,
        };
        let outcome = Outcome::Paused {
            waiting: Waiting::Signal,
            until: now + Duration::from_secs(3600),
            pause: &pause,
        };
        let settled = nodes.settle(lease, &attempt, &outcome, false, now).await?;
        let told = nodes.is_told(&self.world.run_id, lease.node_id()).await?;
        Ok(if settled && !told {
            Worked::Paused
        } else {
            Worked::Wait { seconds: 1 }
        })
    }
}

/// Tells a unit what it waits for, at some moment. Who dies meanwhile is followed by another one.
async fn teller(world: &World, unit: &str) {
    loop {
        let (pause, dies_after) = {
            let mut random = world.random.lock().unwrap();
            let dies = random.f64() < world.deaths;
            let after = dies.then(|| Duration::from_millis(random.u64(0..30)));
            (Duration::from_millis(random.u64(0..800)), after)
        };
        sleep(pause).await;
        let told = tell(world, unit);
        match dies_after {
            None => return told.await.expect("the table answers"),
            Some(after) => {
                if timeout(after, told).await.is_ok() {
                    return;
                }
            }
        }
    }
}

async fn tell(world: &World, unit: &str) -> Result<(), Problem> {
    let nodes = world.store.nodes();
    let now = Timestamp::now();
    nodes.tell(&world.run_id, unit, &json!(1), now).await?;
    let paused = nodes.paused(&world.run_id).await?;
    if !paused.iter().any(|paused| paused.unit == unit) {
        // It has not paused, and finds the message itself.
        return Ok(());
    }
    let board = RunBoard {
        lanes: &world.store.lanes(),
        tokens: &world.step_functions,
        plan: &world.plan,
        run_id: &world.run_id,
        part: Part::first(1),
        lane: 0,
        runs: &world.store.runs(),
        tasks: None,
    };
    offer_paused(&board, &[unit.to_owned()]).await
}

/// One lane, as the state machine drives it.
async fn lane(world: &World, (part, lane): (Part, u8), unit: Option<String>) {
    let mut next = json!({"unit": unit, "listed": true, "was": null});
    let (mut call, mut tasks, mut retries) = (0u64, 0, 0);
    loop {
        let token = Uuid::now_v7().to_string();
        call += 1;
        world.step_functions.begin(&token);
        let task = Task {
            unit: next["unit"].as_str().map(str::to_owned),
            listed: next["listed"] == true,
            was: next["was"].as_str().map(str::to_owned),
            token: token.clone(),
            call: format!("{call:08}"),
            part,
            holds: (next["unit"].is_string() || (tasks == 0 && part.number == 1)) && retries == 0,
        };
        let had = (tasks, retries);
        let told = match function(world, lane, &task, had).await {
            Ok(()) => world.step_functions.told(&token).await,
            // It died. Its answer may have been heard all the same; else the task is tried again.
            Err(()) => match world.step_functions.give_up(&token) {
                Some(told) if world.random.lock().unwrap().bool() => told,
                _ => {
                    retries += 1;
                    continue;
                }
            },
        };
        (tasks, retries) = (tasks + 1, 0);
        match told {
            Told::Done => return,
            Told::Next(told) => next = told,
            Told::Wait(cause) => {
                let mut words = cause.splitn(3, ' ');
                let (_, listed, unit) = (words.next(), words.next(), words.next());
                next = json!({"unit": unit, "listed": listed == Some("listed"), "was": null});
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Executes the task; `Err` where the function died at some moment of it.
async fn function(
    world: &World,
    lane: u8,
    task: &Task,
    (before, retries): (u32, u32),
) -> Result<(), ()> {
    let dies_after = {
        let mut random = world.random.lock().unwrap();
        (random.f64() < world.deaths).then(|| Duration::from_millis(random.u64(0..60)))
    };
    let lanes = world.store.lanes();
    let runs = world.store.runs();
    let board = RunBoard {
        runs: &runs,
        tasks: Some(Tasks {
            before,
            retries,
            most: world.most_tasks,
            lanes: world.lanes,
            seen: Cell::new(None),
        }),
        lanes: &lanes,
        tokens: &world.step_functions,
        plan: &world.plan,
        run_id: &world.run_id,
        part: task.part,
        lane,
    };
    let seen = &board.tasks.as_ref().unwrap().seen;
    let nodes = Nodes { world, lane, seen };
    let work = step(&board, &world.plan, &nodes, task);
    match dies_after {
        None => work.await.expect("the table answers"),
        Some(after) => timeout(after, work)
            .await
            .map_err(|_| ())?
            .expect("the table answers"),
    }
    Ok(())
}

async fn begin(store: &Store, run_id: &str) {
    let now = Timestamp::now();
    let begun = store
        .runs()
        .begin(&NewRun {
            id: run_id,
            workflow_id: "lanes",
            version: 1,
            definition: r#"{"name":"lanes","nodes":[]}"#,
            input: &json!({}),
            trigger: &Trigger {
                kind: "api".to_owned(),
                context: json!({}),
            },
            identity: None,
            fingerprint: None,
            callback_url: None,
            on_failure: None,
            turn: None,
            vars: None,
            warnings: &[],
            credentials: &BTreeMap::new(),
            started_at: now,
            deadline: now + Duration::from_secs(3600),
            max_cost_usd: None,
            max_cost_usd_per_day: None,
            reuse: None,
            manner: Manner::default(),
        })
        .await;
    assert_eq!(begun.unwrap(), Begun::New);
}

async fn schedule(store: Store, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let count = random.usize(1..=12);
    let plan = Plan::new((0..count).map(|place| {
        let needs: BTreeSet<usize> = (0..random.usize(0..3))
            .filter(|_| place > 0)
            .map(|_| random.usize(0..place.max(1)))
            .collect();
        (format!("n{place}"), vec![], needs.into_iter().collect())
    }));
    let mut plan = plan;
    let mut totals = BTreeMap::new();
    for place in 0..count {
        // One of them has more items than one set of done ones takes.
        let total = match random.u8(..8) {
            0 if seed.is_multiple_of(8) && totals.is_empty() => 203,
            0 | 1 => random.u32(1..=9),
            _ => continue,
        };
        let (id, reads) = (format!("n{place}"), vec![]);
        let concurrency = random.u32(1..=5);
        plan = plan.with_list(&id, PlannedList { concurrency, reads });
        totals.insert(id, total);
    }
    let mut pausing = BTreeSet::new();
    for place in 0..count {
        let id = format!("n{place}");
        let units: Vec<String> = match totals.get(&id) {
            Some(&total) => (0..total.min(9))
                .map(|index| Unit::Item(&id, index).to_string())
                .collect(),
            None => vec![id],
        };
        pausing.extend(units.into_iter().filter(|_| random.u8(..4) == 0));
    }
    let run_id = Uuid::now_v7().to_string();
    begin(&store, &run_id).await;
    let most = random.u32(1..=4);
    let lanes = store.lanes();
    let first = lay(&lanes, (&run_id, 1), &plan, |_| false, most)
        .await
        .unwrap();
    let most_tasks = *random.choice(&[u32::MAX, 10, 10, 30]).unwrap();
    let world = World {
        lanes: u8::try_from(first.len()).unwrap(),
        most_tasks,
        at_work: Mutex::default(),
        deaths: *random.choice(&[0.0, 0.1, 0.3]).unwrap(),
        store,
        plan,
        totals,
        pausing,
        run_id,
        step_functions: StepFunctions::default(),
        random: Mutex::new(random),
        paid: Mutex::default(),
    };
    let all = (1..).zip(first);
    let mut all: FuturesUnordered<_> = all
        .map(|(number, unit)| lane(&world, (Part::first(1), number), unit))
        .collect();
    let tellers = join_all(world.pausing.iter().map(|unit| teller(&world, unit)));
    let lanes = async {
        while !all.is_empty() {
            let _ = timeout(Duration::from_millis(20), all.next()).await;
            let parts = std::mem::take(&mut *world.step_functions.to_begin.lock().unwrap());
            for (part, lanes) in parts {
                all.extend((1..=lanes).map(|number| lane(&world, (part, number), None)));
            }
        }
    };
    let ended = timeout(STUCK_AFTER, join(lanes, tellers)).await;
    let (run, nodes) = world.store.nodes().of_run(&world.run_id).await.unwrap();
    let done = nodes
        .values()
        .filter(|node| node.status == NodeStatus::Succeeded);
    let done = done.count();
    assert!(
        ended.is_ok(),
        "seed {seed} is stuck: {done} of {count} nodes are done"
    );
    assert_eq!(done, count, "seed {seed}");
    let last = run.part;
    let mut started = world.step_functions.started.lock().unwrap().clone();
    started.insert(Part::first(1));
    assert_eq!(started.len() as u32, last.number, "seed {seed}");
    for (node, total) in &world.totals {
        let items = nodes.get(node).and_then(|node| node.items.clone());
        let counted = items.map(|items| (items.total, items.done));
        assert_eq!(counted, Some((*total, *total)), "seed {seed}: {node}");
    }
    let paid = world.paid.lock().unwrap().clone();
    if world.deaths == 0.0 {
        assert!(
            paid.values().all(|times| *times == 1),
            "seed {seed}: {paid:?}"
        );
    }
    // The run's total is what its lanes have counted: each attempt that was written, once.
    let settled: Decimal = nodes.values().map(|node| node.cost_usd).sum();
    assert_eq!(run.cost_usd, settled, "seed {seed}");
    let counted = world.store.lanes().list(&world.run_id).await.unwrap();
    let counted: usize = counted.iter().map(|lane| lane.settled).sum();
    assert_eq!(counted, count, "seed {seed}");
}

#[tokio::test]
async fn no_death_loses_a_node_or_leaves_a_lane_asleep() {
    let aws = aws().await;
    let client = aws_sdk_dynamodb::Client::new(&aws);
    let table = new_table(&client).await;
    let s3 = aws_sdk_s3::config::Builder::from(&aws)
        .force_path_style(true)
        .build();
    let s3 = aws_sdk_s3::Client::from_conf(s3);
    let store = Store::new(client, &table, s3, variable("BUCKET_NAME"), 1);
    let first = fastrand::u64(..1 << 32);
    join_all((first..first + 32).map(|seed| schedule(store.clone(), seed))).await;
}
