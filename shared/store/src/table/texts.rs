//! Long texts. They are compressed; those within a limit are in the item, longer ones in S3.

use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::Error;
use crate::table::item::{Attribute, Item, Kept};

/// Most bytes of one compressed text inside an item. An item may have 400 KB: a run's holds four texts, and warnings
/// of up to 130 KB.
pub(crate) const INLINE_LIMIT: usize = 65_000;

/// Where in S3 a text is that is not in its item, and how many bytes it has.
const S3_KEY: Attribute<String> = Attribute::new("s3Key");
const BYTES: Attribute<usize> = Attribute::new("bytes");

/// The bucket for texts past the limit.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    pub(crate) client: aws_sdk_s3::Client,
    pub(crate) bucket: String,
}

impl Texts {
    /// Stores `text`, and gives the attribute for its item. `key` is the name of the object in S3, if the text needs one.
    pub(crate) async fn keep(&self, key: &str, text: &str) -> Result<AttributeValue, Error> {
        let packed = pack(text.as_bytes())?;
        if packed.len() <= INLINE_LIMIT {
            return Ok(AttributeValue::B(Blob::new(packed)));
        }
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("application/gzip")
            .body(ByteStream::from(packed))
            .send()
            .await
            .map_err(Error::s3)?;
        Ok(AttributeValue::M(Item::from([
            (S3_KEY.name().to_owned(), key.to_owned().write()?),
            (BYTES.name().to_owned(), text.len().write()?),
        ])))
    }

    /// Lets an object expire as late as one that is written now: it is written over by itself.
    pub(crate) async fn renew(&self, key: &str) -> Result<(), Error> {
        let copied = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .key(key)
            .copy_source(format!("{}/{key}", self.bucket))
            // S3 takes a copy of an object over itself only where something changes.
            .metadata_directive(MetadataDirective::Replace)
            .content_type("application/gzip")
            .send()
            .await;
        copied.map_err(Error::s3)?;
        Ok(())
    }

    /// Deletes every object whose name begins so, with all its versions: the bucket keeps what was deleted.
    pub(crate) async fn delete_all(&self, prefix: &str) -> Result<(), Error> {
        loop {
            let page = self
                .client
                .list_object_versions()
                .bucket(&self.bucket)
                .prefix(prefix)
                .send()
                .await
                .map_err(Error::s3)?;
            let versions = page.versions().iter();
            let versions = versions.map(|version| (version.key(), version.version_id()));
            let markers = page.delete_markers().iter();
            let markers = markers.map(|marker| (marker.key(), marker.version_id()));
            let mut found = false;
            for (key, version) in versions.chain(markers) {
                found = true;
                self.client
                    .delete_object()
                    .bucket(&self.bucket)
                    .set_key(key.map(str::to_owned))
                    .set_version_id(version.map(str::to_owned))
                    .send()
                    .await
                    .map_err(Error::s3)?;
            }
            // What is gone is not listed again.
            if !found || page.is_truncated() != Some(true) {
                return Ok(());
            }
        }
    }

    /// The text of an item's attribute. `kept` is the value and `attribute` its name.
    pub(crate) async fn fetch(
        &self,
        kept: &AttributeValue,
        attribute: Attribute<AttributeValue>,
    ) -> Result<String, Error> {
        let attribute = attribute.name();
        let packed = match kept {
            AttributeValue::B(blob) => blob.as_ref().to_vec(),
            AttributeValue::M(place) => {
                let key = S3_KEY.get(place)?;
                let object = self
                    .client
                    .get_object()
                    .bucket(&self.bucket)
                    .key(key)
                    .send()
                    .await
                    .map_err(Error::s3)?;
                let body = object
                    .body
                    .collect()
                    .await
                    .map_err(|error| Error::Unavailable {
                        service: "S3",
                        reason: error.to_string(),
                    })?;
                body.to_vec()
            }
            _ => return Err(Error::Malformed { attribute }),
        };
        unpack(&packed, attribute)
    }
}

/// The objects in S3 that an item's attributes name.
pub(crate) fn objects_of(item: &Item) -> Vec<String> {
    let place = |value: &AttributeValue| S3_KEY.find(value.as_m().ok()?).ok()?;
    item.values().filter_map(place).collect()
}

/// How many bytes the text of `kept` has, where it is in S3.
pub(crate) fn bytes_in_s3(kept: &AttributeValue) -> Option<usize> {
    let place = kept.as_m().ok()?;
    BYTES.find(place).ok()?
}

/// Compresses.
pub(crate) fn pack(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|_| Error::Malformed { attribute: "text" })
}

/// The reverse of [`pack`].
pub(crate) fn unpack(packed: &[u8], attribute: &'static str) -> Result<String, Error> {
    let mut text = String::new();
    GzDecoder::new(packed)
        .read_to_string(&mut text)
        .map_err(|_| Error::Malformed { attribute })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_whole() {
        for text in ["", "a", "\u{1f419} \0 \n", &"word ".repeat(100_000)] {
            let packed = pack(text.as_bytes()).unwrap();
            assert_eq!(unpack(&packed, "text").unwrap(), text);
        }
        assert!(pack("word ".repeat(100_000).as_bytes()).unwrap().len() < 5_000);
        assert!(unpack(b"not packed", "text").is_err());
    }
}
