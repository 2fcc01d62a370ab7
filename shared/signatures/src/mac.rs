//! HMAC-SHA256.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The code of all parts, one behind the other.
pub(crate) fn code(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    Some(keyed(key, parts)?.finalize().into_bytes().to_vec())
}

/// Whether one of `signatures` is the code of `parts` under one of `keys`. Takes as long for a wrong one as for a right one.
pub(crate) fn any_signed<K: AsRef<[u8]>>(
    keys: impl Iterator<Item = K>,
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> bool {
    let mut good = false;
    for key in keys {
        let Some(mac) = keyed(key.as_ref(), parts) else {
            continue;
        };
        for signature in signatures {
            good |= mac.clone().verify_slice(signature).is_ok();
        }
    }
    good
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}
