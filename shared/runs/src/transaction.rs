//! All or nothing.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use crate::attribute::Item;
use crate::{Error, Store};

/// How often a transaction that met another one on the same item is tried again.
const CONFLICT_TRIES: u32 = 12;

/// How a transaction ended.
pub(crate) enum Transacted {
    /// Every write was made.
    Done,
    /// None was: the write at `index` met another state than it asked for: `item`, where DynamoDB told.
    Refused { index: usize, item: Option<Item> },
}

/// One write of a transaction.
pub(crate) trait Write {
    fn write(self) -> Result<TransactWriteItem, Error>;
}

const UNBUILT: Error = Error::Malformed { attribute: "write" };

impl Write for UpdateBuilder {
    fn write(self) -> Result<TransactWriteItem, Error> {
        let update = self.build().map_err(|_| UNBUILT)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl Write for PutBuilder {
    fn write(self) -> Result<TransactWriteItem, Error> {
        let put = self.build().map_err(|_| UNBUILT)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

impl Write for DeleteBuilder {
    fn write(self) -> Result<TransactWriteItem, Error> {
        let delete = self.build().map_err(|_| UNBUILT)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

impl Write for TransactWriteItem {
    fn write(self) -> Result<TransactWriteItem, Error> {
        Ok(self)
    }
}

impl Store {
    /// Makes every write or none. Nodes of a run end at once and meet on the run's item, so a conflict is tried again.
    pub(crate) async fn transact(
        &self,
        writes: impl IntoIterator<Item = impl Write>,
    ) -> Result<Transacted, Error> {
        let writes = writes
            .into_iter()
            .map(Write::write)
            .collect::<Result<Vec<_>, Error>>()?;
        for tries in 1.. {
            let result = self
                .client
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
            sleep_around(u64::min(20 << tries, 1000)).await;
        }
        Ok(Transacted::Done)
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

/// The reason that makes it pointless to try the transaction again, where there is one.
fn refusal(reasons: &[CancellationReason]) -> Option<Error> {
    reasons.iter().find_map(|reason| {
        let code = reason.code()?;
        let said = reason.message().unwrap_or_default();
        let error = Error::answered("DynamoDB", Some(code), &format!("{code}: {said}"));
        (!error.passes()).then_some(error)
    })
}

/// Sleeps for a random time up to `milliseconds`, so that those who met do not meet again.
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
