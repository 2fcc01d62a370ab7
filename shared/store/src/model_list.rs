//! The list of OpenRouter's models: one list, which is always replaced as a whole.

use jiff::Timestamp;
use uuid::Uuid;

use crate::Error;
use crate::keys::{self, EXPIRES_AT, Key};
use crate::table::key::{PK, SK};
use crate::table::texts::{pack, unpack};
use crate::table::{Attribute, Put, Table};

/// What one read tells of the model list: its age, its OpenRouter, and which list it is. [`ModelList::models`] gives
/// its text.
#[derive(Debug, Clone)]
pub struct ModelListHead {
    /// When its reading from OpenRouter began.
    pub fetched_at: Timestamp,
    /// Where it was read from: the base URL of an OpenRouter API; empty in lists from before this was kept.
    pub base_url: String,
    /// The name of this list. Every list that was ever stored has another one.
    pub refresh: String,
    packed: Vec<u8>,
    parts: usize,
}

const PACKED: Attribute<Vec<u8>> = Attribute::new("packed");
const FETCHED_AT: Attribute<Timestamp> = Attribute::new("fetchedAt");
const BASE_URL: Attribute<String> = Attribute::new("baseUrl");
const REFRESH: Attribute<String> = Attribute::new("refresh");
const PARTS: Attribute<usize> = Attribute::new("parts");

/// The most compressed bytes of one item, under DynamoDB's 400 KB. The whole list takes one item today.
const PART_BYTES: usize = 350_000;

/// How long the parts of a list stay: for readers that have read a head that was replaced since, and while OpenRouter
/// cannot be reached.
const PARTS_STAY_SECONDS: i64 = 30 * 24 * 60 * 60;

/// The model list.
#[derive(Debug, Clone)]
pub struct ModelList(pub(crate) Table);

impl ModelList {
    /// Replaces the model list with `models` (JSON as the caller reads it), whose reading from the OpenRouter at
    /// `base_url` began at `fetched_at`; `false` where a list of the same OpenRouter that was begun later is there
    /// already, and stays. A reader sees the old list or the new one, never half of each: the head, which holds the
    /// first part and names the others, is written last.
    pub async fn replace(
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
            let put = Put::of(keys::model_list_part(&refresh, count))
                .set(PACKED, part.to_vec())
                .set(EXPIRES_AT, expires);
            self.0.write(put).await?;
            count += 1;
        }
        let put = Put::of(keys::model_list())
            .when(
                PK.missing()
                    .or(FETCHED_AT.is_at_most(fetched_at))
                    .or(BASE_URL.is_not(base_url)),
            )
            .set(PACKED, head.to_vec())
            .set(FETCHED_AT, fetched_at)
            .set(BASE_URL, base_url)
            .set(REFRESH, refresh)
            .set(PARTS, count);
        self.0.write(put).await
    }

    /// The model list's head, in one read; `None` where OpenRouter's list was never read.
    pub async fn head(&self) -> Result<Option<ModelListHead>, Error> {
        let Some(head) = self.0.get(keys::model_list()).await? else {
            return Ok(None);
        };
        Ok(Some(ModelListHead {
            fetched_at: FETCHED_AT.get(&head)?,
            base_url: BASE_URL.find(&head)?.unwrap_or_default(),
            refresh: REFRESH.get(&head)?,
            packed: PACKED.get(&head)?,
            parts: PARTS.get(&head)?,
        }))
    }

    /// The models of this head, as they were stored: without a further read, or with one where the list took several
    /// items.
    pub async fn models(&self, head: ModelListHead) -> Result<String, Error> {
        let mut packed = head.packed;
        let keys: Vec<Key> = (1..head.parts)
            .map(|part| keys::model_list_part(&head.refresh, part))
            .collect();
        if !keys.is_empty() {
            let mut parts = self.0.get_many(&keys).await?;
            if parts.len() != keys.len() {
                return Err(Error::Malformed {
                    attribute: PARTS.name(),
                });
            }
            parts.sort_by_key(|part| SK.get(part).unwrap_or_default());
            for part in &parts {
                packed.extend(PACKED.get(part)?);
            }
        }
        unpack(&packed, PACKED.name())
    }
}
