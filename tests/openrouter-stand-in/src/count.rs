//! How tokens are counted.

/// Tokens are counted as a quarter of the characters, rounded up.
pub(crate) fn tokens(chars: usize) -> u64 {
    u64::try_from(chars.div_ceil(4)).unwrap_or(u64::MAX)
}
