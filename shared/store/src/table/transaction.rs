//! Transactions: all writes are made or none. Where another transaction is in the way, they are tried again.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::Error;
use crate::table::Table;
use crate::table::change::{Kind, Write};
use crate::table::item::Item;

/// How many times a write is tried that meets a transaction on the same item.
pub(super) const CONFLICT_TRIES: u32 = 12;

/// How a transaction ended.
#[derive(Debug)]
pub(crate) enum Transacted {
    /// Every write was made.
    Done,
    /// No write was made: the condition of the write at `index` failed. `item` is the item as it is, where that write asked
    /// for it.
    Refused { index: usize, item: Option<Item> },
}

impl Table {
    /// Makes every write or none. Nodes of a run may end at the same moment and all change the run's item, so a conflict is tried again.
    pub(crate) async fn transact(
        &self,
        writes: impl IntoIterator<Item = Write>,
    ) -> Result<Transacted, Error> {
        let writes = writes
            .into_iter()
            .map(|write| self.transacted(write))
            .collect::<Result<Vec<_>, Error>>()?;
        let mut tries = 1;
        loop {
            let result = self
                .client()
                .transact_write_items()
                .set_transact_items(Some(writes.clone()))
                .send()
                .await;
            let error = match result {
                Ok(_) => return Ok(Transacted::Done),
                Err(error) => error,
            };
            let reasons = cancellation(&error);
            if let Some((index, reason)) = reasons
                .iter()
                .enumerate()
                .find(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
            {
                return Ok(Transacted::Refused {
                    index,
                    item: reason.item.clone(),
                });
            }
            if let Some(error) = refusal(reasons) {
                return Err(error);
            }
            let conflict = reasons.iter().any(|reason| {
                matches!(
                    reason.code(),
                    Some("TransactionConflict" | "ThrottlingError")
                )
            });
            if !conflict || tries >= CONFLICT_TRIES {
                return Err(Error::dynamodb(error));
            }
            sleep_after(tries).await;
            tries += 1;
        }
    }

    fn transacted(&self, write: Write) -> Result<TransactWriteItem, Error> {
        let unbuilt = |_| Error::Malformed { attribute: "write" };
        let told = write
            .tells
            .then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        let parts = Write::parts(write.condition, write.expression)?;
        let item = TransactWriteItem::builder();
        let item = match write.kind {
            Kind::Update(text) => item.update(
                Update::builder()
                    .table_name(self.name())
                    .set_key(Some(write.key.item()))
                    .update_expression(text)
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .set_return_values_on_condition_check_failure(told)
                    .build()
                    .map_err(unbuilt)?,
            ),
            Kind::Put(put) => item.put(
                Put::builder()
                    .table_name(self.name())
                    .set_item(Some(put?))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .set_return_values_on_condition_check_failure(told)
                    .build()
                    .map_err(unbuilt)?,
            ),
            Kind::Delete => item.delete(
                Delete::builder()
                    .table_name(self.name())
                    .set_key(Some(write.key.item()))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .build()
                    .map_err(unbuilt)?,
            ),
        };
        Ok(item.build())
    }
}

fn cancellation<R>(error: &SdkError<TransactWriteItemsError, R>) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

/// The reason for which the transaction would always fail; `None` where it may succeed when it is tried again.
fn refusal(reasons: &[CancellationReason]) -> Option<Error> {
    reasons.iter().find_map(|reason| {
        let code = reason.code()?;
        let said = reason.message().unwrap_or_default();
        let error = Error::answered("DynamoDB", Some(code), &format!("{code}: {said}"));
        (!error.passes()).then_some(error)
    })
}

/// Sleeps between two tries of a write that met a transaction: the more tries there were, the longer.
pub(super) async fn sleep_after(tries: u32) {
    sleep_around(u64::min(20 << tries, 1000)).await;
}

/// Sleeps for a random time up to `milliseconds`, so that transactions that met do not meet again.
pub(crate) async fn sleep_around(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=milliseconds))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_write_that_is_refused_for_good_refuses_its_transaction() {
        let reasons = |codes: &[&str]| -> Vec<CancellationReason> {
            let reason = |code: &&str| {
                let said = CancellationReason::builder().message("too large");
                said.code(*code).build()
            };
            codes.iter().map(reason).collect()
        };
        let refused = refusal(&reasons(&[
            "None",
            "ValidationError",
            "TransactionConflict",
        ]));
        assert_eq!(
            refused.map(|error| error.to_string()).as_deref(),
            Some("DynamoDB refuses the record: ValidationError: too large")
        );
        for passing in ["None", "TransactionConflict", "ThrottlingError"] {
            assert!(refusal(&reasons(&["None", passing])).is_none(), "{passing}");
        }
    }
}
