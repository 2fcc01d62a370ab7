//! A node that is executed once for each item of a list: opened with the list, ended with the outputs of its items.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use steps_problem::Problem;
use steps_usage::Usage;

use crate::Error;
use crate::keys::{self, EXPIRES_AT};
use crate::lane::Settles;
use crate::node::claim::Claim;
use crate::node::cost::Charge;
use crate::node::record::{NodeRecord, Nodes, OUTPUT, changed, read};
use crate::node::row::{ANSWER, Answer, ENDED_AT, ERROR, HANDLED, ITEMS, NodeStatus, STATUS};
use crate::node::settle::run_error;
use crate::table::page::{Page, cursor_key, key_cursor};
use crate::table::{Attribute, Change, Put, Query, Transacted};
use aws_sdk_dynamodb::types::AttributeValue;

/// How a list ends.
#[derive(Debug)]
pub enum ListEnd<'a> {
    /// Every item is done: these are their outputs in the list's order, as JSON.
    Gathered(&'a str),
    /// It failed, but the run goes on: this is the node's variable.
    Handled(&'a Problem, &'a Value),
    /// It failed, and so does the run.
    Failed(&'a Problem),
}

/// The items, as JSON.
pub(super) const LIST: Attribute<AttributeValue> = Attribute::new("listItems");

/// How many outputs are read at the same time.
const AT_ONCE: usize = 16;

impl Nodes {
    /// Opens a node with the items that it is executed for, as far as nobody else has begun it since it was seen. `false`
    /// where somebody has. It can be done again.
    pub async fn open(&self, claim: &Claim<'_>, items: &[Value]) -> Result<bool, Error> {
        let text = Value::from(items).to_string();
        let object = format!("runs/{}/{}.items.json.gz", claim.run_id, claim.node_id);
        let list = self.0.texts().keep(&object, &text).await?;
        let put = Put::of(keys::list(claim.run_id, claim.node_id))
            .set(LIST, list)
            .set(EXPIRES_AT, self.0.expires(claim.now));
        self.0.write(put).await?;
        let change = self
            .begin(claim)
            .set(ITEMS, u32::try_from(items.len()).unwrap_or(u32::MAX));
        self.0.write(change).await
    }

    /// The items that an open node is executed for.
    pub async fn list(&self, run_id: &str, node: &str) -> Result<Vec<Value>, Error> {
        let malformed = || Error::Malformed {
            attribute: LIST.name(),
        };
        let item = self.0.get(keys::list(run_id, node)).await?;
        let list = LIST.get(&item.ok_or_else(malformed)?)?;
        let text = self.0.texts().fetch(&list, LIST).await?;
        serde_json::from_str(&text).map_err(|_| malformed())
    }

    /// Items of a node's list that have begun, in the list's order.
    pub async fn items(
        &self,
        run_id: &str,
        node: &str,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<NodeRecord>, Error> {
        let under = keys::items(run_id, node);
        let start = cursor.map(cursor_key).transpose()?;
        // A cursor of another list names no item of this one.
        if start.as_ref().is_some_and(|start| !under.has(start)) {
            return Err(Error::BadCursor);
        }
        let query = Query::under(&under).limit(limit).start(start);
        let (items, next) = self.0.page(query).await?;
        let mut rows = Vec::with_capacity(items.len());
        for item in &items {
            rows.extend(read(item)?);
        }
        Ok(Page {
            rows,
            cursor: next.as_ref().and_then(key_cursor),
        })
    }

    /// The variables of these items as JSON, in their order.
    pub async fn output_texts(&self, records: &[NodeRecord]) -> Result<Vec<String>, Error> {
        let texts = records.iter().map(async |record| {
            let missing = Error::Malformed {
                attribute: OUTPUT.name(),
            };
            let kept = record.output.as_ref().ok_or(missing)?;
            self.0.texts().fetch(kept, OUTPUT).await
        });
        let texts: Vec<_> = texts.collect();
        stream::iter(texts).buffered(AT_ONCE).try_collect().await
    }

    /// Ends an open node. `false` where it had ended before.
    pub async fn end_list(
        &self,
        (run_id, take, lane): (&str, u32, u8),
        node: &str,
        end: &ListEnd<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let object = format!("runs/{run_id}/{node}.gathered.json.gz");
        let keep = async |text: &str| {
            let kept = self.0.texts().keep(&object, text).await?;
            let answer = Answer {
                bytes: text.len(),
                ..Answer::default()
            };
            Ok::<_, Error>((kept, answer))
        };
        let is_open = STATUS.is(NodeStatus::Running).and(ITEMS.exists());
        let mut change = Change::of(keys::unit(run_id, node))
            .when(is_open)
            .set(ENDED_AT, now);
        let mut failed = None;
        change = match end {
            ListEnd::Gathered(output) => {
                let (output, answer) = keep(output).await?;
                change
                    .set(STATUS, NodeStatus::Succeeded)
                    .set(OUTPUT, output)
                    .set(ANSWER, answer)
            }
            ListEnd::Handled(problem, output) => {
                let (output, answer) = keep(&output.to_string()).await?;
                change
                    .set(STATUS, NodeStatus::Failed)
                    .set(HANDLED, 1)
                    .set(ERROR, *problem)
                    .set(OUTPUT, output)
                    .set(ANSWER, answer)
            }
            ListEnd::Failed(problem) => {
                failed = Some(run_error(node, problem));
                change.set(STATUS, NodeStatus::Failed).set(ERROR, *problem)
            }
        };
        // One node of many: whoever watches finds it, and nobody has to be asked.
        let change = changed(change, node, now, true);
        let charge = Charge {
            unit: node,
            lane,
            cost: Decimal::ZERO,
            reserved: None,
            usage: &Usage::default(),
            settles: match end {
                ListEnd::Gathered(_) => Some(Settles::Succeeded),
                ListEnd::Handled(..) => Some(Settles::Failed),
                ListEnd::Failed(_) => None,
            },
            failed: failed.as_ref().map(|error| (take, error)),
            run_is_gone: false,
        };
        let writes = [change.into()].into_iter();
        let writes = writes.chain(self.charge(run_id, &charge));
        Ok(matches!(self.0.transact(writes).await?, Transacted::Done))
    }
}
