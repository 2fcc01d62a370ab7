//! The names of executions.

use std::fmt;

/// The name of an execution: the run's id; for a resumed run `-` and the take; for a run that was handed over `-`, the take,
/// `-` and the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionName<'a> {
    /// A UUID.
    pub run_id: &'a str,
    /// 1, one more each time the run is resumed.
    pub take: u32,
    /// Which of the take's executions it is: 1, one more each time the run is handed over.
    pub part: u32,
}

/// Length of a run's id.
const ID_LENGTH: usize = 36;

impl<'a> ExecutionName<'a> {
    /// The name of the first execution of a take. A take has this name too.
    pub fn of_take(run_id: &'a str, take: u32) -> Self {
        let part = 1;
        Self { run_id, take, part }
    }

    /// Reads a name; `None` where it is not one of this project's.
    pub fn parse(name: &'a str) -> Option<Self> {
        let run_id = name.get(..ID_LENGTH)?;
        let rest = name.get(ID_LENGTH..)?;
        if rest.is_empty() {
            return Some(Self::of_take(run_id, 1));
        }
        let numbers = rest.strip_prefix('-')?;
        let (take, part) = match numbers.split_once('-') {
            Some((take, part)) => (take.parse().ok()?, part.parse().ok()?),
            None => (numbers.parse().ok()?, 1),
        };
        Some(Self { run_id, take, part })
    }
}

impl fmt::Display for ExecutionName<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run_id, take, part } = self;
        match (take, part) {
            (0 | 1, 0 | 1) => to.write_str(run_id),
            (_, 0 | 1) => write!(to, "{run_id}-{take}"),
            _ => write!(to, "{run_id}-{take}-{part}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        let run_id = "01f0c1c8-7d2c-7000-8000-0123456789ab";
        for (take, part, text) in [
            (1, 1, run_id.to_owned()),
            (12, 1, format!("{run_id}-12")),
            (1, 2, format!("{run_id}-1-2")),
            (3, 45, format!("{run_id}-3-45")),
        ] {
            let name = ExecutionName { run_id, take, part };
            assert_eq!(name.to_string(), text);
            assert_eq!(ExecutionName::parse(&text), Some(name));
        }
        for other in [
            "",
            "by-hand",
            &format!("{run_id}x"),
            &format!("{run_id}-x"),
            &format!("{run_id}-1-"),
            &format!("{run_id}-1-2-3"),
        ] {
            assert_eq!(ExecutionName::parse(other), None, "{other}");
        }
    }
}
