//! Whether a run may be posted to an address once it has ended.

use steps_problem::{Fault, Problem};
use steps_workflow::Workflow;

/// Longest address.
const LONGEST: usize = 2000;

/// Refuses an address that the workflow does not allow. `local`: whether http://localhost is one.
pub(crate) fn check_callback(workflow: &Workflow, url: &str, local: bool) -> Result<(), Problem> {
    let fault = if url.len() > LONGEST {
        Some(format!("the address has more than {LONGEST} characters"))
    } else if url.starts_with("http:") && !local {
        // In Lambda, localhost is the function itself.
        Some("this stack posts to https addresses only".to_owned())
    } else {
        None
    };
    let checked = match fault {
        Some(message) => Err(Fault::at("callbackUrl", message)),
        None => workflow.check_callback(url),
    };
    checked.map_err(|fault| {
        Problem::new(
            400,
            "CallbackRefused",
            "Callback Refused",
            "the run may not be posted to `callbackUrl`; no run was started",
        )
        .solution([
            "Name an address behind one of the workflow's `callbacks`",
            "Or put the workflow with that address's prefix among them",
        ])
        .faults(vec![fault])
    })
}
