//! `cron(...)` in EventBridge's dialect: minutes, hours, day of month, month, day of week, year.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use steps_problem::Fault;

/// The times of a cron expression, on a zone's clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days: Days,
    months: Vec<i16>,
    years: Vec<i16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<i16>),
    /// `L`
    LastOfMonth,
    /// `15W`
    WeekdayNearest(i16),
    /// 1 is Sunday.
    OfWeek(Vec<i16>),
    /// `6L`
    LastOfWeek(i16),
    /// `2#1`: weekday, which one of the month.
    NthOfWeek(i16, i16),
}

struct Field {
    name: &'static str,
    takes: &'static str,
    range: RangeInclusive<i16>,
    /// The words for the numbers. The first word is the range's first number.
    words: &'static [&'static str],
}

const MINUTES: Field = Field {
    name: "minutes",
    takes: "0 to 59 with `,` `-` `*` `/`",
    range: 0..=59,
    words: &[],
};
const HOURS: Field = Field {
    name: "hours",
    takes: "0 to 23 with `,` `-` `*` `/`",
    range: 0..=23,
    words: &[],
};
const DAY_OF_MONTH: Field = Field {
    name: "day of month",
    takes: "1 to 31 with `,` `-` `*` `/`, or `?`, `L` (the last day), `15W` (the weekday nearest to the 15th)",
    range: 1..=31,
    words: &[],
};
const MONTH: Field = Field {
    name: "month",
    takes: "1 to 12 or JAN to DEC with `,` `-` `*` `/`",
    range: 1..=12,
    words: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
};
const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    takes: "1 to 7 (1 is Sunday) or SUN to SAT with `,` `-` `*` `/`, or `?`, `6L` (the last Friday), `2#1` (the first Monday)",
    range: 1..=7,
    words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};
const YEAR: Field = Field {
    name: "year",
    takes: "1970 to 2199 with `,` `-` `*` `/`",
    range: 1970..=2199,
    words: &[],
};

impl Cron {
    /// Reads the text between the parentheses.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let fields: Vec<String> = text
            .split_ascii_whitespace()
            .map(str::to_ascii_uppercase)
            .collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields.as_slice() else {
            return Err(vec![fault(format!(
                "cron takes six fields (minutes, hours, day of month, month, day of week, year) and has {}: such as `cron(0 9 ? * MON-FRI *)`",
                fields.len()
            ))]);
        };
        let mut faults = Vec::new();
        let minutes = MINUTES.numbers(minutes, &mut faults);
        let hours = HOURS.numbers(hours, &mut faults);
        let months = MONTH.numbers(month, &mut faults);
        let years = YEAR.numbers(year, &mut faults);
        let days = match (day_of_month.as_str(), day_of_week.as_str()) {
            ("?", "?") => {
                faults.push(fault(
                    "day of month and day of week are both `?`: one of them has to name days, such as `*`",
                ));
                Days::LastOfMonth
            }
            (days, "?") => days_of_month(days, &mut faults),
            ("?", days) => days_of_week(days, &mut faults),
            (of_month, of_week) => {
                faults.push(fault(format!(
                    "day of month is `{of_month}` and day of week is `{of_week}`: one of the two has to be `?`"
                )));
                days_of_month(of_month, &mut faults);
                days_of_week(of_week, &mut faults)
            }
        };
        if faults.is_empty() {
            Ok(Self {
                minutes,
                hours,
                days,
                months,
                years,
            })
        } else {
            Err(faults)
        }
    }

    /// The first time after `after`. A time that the zone's clocks skip is skipped. A time that they show twice comes once.
    pub(crate) fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        let today = zone.to_datetime(after).date();
        let years = self.years.iter().filter(|year| **year >= today.year());
        years
            .flat_map(|year| self.months.iter().map(move |month| (*year, *month)))
            .filter(|month| *month >= (today.year(), i16::from(today.month())))
            .filter_map(|(year, month)| Date::new(year, i8::try_from(month).ok()?, 1).ok())
            .flat_map(|first| {
                first
                    .series(jiff::ToSpan::day(1))
                    .take_while(move |day| day.month() == first.month())
            })
            .filter(|day| *day >= today && self.days.hold(*day))
            .find_map(|day| {
                self.hours
                    .iter()
                    .flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)))
                    .filter_map(|(hour, minute)| {
                        let time =
                            day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
                        instant(time, zone)
                    })
                    .find(|time| *time > after)
            })
    }
}

/// The moment at which the zone's clocks show this time; `None` where they skip it.
pub(crate) fn instant(time: jiff::civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => None,
        _ => ambiguous.compatible().ok(),
    }
}

impl Days {
    fn hold(&self, day: Date) -> bool {
        let number = i16::from(day.day());
        let weekday = i16::from(day.weekday().to_sunday_one_offset());
        let in_month = i16::from(day.days_in_month());
        match self {
            Self::OfMonth(days) => days.contains(&number),
            Self::LastOfMonth => number == in_month,
            Self::WeekdayNearest(wanted) => nearest_weekday(day, *wanted) == Some(number),
            Self::OfWeek(weekdays) => weekdays.contains(&weekday),
            Self::LastOfWeek(wanted) => weekday == *wanted && number + 7 > in_month,
            Self::NthOfWeek(wanted, nth) => weekday == *wanted && (number - 1) / 7 + 1 == *nth,
        }
    }
}

/// The day from Monday to Friday that is nearest to the day `wanted`, in the month of `day`.
fn nearest_weekday(day: Date, wanted: i16) -> Option<i16> {
    let in_month = i16::from(day.days_in_month());
    let there = Date::new(day.year(), day.month(), i8::try_from(wanted).ok()?).ok()?;
    Some(match there.weekday().to_sunday_one_offset() {
        7 if wanted == 1 => 3,
        7 => wanted - 1,
        1 if wanted == in_month => wanted - 2,
        1 => wanted + 1,
        _ => wanted,
    })
}

fn days_of_month(text: &str, faults: &mut Vec<Fault>) -> Days {
    if text == "L" {
        return Days::LastOfMonth;
    }
    match text.strip_suffix('W').map(|day| DAY_OF_MONTH.number(day)) {
        Some(Some(day)) => Days::WeekdayNearest(day),
        Some(None) => {
            faults.push(DAY_OF_MONTH.fault(text));
            Days::LastOfMonth
        }
        None => Days::OfMonth(DAY_OF_MONTH.numbers(text, faults)),
    }
}

fn days_of_week(text: &str, faults: &mut Vec<Fault>) -> Days {
    // `L` alone is the last day of the week.
    if text == "L" {
        return Days::OfWeek(vec![7]);
    }
    let special = if let Some(weekday) = text.strip_suffix('L') {
        DAY_OF_WEEK.number(weekday).map(Days::LastOfWeek)
    } else if let Some((weekday, nth)) = text.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
        DAY_OF_WEEK
            .number(weekday)
            .zip(nth)
            .map(|(weekday, nth)| Days::NthOfWeek(weekday, nth))
    } else {
        return Days::OfWeek(DAY_OF_WEEK.numbers(text, faults));
    };
    special.unwrap_or_else(|| {
        faults.push(DAY_OF_WEEK.fault(text));
        Days::LastOfMonth
    })
}

impl Field {
    fn fault(&self, part: &str) -> Fault {
        fault(format!(
            "`{part}` is not what {} takes: {}",
            self.name, self.takes
        ))
    }

    fn number(&self, text: &str) -> Option<i16> {
        if let Some(at) = self.words.iter().position(|word| *word == text) {
            return Some(self.range.start() + i16::try_from(at).ok()?);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|number| digits && self.range.contains(number))
    }

    /// All numbers that the field's text means, in order.
    fn numbers(&self, text: &str, faults: &mut Vec<Fault>) -> Vec<i16> {
        let mut numbers = Vec::new();
        for part in text.split(',') {
            match self.part(part) {
                Some(found) => numbers.extend(found),
                None => faults.push(self.fault(part)),
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The numbers of one part: `*`, `5` or `1-5`, each also with a step such as `/2`.
    fn part(&self, part: &str) -> Option<Vec<i16>> {
        let (base, step) = match part.split_once('/') {
            Some((base, step)) => (
                base,
                Some(step.parse::<u8>().ok().filter(|step| *step > 0)?),
            ),
            None => (part, None),
        };
        let (first, last) = if base == "*" {
            (*self.range.start(), *self.range.end())
        } else if let Some((first, last)) = base.split_once('-') {
            (self.number(first)?, self.number(last)?)
        } else {
            let first = self.number(base)?;
            (
                first,
                if step.is_some() {
                    *self.range.end()
                } else {
                    first
                },
            )
        };
        let step = usize::from(step.unwrap_or(1));
        (first <= last).then(|| (first..=last).step_by(step).collect())
    }
}

fn fault(message: impl Into<String>) -> Fault {
    Fault::at("expression", message)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::Cron;

    fn times(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(cron).unwrap();
        let zone = crate::zone(zone).unwrap();
        let mut at: Timestamp = after.parse().unwrap();
        let mut times = Vec::new();
        while times.len() < count {
            let Some(next) = cron.next(&zone, at) else {
                break;
            };
            times.push(zone.to_datetime(next).to_string());
            at = next;
        }
        times
    }

    #[test]
    fn every_form_of_a_field_fires_when_it_says() {
        // 2026-11-23 is a Monday.
        let after = "2026-11-23T10:07:00Z";
        for (cron, want) in [
            (
                "0/15 * * * ? *",
                vec!["2026-11-23T10:15:00", "2026-11-23T10:30:00"],
            ),
            (
                "*/20 8-10 * * ? *",
                vec![
                    "2026-11-23T10:20:00",
                    "2026-11-23T10:40:00",
                    "2026-11-24T08:00:00",
                ],
            ),
            (
                "0 9 ? * MON-FRI *",
                vec!["2026-11-24T09:00:00", "2026-11-25T09:00:00"],
            ),
            (
                "0 9 ? * 2,6 *",
                vec!["2026-11-27T09:00:00", "2026-11-30T09:00:00"],
            ),
            (
                "30 0 L * ? *",
                vec![
                    "2026-11-30T00:30:00",
                    "2026-12-31T00:30:00",
                    "2027-01-31T00:30:00",
                    "2027-02-28T00:30:00",
                ],
            ),
            // The 29th of November is a Sunday, the 1st of May 2027 a Saturday, the 31st of January 2027 a Sunday.
            ("0 0 29W NOV ? 2026", vec!["2026-11-30T00:00:00"]),
            ("0 0 1W 5 ? 2027", vec!["2027-05-03T00:00:00"]),
            ("0 0 31W 1,2 ? 2027", vec!["2027-01-29T00:00:00"]),
            ("0 0 15W 12 ? 2026", vec!["2026-12-15T00:00:00"]),
            (
                "0 12 ? * 6L *",
                vec![
                    "2026-11-27T12:00:00",
                    "2026-12-25T12:00:00",
                    "2027-01-29T12:00:00",
                ],
            ),
            (
                "0 12 ? * MON#1 *",
                vec!["2026-12-07T12:00:00", "2027-01-04T12:00:00"],
            ),
            (
                "0 12 ? * 3#5 *",
                vec!["2026-12-29T12:00:00", "2027-03-30T12:00:00"],
            ),
            ("0 12 ? * L *", vec!["2026-11-28T12:00:00"]),
            (
                "5 4 29 feb ? *",
                vec!["2028-02-29T04:05:00", "2032-02-29T04:05:00"],
            ),
            (
                "0 0 1 1 ? 2027/2",
                vec!["2027-01-01T00:00:00", "2029-01-01T00:00:00"],
            ),
        ] {
            assert_eq!(times(cron, "UTC", after, want.len()), want, "{cron}");
        }
    }

    #[test]
    fn what_never_comes_has_no_next_time() {
        for cron in ["0 0 30 2 ? *", "0 0 1 1 ? 2020", "0 0 31W 2,4 ? *"] {
            assert!(
                times(cron, "UTC", "2026-11-23T00:00:00Z", 1).is_empty(),
                "{cron}"
            );
        }
    }

    #[test]
    fn a_time_that_clocks_leave_out_is_left_out_and_one_shown_twice_comes_once() {
        let spring = times(
            "30 2 * * ? *",
            "America/New_York",
            "2026-03-07T12:00:00Z",
            2,
        );
        assert_eq!(spring, ["2026-03-09T02:30:00", "2026-03-10T02:30:00"]);
        let autumn = times(
            "30 1 * * ? *",
            "America/New_York",
            "2026-10-31T12:00:00Z",
            2,
        );
        assert_eq!(autumn, ["2026-11-01T01:30:00", "2026-11-02T01:30:00"]);
    }

    #[test]
    fn every_bad_field_is_told_with_what_it_takes() {
        let faults = Cron::parse("60 24 32 13 ? 1969").unwrap_err();
        let told: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(told.len(), 5, "{told:?}");
        for (field, part) in [
            ("minutes", "60"),
            ("hours", "24"),
            ("day of month", "32"),
            ("month", "13"),
            ("year", "1969"),
        ] {
            let start = format!("`{part}` is not what {field} takes: ");
            assert!(told.iter().any(|told| told.starts_with(&start)), "{told:?}");
        }
    }

    #[test]
    fn malformed_expressions_are_refused() {
        for cron in [
            "",
            "* * * * *",
            "* * * * * *",
            "0 0 ? * ? *",
            "0 0 1 * MON *",
            "0 0 ? * MON#6 *",
            "0 0 ? * 8 *",
            "0 0 ? * FRI-MON *",
            "5/0 * * * ? *",
            "1,,2 * * * ? *",
            "-1 * * * ? *",
            "+1 * * * ? *",
            "0 0 W * ? *",
            "0 0 LW * ? *",
            "? * * * ? *",
            "0 0 ? * XL *",
            "1- * * * ? *",
        ] {
            assert!(Cron::parse(cron).is_err(), "{cron}");
        }
    }

    #[test]
    fn years_ahead_are_found_from_any_day() {
        let cron = Cron::parse("0 0 1 1 ? 2199").unwrap();
        let now: Timestamp = "2026-12-31T23:59:59Z".parse().unwrap();
        let next = cron.next(&TimeZone::UTC, now).unwrap();
        assert_eq!(next.to_string(), "2199-01-01T00:00:00Z");
        assert_eq!(cron.next(&TimeZone::UTC, next), None);
    }
}
