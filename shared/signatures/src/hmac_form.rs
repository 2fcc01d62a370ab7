//! An HMAC of the body in a header of the sender's own: Shopify, Linear, Sentry and many others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{Delivery, Refusal, mac};

/// Longest name of a header, and longest prefix.
const LONGEST: usize = 64;

/// Where a sender writes the HMAC of the body, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HmacForm {
    /// The header of the signature, such as `x-shopify-hmac-sha256`.
    #[schemars(length(min = 1, max = 64))]
    pub header: String,
    /// The hash of the HMAC.
    #[serde(default)]
    pub algorithm: HmacAlgorithm,
    /// How its bytes are written.
    #[serde(default)]
    pub encoding: HmacEncoding,
    /// What stands before them in the header, such as `sha256=`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub prefix: String,
    /// The header of the delivery's id, such as `linear-delivery`. Without it the id is `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub id_header: Option<String>,
}

/// The hash of an HMAC.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HmacAlgorithm {
    /// SHA-1: good in an HMAC still, and what some older senders have.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How the bytes of an HMAC are written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HmacEncoding {
    /// Hexadecimal digits, of either case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

impl HmacForm {
    /// What is wrong with it: the field's name, and what it has to be.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !is_header(&self.header) {
            faults.push(("header", header_rule()));
        }
        if self
            .id_header
            .as_deref()
            .is_some_and(|name| !is_header(name))
        {
            faults.push(("idHeader", header_rule()));
        }
        if self.prefix.len() > LONGEST || !self.prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            let rule =
                format!("must have at most {LONGEST} printable ASCII characters and no space");
            faults.push(("prefix", rule));
        }
        faults
    }

    /// The form with the headers' names in lower case, as [`Delivery::header`] takes them.
    #[must_use]
    pub fn in_lower_case(mut self) -> Self {
        self.header.make_ascii_lowercase();
        if let Some(name) = &mut self.id_header {
            name.make_ascii_lowercase();
        }
        self
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery<'_>,
        secrets: &[SecretString],
    ) -> Result<(), Refusal> {
        let value = (delivery.header)(&self.header)
            .ok_or_else(|| Refusal::Missing(self.header.clone().into()))?;
        let signature = value
            .trim()
            .strip_prefix(self.prefix.as_str())
            .and_then(|code| match self.encoding {
                HmacEncoding::Hex => hex::decode(code).ok(),
                HmacEncoding::Base64 => STANDARD.decode(code).ok(),
            })
            .ok_or_else(|| Refusal::Malformed(self.header.clone().into()))?;
        let keys = secrets
            .iter()
            .map(|secret| secret.expose_secret().as_bytes());
        if mac::any_signed(self.algorithm, keys, &[delivery.body], &[signature]) {
            Ok(())
        } else {
            Err(Refusal::Mismatch)
        }
    }
}

fn header_rule() -> String {
    format!("must be a header's name: 1 to {LONGEST} letters, digits, `-` and `_`")
}

fn is_header(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
