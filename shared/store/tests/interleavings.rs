//! Several writers at once, in any order, with any step repeated: an answer never changes, an ended run stays ended,
//! and no cost is lost or counted twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_problem::Problem;
use steps_store::{
    Attempt, Budget, Claim, Claimed, Ended, Lease, NodeStatus, Outcome, Reserve, Resume, Resumed,
    RunStatus, Store, Usage, keys,
};

use crate::world::{WORKFLOW, World, today};

const WRITERS: u64 = 4;
const STEPS: usize = 24;
const NODES: [&str; 3] = ["a", "b", "c"];

/// What the writers saw that has to hold from then on.
#[derive(Default)]
struct Seen {
    outputs: BTreeMap<String, Value>,
}

struct Writer {
    store: Store,
    run: String,
    random: Rng,
    held: Vec<Lease>,
    seen: Arc<Mutex<Seen>>,
}

#[tokio::test]
async fn no_interleaving_loses_or_doubles_anything() {
    let seed = fastrand::u64(..);
    let table = World::new().await;
    let worlds =
        (0..32).map(|world| tokio::spawn(interleave(table.clone(), seed.wrapping_add(world))));
    for world in worlds.collect::<Vec<_>>() {
        world
            .await
            .unwrap_or_else(|error| panic!("of the seeds from {seed} on: {error}"));
    }
}

async fn interleave(world: World, seed: u64) {
    let store = world.store.clone();
    let (run, _) = world.begin(None, Some("1")).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let writers = (0..WRITERS).map(|writer| {
        let mut writer = Writer {
            store: store.clone(),
            run: run.clone(),
            random: Rng::with_seed(seed.wrapping_mul(31).wrapping_add(writer)),
            held: Vec::new(),
            seen: Arc::clone(&seen),
        };
        tokio::spawn(async move {
            for _ in 0..STEPS {
                writer.step().await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let seen = Arc::into_inner(seen).expect("all writers are done");
    check(&world, &run, &seen.into_inner().unwrap()).await;
}

impl Writer {
    async fn step(&mut self) {
        match self.random.u8(0..12) {
            0..=3 => self.claim().await,
            4..=6 => self.settle().await,
            7 => self.note().await,
            8 => self.recover().await,
            9 => self.look().await,
            10 => self.end().await,
            _ => self.resume().await,
        }
    }

    fn any_held(&mut self) -> Option<Lease> {
        let held = self.held.clone();
        self.random.choice(held)
    }

    async fn claim(&mut self) {
        let node = *self.random.choice(NODES.iter()).unwrap();
        let seen = self.store.nodes().get(&self.run, node).await.unwrap();
        let execution = self.store.runs().head(&self.run).await.unwrap().execution;
        let usd = Decimal::new(self.random.i64(1..400), 4);
        let budgets = vec![
            Budget::Run {
                limit: Decimal::ONE,
            },
            Budget::WorkflowDay {
                workflow_id: self.run.clone(),
                limit: Decimal::TWO,
            },
        ];
        let reserve = Reserve { usd, budgets };
        let claim = Claim {
            run_id: &self.run,
            execution,
            lane: 1,
            workflow_id: WORKFLOW,
            node_id: node,
            seen: seen.as_ref(),
            now: Timestamp::now(),
            lease: Duration::from_millis(self.random.u64(1..200)),
            watched: false,
            reserve: Some(&reserve),
        };
        if let Claimed::Granted(lease) = self.store.nodes().claim(&claim).await.unwrap() {
            self.held.push(lease);
        }
    }

    /// Under any lease that this writer ever had: lost ones and settled ones too.
    async fn settle(&mut self) {
        let Some(lease) = self.any_held() else {
            return;
        };
        let cost = Decimal::new(self.random.i64(0..300), 4);
        let unpriced = self.random.u8(0..4) == 0;
        let attempt = Attempt {
            started_at: Timestamp::now(),
            ended_at: Some(Timestamp::now()),
            generation_id: unpriced.then(|| "gen-unpriced".to_owned()),
            cost_usd: (!unpriced).then_some(cost),
            usage: Some(used()),
            ..Attempt::default()
        };
        let problem = Problem::new(502, "ProviderError", "Provider Error", "no");
        let answer = json!({ "text": self.random.u64(..) });
        let outcome = match self.random.u8(0..4) {
            0 | 1 => Outcome::Succeeded(&answer),
            2 => Outcome::Waiting {
                until: Timestamp::now(),
                problem: &problem,
                draft: None,
                paused: false,
            },
            _ => Outcome::Failed(&problem, None),
        };
        // Once more where the answer to the first write was lost.
        for _ in 0..self.random.u8(1..=2) {
            self.store
                .nodes()
                .settle(&lease, &attempt, &outcome, unpriced, Timestamp::now())
                .await
                .unwrap();
        }
    }

    async fn note(&mut self) {
        if let Some(lease) = self.any_held() {
            self.store
                .nodes()
                .note_generation(&lease, "gen-noted")
                .await
                .unwrap();
        }
    }

    /// What a later visit does: it goes by what the record says, which may have changed before the write.
    async fn recover(&mut self) {
        let node = *self.random.choice(NODES.iter()).unwrap();
        let Some(record) = self.store.nodes().get(&self.run, node).await.unwrap() else {
            return;
        };
        let unpriced = record
            .attempts
            .iter()
            .enumerate()
            .filter(|(_, attempt)| attempt.is_unpriced());
        for (index, attempt) in unpriced {
            let cost = Decimal::new(self.random.i64(1..300), 4);
            self.store
                .nodes()
                .recover_cost(&self.run, node, (index, attempt), (cost, &used()), false)
                .await
                .unwrap();
        }
    }

    async fn look(&mut self) {
        for node in NODES {
            // Before the read: what others see while it goes on may be newer than what it gives.
            let before = self.seen.lock().unwrap().outputs.get(node).cloned();
            let Some(record) = self.store.nodes().get(&self.run, node).await.unwrap() else {
                continue;
            };
            let output = self.store.nodes().output(&record).await.unwrap();
            if before.is_some() {
                assert_eq!(
                    record.status,
                    NodeStatus::Succeeded,
                    "{node} moved backwards"
                );
                assert_eq!(before, output, "the answer of {node} changed");
            } else if let Some(output) = output {
                let mut seen = self.seen.lock().unwrap();
                let first = seen
                    .outputs
                    .entry(node.to_owned())
                    .or_insert_with(|| output.clone());
                assert_eq!(*first, output, "the answer of {node} changed");
            }
        }
    }

    async fn end(&mut self) {
        let head = self.store.runs().head(&self.run).await.unwrap();
        let statuses = [
            RunStatus::Succeeded,
            RunStatus::Failed,
            RunStatus::TimedOut,
            RunStatus::Aborted,
        ];
        let ended = Ended {
            // Often an event of an earlier execution.
            execution: self.random.u32(1..=head.execution),
            status: self.random.choice(statuses).unwrap(),
            at: Timestamp::now(),
            error: None,
        };
        let changed = self.store.runs().end(&self.run, &ended).await.unwrap();
        if head.status != RunStatus::Running || ended.execution < head.execution {
            let after = self.store.runs().head(&self.run).await.unwrap();
            assert!(
                !changed || after.execution > head.execution,
                "an ended run ended again"
            );
        }
    }

    async fn resume(&mut self) {
        let run = self.store.runs().get(&self.run).await.unwrap();
        if matches!(run.status, RunStatus::Running | RunStatus::Succeeded) {
            return;
        }
        let resume = Resume {
            run: &run,
            credentials: &BTreeMap::new(),
            at: Timestamp::now(),
            deadline: run.deadline,
            max_cost_usd: None,
            max_cost_usd_per_day: None,
            entry: None,
        };
        if let Resumed::Next(number) = self.store.runs().resume(&resume).await.unwrap() {
            assert_eq!(number, run.execution + 1);
        }
    }
}

/// What every attempt used, whoever reports it.
fn used() -> Usage {
    Usage {
        prompt_tokens: 1,
        completion_tokens: 2,
        total_tokens: 3,
        upstream_cost_usd: Decimal::new(7, 4),
        is_byok: true,
        ..Usage::default()
    }
}

async fn check(world: &World, run: &str, seen: &Seen) {
    let store = &world.store;
    let (record, nodes) = store.nodes().of_run(run).await.unwrap();
    for (node, output) in &seen.outputs {
        assert_eq!(
            store.nodes().output(&nodes[node]).await.unwrap().as_ref(),
            Some(output)
        );
    }
    let attempts: Vec<&Attempt> = nodes.values().flat_map(|node| &node.attempts).collect();
    let spent: Decimal = attempts.iter().filter_map(|attempt| attempt.cost_usd).sum();
    let held: Decimal = attempts
        .iter()
        .filter_map(|attempt| attempt.reserved.as_ref())
        .map(|reserved| reserved.usd)
        .sum();
    assert_eq!(record.cost_usd, spent, "the run's total: {nodes:#?}");
    for node in nodes.values() {
        let of_attempts: Decimal = node
            .attempts
            .iter()
            .filter_map(|attempt| attempt.cost_usd)
            .sum();
        assert_eq!(node.cost_usd, of_attempts, "{node:#?}");
    }
    let left = world.number(keys::run(run), "budgetLeftUsd").await;
    assert_eq!(
        left + spent + held,
        Decimal::ONE,
        "the run's budget: {nodes:#?}"
    );
    if !attempts.is_empty() {
        let day = keys::spend(&keys::workflow_day(run, today()));
        let committed = world.number(day, "committedUsd").await;
        assert_eq!(committed, spent + held, "the day's budget: {nodes:#?}");
    }
    for attempt in &attempts {
        let told = attempt.ended_at.is_some() || attempt.cost_usd.is_some();
        assert_eq!(attempt.usage, told.then(used), "{attempt:#?}");
    }
    let told = attempts.iter().filter_map(|attempt| attempt.usage.as_ref());
    let sum = told.fold(Usage::default(), Usage::plus);
    assert_eq!(record.usage, sum, "of each attempt, once: {nodes:#?}");
}
