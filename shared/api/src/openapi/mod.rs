//! The API's description in OpenAPI 3.1, made from the API's own types.

mod document;
mod operation;
mod operations;
mod problems;

pub use document::{VERSION, openapi};
