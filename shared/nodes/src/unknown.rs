//! The failure of a node that must not be tried again, because it may have done its work.

use steps_problem::Problem;

/// It is not known what became of a request or call that must not be repeated.
pub(crate) fn outcome_unknown(why: &str) -> Problem {
    Problem::new(
        504,
        "OutcomeUnknown",
        "Outcome Unknown",
        format!("it is not known whether the node's request was carried out, and it is not sent again by itself: {why}"),
    )
    .solution([
        "Look at the other side whether the request was carried out",
        "Where it was not: resume the run, and the node is sent again (an `http` node with the same `Idempotency-Key`)",
        "Where the other side does nothing twice: set `repeatable` to true in the node",
    ])
}
