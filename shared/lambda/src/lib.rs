#![doc = include_str!("../README.md")]

mod audit;
mod http;
mod logging;
mod serve;
mod streamed;

pub use http::{Answer, Caller, Request, invalid};
pub use serve::{
    Task, TaskError, serve_audited_http, serve_audited_http_and_events, serve_http,
    serve_open_http, serve_reading_http, serve_task, start,
};
pub use streamed::{Pieces, Streamed, serve_stream};

/// What `main` of a function gives back.
pub type Main = Result<(), lambda_runtime::Error>;
