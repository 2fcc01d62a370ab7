//! Reads the body of a schedule, and finds every fault in it at once.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use steps_problem::{Fault, known_names};
use steps_schedules::{Expression, NewSchedule, Overlap, zone};

const FIELDS: [&str; 6] = [
    "expression",
    "timezone",
    "input",
    "enabled",
    "window",
    "overlap",
];

/// The most bytes of input that EventBridge Scheduler takes.
const LONGEST_INPUT: usize = 250_000;

/// The schedule that these fields make; else every fault in them.
pub(crate) fn read(
    fields: &Map<String, Value>,
    created: Timestamp,
    now: Timestamp,
) -> Result<NewSchedule, Vec<Fault>> {
    let mut faults = unknown_fields(fields);
    let enabled = field(
        fields,
        "enabled",
        json!(true),
        Value::as_bool,
        &mut faults,
        "true or false",
    );
    let window = field(
        fields,
        "window",
        json!(0),
        |window| window.as_u64().filter(|minutes| *minutes <= 1440),
        &mut faults,
        "a whole number of minutes, 0 to 1440, within which the schedule may fire",
    );
    let overlap = field(
        fields,
        "overlap",
        json!("allow"),
        |word| Overlap::parse(word.as_str()?),
        &mut faults,
        "`allow`, `skip` (while the last run goes on) or `cancel` (the last run)",
    );
    let input = field(
        fields,
        "input",
        json!({}),
        |input| input.is_object().then(|| input.clone()),
        &mut faults,
        "a JSON object: its fields are the templates' variables",
    );
    if input
        .as_ref()
        .is_some_and(|input| input.to_string().len() > LONGEST_INPUT)
    {
        faults.push(Fault::at(
            "input",
            format!("EventBridge Scheduler takes no more than {LONGEST_INPUT} bytes of input"),
        ));
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let timezone = field(
        fields,
        "timezone",
        json!("UTC"),
        text,
        &mut faults,
        "an IANA name such as `Europe/Berlin`",
    );
    let timezone = timezone.and_then(|name| zone(&name).map_err(|fault| faults.push(fault)).ok());
    let expression = field(
        fields,
        "expression",
        Value::Null,
        text,
        &mut faults,
        "required: `rate(5 minutes)`, `cron(0 9 ? * MON-FRI *)` or `at(2030-01-31T09:00:00)`",
    );
    let expression = expression.and_then(|text| {
        Expression::parse(&text)
            .map_err(|found| faults.extend(found))
            .ok()
    });
    if let (Some(expression), Some(timezone), Some(true)) = (&expression, &timezone, enabled)
        && expression.next(timezone, created, now, 1).is_empty()
    {
        faults.push(Fault::at(
            "expression",
            format!(
                "`{expression}` never fires: its time is past, or no date and clock ever show it"
            ),
        ));
    }
    match (expression, timezone, input, enabled, window, overlap) {
        (
            Some(expression),
            Some(timezone),
            Some(input),
            Some(enabled),
            Some(window),
            Some(overlap),
        ) if faults.is_empty() => Ok(NewSchedule {
            expression,
            timezone: name(&timezone),
            input,
            enabled,
            window: i32::try_from(window).unwrap_or_default(),
            overlap,
        }),
        _ => Err(faults),
    }
}

/// The zone's name as EventBridge writes it, whichever case the caller used.
fn name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

fn field<T>(
    fields: &Map<String, Value>,
    name: &str,
    default: Value,
    read: impl Fn(&Value) -> Option<T>,
    faults: &mut Vec<Fault>,
    takes: &str,
) -> Option<T> {
    let given = fields.get(name).filter(|value| !value.is_null());
    let read = read(given.unwrap_or(&default));
    if read.is_none() {
        faults.push(Fault::at(name, takes));
    }
    read
}

fn unknown_fields(fields: &Map<String, Value>) -> Vec<Fault> {
    fields
        .keys()
        .filter(|name| !FIELDS.contains(&name.as_str()))
        .map(|name| {
            let known = known_names(name, FIELDS);
            Fault::at(name, format!("a schedule has no such field{known}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use steps_api::PutSchedule;
    use steps_schedules::NewSchedule;

    use super::FIELDS;

    fn read(body: Value) -> Result<NewSchedule, Vec<String>> {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let faults = |faults: Vec<steps_problem::Fault>| {
            faults.into_iter().map(|fault| fault.path).collect()
        };
        super::read(body.as_object().unwrap(), now, now).map_err(faults)
    }

    #[test]
    fn the_fields_are_those_that_the_api_promises() {
        let put: PutSchedule =
            serde_json::from_value(json!({"expression": "rate(1 hour)"})).unwrap();
        let fields = serde_json::to_value(put).unwrap();
        let mut names: Vec<&str> = FIELDS.to_vec();
        names.sort_unstable();
        assert!(fields.as_object().unwrap().keys().eq(names));
        let read = read(fields).unwrap();
        assert!(read.enabled && read.window == 0 && read.input == json!({}));
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let wanted = read(json!({"expression": "rate(1 hour)"})).unwrap();
        assert_eq!(wanted.timezone, "UTC");
        assert_eq!(wanted.input, json!({}));
        assert!(wanted.enabled);
        assert_eq!(wanted.window, 0);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = read(json!({
            "expresion": "rate(1 hour)", "timezone": "Mars", "input": [], "enabled": "no", "window": -1, "overlap": "queue",
        }));
        let mut faults = faults.unwrap_err();
        faults.sort();
        let want = [
            "enabled",
            "expresion",
            "expression",
            "input",
            "overlap",
            "timezone",
            "window",
        ];
        assert_eq!(faults, want);
    }

    #[test]
    fn only_a_schedule_that_is_on_has_to_lie_ahead() {
        let past = json!({"expression": "at(2026-11-23T09:00:00)"});
        assert_eq!(read(past).unwrap_err(), ["expression"]);
        let off = json!({"expression": "at(2026-11-23T09:00:00)", "enabled": false});
        assert!(read(off).is_ok());
    }
}
