#![doc = include_str!("../README.md")]
// The record of a generation has more fields than `json!` takes otherwise.
#![recursion_limit = "256"]

mod account;
mod answer;
mod ask;
mod catalogue;
mod chat;
mod control;
mod count;
mod digest;
mod directives;
mod faults;
mod generation;
mod key_ring;
mod keys;
mod ledger;
mod listing;
mod media;
mod money;
mod observed;
mod plain;
mod playback;
mod prompt_cache;
mod prose;
mod record;
mod refusal;
mod routes;
mod sample;
mod settings;
mod state;
mod stream;
mod tools;
mod upfront;

pub use routes::router;
pub use settings::{MissingKeyText, Settings};

use std::io;

use tokio::net::TcpListener;

/// Answers on `listener` until the task is dropped.
///
/// # Errors
/// When the built-in list of models cannot be read, or the file that records cannot be written.
pub async fn serve(listener: TcpListener, settings: Settings) -> io::Result<()> {
    let router = router(settings)?;
    axum::serve(listener, router).await
}

/// Starts a stand-in on a free port of 127.0.0.1, in the background of the current runtime.
/// Gives its origin, such as `http://127.0.0.1:40123`; the API's base is that and `/api/v1`.
///
/// # Errors
/// When no port can be had.
pub async fn start(settings: Settings) -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(serve(listener, settings));
    Ok(origin)
}
