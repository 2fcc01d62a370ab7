//! The model catalogue: one list, swapped whole.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use crate::attribute::{Item, get_n, get_s, get_time, n, s, time};
use crate::store::key;
use crate::text::{pack, unpack};
use crate::{Error, Store};

/// The model list as it was last read.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The models, JSON as the caller wrote it.
    pub models: String,
    /// When they were read from OpenRouter.
    pub fetched_at: Timestamp,
}

const PARTITION: &str = "MODELS";
const HEAD: &str = "HEAD";

/// Compressed bytes an item, under DynamoDB's 400 KB. The whole list takes one item today.
const PART_BYTES: usize = 350_000;

/// How long the parts of a replaced list stay for readers that saw its head.
const PARTS_STAY_SECONDS: i64 = 3 * 24 * 60 * 60;

impl Store {
    /// Replaces the catalogue. A reader sees the old list or the new one, never half of each:
    /// the head, which holds the first part and names the others, is written last.
    pub async fn put_catalogue(&self, catalogue: &Catalogue) -> Result<(), Error> {
        let packed = pack(catalogue.models.as_bytes())?;
        let refresh = catalogue.fetched_at.as_millisecond();
        let mut parts = packed.chunks(PART_BYTES);
        let head = parts.next().unwrap_or_default();
        let mut count = 1;
        for part in parts {
            let expires = catalogue.fetched_at.as_second() + PARTS_STAY_SECONDS;
            self.put_part(&part_key(refresh, count), part, |put| {
                put.item("expiresAt", n(expires))
            })
            .await?;
            count += 1;
        }
        self.put_part(HEAD, head, |put| {
            put.item("fetchedAt", time(catalogue.fetched_at))
                .item("refresh", n(refresh))
                .item("parts", n(count))
        })
        .await
    }

    async fn put_part(
        &self,
        sk: &str,
        bytes: &[u8],
        and: impl FnOnce(PutItem) -> PutItem,
    ) -> Result<(), Error> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(PARTITION))
            .item("sk", s(sk))
            .item("packed", AttributeValue::B(Blob::new(bytes)));
        and(put).send().await.map_err(Error::dynamodb)?;
        Ok(())
    }

    /// The catalogue, in one read; `None` where OpenRouter's list was never read.
    pub async fn catalogue(&self) -> Result<Option<Catalogue>, Error> {
        let Some(head) = self.get(PARTITION, HEAD).await? else {
            return Ok(None);
        };
        let refresh: i64 = get_n(&head, "refresh")?;
        let count: usize = get_n(&head, "parts")?;
        let mut packed = bytes(&head)?.to_vec();
        let keys: Vec<Item> = (1..count)
            .map(|part| key(PARTITION, &part_key(refresh, part)))
            .collect();
        if !keys.is_empty() {
            let mut parts = self.batch_get(keys).await?;
            parts.sort_by_key(|part| get_s(part, "sk").map(str::to_owned).unwrap_or_default());
            for part in &parts {
                packed.extend_from_slice(bytes(part)?);
            }
        }
        Ok(Some(Catalogue {
            models: unpack(&packed, "packed")?,
            fetched_at: get_time(&head, "fetchedAt")?,
        }))
    }
}

type PutItem = aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;

fn part_key(refresh: i64, part: usize) -> String {
    format!("PART#{refresh}#{part:04}")
}

fn bytes(item: &Item) -> Result<&[u8], Error> {
    item.get("packed")
        .and_then(|packed| packed.as_b().ok())
        .map(AsRef::as_ref)
        .ok_or(Error::Malformed {
            attribute: "packed",
        })
}
