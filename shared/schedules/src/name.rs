//! Names of schedules. A schedule's own name is unique in its workflow; its name in EventBridge Scheduler is unique in
//! the stack.

use steps_problem::Fault;
use uuid::Uuid;

/// The most characters of a schedule's own name. With the workflow's part before it, it may have the 64 characters that
/// Scheduler allows.
const LONGEST_NAME: usize = 30;

/// A workflow's id of up to this length is used as it is; of a longer id, a hash.
const LONGEST_WORKFLOW: usize = 33;

/// What the names of a workflow's schedules begin with. It ends with a dot, and an id has no dot: so no two workflows
/// have the same beginning.
pub(crate) fn prefix(workflow: &str) -> String {
    if workflow.len() <= LONGEST_WORKFLOW {
        return format!("{workflow}.");
    }
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_OID, workflow.as_bytes());
    format!(".{}.", hash.simple())
}

/// The name of a workflow's schedule in EventBridge Scheduler.
pub(crate) fn full_name(workflow: &str, name: &str) -> String {
    format!("{}{name}", prefix(workflow))
}

/// The schedule's own name; `None` where the schedule is another workflow's.
pub(crate) fn own_name<'a>(workflow: &str, full_name: &'a str) -> Option<&'a str> {
    full_name.strip_prefix(&prefix(workflow))
}

/// What is wrong with a schedule's own name.
pub fn name_fault(name: &str) -> Option<Fault> {
    steps_problem::name_fault("name", "a schedule's name", name, LONGEST_NAME)
}

#[cfg(test)]
mod tests {
    use super::{full_name, name_fault, own_name};

    #[test]
    fn names_fit_and_come_back() {
        let (long, longer) = ("w".repeat(63), "w".repeat(64));
        let name = "n".repeat(30);
        for workflow in ["a", &"w".repeat(33), &"w".repeat(34), &long, &longer] {
            let full = full_name(workflow, &name);
            assert!(full.len() <= 64, "{full}");
            assert_eq!(own_name(workflow, &full), Some(name.as_str()));
        }
        assert_eq!(full_name("post", "nightly"), "post.nightly");
        assert_eq!(own_name("post", "post2.nightly"), None);
        assert_ne!(full_name(&long, "x"), full_name(&longer, "x"));
    }

    #[test]
    fn bad_names_are_told() {
        for bad in ["", "a b", "a.b", "ä", "a/b", &"n".repeat(31)] {
            assert!(name_fault(bad).is_some(), "{bad}");
        }
        assert!(name_fault("every-night_2").is_none());
    }
}
