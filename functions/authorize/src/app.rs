//! What the function works with.

use steps_secrets::RootToken;
use steps_store::Tokens;

/// The root token, which is in Secrets Manager, and the named tokens, whose hashes are in the table.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) root: RootToken,
    pub(crate) tokens: Tokens,
}
