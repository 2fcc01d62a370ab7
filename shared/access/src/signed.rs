//! Texts that the stack signs, and takes back from whoever holds them: `v1.<text>.<signature>`. They are kept nowhere.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// A signed text as it was sent. It is not known yet whether it is good.
#[derive(Debug)]
pub struct Signed<'a> {
    purpose: &'static str,
    /// All but the signature: `v1.<text>`.
    signed: &'a str,
    signature: Vec<u8>,
}

/// The text with a signature of this secret. The signature is of no use for another purpose.
pub fn sign(purpose: &'static str, text: &str, secret: &SecretString) -> String {
    let signed = format!("v1.{text}");
    let signature = hmac::sign(&key(secret), &message(purpose, &signed));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

impl<'a> Signed<'a> {
    /// Reads what was sent, with its text; `None` for what has not the form of a signed text, or more than `longest` bytes.
    pub fn parse(purpose: &'static str, sent: &'a str, longest: usize) -> Option<(Self, &'a str)> {
        if sent.len() > longest {
            return None;
        }
        let (signed, signature) = sent.rsplit_once('.')?;
        let text = signed.strip_prefix("v1.")?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let read = Self {
            purpose,
            signed,
            signature,
        };
        Some((read, text))
    }

    /// Whether it was signed for this purpose with this secret. It takes as long whichever byte is wrong.
    pub fn is_signed_with(&self, secret: &SecretString) -> bool {
        let message = message(self.purpose, self.signed);
        hmac::verify(&key(secret), &message, &self.signature).is_ok()
    }
}

fn key(secret: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

fn message(purpose: &str, signed: &str) -> Vec<u8> {
    format!("{purpose}\n{signed}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_good_for_its_own_purpose_only() {
        let secret = SecretString::from("of this stack");
        let token = sign("events", "run.1", &secret);
        let (read, text) = Signed::parse("events", &token, 100).unwrap();
        assert_eq!(text, "run.1");
        assert!(read.is_signed_with(&secret));
        let (other, _) = Signed::parse("approval", &token, 100).unwrap();
        assert!(!other.is_signed_with(&secret));
        assert!(Signed::parse("events", &token, token.len() - 1).is_none());
    }
}
