//! A run in a sandbox: its nodes are executed by functions of the test's own. The test can kill these, and can block
//! their way to AWS.

use std::collections::BTreeMap;
use std::time::Duration;

use end_to_end::{Meets, Sandbox, decimal, list, node, text};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use openrouter_stand_in::Settings;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_api::RunView;
use steps_store::{Action, Actor, AuditEntry, Begun, Credential, Manner, NewRun, Store, Trigger};
use steps_workflow::Format;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Tries each of these requests to AWS, by operation and a text that is in it, twice, six at a time: a function dies before it,
/// and behind it.
pub(crate) async fn each_dies<F: Future<Output = ()>>(
    requests: &[(&'static str, &'static str)],
    dies: impl Fn((&'static str, &'static str, Meets)) -> F,
) {
    let deaths = [Meets::Dies, Meets::DiesAfter];
    let cases = requests
        .iter()
        .flat_map(|(operation, containing)| deaths.map(|meets| (*operation, *containing, meets)));
    stream::iter(cases).for_each_concurrent(6, dies).await;
}

/// A sandbox with a credential in it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    credential: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::new(Settings::default()).await;
        let credential = Uuid::now_v7().to_string();
        sandbox
            .store
            .credentials()
            .add(
                &Credential {
                    id: credential.clone(),
                    name: "main".to_owned(),
                    provider: "openrouter".to_owned(),
                    last_four: "good".to_owned(),
                    created_at: Timestamp::now(),
                    last_used_at: None,
                    last_check: None,
                    max_cost_usd_per_day: None,
                    rotation: None,
                    last_rotation: None,
                    auth: None,
                    hosts: Vec::new(),
                    revision: 1,
                },
                &AuditEntry::now(
                    Action::Created,
                    &Actor {
                        principal: "test".to_owned(),
                        source_ip: None,
                    },
                    json!({}),
                ),
            )
            .await
            .unwrap();
        sandbox.keep_secret(&credential, "sk-or-v1-sandbox-good");
        Self {
            sandbox,
            credential,
        }
    }

    /// Records a run of one node `x` with this prompt.
    pub(crate) async fn begin(&self, prompt: &str) -> String {
        let node =
            json!({"userPrompt": prompt, "model": "openai/gpt-6-luna", "maxTokens": 200_000});
        let credential = ("main", self.credential.as_str());
        record(&self.sandbox.store, node, credential, Timestamp::now()).await
    }

    /// Records a run of these nodes.
    pub(crate) async fn begin_nodes(&self, nodes: Value) -> String {
        let credential = ("main", self.credential.as_str());
        record_nodes(&self.sandbox.store, nodes, credential, Timestamp::now()).await
    }

    /// The run as the API would show it.
    pub(crate) async fn run(&self, id: &str) -> Value {
        serde_json::to_value(RunView::read(&self.sandbox.store, id).await.unwrap()).unwrap()
    }

    /// The run, as soon as `condition` holds for it.
    pub(crate) async fn run_when(&self, id: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let run = self.run(id).await;
            if condition(&run) {
                return run;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "still: {run:#}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many calls were paid.
    pub(crate) async fn paid(&self) -> usize {
        self.sandbox
            .ledger()
            .await
            .iter()
            .filter(|entry| decimal(&entry["cost"]) > Decimal::ZERO)
            .count()
    }

    /// Compares the run's record with the stand-in's ledger: the same generations, the same costs, the same total.
    pub(crate) async fn agrees_with_the_ledger(&self, id: &str) -> Value {
        let ledger = self.sandbox.ledger().await;
        let charged: BTreeMap<String, Decimal> = ledger
            .iter()
            .map(|entry| (text(&entry["id"]), decimal(&entry["cost"])))
            .filter(|(_, cost)| !cost.is_zero())
            .collect();
        let total: Decimal = charged.values().sum();
        let run = self
            .run_when(id, |run| decimal(&run["costUsd"]) == total)
            .await;
        let recorded: BTreeMap<String, Decimal> = list(&node(&run, "x")["attempts"])
            .iter()
            .filter(|attempt| attempt["generationId"].is_string())
            .map(|attempt| (text(&attempt["generationId"]), decimal(&attempt["costUsd"])))
            .filter(|(_, cost)| !cost.is_zero())
            .collect();
        assert_eq!(recorded, charged, "{run:#}");
        run
    }
}

/// Records a run of one node `x`, its credential given by name and id, and starts no execution of it.
pub(crate) async fn record(
    store: &Store,
    mut node: Value,
    credential: (&str, &str),
    started_at: Timestamp,
) -> String {
    node["variableName"] = json!("x");
    record_nodes(store, json!([node]), credential, started_at).await
}

async fn record_nodes(
    store: &Store,
    mut nodes: Value,
    (name, credential): (&str, &str),
    started_at: Timestamp,
) -> String {
    let id = Uuid::now_v7().to_string();
    for node in nodes.as_array_mut().unwrap() {
        if node["type"].is_null() {
            node["type"] = json!("openrouter");
            node["credential"] = json!(name);
        }
    }
    let document = json!({"name": "recorded", "nodes": nodes});
    let workflow = steps_workflow::parse(&document.to_string(), Format::Json).unwrap();
    let begun = store
        .runs()
        .begin(&NewRun {
            id: &id,
            workflow_id: "recorded",
            version: 1,
            definition: &serde_json::to_string(&workflow).unwrap(),
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
            credentials: &BTreeMap::from([(name.to_owned(), credential.to_owned())]),
            started_at,
            deadline: started_at + SignedDuration::from_hours(1),
            max_cost_usd: None,
            max_cost_usd_per_day: None,
            reuse: None,
            manner: Manner::default(),
        })
        .await
        .unwrap();
    assert_eq!(begun, Begun::New);
    id
}

/// The task of the run's node, as the state machine has it.
pub(crate) fn task(run: &str) -> Value {
    json!({"runId": run, "execution": 1, "nodeId": "x", "needs": []})
}
