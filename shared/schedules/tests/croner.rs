//! The times of cron expressions, compared with the crate `croner`: random expressions, zones and days.
//!
//! EventBridge and `croner` differ in two things, where clocks are changed:
//! - EventBridge skips a time that the clocks leave out. `croner` fires right after the gap.
//! - EventBridge fires once at a time that the clocks show twice. `croner` fires at both, where minutes or hours are `*`.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by panicking"
)]

use croner::parser::{CronParser, Seconds};
use fastrand::Rng;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};
use steps_schedules::{Expression, zone};

const EXPRESSIONS: usize = 1_000;
const TIMES: usize = 20;

#[test]
fn cron_fires_when_croner_does_but_for_times_that_clocks_skip_or_repeat() {
    // A failure prints the expression; the seed makes it come again.
    let mut random = Rng::with_seed(20_261_124);
    let zones: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .filter(|name| zone(name).is_ok())
        .collect();
    assert!(zones.len() > 300, "{}", zones.len());
    let (mut skipped, mut repeated) = (0, 0);
    for _ in 0..EXPRESSIONS {
        let cron = expression(&mut random);
        let name = random.choice(&zones).unwrap();
        let zone = zone(name).unwrap();
        let now = start(&mut random, &zone);

        let theirs = CronParser::builder()
            .seconds(Seconds::Required)
            .alternative_weekdays(true)
            .sloppy_ranges(true)
            .build()
            .parse(&format!("0 {cron}"))
            .unwrap();
        let mut wanted = Vec::new();
        let mut last = now.to_zoned(zone.clone());
        while wanted.len() < TIMES {
            let Ok(next) = theirs.find_next_occurrence(&last, false) else {
                break;
            };
            if !theirs.is_time_matching(&next).unwrap() {
                skipped += 1;
            } else if is_repeated(&next) {
                repeated += 1;
            } else {
                wanted.push(next.timestamp());
            }
            last = next;
        }

        let ours = Expression::parse(&format!("cron({cron})")).unwrap();
        assert_eq!(
            ours.next(&zone, now, now, TIMES),
            wanted,
            "cron({cron}) in {name} after {now}"
        );
    }
    assert!(skipped > 0 && repeated > 0, "{skipped} {repeated}");
}

/// A random moment; every other one is less than an hour before the zone's next change of clocks.
fn start(random: &mut Rng, zone: &TimeZone) -> Timestamp {
    // After the last time that a zone left out a whole day: `croner` looks for a gap's end two hours far.
    let first: Timestamp = "2012-01-01T00:00:00Z".parse().unwrap();
    let now = first + SignedDuration::from_hours(random.i64(0..25 * 365 * 24));
    match zone.following(now).next() {
        Some(change) if random.bool() => {
            change.timestamp() - SignedDuration::from_mins(random.i64(1..60))
        }
        _ => now,
    }
}

/// Whether the zone's clocks show this time for the second time.
fn is_repeated(time: &Zoned) -> bool {
    match time
        .time_zone()
        .to_ambiguous_timestamp(time.datetime())
        .offset()
    {
        AmbiguousOffset::Fold { after, .. } => time.offset() == after,
        _ => false,
    }
}

/// Minutes, hours, day of month, month, day of week, year.
fn expression(random: &mut Rng) -> String {
    const MONTHS: [&str; 3] = ["MAR", "OCT-NOV", "JAN,JUL"];
    const WEEKDAYS: [&str; 3] = ["MON-FRI", "SUN", "WED,SAT"];
    if random.u8(0..4) == 0 {
        // One time in every night, which a change of clocks may leave out.
        return format!("{} {} * * ? *", random.u32(0..60), random.u32(0..4));
    }
    let minutes = numbers(random, 0, 59);
    // Clocks are changed at night.
    let last_hour = if random.bool() { 3 } else { 23 };
    let hours = numbers(random, 0, last_hour);
    let (day_of_month, day_of_week) = match random.u8(0..9) {
        0 => ("L".to_owned(), "?".to_owned()),
        1 => (format!("{}W", random.u32(1..=31)), "?".to_owned()),
        2 => (numbers(random, 1, 31), "?".to_owned()),
        3 => ("?".to_owned(), format!("{}L", random.u32(1..=7))),
        4 => (
            "?".to_owned(),
            format!("{}#{}", random.u32(1..=7), random.u32(1..=5)),
        ),
        5..8 => ("*".to_owned(), "?".to_owned()),
        _ => (
            "?".to_owned(),
            words(random, &WEEKDAYS).unwrap_or_else(|| numbers(random, 1, 7)),
        ),
    };
    let month = match random.u8(0..2) {
        0 => "*".to_owned(),
        _ => words(random, &MONTHS).unwrap_or_else(|| numbers(random, 1, 12)),
    };
    let year = match random.u8(0..4) {
        0 => format!("{}/{}", random.u32(2012..2040), random.u32(1..4)),
        1 => format!("2012-{}", random.u32(2030..2050)),
        _ => "*".to_owned(),
    };
    format!("{minutes} {hours} {day_of_month} {month} {day_of_week} {year}")
}

fn words(random: &mut Rng, words: &[&str]) -> Option<String> {
    let one = random.choice(words)?;
    (random.u8(0..3) == 0).then(|| (*one).to_owned())
}

/// One of the forms that a field of numbers has.
fn numbers(random: &mut Rng, first: u32, last: u32) -> String {
    let low = random.u32(first..=last);
    let high = random.u32(low..=last);
    let step = random.u32(1..=last / 2);
    match random.u8(0..12) {
        0 | 1 => "*".to_owned(),
        2 => format!("*/{step}"),
        3 => format!("{low}/{step}"),
        4 => format!("{low}-{high}"),
        5 => format!("{low},{high}"),
        _ => low.to_string(),
    }
}
