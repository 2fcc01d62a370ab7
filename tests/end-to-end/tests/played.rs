//! The state machine as a test plays it, over functions of the test's own: each task of a lane is handed to one, and its
//! token is heard here. A function that dies is a task that failed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use end_to_end::{Function, Told, decimal, list, text};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use reqwest::Method;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_api::ItemPage;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::sandboxed::World;

/// A run that has not ended by then is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(240);

/// Longer than the SDK takes for a call whose first answers do not come.
const FUNCTION_SECONDS: u64 = 120;

/// What `run-workflow.asl.yaml` tries again. `Lambda.Unknown`: the function died.
const RETRIED: [&str; 4] = [
    "Lambda.Unknown",
    "StorageUnavailable",
    "SecretsUnavailable",
    "TokenNotAnswered",
];

/// A sandbox whose runs are played.
pub(crate) struct Machine {
    pub(crate) world: World,
    start_run: Function,
    workflows: Function,
    finish_run: Function,
    /// Functions that execute nodes and have nothing to do.
    idle: Mutex<Vec<Function>>,
    calls: AtomicU64,
    /// After so many tasks an execution hands its run over.
    hand_over_after: u32,
    /// A function may answer its token and die before it returns. Whether then its failure counts, or its answer.
    pub(crate) failure_wins: AtomicBool,
}

impl Machine {
    pub(crate) async fn new() -> Self {
        Self::that_hands_over(u32::MAX).await
    }

    /// A machine whose executions hand their runs over after so many tasks.
    pub(crate) async fn that_hands_over(hand_over_after: u32) -> Self {
        let world = World::new().await;
        world.sandbox.executions();
        Self {
            start_run: world.sandbox.function("start-run").await,
            workflows: world.sandbox.function("workflows").await,
            finish_run: world.sandbox.function("finish-run").await,
            idle: Mutex::default(),
            calls: AtomicU64::new(0),
            hand_over_after,
            failure_wins: AtomicBool::new(true),
            world,
        }
    }

    /// Starts a run of this document by the API; gives its id. A node has the type `openrouter` and the sandbox's
    /// credential, unless it says otherwise.
    pub(crate) async fn start(&self, mut document: Value) -> String {
        document["name"] = json!("played");
        for node in document["nodes"].as_array_mut().unwrap() {
            if node["type"].is_null() {
                node["type"] = json!("openrouter");
                node["credential"] = json!("main");
            }
        }
        let path = "/workflows/played";
        let put = self.workflows.http(Method::PUT, path, Some(&document));
        let put = put.await;
        assert!(put.status.is_success(), "{:?}", put.body);
        let path = "/workflows/played/runs";
        let started = self.start_run.http(Method::POST, path, None).await;
        assert_eq!(started.status, 202, "{:?}", started.body);
        text(&started.body["id"])
    }

    /// Resumes a run by the API.
    pub(crate) async fn resume(&self, run: &str) {
        let path = format!("/runs/{run}/resume");
        let resumed = self.start_run.http(Method::POST, &path, None).await;
        assert_eq!(resumed.status, 202, "{:?}", resumed.body);
    }

    /// The input of the run's newest execution.
    pub(crate) fn execution(&self, run: &str) -> Value {
        let all = self.world.sandbox.executions();
        let newest = all.into_iter().rfind(|input| input["runId"] == run);
        newest.expect("it was started")
    }

    /// Plays the run's newest execution, and those that it is handed over to, and tells of their ends; gives the run.
    pub(crate) async fn play(&self, run: &str) -> Value {
        let executions = || {
            let all = self.world.sandbox.executions().into_iter();
            all.filter(|input| input["runId"] == run)
                .collect::<Vec<_>>()
        };
        let mut begun = executions().len() - 1;
        let mut going = FuturesUnordered::new();
        let played = async {
            loop {
                for execution in executions().split_off(begun) {
                    begun += 1;
                    going.push(self.play_part(execution));
                }
                match timeout(Duration::from_millis(50), going.next()).await {
                    Ok(None) if executions().len() == begun => return,
                    Ok(Some(failed)) if failed => return,
                    _ => {}
                }
            }
        };
        if timeout(STUCK_AFTER, played).await.is_err() {
            panic!("stuck: {:#}", self.world.run(run).await);
        }
        self.world.run(run).await
    }

    /// Plays an execution, and tells of its end. Whether it has failed.
    async fn play_part(&self, execution: Value) -> bool {
        let lanes = list(&execution["lanes"]).iter();
        let ended = try_join_all(lanes.map(|lane| self.lane(&execution, lane))).await;
        let (status, error) = match ended {
            Ok(_) => ("SUCCEEDED", None),
            Err(error) => ("FAILED", Some(error)),
        };
        self.tell_of_end(&execution, status, error).await;
        status == "FAILED"
    }

    /// Tells of the end of an execution, as EventBridge does.
    pub(crate) async fn tell_of_end(&self, execution: &Value, status: &str, error: Option<String>) {
        let run = text(&execution["runId"]);
        let number = |name: &str| execution[name].as_u64().unwrap_or(1);
        let name = match (number("take"), number("part")) {
            (1, 1) => run,
            (take, 1) => format!("{run}-{take}"),
            (take, part) => format!("{run}-{take}-{part}"),
        };
        let at = Timestamp::now().as_millisecond();
        let told = json!({"name": name, "status": status, "error": error, "stopDate": at});
        let done = self.finish_run.invoke(json!({ "detail": told })).await;
        assert!(done["errorType"].is_null(), "{done}");
    }

    /// A function that executes nodes.
    pub(crate) async fn function(&self) -> Function {
        let idle = self.idle.lock().unwrap().pop();
        match idle {
            Some(function) => function,
            None => {
                let sandbox = &self.world.sandbox;
                let after = self.hand_over_after.to_string();
                let environment = [("HAND_OVER_AFTER", after.as_str())];
                let name = "execute-node";
                let started = sandbox.start_function(name, FUNCTION_SECONDS, &environment);
                started.await
            }
        }
    }

    /// Kills every function that has nothing to do.
    pub(crate) async fn kill_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap());
        for function in idle {
            function.kill().await;
        }
    }

    /// Takes back a function that has nothing to do.
    pub(crate) fn gives_back(&self, function: Function) {
        self.idle.lock().unwrap().push(function);
    }

    /// A task with a token of its own; gives it with what the token is answered.
    pub(crate) fn task(&self, input: &Value) -> (Value, oneshot::Receiver<Told>) {
        let token = Uuid::now_v7().to_string();
        let told = self.world.sandbox.begin_task(&token);
        let mut task = input.clone();
        task["token"] = json!(token);
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let retries = input["retries"].as_u64().unwrap_or(0);
        task["call"] = json!(format!("{call:08}#{retries:04}"));
        (task, told)
    }

    /// Plays one lane to its end; the name of a failure that ends the execution.
    pub(crate) async fn lane(&self, execution: &Value, lane: &Value) -> Result<(), String> {
        let run = text(&execution["runId"]);
        let mut input = json!({
            "runId": run, "take": execution["take"], "lane": lane["lane"],
            "unit": lane["unit"], "listed": true, "was": null,
            "part": execution["part"], "of": list(&execution["lanes"]).len(), "tasks": 0,
        });
        let mut tasks = 0;
        let mut retries = 0;
        let mut died = false;
        loop {
            input["retries"] = json!(retries);
            let (task, mut told) = self.task(&input);
            let token = text(&task["token"]);
            let function = self.function().await;
            let answer = function.hand(task).await.await;
            let failure = match answer {
                Ok(answer) => {
                    self.gives_back(function);
                    answer["errorType"].as_str().map(str::to_owned)
                }
                Err(_) => Some("Lambda.Unknown".to_owned()),
            };
            let told = match failure {
                None => told.await.expect("somebody answers the token"),
                Some(failure) => {
                    died |= failure == "Lambda.Unknown";
                    self.world.sandbox.end_task(&token);
                    let wins = self.failure_wins.load(Ordering::Relaxed);
                    match told.try_recv() {
                        Ok(told) if !wins => told,
                        _ if RETRIED.contains(&failure.as_str()) => {
                            retries += 1;
                            continue;
                        }
                        _ => return Err(failure),
                    }
                }
            };
            tasks += 1;
            retries = 0;
            input["tasks"] = json!(tasks);
            match told {
                Ok(next) => {
                    for name in ["unit", "listed", "was"] {
                        input[name] = next[name].clone();
                    }
                    died = false;
                }
                Err((error, cause)) if error == "Lane.Wait" => {
                    let words: Vec<&str> = cause.splitn(3, ' ').collect();
                    let [seconds, listed, unit] = words[..] else {
                        panic!("Lane.Wait because of {cause}");
                    };
                    if died {
                        // The lease of the function that died: nobody else has it.
                        self.world.sandbox.let_lease_end(&run, unit).await;
                    } else {
                        let seconds: u64 = seconds.parse().unwrap();
                        sleep(Duration::from_secs(seconds.min(1))).await;
                    }
                    input["unit"] = json!(unit);
                    input["listed"] = json!(listed == "listed");
                    input["was"] = Value::Null;
                }
                Err((error, _)) if error == "Lane.Done" => return Ok(()),
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// The run, in which a node with a list has the attempts of its items.
    async fn with_items(&self, id: &str) -> Value {
        let mut run = self.world.run(id).await;
        let Some(nodes) = run["nodes"].as_array_mut() else {
            return run;
        };
        for node in nodes.iter_mut().filter(|node| node["items"].is_object()) {
            let name = text(&node["id"]);
            let store = &self.world.sandbox.store;
            let page = ItemPage::read(store, (id, &name), 100, None).await.unwrap();
            let items = page.items.into_iter();
            let attempts: Vec<_> = items.flat_map(|item| item.attempts).collect();
            node["attempts"] = json!(attempts);
        }
        run
    }

    /// Asks for what calls cost whose functions died, until all is known, and compares the run with the ledger: each call
    /// of it with its cost, and the run's total with their sum.
    pub(crate) async fn agrees_with_the_ledger(&self, id: &str) -> Value {
        let generations = |run: &Value| -> BTreeMap<String, Option<Decimal>> {
            let nodes = list(&run["nodes"]).iter();
            let attempts = nodes.flat_map(|node| list(&node["attempts"]));
            let called = attempts.filter(|attempt| attempt["generationId"].is_string());
            called
                .map(|attempt| {
                    let known = attempt["costUsd"].is_string();
                    let cost = known.then(|| decimal(&attempt["costUsd"]));
                    (text(&attempt["generationId"]), cost)
                })
                .collect()
        };
        let mut run = self.with_items(id).await;
        while generations(&run).values().any(Option::is_none) {
            self.world.sandbox.let_costs_be_due(id).await;
            let function = self.function().await;
            let asked = function.invoke(json!({"recover": "costs"})).await;
            assert_eq!(asked["status"], "RECOVERED", "{asked}");
            self.gives_back(function);
            run = self.with_items(id).await;
        }
        let ledger = self.world.sandbox.ledger().await;
        let charged: BTreeMap<String, Decimal> = ledger
            .iter()
            .map(|entry| (text(&entry["id"]), decimal(&entry["cost"])))
            .collect();
        let mut total = Decimal::ZERO;
        for (generation, cost) in generations(&run) {
            assert_eq!(cost.as_ref(), charged.get(&generation), "{run:#}");
            total += cost.unwrap_or_default();
        }
        assert_eq!(decimal(&run["costUsd"]), total, "{run:#}");
        run
    }
}
