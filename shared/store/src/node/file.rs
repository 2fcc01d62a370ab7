//! Files that nodes keep: objects of the bucket beside the run's texts, which end with the run.

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
    /// Keeps the bytes of the attempt under this lease. Each attempt has one file: a later one takes no earlier one's place.
    pub async fn keep_file(
        &self,
        lease: &Lease,
        bytes: impl Into<ByteStream>,
        content_type: &str,
    ) -> Result<StoredFile, Error> {
        let texts = self.0.texts();
        let number = lease.attempt + 1;
        let place = lease.node_id.replace('#', "/");
        let key = format!("runs/{}/{place}.{number}.file", lease.run_id);
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
}
