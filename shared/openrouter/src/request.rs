//! A chat request, with the fields of OpenRouter's API.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// The `max_tokens` of a request that sets none. One is always sent: without it OpenRouter's credit check
/// assumes the model's maximum.
pub const DEFAULT_MAX_TOKENS: u32 = 4096;

/// A chat request. As JSON it is the wire's body, `"stream": true` included.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// Model id; variants, presets, routers and aliases are allowed.
    pub model: String,
    /// Models to fall back on, in this order, when `model` fails for any reason.
    pub models: Vec<String>,
    /// The conversation; at least one message.
    pub messages: Vec<Message>,
    /// Most tokens to generate, reasoning included. Some providers want 16 or more.
    pub max_tokens: u32,
    /// Everything else that the API offers, under its own names. A sampling option that the model does not know is
    /// dropped silently, unless `provider` says `require_parameters`.
    pub options: Map<String, Value>,
    /// Whether the answer is to tell how the request was led to its model and provider.
    pub tell_routing: bool,
}

impl ChatRequest {
    /// A request to `model`, still without messages.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            models: Vec::new(),
            messages: Vec::new(),
            max_tokens: DEFAULT_MAX_TOKENS,
            options: Map::new(),
            tell_routing: false,
        }
    }

    /// Adds a system prompt. An empty one is left out, because some providers refuse it.
    #[must_use]
    pub fn system(self, text: impl Into<String>) -> Self {
        let text = text.into();
        if text.trim().is_empty() {
            return self;
        }
        self.message(Role::System, text)
    }

    /// Adds what the user says.
    #[must_use]
    pub fn user(self, content: impl Into<Content>) -> Self {
        self.message(Role::User, content)
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, role: Role, content: impl Into<Content>) -> Self {
        self.say(role, content);
        self
    }

    /// The same, of a request that is there already.
    pub fn say(&mut self, role: Role, content: impl Into<Content>) {
        self.messages.push(Message::new(role, content));
    }

    /// Sets the models to fall back on.
    #[must_use]
    pub fn models<I, S>(mut self, ids: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.models = ids.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the most tokens to generate; zero means one.
    #[must_use]
    pub fn max_tokens(mut self, most: u32) -> Self {
        self.max_tokens = most.max(1);
        self
    }

    /// Sets everything else.
    #[must_use]
    pub fn options(mut self, options: Map<String, Value>) -> Self {
        self.options = options;
        self
    }
}

impl Serialize for ChatRequest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            model: &'a str,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            models: &'a [String],
            messages: &'a [Message],
            max_tokens: u32,
            stream: bool,
            #[serde(flatten)]
            options: &'a Map<String, Value>,
        }
        Body {
            model: &self.model,
            models: &self.models,
            messages: &self.messages,
            max_tokens: self.max_tokens,
            stream: true,
            options: &self.options,
        }
        .serialize(to)
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Content,
    /// Of the model's message: what it told of files that it was sent. Sent again, no file is read and paid for twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Value>,
}

impl Message {
    /// A message.
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self {
            role,
            content: content.into(),
            annotations: Vec::new(),
        }
    }
}

/// The provider keeps the prompt up to here, and charges less for it next time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheControl {
    /// `ephemeral`, the only kind.
    #[serde(rename = "type", default = "ephemeral")]
    pub kind: String,
    /// For how long: `5m` or `1h`; the provider's own time where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<String>,
}

fn ephemeral() -> String {
    "ephemeral".to_owned()
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions.
    System,
    /// Instructions, as newer models of OpenAI call them.
    Developer,
    /// The user, who asks.
    User,
    /// The model. As the last message it is the beginning of an answer that the model continues.
    Assistant,
}

/// What a message holds: plain text, or parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// Text, images, files and more; the text part is best put first.
    Parts(Vec<Part>),
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<Part>> for Content {
    fn from(parts: Vec<Part>) -> Self {
        Self::Parts(parts)
    }
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text {
        /// The text itself.
        text: String,
        /// Whether the prompt is cached up to here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    /// An image.
    ImageUrl {
        /// Where it is.
        image_url: MediaUrl,
    },
    /// A video.
    VideoUrl {
        /// Where it is.
        video_url: MediaUrl,
    },
    /// A document, such as a PDF.
    File {
        /// The document.
        file: FileInput,
    },
    /// Sound.
    InputAudio {
        /// The sound.
        input_audio: AudioInput,
    },
}

/// An image or a video by its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaUrl {
    /// An https or a data URL.
    pub url: String,
    /// How closely a model looks at an image: `auto`, `low`, `high` or `original`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInput {
    /// Its name, with the ending that tells its kind.
    pub filename: String,
    /// An https or a data URL.
    pub file_data: String,
}

/// Sound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioInput {
    /// Bare base64: no address and no `data:` before it.
    pub data: String,
    /// `wav`, `mp3`, `flac`, `m4a`, `ogg`, `aiff`, `aac`, `pcm16` or `pcm24`.
    pub format: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_least_request_always_has_max_tokens() {
        let request = ChatRequest::new("openai/gpt-4o-mini").system("").user("Hi");
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            json!({"model": "openai/gpt-4o-mini", "max_tokens": 4096, "stream": true,
                   "messages": [{"role": "user", "content": "Hi"}]})
        );
    }

    #[test]
    fn every_part_and_option_has_its_wire_name() {
        let options = json!({"temperature": 0.2, "stop": ["END"], "provider": {"order": ["openai"]},
            "metadata": {"run": "1"}});
        let options = options.as_object().unwrap();
        let request = ChatRequest::new("a/b")
            .models(["c/d"])
            .max_tokens(0)
            .system("Be brief.")
            .user(vec![
                Part::Text {
                    text: "Read".into(),
                    cache_control: None,
                },
                Part::ImageUrl {
                    image_url: MediaUrl {
                        url: "data:image/png;base64,AAAA".into(),
                        detail: None,
                    },
                },
            ])
            .options(options.clone());
        assert_eq!(
            serde_json::to_value(&request).unwrap(),
            json!({"model": "a/b", "models": ["c/d"], "max_tokens": 1, "stream": true,
                   "temperature": 0.2, "stop": ["END"], "provider": {"order": ["openai"]},
                   "metadata": {"run": "1"},
                   "messages": [
                     {"role": "system", "content": "Be brief."},
                     {"role": "user", "content": [
                        {"type": "text", "text": "Read"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]})
        );
    }
}
