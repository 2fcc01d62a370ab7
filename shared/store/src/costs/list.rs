//! The rows, by the day: read from all shards at the same time, and added up.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::Error;
use crate::costs::entered::Amount;
use crate::costs::record::{Costs, CostsBy, UNKNOWN, USD};
use crate::keys::{self, COST_SHARDS};
use crate::table::page::{Page, from_cursor, to_cursor};
use crate::table::{Item, Query};

/// What one part of a grouping has cost on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRow {
    /// The day (UTC) on which the attempts were claimed.
    pub day: Date,
    /// The part: a workflow's id, `<workflow>#<node>`...; empty where it is not known, and by day.
    pub part: String,
    /// USD.
    pub cost_usd: Decimal,
    /// How many attempts have a cost that is not known. It is not in the sum.
    pub unknown: i64,
}

/// Most rows of one shard on a page.
const MOST_ROWS: usize = 2_000;

impl Costs {
    /// A page of what each part has cost on each of these days, by day and part. A day on which nothing was paid has no row.
    pub async fn list(
        &self,
        by: CostsBy,
        (from, to): (Date, Date),
        cursor: Option<&str>,
    ) -> Result<Page<CostRow>, Error> {
        let after: Option<String> = cursor.map(from_cursor).transpose()?;
        // A cursor of other days names no place between these.
        let begin = format!("{from}#");
        let is_within = |after: &String| *after >= begin && *after < format!("{to}$");
        if after.as_ref().is_some_and(|after| !is_within(after)) {
            return Err(Error::BadCursor);
        }
        let begin = after.clone().unwrap_or(begin);
        let shards = (0..COST_SHARDS).map(|shard| {
            let keys = keys::costs_between(by.as_str(), shard, &begin, to);
            // One more: the place after which it goes on is read again.
            self.0.page(Query::of(keys).limit(MOST_ROWS + 1))
        });
        let shards = try_join_all(shards).await?;
        merge(&shards, after.as_deref())
    }
}

/// The rows of all shards. Where a shard has more of them, the page ends at the last place that every shard has read.
fn merge(
    shards: &[(Vec<Item>, Option<Item>)],
    after: Option<&str>,
) -> Result<Page<CostRow>, Error> {
    let mut end: Option<String> = None;
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for (items, next) in shards {
        if next.is_some()
            && let Some(last) = items.last()
        {
            let last = keys::cost_place(last)?;
            end = Some(end.map_or(last.clone(), |end| end.min(last)));
        }
        for item in items {
            let sum = sums.entry(keys::cost_place(item)?).or_default();
            *sum = sum.plus(Amount {
                usd: USD.find(item)?.unwrap_or_default(),
                unknown: UNKNOWN.find(item)?.unwrap_or_default(),
            });
        }
    }
    let is_wanted = |place: &str| {
        after.is_none_or(|after| place > after) && end.as_deref().is_none_or(|end| place <= end)
    };
    let mut rows = Vec::new();
    for (place, sum) in &sums {
        if !is_wanted(place) || sum.is_nothing() {
            continue;
        }
        let (day, part) = keys::cost_part(place)?;
        rows.push(CostRow {
            day,
            part: part.to_owned(),
            cost_usd: sum.usd,
            unknown: sum.unknown,
        });
    }
    let cursor = end.and_then(|end| to_cursor(&end));
    Ok(Page { rows, cursor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::item::Kept;

    fn row(day: &str, part: &str, usd: &str) -> Item {
        let mut item = keys::costs("model", 0, day.parse().unwrap(), part).item();
        let usd: Decimal = usd.parse().unwrap();
        item.insert(USD.name().to_owned(), usd.write().unwrap());
        item
    }

    fn places(page: &Page<CostRow>) -> Vec<(String, String, String)> {
        let place = |row: &CostRow| {
            (
                row.day.to_string(),
                row.part.clone(),
                row.cost_usd.to_string(),
            )
        };
        page.rows.iter().map(place).collect()
    }

    fn at(day: &str, part: &str, usd: &str) -> (String, String, String) {
        (day.to_owned(), part.to_owned(), usd.to_owned())
    }

    #[test]
    fn shards_are_added_up_as_far_as_each_of_them_is_read() {
        let (one, two) = ("2026-11-25", "2026-11-26");
        let cut = vec![row(one, "a", "0.1"), row(one, "c", "0.2")];
        let whole = vec![
            row(one, "a", "0.02"),
            row(one, "b", "0.5"),
            row(two, "a", "1"),
        ];
        let shards = [(cut, Some(Item::new())), (whole.clone(), None)];
        let page = merge(&shards, None).unwrap();
        let seen = [
            at(one, "a", "0.12"),
            at(one, "b", "0.5"),
            at(one, "c", "0.2"),
        ];
        assert_eq!(places(&page), seen);
        let after: String = from_cursor(page.cursor.as_deref().unwrap()).unwrap();
        let rest = vec![row(one, "c", "0.2"), row(two, "a", "0.3")];
        let page = merge(&[(rest, None), (whole, None)], Some(&after)).unwrap();
        assert_eq!(places(&page), [at(two, "a", "1.3")]);
        assert_eq!(page.cursor, None);
    }
}
