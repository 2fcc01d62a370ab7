//! Who does something to a credential, as its audit tells.

use steps_lambda::Request;
use steps_store::Actor;

/// The sender of the request.
pub(crate) fn actor(request: &Request) -> Actor {
    let caller = request.caller();
    Actor {
        principal: caller.principal.clone(),
        source_ip: caller.source_ip.clone(),
    }
}
