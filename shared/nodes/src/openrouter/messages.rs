//! The conversation that a node sends: its messages as the document has them, and as they are rendered.

use std::borrow::Cow;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steps_openrouter::{
    AudioInput, CacheControl, Content, FileInput, MediaUrl, Message, Part, Role,
};
use steps_problem::Problem;
use steps_template::{RenderError, Template};

use super::media::{self, Kind};

/// A message of the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Turn {
    role: Role,
    content: Said,
}

/// What a message says: a template, or parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Text(Template),
    Parts(Vec<Piece>),
}

/// One part of a message: one of `text`, `image`, `file`, `audio` and `video`, and what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Piece {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<Template>,
    /// Of an image: how closely the model looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Of a file: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Template>,
    /// Of audio: its format.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// Of a text: the prompt is cached up to here.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

const FIELDS: [&str; 5] = ["text", "image", "file", "audio", "video"];

pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    let one: Vec<Value> = FIELDS
        .iter()
        .map(|name| serde_json::json!({"required": [name]}))
        .collect();
    let template = |about: &str| serde_json::json!({"type": "string", "pattern": r"\S", "description": about, "errorMessage": {"pattern": "must not be empty"}});
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 100,
        "errorMessage": {"minItems": "must have a message", "maxItems": "holds {count} messages; the most is 100"},
        "items": {
            "type": "object",
            "required": ["role", "content"],
            "additionalProperties": false,
            "properties": {
                "role": {
                    "type": "string",
                    "enum": ["system", "developer", "user", "assistant"],
                    "description": "Who says it.",
                },
                "content": {
                    "type": ["string", "array"],
                    "description": "A template, or parts.",
                    "minItems": 1,
                    "errorMessage": {"type": "must be a text or a list of parts, not {kind}", "minItems": "must have a part"},
                    "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "oneOf": one,
                        "errorMessage": {"oneOf": "must have one of `text`, `image`, `file`, `audio` and `video`"},
                        "properties": {
                            "text": template("A template."),
                            "image": template("A template of an image's place: an address, a data URL, or a file that a node keeps."),
                            "file": template("A template of a document's place, such as a PDF's."),
                            "audio": template("A template of a sound's place: a data URL, or a file that a node keeps."),
                            "video": template("A template of a video's place."),
                            "detail": {"type": "string", "enum": ["auto", "low", "high", "original"], "description": "Of an image: how closely the model looks."},
                            "name": {"type": "string", "description": "Of a file: a template of its name."},
                            "format": {"type": "string", "examples": ["wav", "mp3", "flac", "m4a", "ogg", "aiff", "aac", "pcm16", "pcm24"], "description": "Of audio: its format, where its content type does not say."},
                            "cacheControl": cache_control_schema(),
                        },
                    },
                },
            },
        },
    })
}

pub(super) fn cache_control_schema() -> Value {
    serde_json::json!({
        "type": "object",
        "additionalProperties": false,
        "description": "The provider keeps the prompt up to here: `{}`, or `{ttl: 5m}` or `{ttl: 1h}`.",
        "properties": {
            "type": {"type": "string", "const": "ephemeral", "description": "The only kind."},
            "ttl": {"type": "string", "enum": ["5m", "1h"], "description": "For how long."},
        },
    })
}

impl Turn {
    /// A message with one text.
    pub(super) fn text(role: Role, text: &Template) -> Self {
        Self {
            role,
            content: Said::Text(text.clone()),
        }
    }

    /// Its templates, each with its path; `path` is its own.
    pub(super) fn templates<'t>(
        &'t self,
        path: &str,
        found: &mut Vec<(Cow<'static, str>, &'t Template)>,
    ) {
        match &self.content {
            Said::Text(text) => found.push((format!("{path}.content").into(), text)),
            Said::Parts(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let of_part = part.templates().into_iter();
                    found.extend(of_part.map(|(name, template)| {
                        (format!("{path}.content[{index}].{name}").into(), template)
                    }));
                }
            }
        }
    }

    /// Which kinds of input it has beside text, in OpenRouter's words.
    pub(super) fn modalities(&self) -> Vec<&'static str> {
        let Said::Parts(parts) = &self.content else {
            return Vec::new();
        };
        let of = |part: &Piece| {
            [
                ("image", &part.image),
                ("file", &part.file),
                ("audio", &part.audio),
                ("video", &part.video),
            ]
            .into_iter()
            .find(|(_, template)| template.is_some())
            .map(|(name, _)| name)
        };
        parts.iter().filter_map(of).collect()
    }

    /// The message with its templates shown by `show`: rendered, or as they are written. `None` where it is empty.
    pub(super) fn message(
        &self,
        show: &impl Fn(&Template) -> Result<String, RenderError>,
    ) -> Result<Option<Message>, Problem> {
        let content = match &self.content {
            Said::Text(text) => Content::Text(show(text)?),
            Said::Parts(parts) => Content::Parts(
                parts
                    .iter()
                    .map(|part| part.part(show))
                    .collect::<Result<_, _>>()?,
            ),
        };
        let is_empty = matches!(&content, Content::Text(text) if text.trim().is_empty());
        // Some providers refuse an empty system prompt.
        let is_left_out = is_empty && self.role != Role::User;
        Ok((!is_left_out).then(|| Message::new(self.role, content)))
    }
}

impl Piece {
    fn templates(&self) -> Vec<(&'static str, &Template)> {
        let fields = [
            &self.text,
            &self.image,
            &self.file,
            &self.audio,
            &self.video,
        ];
        let fields = FIELDS.into_iter().zip(fields);
        fields
            .chain([("name", &self.name)])
            .filter_map(|(name, template)| Some((name, template.as_ref()?)))
            .collect()
    }

    fn part(
        &self,
        show: &impl Fn(&Template) -> Result<String, RenderError>,
    ) -> Result<Part, Problem> {
        let place = |template: &Template, kind| media::place(&show(template)?, kind);
        if let Some(image) = &self.image {
            return Ok(Part::ImageUrl {
                image_url: MediaUrl {
                    url: place(image, Kind::Image)?,
                    detail: self.detail.clone(),
                },
            });
        }
        if let Some(video) = &self.video {
            return Ok(Part::VideoUrl {
                video_url: MediaUrl {
                    url: place(video, Kind::Video)?,
                    detail: None,
                },
            });
        }
        if let Some(file) = &self.file {
            let name = self.name.as_ref().map(show).transpose()?;
            let file_data = place(file, Kind::File)?;
            return Ok(Part::File {
                file: FileInput {
                    filename: name.unwrap_or_else(|| media::name_of(&file_data)),
                    file_data,
                },
            });
        }
        if let Some(audio) = &self.audio {
            return Ok(Part::InputAudio {
                input_audio: AudioInput {
                    data: place(audio, Kind::Audio)?,
                    format: self.format.clone().unwrap_or_default(),
                },
            });
        }
        Ok(Part::Text {
            text: self
                .text
                .as_ref()
                .map(show)
                .transpose()?
                .unwrap_or_default(),
            cache_control: self.cache_control.clone(),
        })
    }
}
