//! Files that nodes keep: objects of the bucket beside the run's texts, which end with the run.

use std::ops::RangeInclusive;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;

use crate::error::{Error, Record};
use crate::node::claim::Lease;
use crate::node::record::Nodes;

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The bucket.
    pub bucket: String,
    /// The object's key in it.
    pub key: String,
    /// Its name among the files of its run.
    pub name: String,
}

/// What the name of every file ends with: no text of a run can be read as one.
const ENDING: &str = ".file";

/// A part of a file, or the whole of it.
#[derive(Debug)]
pub struct FilePiece {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Which byte of the file is the first of them.
    pub from: u64,
    /// How many bytes the file has.
    pub total: u64,
    /// What the file is, as whoever sent it said.
    pub content_type: String,
}

/// Which bytes of a file are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileRange {
    /// From this byte to that one, or to the last one that the file has.
    Of(RangeInclusive<u64>),
    /// So many at the end.
    Last(u64),
}

impl Nodes {
    /// Keeps bytes of the attempt under this lease. `of_attempt` tells the files of one attempt apart. A later attempt takes no
    /// earlier one's place.
    pub async fn keep_file(
        &self,
        lease: &Lease,
        bytes: impl Into<ByteStream>,
        content_type: &str,
        of_attempt: usize,
    ) -> Result<StoredFile, Error> {
        let texts = self.0.texts();
        let number = lease.attempt + 1;
        // No id of a node has a `~`, and none of the characters has a meaning in an address.
        let place = lease.node_id.replace('#', "~");
        let which = match of_attempt {
            0 => String::new(),
            more => format!(".{more}"),
        };
        let name = format!("{place}.{number}{which}{ENDING}");
        let key = file_key(&lease.run_id, &name);
        texts
            .client
            .put_object()
            .bucket(&texts.bucket)
            .key(&key)
            .content_type(content_type)
            .body(bytes.into())
            .send()
            .await
            .map_err(Error::s3)?;
        Ok(StoredFile {
            bucket: texts.bucket.clone(),
            key,
            name,
        })
    }

    /// These bytes of a file of the run; `None` where the file has none of them. `name` is the last part of its key.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no such file (any more).
    pub async fn read_file(
        &self,
        run_id: &str,
        name: &str,
        range: &FileRange,
    ) -> Result<Option<FilePiece>, Error> {
        let no_file = || Record::File.not_found(name);
        if !name.ends_with(ENDING) || name.contains('/') {
            return Err(no_file());
        }
        let texts = self.0.texts();
        let range = match range {
            FileRange::Of(range) => format!("bytes={}-{}", range.start(), range.end()),
            FileRange::Last(count) => format!("bytes=-{count}"),
        };
        let object = texts
            .client
            .get_object()
            .bucket(&texts.bucket)
            .key(file_key(run_id, name))
            .range(range)
            .send()
            .await;
        let object = match object {
            Ok(object) => object,
            Err(error) => {
                return match error.code() {
                    // S3 does not say that an object is not there to whoever may not list the bucket.
                    Some("NoSuchKey" | "AccessDenied") => Err(no_file()),
                    Some("InvalidRange") => Ok(None),
                    _ => Err(Error::s3(error)),
                };
            }
        };
        // `bytes 0-3/4`.
        let place = object.content_range.as_deref().and_then(|range| {
            let (bytes, total) = range.strip_prefix("bytes ")?.split_once('/')?;
            let (from, _) = bytes.split_once('-')?;
            Some((from.parse().ok()?, total.parse().ok()?))
        });
        let content_type = object.content_type.unwrap_or_default();
        let body = object.body.collect().await;
        let bytes = body.map_err(|error| Error::Unavailable {
            service: "S3",
            reason: error.to_string(),
        })?;
        let bytes = bytes.to_vec();
        let (from, total) = place.unwrap_or((0, bytes.len() as u64));
        Ok(Some(FilePiece {
            bytes,
            from,
            total,
            content_type,
        }))
    }
}

fn file_key(run_id: &str, name: &str) -> String {
    file_key_of(run_id) + name
}

/// What the keys of the run's files begin with.
fn file_key_of(run_id: &str) -> String {
    format!("runs/{run_id}/")
}

impl StoredFile {
    /// The name of the file of this run that has this key; `None` for a file of another run.
    pub fn name_of<'a>(run_id: &str, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&file_key_of(run_id))
    }
}
