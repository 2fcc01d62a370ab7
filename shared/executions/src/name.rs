//! The names of executions.

use std::fmt;

/// The name of an execution: the run's id, and for a resumed run `-` and the execution's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionName<'a> {
    /// A UUID.
    pub run_id: &'a str,
    /// 1 for a run's first execution.
    pub number: u32,
}

/// Length of a run's id.
const ID_LENGTH: usize = 36;

impl<'a> ExecutionName<'a> {
    /// Reads a name; `None` where it is not one of this project's.
    pub fn parse(name: &'a str) -> Option<Self> {
        let run_id = name.get(..ID_LENGTH)?;
        let number = match name.get(ID_LENGTH..)? {
            "" => 1,
            rest => rest.strip_prefix('-')?.parse().ok()?,
        };
        Some(Self { run_id, number })
    }
}

impl fmt::Display for ExecutionName<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 | 1 => to.write_str(self.run_id),
            number => write!(to, "{}-{number}", self.run_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        let run_id = "01f0c1c8-7d2c-7000-8000-0123456789ab";
        for (number, text) in [(1, run_id.to_owned()), (12, format!("{run_id}-12"))] {
            let name = ExecutionName { run_id, number };
            assert_eq!(name.to_string(), text);
            assert_eq!(ExecutionName::parse(&text), Some(name));
        }
        for other in ["", "by-hand", &format!("{run_id}x"), &format!("{run_id}-x")] {
            assert_eq!(ExecutionName::parse(other), None, "{other}");
        }
    }
}
