//! The one table, and how it is reached: reads, and writes of one item.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValue};
use jiff::Timestamp;

use crate::Error;
use crate::table::change::{Change, Kind, Write};
use crate::table::expression::Expression;
use crate::table::item::{Attribute, Item};
use crate::table::key::{Key, Under};
use crate::table::query::Query;
use crate::table::texts::Texts;
use crate::table::transaction::{CONFLICT_TRIES, sleep_after, sleep_around};

/// Most keys of one read.
const MOST_KEYS: usize = 100;

/// The table, and the bucket beside it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Table(Arc<Reach>);

#[derive(Debug)]
struct Reach {
    client: Client,
    name: String,
    texts: Texts,
    retention_days: i64,
}

impl Table {
    pub(crate) fn new(client: Client, name: String, texts: Texts, retention_days: i64) -> Self {
        Self(Arc::new(Reach {
            client,
            name,
            texts,
            retention_days,
        }))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Long texts.
    pub(crate) fn texts(&self) -> &Texts {
        &self.0.texts
    }

    /// Days that a run's records are kept.
    pub(crate) fn retention_days(&self) -> i64 {
        self.0.retention_days
    }

    /// When DynamoDB may drop a record that starts at `start`: seconds since 1970.
    pub(crate) fn expires(&self, start: Timestamp) -> i64 {
        start.as_second() + self.0.retention_days * 24 * 60 * 60
    }

    /// The item, as it is now.
    pub(crate) async fn get(&self, key: Key) -> Result<Option<Item>, Error> {
        let answer = self
            .client()
            .get_item()
            .table_name(self.name())
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(answer.item)
    }

    /// One attribute of the item, as it is now. An empty item where the item lacks the attribute, `None` where there is
    /// no item.
    pub(crate) async fn get_only<T>(
        &self,
        key: Key,
        attribute: Attribute<T>,
    ) -> Result<Option<Item>, Error> {
        let mut expression = Expression::default();
        let projection = expression.name(attribute.path().steps());
        let (names, _) = expression.parts()?;
        let answer = self
            .client()
            .get_item()
            .table_name(self.name())
            .set_key(Some(key.item()))
            .consistent_read(true)
            .projection_expression(projection)
            .set_expression_attribute_names(names)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(answer.item)
    }

    /// The items of these keys that are there, in any order: one read for each 100.
    pub(crate) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, Error> {
        let mut items = Vec::with_capacity(keys.len());
        for batch in keys.chunks(MOST_KEYS) {
            let keys = batch.iter().map(Key::item).collect();
            let mut asked = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .map_err(|_| Error::Malformed { attribute: "keys" })?;
            loop {
                let answer = self
                    .client()
                    .batch_get_item()
                    .request_items(self.name(), asked)
                    .send()
                    .await
                    .map_err(Error::dynamodb)?;
                let found = answer.responses.into_iter().flatten();
                items.extend(found.flat_map(|(_, items)| items));
                let mut left = answer.unprocessed_keys.unwrap_or_default();
                match left.remove(self.name()) {
                    Some(rest) => asked = rest,
                    None => break,
                }
                sleep_around(50).await;
            }
        }
        Ok(items)
    }

    /// One answer to a query: items, and the key behind which there are more.
    pub(crate) async fn page(&self, query: Query) -> Result<(Vec<Item>, Option<Item>), Error> {
        let (parts, options) = query.parts()?;
        let answer = self
            .client()
            .query()
            .table_name(self.name())
            .set_index_name(options.index.map(str::to_owned))
            // An index cannot be read consistently.
            .consistent_read(options.index.is_none())
            .scan_index_forward(!options.backwards)
            .set_limit(options.limit)
            .set_exclusive_start_key(options.start)
            .key_condition_expression(parts.keys)
            .set_filter_expression(parts.filter)
            .set_projection_expression(parts.only)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// Every item that `query` finds, however many answers that takes. The query has no start of its own.
    pub(crate) async fn all(&self, query: impl Fn() -> Query) -> Result<Vec<Item>, Error> {
        let mut all = Vec::new();
        let mut start = None;
        loop {
            let (items, next) = self.page(query().start(start)).await?;
            all.extend(items);
            match next {
                Some(_) => start = next,
                None => return Ok(all),
            }
        }
    }

    /// Every item of a partition whose sort key begins so, in the order of their keys.
    pub(crate) async fn all_under(&self, under: &Under) -> Result<Vec<Item>, Error> {
        self.all(|| Query::under(under)).await
    }

    /// Makes one write; `false` where its condition does not hold, and nothing changes.
    pub(crate) async fn write(&self, write: impl Into<Write>) -> Result<bool, Error> {
        let write = write.into();
        let parts = Write::parts(write.condition, write.expression)?;
        match write.kind {
            Kind::Update(text) => {
                let update = self
                    .client()
                    .update_item()
                    .table_name(self.name())
                    .set_key(Some(write.key.item()))
                    .update_expression(text)
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values);
                passed(past_transactions(|| update.clone().send()).await)
            }
            Kind::Put(item) => {
                let put = self
                    .client()
                    .put_item()
                    .table_name(self.name())
                    .set_item(Some(item?))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values);
                passed(past_transactions(|| put.clone().send()).await)
            }
            Kind::Delete => {
                let delete = self
                    .client()
                    .delete_item()
                    .table_name(self.name())
                    .set_key(Some(write.key.item()))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values);
                passed(past_transactions(|| delete.clone().send()).await)
            }
        }
    }

    /// Makes one change, and gives the item as it was before; empty where there was none.
    pub(crate) async fn change(&self, change: Change) -> Result<Item, Error> {
        Ok(self.change_if(change).await?.unwrap_or_default())
    }

    /// The same; `None` where its condition does not hold, and nothing changes.
    pub(crate) async fn change_if(&self, change: Change) -> Result<Option<Item>, Error> {
        let write = Write::from(change);
        let Kind::Update(text) = write.kind else {
            return Err(Error::Malformed { attribute: "write" });
        };
        let parts = Write::parts(write.condition, write.expression)?;
        let update = self
            .client()
            .update_item()
            .table_name(self.name())
            .set_key(Some(write.key.item()))
            .update_expression(text)
            .set_condition_expression(parts.condition)
            .set_expression_attribute_names(parts.names)
            .set_expression_attribute_values(parts.values)
            .return_values(ReturnValue::AllOld);
        match past_transactions(|| update.clone().send()).await {
            Ok(answer) => Ok(Some(answer.attributes.unwrap_or_default())),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
            Err(error) => Err(Error::dynamodb(error)),
        }
    }

    /// Removes the item, and gives it; `None` where there is none.
    pub(crate) async fn take(&self, key: Key) -> Result<Option<Item>, Error> {
        let delete = self
            .client()
            .delete_item()
            .table_name(self.name())
            .set_key(Some(key.item()))
            .return_values(ReturnValue::AllOld);
        let answer = past_transactions(|| delete.clone().send())
            .await
            .map_err(Error::dynamodb)?;
        Ok(answer.attributes)
    }
}

/// Makes a write of one item, and again where a transaction is at work on that item. The SDK does not try that again.
async fn past_transactions<T, E, R, F>(write: impl Fn() -> F) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let mut tries = 1;
    loop {
        let written = write().await;
        let met = |error: &SdkError<E, R>| error.code() == Some("TransactionConflictException");
        if tries >= CONFLICT_TRIES || !written.as_ref().is_err_and(met) {
            return written;
        }
        sleep_after(tries).await;
        tries += 1;
    }
}

/// Whether a conditional write was made; `false` where its condition did not hold.
fn passed<T, E, R>(written: Result<T, SdkError<E, R>>) -> Result<bool, Error>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(Error::dynamodb(error)),
    }
}
