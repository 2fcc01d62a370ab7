//! `GET /costs`: what runs have cost on each day, and what is still open.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use steps_api::CostPage;
use steps_lambda::{Answer, Request, invalid};
use steps_problem::Problem;
use steps_store::{CostsBy, KEPT_DAYS};
use tokio::try_join;

use crate::app::App;

/// Most days of one request: a leap year.
const MOST_DAYS: i32 = 366;

/// How many days are told of where the request does not say: today and those before.
const USUAL_DAYS: i32 = 30;

/// A page of costs, by day.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let now = Timestamp::now();
    let by = match request.query("by") {
        Some(word) => CostsBy::parse(word).ok_or_else(|| unknown_grouping(word))?,
        None => CostsBy::Day,
    };
    let (from, to) = days(
        day(request, "from")?,
        day(request, "to")?,
        now.to_zoned(TimeZone::UTC).date(),
    )?;
    let costs = app.store.costs();
    let (page, open) = try_join!(
        costs.list(by, (from, to), request.query("cursor")),
        costs.open(now),
    )?;
    Answer::json(200, &CostPage::new(by, (from, to), page, open))
}

fn day(request: &Request, name: &str) -> Result<Option<Date>, Problem> {
    let read = |text: &str| {
        text.parse().map_err(|_| {
            invalid(format!("`{name}` is no day, such as 2026-11-26"))
                .solution(["Name a day (UTC) as YYYY-MM-DD"])
        })
    };
    request.query(name).map(read).transpose()
}

/// The days that are asked for, both included.
fn days(from: Option<Date>, to: Option<Date>, today: Date) -> Result<(Date, Date), Problem> {
    let to = to.unwrap_or(today);
    let from = from.unwrap_or(to.saturating_sub((USUAL_DAYS - 1).days()));
    let count = from.until(to).map_or(i32::MAX, |span| span.get_days()) + 1;
    if count < 1 {
        return Err(invalid(format!("`from` ({from}) is after `to` ({to})"))
            .solution(["Name the earlier day as `from`"]));
    }
    if count > MOST_DAYS {
        return Err(invalid(format!(
            "`from` ({from}) to `to` ({to}) are {count} days; the most is {MOST_DAYS}"
        ))
        .solution([
            format!("Ask for {MOST_DAYS} days or fewer at a time"),
            format!("Costs are kept for {KEPT_DAYS} days"),
        ]));
    }
    Ok((from, to))
}

fn unknown_grouping(word: &str) -> Problem {
    let words = CostsBy::ALL.map(CostsBy::as_str).join(", ");
    invalid(format!("costs are not told by `{word}`")).solution([format!("Use one of {words}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(from: Option<&str>, to: Option<&str>) -> Result<(String, String), String> {
        let day = |text: &str| -> Date { text.parse().unwrap() };
        days(from.map(day), to.map(day), day("2026-11-26"))
            .map(|(from, to)| (from.to_string(), to.to_string()))
            .map_err(|problem| problem.cause)
    }

    #[test]
    fn a_request_is_of_the_last_thirty_days_unless_it_says_otherwise() {
        let days = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
        assert_eq!(told(None, None), days("2026-10-28", "2026-11-26"));
        assert_eq!(
            told(None, Some("2026-01-30")),
            days("2026-01-01", "2026-01-30")
        );
        assert_eq!(
            told(Some("2026-11-26"), None),
            days("2026-11-26", "2026-11-26")
        );
        let year = told(Some("2023-12-01"), Some("2024-11-30"));
        assert_eq!(year, days("2023-12-01", "2024-11-30"));
        let long = told(Some("2023-12-01"), Some("2024-12-01")).unwrap_err();
        assert!(long.contains("367 days"), "{long}");
        let wrong = told(Some("2026-11-27"), None).unwrap_err();
        assert!(wrong.contains("is after"), "{wrong}");
    }
}
