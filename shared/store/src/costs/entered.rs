//! What attempts have cost, by what costs are told by: added up over a run, and compared with what was added up before.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::keys::day;
use crate::node::{Attempt, TriedUnit};
use crate::unit::Unit;

/// What the attempts of a run are told apart by, beside the run's workflow and who started it. A text that is not known is
/// empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    /// The day (UTC) of the attempt's claim.
    pub(super) day: Date,
    pub(super) node: String,
    pub(super) model: String,
    pub(super) credential: String,
}

/// What attempts have cost together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amount {
    /// USD.
    #[serde(with = "rust_decimal::serde::str")]
    pub(super) usd: Decimal,
    /// How many attempts have a cost that is not known.
    pub(super) unknown: i64,
}

impl Amount {
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            usd: self.usd + other.usd,
            unknown: self.unknown + other.unknown,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            usd: self.usd - other.usd,
            unknown: self.unknown - other.unknown,
        }
    }
}

/// The amount at each place. None is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Amounts(BTreeMap<Place, Amount>);

impl Amounts {
    /// What the attempts of these units have cost.
    pub(super) fn of(units: &[TriedUnit]) -> Self {
        let mut sums = Self::default();
        for unit in units {
            for attempt in &unit.attempts {
                sums.add(place(&unit.unit, attempt), amount(attempt));
            }
        }
        sums
    }

    pub(super) fn add(&mut self, place: Place, amount: Amount) {
        let sum = self.0.remove(&place).unwrap_or_default().plus(amount);
        if !sum.is_nothing() {
            self.0.insert(place, sum);
        }
    }

    /// What has to be added to `before` to have these.
    pub(super) fn since(&self, before: &Self) -> Self {
        let mut more = self.clone();
        for (place, amount) in &before.0 {
            more.add(place.clone(), Amount::default().minus(*amount));
        }
        more
    }

    /// Each place with its amount.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Place, Amount)> {
        self.0.iter().map(|(place, amount)| (place, *amount))
    }

    /// As it is kept: JSON.
    pub(super) fn to_text(&self) -> Result<String, Error> {
        let rows: Vec<_> = self.0.iter().collect();
        serde_json::to_string(&rows).map_err(|_| malformed())
    }

    /// The reverse of [`Self::to_text`].
    pub(super) fn from_text(text: &str) -> Result<Self, Error> {
        let rows: Vec<(Place, Amount)> = serde_json::from_str(text).map_err(|_| malformed())?;
        Ok(Self(rows.into_iter().collect()))
    }
}

fn malformed() -> Error {
    Error::Malformed {
        attribute: "entries",
    }
}

fn place(unit: &str, attempt: &Attempt) -> Place {
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    Place {
        day: day(attempt.started_at),
        node: Unit::of(unit).node().to_owned(),
        model: known(&attempt.model),
        credential: known(&attempt.credential_id),
    }
}

fn amount(attempt: &Attempt) -> Amount {
    Amount {
        usd: attempt.cost_usd.unwrap_or_default(),
        unknown: i64::from(attempt.is_unpriced()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, attempts: &[(&str, Option<&str>)]) -> TriedUnit {
        let attempts = attempts.iter().map(|(at, cost)| Attempt {
            started_at: at.parse().unwrap(),
            generation_id: Some("gen-1".to_owned()),
            model: cost.map(|_| "a/b".to_owned()),
            cost_usd: cost.map(|cost| cost.parse().unwrap()),
            ..Attempt::default()
        });
        TriedUnit {
            unit: name.to_owned(),
            attempts: attempts.collect(),
            lease_until: None,
        }
    }

    fn told(amounts: &Amounts) -> Vec<(String, String, String, i64)> {
        let told = |(place, amount): (&Place, Amount)| {
            let day = place.day.to_string();
            (
                day,
                place.node.clone(),
                amount.usd.to_string(),
                amount.unknown,
            )
        };
        amounts.iter().map(told).collect()
    }

    #[test]
    fn items_of_a_list_are_their_nodes_and_a_day_ends_at_midnight_utc() {
        let sums = Amounts::of(&[
            unit("x#000000", &[("2026-11-26T23:59:59.999Z", Some("0.1"))]),
            unit("x#000001", &[("2026-11-26T00:00:00Z", Some("0.02"))]),
            unit("x#000002", &[("2026-11-27T00:00:00Z", Some("0.003"))]),
            unit("y", &[("2026-11-26T12:00:00Z", Some("0"))]),
        ]);
        let row = |day: &str, usd: &str| (day.to_owned(), "x".to_owned(), usd.to_owned(), 0);
        assert_eq!(
            told(&sums),
            [row("2026-11-26", "0.12"), row("2026-11-27", "0.003")]
        );
    }

    #[test]
    fn what_was_entered_and_what_is_new_are_all_together() {
        let noon = "2026-11-26T12:00:00Z";
        let before = Amounts::of(&[unit("x", &[(noon, Some("0.1")), (noon, None)])]);
        let now = Amounts::of(&[
            unit("x", &[(noon, Some("0.1")), (noon, Some("0.0000007"))]),
            unit("y", &[(noon, None)]),
        ]);
        let more = now.since(&before);
        let rows: Vec<_> = told(&more)
            .into_iter()
            .map(|(_, node, usd, unknown)| (node, usd, unknown))
            .collect();
        let row = |node: &str, usd: &str, unknown| (node.to_owned(), usd.to_owned(), unknown);
        // The lost call had no model before its cost was known.
        assert_eq!(
            rows,
            [
                row("x", "0", -1),
                row("x", "0.0000007", 0),
                row("y", "0", 1)
            ]
        );
        let mut together = before;
        for (place, amount) in more.iter() {
            together.add(place.clone(), amount);
        }
        assert_eq!(together, now);
        assert_eq!(now.since(&now), Amounts::default());
        let kept = Amounts::from_text(&now.to_text().unwrap()).unwrap();
        assert_eq!(kept, now);
    }
}
