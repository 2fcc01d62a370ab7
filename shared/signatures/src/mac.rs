//! HMACs, and texts compared in constant time.

use ring::hmac::{
    Algorithm, Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA512, Key, sign, verify,
};
use secrecy::{ExposeSecret, SecretString};

use crate::HmacAlgorithm;

/// The HMAC-SHA256 of all parts, joined.
pub(crate) fn code(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Context::with_key(&Key::new(HMAC_SHA256, key));
    for part in parts {
        mac.update(part);
    }
    mac.sign().as_ref().to_vec()
}

/// Whether one of `signatures` is the HMAC-SHA256 of `parts` with one of `keys`. It takes the same time for a wrong one.
pub(crate) fn any_signed<K: AsRef<[u8]>>(
    keys: impl Iterator<Item = K>,
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> bool {
    any_signed_with(HmacAlgorithm::Sha256, keys, parts, signatures)
}

/// [`any_signed`] with another hash.
pub(crate) fn any_signed_with<K: AsRef<[u8]>>(
    hash: HmacAlgorithm,
    keys: impl Iterator<Item = K>,
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> bool {
    let algorithm: Algorithm = match hash {
        HmacAlgorithm::Sha1 => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        HmacAlgorithm::Sha256 => HMAC_SHA256,
        HmacAlgorithm::Sha512 => HMAC_SHA512,
    };
    let message = parts.concat();
    let mut good = false;
    for key in keys {
        let key = Key::new(algorithm, key.as_ref());
        for signature in signatures {
            good |= verify(&key, &message, signature).is_ok();
        }
    }
    good
}

/// Whether `given` is the secret. The time that the answer takes tells no more of the secret than its length.
pub fn is_secret(given: &str, secret: &SecretString) -> bool {
    // ring compares HMACs in constant time, not texts. Two texts have the same HMAC only where they are the same.
    let secret = secret.expose_secret().as_bytes();
    let key = Key::new(HMAC_SHA256, secret);
    verify(&key, given.as_bytes(), sign(&key, secret).as_ref()).is_ok()
}
