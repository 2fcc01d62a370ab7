//! Who changes a credential.

use steps_lambda::Request;
use steps_store::Actor;

/// The sender of the request, as the audit has it.
pub(crate) fn actor(request: &Request) -> Actor {
    request.caller().into()
}
