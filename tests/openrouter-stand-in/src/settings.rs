//! Settings: how the stand-in answers where the real service has been seen to answer in several ways.

use std::path::PathBuf;

/// How the stand-in answers where the real service has been seen to answer in several ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Answer 400 to a key inside `provider` that the schema does not know.
    pub strict: bool,
    /// The text of the 401 for a request without a key.
    pub missing_key: MissingKeyText,
    /// How many models `GET /models` gives where the caller names no number: all, or so many and a link to the rest.
    pub page_size: Option<usize>,
    /// How many times `GET /generation` answers 404 for an id before it gives the record.
    pub generation_misses: u32,
    /// The file that gets the body of each chat request, once each, as a line of JSON.
    pub record: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strict: false,
            missing_key: MissingKeyText::default(),
            page_size: None,
            generation_misses: 2,
            record: None,
        }
    }
}

/// The three texts that a missing key has been answered with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MissingKeyText {
    /// "No auth credentials found"
    #[default]
    Auth,
    /// "No cookie auth credentials found"
    Cookie,
    /// "Missing Authentication header"
    Header,
}

impl MissingKeyText {
    /// Reads `auth`, `cookie` or `header`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "auth" => Some(Self::Auth),
            "cookie" => Some(Self::Cookie),
            "header" => Some(Self::Header),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Auth => "No auth credentials found",
            Self::Cookie => "No cookie auth credentials found",
            Self::Header => "Missing Authentication header",
        }
    }
}
