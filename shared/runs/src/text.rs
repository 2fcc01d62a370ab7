//! Long texts: compressed in the item; past a limit in S3.

use std::collections::HashMap;
use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::Error;
use crate::attribute::{n, s};

/// Most bytes of one compressed text inside an item. An item may have 400 KB: a run's holds three texts, and warnings
/// of up to 130 KB.
pub(crate) const INLINE_LIMIT: usize = 80_000;

/// Where texts past the item limit go.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    pub(crate) client: aws_sdk_s3::Client,
    pub(crate) bucket: String,
}

impl Texts {
    /// Keeps `text`, and gives the attribute that finds it again. `key` names the object, should it need one.
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
        Ok(AttributeValue::M(HashMap::from([
            ("s3Key".to_owned(), s(key)),
            ("bytes".to_owned(), n(text.len())),
        ])))
    }

    /// The text that `kept` stands for.
    pub(crate) async fn fetch(
        &self,
        kept: &AttributeValue,
        attribute: &'static str,
    ) -> Result<String, Error> {
        let packed = match kept {
            AttributeValue::B(blob) => blob.as_ref().to_vec(),
            AttributeValue::M(place) => {
                let key = place
                    .get("s3Key")
                    .and_then(|key| key.as_s().ok())
                    .ok_or(Error::Malformed { attribute })?;
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
