//! `openrouter`: a call of a model through OpenRouter.

mod document;
mod options;
mod price;
mod request;
mod run;
mod variable;
mod warnings;

pub(crate) use document::Chat;
pub(crate) use warnings::not_listed;
