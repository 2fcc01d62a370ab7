//! What the function works with.

use steps_secrets::NamedSecret;

/// The API's token.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) token: NamedSecret,
}
