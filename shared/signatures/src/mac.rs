//! HMACs, and texts compared in constant time.

use ring::hmac::{
    Algorithm, Context, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256, HMAC_SHA512, Key, sign, verify,
};
use secrecy::{ExposeSecret, SecretString};

use crate::HmacAlgorithm;

impl From<HmacAlgorithm> for Algorithm {
    fn from(algorithm: HmacAlgorithm) -> Self {
        match algorithm {
            HmacAlgorithm::Sha1 => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            HmacAlgorithm::Sha256 => HMAC_SHA256,
            HmacAlgorithm::Sha512 => HMAC_SHA512,
        }
    }
}

/// The HMAC of all parts, joined.
pub(crate) fn code(algorithm: HmacAlgorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Context::with_key(&Key::new(algorithm.into(), key));
    for part in parts {
        mac.update(part);
    }
    mac.sign().as_ref().to_vec()
}

/// Whether one of `signatures` is the HMAC of `parts` with one of `keys`. It takes the same time for a wrong signature.
pub(crate) fn any_signed<K: AsRef<[u8]>>(
    algorithm: HmacAlgorithm,
    keys: impl Iterator<Item = K>,
    parts: &[&[u8]],
    signatures: &[Vec<u8>],
) -> bool {
    let message = parts.concat();
    let mut good = false;
    for key in keys {
        let key = Key::new(algorithm.into(), key.as_ref());
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
