#![doc = include_str!("../README.md")]

mod aws;
mod config;
mod http;
mod logging;
mod serve;

pub use aws::Aws;
pub use config::{Config, ConfigError};
pub use http::{Answer, Caller, Request, invalid};
pub use serve::{
    Refusal, Task, serve_http, serve_http_and_events, serve_open_http, serve_task, start,
};

/// What `main` of a function gives back.
pub type Main = Result<(), lambda_runtime::Error>;
