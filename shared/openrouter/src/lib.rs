#![doc = include_str!("../README.md")]

mod advice;
mod assembly;
mod call;
mod classify;
mod client;
mod completion;
mod endpoints;
mod error;
mod generation;
mod halves;
mod key;
mod keys;
mod lenient;
pub mod model_id;
mod model_list;
mod models;
mod money;
mod request;
mod said;
mod successor;
mod text;
mod timeouts;

pub use call::Call;
pub use client::{App, Client};
pub use completion::{Audio, Completion};
pub use endpoints::{Endpoint, ModelEndpoints};
pub use error::{Error, Failure, UpstreamError};
pub use generation::Generation;
pub use key::{FreeRequests, KeyInfo};
pub use keys::{CreatedKey, KeyChange, KeyRecord, NewKey};
pub use model_list::ModelList;
pub use models::{Model, Pricing};
pub use request::{
    AudioInput, CacheControl, ChatRequest, Content, DEFAULT_MAX_TOKENS, FileInput, MediaUrl,
    Message, Part, Role,
};
pub use said::Said;
pub use steps_usage::Usage;
pub use timeouts::Timeouts;

/// The address of OpenRouter's API. Without `/api` the web site answers, with HTML and status 200.
pub const BASE_URL: &str = "https://openrouter.ai/api/v1";

/// The model of a request that names none.
pub const DEFAULT_MODEL: &str = "openai/gpt-4o-mini";

/// The system prompt of a request that has none.
pub const DEFAULT_SYSTEM_PROMPT: &str = "You are a helpful assistant.";

#[cfg(test)]
mod properties;
#[cfg(test)]
mod wire_tests;
