//! The reference: pages that explain error codes, the schema of the document, the API's description; open to everyone.

mod document;
mod error_page;
mod handler;
mod pages;
mod workflow_schema;

use steps_lambda::{Main, serve_open_http, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Main {
    start(env!("CARGO_CRATE_NAME"));
    serve_open_http(async |request| handler::handle(&request)).await
}
