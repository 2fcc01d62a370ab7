//! The table, and how to reach it.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::Error;
use crate::attribute::{Item, n, s};
use crate::text::Texts;

/// The one table, and the bucket beside it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) texts: Texts,
    retention_days: i64,
}

impl Store {
    /// A store over `table` and `bucket`; run records expire `retention_days` after their start.
    pub fn new(
        client: Client,
        table: impl Into<String>,
        s3: aws_sdk_s3::Client,
        bucket: impl Into<String>,
        retention_days: i64,
    ) -> Self {
        Self {
            client,
            table: table.into(),
            texts: Texts {
                client: s3,
                bucket: bucket.into(),
            },
            retention_days,
        }
    }

    pub(crate) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, Error> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(pk, sk)))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::dynamodb)?;
        Ok(answer.item)
    }

    /// Every item of a partition whose sort key begins with `prefix`, in the order of their keys.
    pub(crate) async fn all_under(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, Error> {
        self.client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(pk))
            .expression_attribute_values(":prefix", s(prefix))
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(Error::dynamodb)
    }

    /// When DynamoDB may drop a record that starts at `start`.
    pub(crate) fn expires(&self, start: Timestamp) -> AttributeValue {
        n(start.as_second() + self.retention_days * 24 * 60 * 60)
    }
}

/// Whether a conditional write was made; `false` where its condition did not hold.
pub(crate) fn passed<T, E, R>(written: Result<T, SdkError<E, R>>) -> Result<bool, Error>
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

pub(crate) fn key(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}
