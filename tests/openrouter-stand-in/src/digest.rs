//! Digests of texts, and new keys and generation ids.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

pub(crate) fn sha256_hex(text: &str) -> String {
    hex::encode(digest(&SHA256, text.as_bytes()))
}

/// `sk-or-v1-<64 characters>`, never the same twice.
pub(crate) fn new_key() -> String {
    let seed = format!("{} {:?}", generation_id(), std::time::Instant::now());
    format!("sk-or-v1-{}", sha256_hex(&seed))
}

/// `gen-<unix seconds>-<20 characters>`, never the same twice.
pub(crate) fn generation_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let now = Timestamp::now();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let seed = format!("{} {count}", now.as_nanosecond());
    let tail: String = digest(&SHA256, seed.as_bytes())
        .as_ref()
        .iter()
        .take(20)
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()))
        .map(|letter| char::from(*letter))
        .collect();
    format!("gen-{}-{tail}", now.as_second())
}
