//! The check of names that callers write into paths.

use crate::Fault;

/// What is wrong with a name from a request's path; `None` where it is good. A good name has 1 to `most` characters:
/// letters, digits, `-` and `_`. `what` says what it names, such as `a workflow's id`. The fault is at `path`.
#[must_use]
pub fn name_fault(path: &str, what: &str, name: &str, most: usize) -> Option<Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let fits = (1..=most).contains(&name.len()) && name.chars().all(allowed);
    (!fits).then(|| {
        Fault::at(
            path,
            format!(
                "{what} (in the path) has 1 to {most} characters: letters, digits, `-` and `_`"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::name_fault;

    #[test]
    fn a_name_is_short_and_of_plain_characters() {
        let fault = |name: &str| name_fault("id", "a workflow's id", name, 4);
        for good in ["a", "a-_9", "ABCD"] {
            assert_eq!(fault(good), None, "{good}");
        }
        for bad in ["", "a b", "a.b", "ä", "a/b", "abcde"] {
            let fault = fault(bad).unwrap();
            assert_eq!(fault.path, "id");
            assert!(
                fault
                    .message
                    .starts_with("a workflow's id (in the path) has 1 to 4")
            );
        }
    }
}
