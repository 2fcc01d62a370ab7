//! Files that nodes keep: objects of the bucket beside the run's texts, which end with the run.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;

use crate::Error;
use crate::node::claim::Lease;
use crate::node::record::Nodes;

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// The bucket.
    pub bucket: String,
    /// The object's key in it.
    pub key: String,
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
        let place = lease.node_id.replace('#', "/");
        let which = match of_attempt {
            0 => String::new(),
            more => format!(".{more}"),
        };
        let key = format!("runs/{}/{place}.{number}{which}.file", lease.run_id);
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
        })
    }

    /// The bytes of a file that a node of this run keeps, in at most `most` bytes. `Ok(None)` where the run keeps no such
    /// file: it may be another run's.
    pub async fn kept_file(
        &self,
        run_id: &str,
        file: &StoredFile,
        most: usize,
    ) -> Result<Option<KeptBytes>, Error> {
        let texts = self.0.texts();
        let is_of_run = file
            .key
            .strip_prefix("runs/")
            .and_then(|rest| rest.strip_prefix(run_id)?.strip_prefix('/'))
            .is_some_and(|rest| rest.ends_with(".file"));
        if file.bucket != texts.bucket || !is_of_run {
            return Ok(None);
        }
        let asked = texts.client.get_object().bucket(&texts.bucket);
        let object = match asked.key(&file.key).send().await {
            Ok(object) => object,
            // Who may not list the bucket is told that it may not read what is not there.
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "AccessDenied")) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::s3(error)),
        };
        let length = object.content_length().unwrap_or_default();
        if usize::try_from(length).unwrap_or(usize::MAX) > most {
            return Ok(Some(KeptBytes::TooLarge));
        }
        let body = object.body.collect().await;
        let body = body.map_err(|error| Error::Unavailable {
            service: "S3",
            reason: error.to_string(),
        })?;
        Ok(Some(KeptBytes::All(body.into_bytes().into())))
    }
}

/// The bytes of a kept file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptBytes {
    /// All of them.
    All(Vec<u8>),
    /// There are more than were asked for.
    TooLarge,
}
