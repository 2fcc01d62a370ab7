//! The bodies of chat requests, each once, in a file: a later test compares them with OpenRouter's own description.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::digest::sha256_hex;

/// The longest body that is recorded, bytes. Longer ones differ from others only in the length of a text.
const LONGEST: usize = 256 << 10;

/// A file with one body on each line.
#[derive(Default)]
pub(crate) struct Recorder {
    file: Option<File>,
    seen: HashSet<String>,
}

impl Recorder {
    /// Records in the file at `path`, which is empty from then on; without one nothing is recorded.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            Some(path) => Some(File::create(path)?),
            None => None,
        };
        Ok(Self {
            file,
            ..Self::default()
        })
    }

    /// Records a body that is JSON. A file that cannot be written is no reason to refuse a request: the test that reads
    /// it finds too little.
    pub(crate) fn body(&mut self, body: &[u8]) {
        let Some(file) = &mut self.file else { return };
        if body.len() > LONGEST {
            return;
        }
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) else {
            return;
        };
        let line = json.to_string();
        if self.seen.insert(sha256_hex(&line)) {
            let _ = writeln!(file, "{line}");
        }
    }
}
