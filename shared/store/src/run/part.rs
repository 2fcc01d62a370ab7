//! The parts of a take: what one execution of Step Functions does of it. A run that is too long for one execution is handed
//! over to the next, as often as it takes.

use std::fmt;

/// A part of a take of a run. A later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The take: 1, one more each time the run is resumed.
    pub take: u32,
    /// The number of the part within the take: 1, one more each time the run is handed over.
    pub number: u32,
}

impl Part {
    /// The part with which a take begins.
    pub fn first(take: u32) -> Self {
        Self { take, number: 1 }
    }

    /// The part that follows within the take.
    #[must_use]
    pub fn next(self) -> Self {
        Self {
            number: self.number + 1,
            ..self
        }
    }

    /// Reads it from its text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (take, number) = text.split_once('.')?;
        Some(Self {
            take: take.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

/// A later part is greater as text too.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}.{:010}", self.take, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_part_is_greater_and_reads_back() {
        let parts = [(1, 0), (1, 1), (1, 2), (1, 10), (2, 0), (2, 1), (12, 3)];
        let parts = parts.map(|(take, number)| Part { take, number });
        assert!(parts.is_sorted());
        assert!(parts.map(|part| part.to_string()).is_sorted());
        for part in parts {
            assert_eq!(Part::parse(&part.to_string()), Some(part));
        }
        assert_eq!(Part::parse("2"), None);
        assert_eq!(Part::first(3).next(), Part { take: 3, number: 2 });
    }
}
