//! Scopes: what a token may do.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that a token may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Reads everything but tokens and the audit.
    Read,
    /// Starts, cancels, resumes and repeats runs. It knows a run only by its id: it cannot list them.
    Run,
    /// Everything, also what the other scopes allow.
    Admin,
}

impl Scope {
    const ALL: [Self; 3] = [Self::Read, Self::Run, Self::Admin];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Run => "run",
            Self::Admin => "admin",
        }
    }
}

/// The scopes of one token, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Every scope, which the root token has.
    pub fn all() -> Self {
        Self(BTreeSet::from(Scope::ALL))
    }

    /// Those among these words, with blanks between them, that are scopes.
    pub fn from_words(words: &str) -> Self {
        words
            .split_ascii_whitespace()
            .filter_map(|word| Scope::ALL.into_iter().find(|scope| scope.as_str() == word))
            .collect()
    }

    /// Their words, with a blank between them.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        words.join(" ")
    }

    /// Whether they allow what needs this scope. `admin` allows everything.
    pub fn allow(&self, needed: Scope) -> bool {
        self.0.contains(&needed) || self.0.contains(&Scope::Admin)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_allows_everything_and_the_others_themselves_only() {
        let of = |scope| Scopes::from_iter([scope]);
        for needed in Scope::ALL {
            assert!(Scopes::all().allow(needed));
            assert!(of(Scope::Admin).allow(needed));
            assert!(!Scopes::default().allow(needed));
            for given in [Scope::Read, Scope::Run] {
                assert_eq!(of(given).allow(needed), given == needed, "{given:?}");
            }
        }
    }

    #[test]
    fn words_come_back_as_the_scopes_that_they_were_and_others_are_none() {
        assert_eq!(Scopes::all().words(), "read run admin");
        for scopes in [Scopes::all(), Scopes::from_iter([Scope::Run])] {
            assert_eq!(Scopes::from_words(&scopes.words()), scopes);
        }
        assert!(Scopes::from_words(" READ root adminn ").is_empty());
    }
}
