//! Standard Webhooks' asymmetric form, `v1a`: Ed25519 over the same text as `v1`. Whoever verifies has only the public key,
//! so cannot sign.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use secrecy::{ExposeSecret, SecretString};

const PRIVATE: &str = "whsk_";
const PUBLIC: &str = "whpk_";
const VERSION: &str = "v1a,";

/// A new private key: `whsk_` and its 32 bytes in base64. `None` where the system gives no random bytes.
pub fn generate_private_key() -> Option<SecretString> {
    let mut seed = [0; 32];
    SystemRandom::new().fill(&mut seed).ok()?;
    Some(SecretString::from(format!(
        "{PRIVATE}{}",
        STANDARD.encode(seed)
    )))
}

/// The public key of a private one: `whpk_` and its 32 bytes in base64; `None` where it is no private key.
pub fn public_key(private: &SecretString) -> Option<String> {
    let pair = pair(private)?;
    Some(format!("{PUBLIC}{}", STANDARD.encode(pair.public_key())))
}

/// The `webhook-signature` of a body sent at `timestamp` (seconds since 1970); `None` where it is no private key.
pub fn sign_asymmetric(
    private: &SecretString,
    id: &str,
    timestamp: i64,
    body: &[u8],
) -> Option<String> {
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    let signature = pair(private)?.sign(&signed);
    Some(format!("{VERSION}{}", STANDARD.encode(signature)))
}

fn pair(private: &SecretString) -> Option<Ed25519KeyPair> {
    let text = private.expose_secret();
    let seed = STANDARD.decode(text.strip_prefix(PRIVATE)?).ok()?;
    Ed25519KeyPair::from_seed_unchecked(&seed).ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    fn bytes(text: &str, prefix: &str) -> Vec<u8> {
        STANDARD.decode(text.strip_prefix(prefix).unwrap()).unwrap()
    }

    #[test]
    fn what_is_signed_is_verified_with_the_public_key_alone() {
        let private = generate_private_key().unwrap();
        let public = bytes(&public_key(&private).unwrap(), PUBLIC);
        assert_eq!(public.len(), 32);
        let signature = sign_asymmetric(&private, "run-2", 1_700_000_000, b"{}").unwrap();
        let signature = bytes(&signature, VERSION);
        let key = UnparsedPublicKey::new(&ED25519, public);
        key.verify(b"run-2.1700000000.{}", &signature).unwrap();
        assert!(key.verify(b"run-2.1700000000.{ }", &signature).is_err());
    }

    #[test]
    fn a_key_of_rfc_8032_gives_its_public_key_and_signature() {
        // The second test of section 7.1 signs one byte: here the whole signed text cannot be chosen, but the key can.
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let private = format!("{PRIVATE}{}", STANDARD.encode(hex::decode(seed).unwrap()));
        let shown = public_key(&SecretString::from(private)).unwrap();
        assert_eq!(hex::encode(bytes(&shown, PUBLIC)), public);
    }

    #[test]
    fn what_is_no_private_key_signs_nothing() {
        for wrong in ["", "whsk_", "whsk_AAAA", "whpk_AAAA", "whsec_AAAA"] {
            let wrong = SecretString::from(wrong);
            assert_eq!(public_key(&wrong), None);
            assert_eq!(sign_asymmetric(&wrong, "1", 1, b""), None);
        }
    }
}
