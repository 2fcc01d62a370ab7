//! Digests of texts, and fresh keys and generation ids.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub(crate) fn sha256_hex(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
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
    let tail: String = Sha256::digest(format!("{} {count}", now.as_nanosecond()))
        .iter()
        .take(20)
        .filter_map(|byte| LETTERS.get(usize::from(*byte) % LETTERS.len()))
        .map(|letter| char::from(*letter))
        .collect();
    format!("gen-{}-{tail}", now.as_second())
}
