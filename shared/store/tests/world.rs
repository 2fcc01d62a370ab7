//! A table of a test's own, and the first steps in it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use local_table::{aws, new_table, variable};
use rust_decimal::Decimal;
use serde_json::json;
use steps_store::keys::Key;
use steps_store::{Attempt, Begun, Claim, Claimed, Lease, Manner, NewRun, Store, Trigger, keys};
use uuid::Uuid;

/// How long a claim lasts here.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// The workflow of most runs here.
pub(crate) const WORKFLOW: &str = "leases";

/// A store over an empty table.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let aws = aws().await;
        let client = aws_sdk_dynamodb::Client::new(&aws);
        let table = new_table(&client).await;
        let s3 = aws_sdk_s3::config::Builder::from(&aws)
            .force_path_style(true)
            .build();
        let s3 = aws_sdk_s3::Client::from_conf(s3);
        Self {
            store: Store::new(client.clone(), &table, s3, variable("BUCKET_NAME"), 1),
            client,
            table,
        }
    }

    /// Begins a run; gives its id.
    pub(crate) async fn begin(
        &self,
        identity: Option<&str>,
        budget: Option<&str>,
    ) -> (String, Begun) {
        let id = Uuid::now_v7().to_string();
        let begun = self.begin_as(&id, WORKFLOW, identity, budget).await;
        (id, begun)
    }

    /// Writes the heads of runs, as far as lists read them.
    pub(crate) async fn write_heads(&self, ids: &[String], workflow: &str, status: &str) {
        for some in ids.chunks(25) {
            let requests = some.iter().map(|id| {
                let key = keys::run(id);
                let texts = [
                    ("pk", key.pk),
                    ("sk", key.sk),
                    ("listKey", id.clone()),
                    ("workflowId", workflow.to_owned()),
                    ("status", status.to_owned()),
                ];
                let item = texts
                    .into_iter()
                    .map(|(name, text)| (name.to_owned(), AttributeValue::S(text)))
                    .collect();
                let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            });
            self.write_all(requests.collect()).await;
        }
    }

    async fn write_all(&self, requests: Vec<WriteRequest>) {
        let written = self
            .client
            .batch_write_item()
            .request_items(&self.table, requests)
            .send()
            .await
            .unwrap();
        assert!(written.unprocessed_items.unwrap_or_default().is_empty());
    }

    /// Writes rows of costs with these keys, each of so many USD.
    pub(crate) async fn write_costs(&self, keys: Vec<Key>, usd: &str) {
        for some in keys.chunks(25) {
            let requests = some.iter().map(|key| {
                let item = [
                    ("pk", AttributeValue::S(key.pk.clone())),
                    ("sk", AttributeValue::S(key.sk.clone())),
                    ("costUsd", AttributeValue::N(usd.to_owned())),
                ];
                let item = item.map(|(name, value)| (name.to_owned(), value));
                let put = PutRequest::builder().set_item(Some(item.into()));
                let put = put.build().unwrap();
                WriteRequest::builder().put_request(put).build()
            });
            self.write_all(requests.collect()).await;
        }
    }

    /// Begins a run of this id and workflow.
    pub(crate) async fn begin_as(
        &self,
        id: &str,
        workflow_id: &str,
        identity: Option<&str>,
        budget: Option<&str>,
    ) -> Begun {
        self.store
            .runs()
            .begin(&NewRun {
                id,
                workflow_id,
                version: 1,
                definition: r#"{"name":"leases","nodes":[]}"#,
                input: &json!({}),
                trigger: &Trigger {
                    kind: "api".to_owned(),
                    context: json!({}),
                },
                identity,
                fingerprint: None,
                callback_url: None,
                on_failure: None,
                turn: None,
                vars: None,
                warnings: &[],
                credentials: &Default::default(),
                started_at: Timestamp::now(),
                deadline: Timestamp::now() + LEASE,
                max_cost_usd: budget.map(|budget| budget.parse().unwrap()),
                max_cost_usd_per_day: None,
                reuse: None,
                manner: Manner::default(),
            })
            .await
            .unwrap()
    }

    /// Claims the node for the run's first execution; it has to be free.
    pub(crate) async fn granted(&self, run: &str, node: &str, now: Timestamp) -> Lease {
        let nodes = self.store.nodes();
        let seen = nodes.get(run, node).await.unwrap();
        let claim = Claim {
            run_id: run,
            execution: 1,
            lane: 1,
            workflow_id: WORKFLOW,
            node_id: node,
            seen: seen.as_ref(),
            now,
            lease: LEASE,
            watched: false,
            reserve: None,
        };
        match nodes.claim(&claim).await.unwrap() {
            Claimed::Granted(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    /// A number in an item, as it is stored.
    pub(crate) async fn number(&self, key: Key, name: &str) -> Decimal {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(key.pk.clone()))
            .key("sk", AttributeValue::S(key.sk.clone()))
            .consistent_read(true)
            .send()
            .await
            .expect("the table answers");
        let item = answer.item.unwrap_or_else(|| panic!("no item {key:?}"));
        let text = item[name].as_n().expect("a number");
        text.parse()
            .or_else(|_| Decimal::from_scientific(text))
            .expect("a decimal")
    }
}

/// An attempt that cost this much.
pub(crate) fn paid(cost: &str) -> Attempt {
    Attempt {
        started_at: "2026-11-23T00:00:00.000Z".parse().unwrap(),
        ended_at: Some("2026-11-23T00:00:01.000Z".parse().unwrap()),
        cost_usd: Some(cost.parse().unwrap()),
        ..Attempt::default()
    }
}

/// The day (UTC) that budgets count this moment in.
pub(crate) fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}
