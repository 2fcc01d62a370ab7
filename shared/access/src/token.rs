//! Named tokens of the API: `os_<id>_<secret>`. The id is public: records and audits name it. Of the secret only a hash
//! is kept.

use ring::hmac::{HMAC_SHA256, Key, sign, verify};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

const PREFIX: &str = "os_";

/// Random bytes of a secret. So many cannot be guessed, so their hash needs no salt and need not be slow.
const RANDOM: usize = 32;

/// A token as its holder has it. It is shown by nothing but [`Token::text`].
#[derive(Debug)]
pub struct Token {
    id: String,
    secret: SecretString,
}

impl Token {
    /// A new one; `None` where the system gives no random bytes.
    pub fn generate() -> Option<Self> {
        let mut bytes = [0; RANDOM];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self {
            id: Uuid::now_v7().simple().to_string(),
            secret: SecretString::from(hex::encode(bytes)),
        })
    }

    /// The token that a text is; `None` for a text of another form.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |part: &str, length| {
            let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            part.len() == length && part.bytes().all(digit)
        };
        (is_hex(id, 32) && is_hex(secret, 2 * RANDOM)).then(|| Self {
            id: id.to_owned(),
            secret: SecretString::from(secret),
        })
    }

    /// Its id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its text, which is handed to its holder once.
    pub fn text(&self) -> SecretString {
        let secret = self.secret.expose_secret();
        SecretString::from(format!("{PREFIX}{}_{secret}", self.id))
    }

    /// What is kept of it: the HMAC-SHA256 of its id under its secret.
    pub fn hash(&self) -> Vec<u8> {
        sign(&self.key(), self.id.as_bytes()).as_ref().to_vec()
    }

    /// Whether this hash was made of it. The time that it takes tells nothing of the hash.
    pub fn has_hash(&self, hash: &[u8]) -> bool {
        verify(&self.key(), self.id.as_bytes(), hash).is_ok()
    }

    fn key(&self) -> Key {
        Key::new(HMAC_SHA256, self.secret.expose_secret().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_again_by_its_hash_and_by_no_other() {
        let token = Token::generate().unwrap();
        let text = token.text();
        let again = Token::parse(text.expose_secret()).unwrap();
        assert_eq!(again.id(), token.id());
        assert!(again.has_hash(&token.hash()));
        let other = Token::generate().unwrap();
        assert_ne!(other.hash(), token.hash());
        assert!(!other.has_hash(&token.hash()));
        // Another id with the same secret.
        let moved = text.expose_secret().replace(token.id(), other.id());
        assert!(!Token::parse(&moved).unwrap().has_hash(&token.hash()));
        assert!(!token.has_hash(&[]));
    }

    #[test]
    fn neither_debug_nor_the_hash_shows_the_secret() {
        let token = Token::generate().unwrap();
        let secret = token.secret.expose_secret();
        assert!(!format!("{token:?}").contains(secret));
        assert!(!hex::encode(token.hash()).contains(secret));
    }

    #[test]
    fn what_has_another_form_is_no_token() {
        let good = Token::generate().unwrap().text();
        let good = good.expose_secret();
        for text in [
            "",
            "os_",
            "os__",
            "os_1_2",
            "abc",
            &good[1..],
            &good[..good.len() - 1],
            &good.to_uppercase(),
            &format!("{good} "),
            &format!("{good}a"),
            &good.replacen('_', "-", 1),
        ] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
