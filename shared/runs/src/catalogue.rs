//! The model catalogue: one list, swapped whole.

use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use uuid::Uuid;

use crate::attribute::{Item, find_s, get_n, get_s, get_time, n, s, time};
use crate::store::{key, passed};
use crate::text::{pack, unpack};
use crate::{Error, Store};

/// What one read tells of the model list: how old it is, whose, and which one; [`Store::catalogue_models`] gives its text.
#[derive(Debug, Clone)]
pub struct CatalogueHead {
    /// When its reading from OpenRouter began.
    pub fetched_at: Timestamp,
    /// Where it was read from: the base URL of an OpenRouter API; empty in lists from before this was kept.
    pub base_url: String,
    /// Names this very list; every list that was ever stored has another.
    pub refresh: String,
    packed: Vec<u8>,
    parts: usize,
}

const PARTITION: &str = "MODELS";
const HEAD: &str = "HEAD";

/// Compressed bytes an item, under DynamoDB's 400 KB. The whole list takes one item today.
const PART_BYTES: usize = 350_000;

/// How long the parts of a list stay: for readers that saw a head since replaced, and while OpenRouter is away.
const PARTS_STAY_SECONDS: i64 = 30 * 24 * 60 * 60;

impl Store {
    /// Replaces the model list with `models` (JSON as the caller reads it), whose reading from the OpenRouter at
    /// `base_url` began at `fetched_at`; `false` where a list of the same OpenRouter that was begun later is there
    /// already, and stays. A reader sees the old list or the new one, never half of each: the head, which holds the
    /// first part and names the others, is written last.
    pub async fn put_catalogue(
        &self,
        models: &str,
        base_url: &str,
        fetched_at: Timestamp,
    ) -> Result<bool, Error> {
        let packed = pack(models.as_bytes())?;
        let refresh = Uuid::now_v7().to_string();
        let mut parts = packed.chunks(PART_BYTES);
        let head = parts.next().unwrap_or_default();
        let mut count = 1;
        for part in parts {
            let expires = Timestamp::now().as_second() + PARTS_STAY_SECONDS;
            self.put_part(&part_key(&refresh, count), part)
                .item("expiresAt", n(expires))
                .send()
                .await
                .map_err(Error::dynamodb)?;
            count += 1;
        }
        let put = self
            .put_part(HEAD, head)
            .item("fetchedAt", time(fetched_at))
            .item("baseUrl", s(base_url))
            .item("refresh", s(refresh))
            .item("parts", n(count))
            .condition_expression(
                "attribute_not_exists(pk) OR fetchedAt <= :at OR NOT baseUrl = :base",
            )
            .expression_attribute_values(":at", time(fetched_at))
            .expression_attribute_values(":base", s(base_url))
            .send()
            .await;
        passed(put)
    }

    fn put_part(&self, sk: &str, bytes: &[u8]) -> PutItemFluentBuilder {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("pk", s(PARTITION))
            .item("sk", s(sk))
            .item("packed", AttributeValue::B(Blob::new(bytes)))
    }

    /// The model list's head, in one read; `None` where OpenRouter's list was never read.
    pub async fn catalogue(&self) -> Result<Option<CatalogueHead>, Error> {
        let Some(head) = self.get(PARTITION, HEAD).await? else {
            return Ok(None);
        };
        Ok(Some(CatalogueHead {
            fetched_at: get_time(&head, "fetchedAt")?,
            base_url: find_s(&head, "baseUrl").unwrap_or_default().to_owned(),
            refresh: get_s(&head, "refresh")?.to_owned(),
            packed: bytes(&head)?.to_vec(),
            parts: get_n(&head, "parts")?,
        }))
    }

    /// The models of this head, as they were stored: without a further read, or with one where the list took several
    /// items.
    pub async fn catalogue_models(&self, head: CatalogueHead) -> Result<String, Error> {
        let mut packed = head.packed;
        let keys: Vec<Item> = (1..head.parts)
            .map(|part| key(PARTITION, &part_key(&head.refresh, part)))
            .collect();
        if !keys.is_empty() {
            let mut parts = self.batch_get(keys).await?;
            if parts.len() + 1 != head.parts {
                return Err(Error::Malformed { attribute: "parts" });
            }
            parts.sort_by_key(|part| get_s(part, "sk").map(str::to_owned).unwrap_or_default());
            for part in &parts {
                packed.extend_from_slice(bytes(part)?);
            }
        }
        unpack(&packed, "packed")
    }
}

fn part_key(refresh: &str, part: usize) -> String {
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
