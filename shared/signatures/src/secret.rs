//! Secrets of webhooks: new ones are made, and those that a caller brings are checked.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

use crate::{Mode, standard};

/// Why a secret is not accepted. The texts do not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// Not of the Standard Webhooks form.
    #[error("a secret of mode `standard` is `whsec_` and 24 to 64 bytes in base64")]
    Standard,
    /// Too short, too long, or with characters that no header or form takes.
    #[error("a secret has 16 to 256 printable ASCII characters")]
    Text,
    /// A token cannot have a space in it.
    #[error(
        "a secret of mode `bearer` has 16 to 256 printable ASCII characters, none of them a space"
    )]
    Token,
    /// Mode `none` has no secret.
    #[error("mode `none` has no secret")]
    None,
}

/// Checks a secret that a caller brings.
///
/// # Errors
/// [`BadSecret`]: what a secret of this mode has to be.
pub fn check_secret(mode: Mode, secret: &SecretString) -> Result<(), BadSecret> {
    let text = secret.expose_secret();
    let printable = |c: u8| c == b' ' || c.is_ascii_graphic();
    let fits = (16..=256).contains(&text.len()) && text.bytes().all(printable);
    match mode {
        Mode::Standard => match standard::key(secret) {
            Some(key) if (24..=64).contains(&key.len()) => Ok(()),
            _ => Err(BadSecret::Standard),
        },
        Mode::Github | Mode::Stripe | Mode::Slack | Mode::Hmac if fits => Ok(()),
        Mode::Github | Mode::Stripe | Mode::Slack | Mode::Hmac => Err(BadSecret::Text),
        Mode::Bearer if fits && !text.contains(' ') => Ok(()),
        Mode::Bearer => Err(BadSecret::Token),
        Mode::None => Err(BadSecret::None),
    }
}

/// A new secret of 256 random bits; `None` where the system gives no random bytes.
pub fn generate_secret(mode: Mode) -> Option<SecretString> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    let text = match mode {
        Mode::Standard => format!("{}{}", standard::PREFIX, STANDARD.encode(bytes)),
        _ => URL_SAFE_NO_PAD.encode(bytes),
    };
    Some(SecretString::from(text))
}
