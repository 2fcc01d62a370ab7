//! The secret of a credential of type `http`: how a request proves who sends it, and where it may be sent.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// What takes the place of a secret in a text.
const REMOVED: &str = "[secret removed]";

/// A secret of fewer characters is not looked for in texts: it would be found in many that do not hold it.
const SHORTEST_REMOVED: usize = 6;

/// Of a secret of fewer characters, no part is shown.
const SHORTEST_SHOWN: usize = 16;

/// Headers that are no place for a secret: they say how a message is sent, not by whom.
const NOT_FOR_SECRETS: [&str; 11] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "location",
    "accept",
];

/// The secret of an `http` credential. It is wiped from memory on drop, and `Debug` does not show it.
#[derive(Clone)]
pub struct HttpSecret {
    /// How it is sent.
    pub auth: HttpAuth,
    /// The hosts that it may be sent to, each with or without a port. Where there is none: where a workflow's document spells
    /// out the host.
    pub hosts: Vec<String>,
}

/// How a request proves who sends it.
#[derive(Clone, Deserialize)]
#[serde(tag = "auth", rename_all = "lowercase")]
pub enum HttpAuth {
    /// `Authorization: Bearer <token>`.
    Bearer {
        /// The token.
        token: SecretString,
    },
    /// `Authorization: Basic <username and password in base64>`.
    Basic {
        /// The user's name; no secret.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A header of this name.
    Header {
        /// The header's name; no secret.
        name: String,
        /// Its value.
        value: SecretString,
    },
}

impl HttpAuth {
    /// `bearer`, `basic` or `header`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::Header { .. } => "header",
        }
    }

    fn secret(&self) -> &SecretString {
        match self {
            Self::Bearer { token } => token,
            Self::Basic { password, .. } => password,
            Self::Header { value, .. } => value,
        }
    }

    /// The header that is sent: its name, and its value, which is secret.
    #[must_use]
    pub fn header(&self) -> (String, SecretString) {
        let secret = self.secret().expose_secret();
        let (name, value) = match self {
            Self::Bearer { .. } => ("authorization", format!("Bearer {secret}")),
            Self::Basic { username, .. } => ("authorization", basic(username, secret)),
            Self::Header { name, .. } => (name.as_str(), secret.to_owned()),
        };
        (name.to_ascii_lowercase(), value.into())
    }

    /// What is wrong with it, each with the field. It repeats no secret.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let secret = self.secret().expose_secret();
        let mut faults = Vec::new();
        let field = match self {
            Self::Bearer { .. } => "token",
            Self::Basic { .. } => "password",
            Self::Header { .. } => "value",
        };
        if secret.trim().is_empty() && !matches!(self, Self::Basic { .. }) {
            faults.push((field, "must not be empty"));
        } else if secret.chars().any(char::is_control) {
            faults.push((
                field,
                "holds a line break or another character that no header can have",
            ));
        } else if !matches!(self, Self::Basic { .. }) && !secret.is_ascii() {
            faults.push((field, "holds a character that no header can have"));
        }
        match self {
            Self::Bearer { .. } => {}
            Self::Basic { username, .. } => {
                if username.contains(':') || username.chars().any(char::is_control) {
                    faults.push(("username", "must have neither a colon nor a line break"));
                }
            }
            Self::Header { name, .. } => {
                let lower = name.to_ascii_lowercase();
                if !is_header_name(name) {
                    faults.push(("name", "is no name of a header"));
                } else if NOT_FOR_SECRETS.contains(&lower.as_str()) {
                    faults.push((
                        "name",
                        "this header says how a message is sent, not by whom",
                    ));
                }
            }
        }
        faults
    }
}

fn basic(username: &str, password: &str) -> String {
    let pair = STANDARD.encode(format!("{username}:{password}"));
    format!("Basic {pair}")
}

/// Whether it has only the characters that the name of a header can have.
#[must_use]
pub fn is_header_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

impl HttpSecret {
    /// Reads the text that [`Self::text`] has written; `None` where it is none.
    #[must_use]
    pub fn parse(text: &SecretString) -> Option<Self> {
        #[derive(Deserialize)]
        struct Hosts {
            #[serde(rename = "type")]
            of_type: crate::CredentialType,
            #[serde(default)]
            hosts: Vec<String>,
        }
        let text = text.expose_secret();
        let Hosts { of_type, hosts } = serde_json::from_str(text).ok()?;
        let auth: HttpAuth = serde_json::from_str(text).ok()?;
        let is_good = of_type == crate::CredentialType::Http && auth.faults().is_empty();
        is_good.then_some(Self { auth, hosts })
    }

    /// The text that is stored: the secret is in it.
    #[must_use]
    pub fn text(&self) -> SecretString {
        let mut fields = match &self.auth {
            HttpAuth::Bearer { token } => json!({ "token": token.expose_secret() }),
            HttpAuth::Basic { username, password } => {
                json!({ "username": username, "password": password.expose_secret() })
            }
            HttpAuth::Header { name, value } => {
                json!({ "name": name, "value": value.expose_secret() })
            }
        };
        if let Value::Object(fields) = &mut fields {
            fields.insert("type".to_owned(), json!(crate::CredentialType::Http));
            fields.insert("auth".to_owned(), json!(self.auth.as_str()));
            if !self.hosts.is_empty() {
                fields.insert("hosts".to_owned(), json!(self.hosts));
            }
        }
        fields.to_string().into()
    }

    /// Its last four characters, to tell one secret from another; empty for one so short that they would tell too much.
    #[must_use]
    pub fn last_four(&self) -> String {
        let secret = self.auth.secret().expose_secret();
        let characters = secret.chars().count();
        if characters < SHORTEST_SHOWN {
            return String::new();
        }
        secret.chars().skip(characters - 4).collect()
    }

    /// The text without the secret, in any form that it is sent in.
    #[must_use]
    pub fn removed_from(&self, text: &str) -> String {
        let secret = self.auth.secret().expose_secret();
        let mut forms = vec![secret.to_owned()];
        if let HttpAuth::Basic { username, .. } = &self.auth {
            let sent = basic(username, secret);
            forms.push(sent.trim_start_matches("Basic ").to_owned());
        }
        // As JSON has it, where that is another text.
        let escaped = Value::from(secret).to_string();
        let escaped = escaped
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        forms.extend(escaped.map(str::to_owned));
        let mut text = text.to_owned();
        for form in forms {
            if form.chars().count() >= SHORTEST_REMOVED {
                text = text.replace(&form, REMOVED);
            }
        }
        text
    }
}

impl PartialEq for HttpSecret {
    fn eq(&self, other: &Self) -> bool {
        self.text().expose_secret() == other.text().expose_secret()
    }
}

impl Eq for HttpSecret {}

impl fmt::Debug for HttpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpSecret({}, redacted)", self.auth.as_str())
    }
}

impl fmt::Debug for HttpAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpAuth({}, redacted)", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<HttpSecret> {
        HttpSecret::parse(&SecretString::from(text))
    }

    fn sent(text: &str) -> (String, String) {
        let (name, value) = secret(text).unwrap().auth.header();
        (name, value.expose_secret().to_owned())
    }

    #[test]
    fn each_way_of_proving_is_a_header() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            sent(r#"{"type": "http", "auth": "bearer", "token": "t0ken"}"#),
            header("authorization", "Bearer t0ken")
        );
        assert_eq!(
            sent(
                r#"{"type": "http", "auth": "basic", "username": "Aladdin", "password": "open sesame"}"#
            ),
            header("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(
            sent(r#"{"type": "http", "auth": "header", "name": "X-Key", "value": "v"}"#),
            header("x-key", "v")
        );
    }

    #[test]
    fn it_comes_back_as_it_was_stored_and_shows_in_no_debug() {
        for text in [
            r#"{"type": "http", "auth": "bearer", "token": "0123456789abcdef", "hosts": ["a.test", "b.test:8443"]}"#,
            r#"{"type": "http", "auth": "basic", "username": "u", "password": "0123456789abcdef"}"#,
            r#"{"type": "http", "auth": "header", "name": "x-key", "value": "0123456789abcdef"}"#,
        ] {
            let read = secret(text).unwrap();
            assert_eq!(HttpSecret::parse(&read.text()).unwrap(), read);
            let shown = format!("{read:?} {:?}", read.auth);
            assert!(!shown.contains("abcdef"), "{shown}");
            assert_eq!(read.last_four(), "cdef");
        }
        let short = r#"{"type": "http", "auth": "bearer", "token": "0123456789abcde"}"#;
        assert_eq!(secret(short).unwrap().last_four(), "");
    }

    #[test]
    fn what_is_no_such_secret_is_none() {
        for text in [
            "",
            "token",
            r#"{"apiKey": "sk-or-v1-abc"}"#,
            r#"{"type": "openrouter", "auth": "bearer", "token": "t"}"#,
            r#"{"type": "http", "auth": "bearer", "token": ""}"#,
            r#"{"type": "http", "auth": "bearer", "token": "a\r\nX: y"}"#,
            r#"{"type": "http", "auth": "bearer", "token": "a\u00e9"}"#,
            r#"{"type": "http", "auth": "basic", "username": "a:b", "password": "p"}"#,
            r#"{"type": "http", "auth": "header", "name": "Host", "value": "v"}"#,
            r#"{"type": "http", "auth": "header", "name": "a b", "value": "v"}"#,
            r#"{"type": "http", "auth": "digest", "token": "t"}"#,
        ] {
            assert!(secret(text).is_none(), "{text}");
        }
    }

    #[test]
    fn it_is_removed_from_texts_in_every_form() {
        let basic = secret(
            r#"{"type": "http", "auth": "basic", "username": "u", "password": "pass\"word"}"#,
        )
        .unwrap();
        let (_, value) = basic.auth.header();
        let text = format!(
            r#"{} and pass"word and "pass\"word""#,
            value.expose_secret()
        );
        let text = basic.removed_from(&text);
        assert_eq!(
            text,
            r#"Basic [secret removed] and [secret removed] and "[secret removed]""#
        );
        let short = secret(r#"{"type": "http", "auth": "bearer", "token": "abc"}"#).unwrap();
        assert_eq!(short.removed_from("abcdef"), "abcdef");
    }
}
