//! The console: serves the page that people work with, and the files that it loads; open to everyone.

mod files;
mod handler;

use steps_lambda::{Main, serve_open_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    serve_open_http(async |request| handler::handle(&request)).await
}
