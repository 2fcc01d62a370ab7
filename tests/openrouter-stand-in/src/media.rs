//! Images, sound, video and files in a request, and what the stand-in draws or says itself.

use serde_json::{Map, Value, json};

use crate::digest::sha256_hex;

/// A red point: the smallest PNG.
pub(crate) const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==";

/// A short WAV without sound in it.
pub(crate) const SOUND: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

/// What a request has beside text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Media {
    /// Each part's type and the first digits of the digest of what it holds.
    pub(crate) parts: Vec<String>,
    /// What the answer tells of the files that it had to read.
    pub(crate) annotations: Vec<Value>,
}

impl Media {
    pub(crate) fn of(body: &Map<String, Value>) -> Self {
        let messages = body.get("messages").and_then(Value::as_array);
        let messages = || messages.into_iter().flatten();
        let known: Vec<&Value> = messages()
            .filter_map(|message| message.get("annotations")?.as_array())
            .flatten()
            .filter_map(|annotation| annotation.pointer("/file/name"))
            .collect();
        let mut media = Self::default();
        for part in messages()
            .filter_map(|message| message.get("content")?.as_array())
            .flatten()
        {
            let Some(kind) = part.get("type").and_then(Value::as_str) else {
                continue;
            };
            let held = [
                "/image_url/url",
                "/video_url/url",
                "/file/file_data",
                "/input_audio/data",
            ]
            .iter()
            .find_map(|place| part.pointer(place)?.as_str());
            let Some(held) = held else { continue };
            let digest = sha256_hex(held);
            let head = digest.get(..8).unwrap_or_default();
            media.parts.push(format!("{kind} {head}"));
            let name = part.pointer("/file/filename");
            if kind == "file" && name.is_some() && !name.is_some_and(|name| known.contains(&name)) {
                media.annotations.push(json!({
                    "type": "file",
                    "file": {"hash": digest, "name": name, "content": [
                        {"type": "text", "text": format!("read by the stand-in: {head}")},
                    ]},
                }));
            }
        }
        media
    }
}
