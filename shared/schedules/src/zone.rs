//! Time zones by their IANA names.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use steps_problem::{Fault, nearest};

/// The zone of this IANA name.
///
/// # Errors
/// A fault at `timezone`, with the name that was probably meant.
pub fn zone(name: &str) -> Result<TimeZone, Fault> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(name).map_err(|_| {
        let names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
        let hint = match meant(name, &names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "they are written like `Europe/Berlin`".to_owned(),
        };
        Fault::at(
            "timezone",
            format!("no time zone has the IANA name `{name}`; {hint}"),
        )
    })
}

/// The zone whose name is nearest; else the zone whose city has the nearest name.
fn meant<'n>(wrong: &str, names: &'n [String]) -> Option<&'n str> {
    let city = |name: &'n str| name.rsplit('/').next().unwrap_or(name);
    let names = || names.iter().map(String::as_str);
    nearest(wrong, names()).or_else(|| {
        let meant = nearest(wrong, names().map(city))?;
        names().find(|name| city(name) == meant)
    })
}

#[cfg(test)]
mod tests {
    use super::zone;

    #[test]
    fn zones_are_known_by_name_and_others_get_the_nearest() {
        for name in [
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Asia/Tokyo",
        ] {
            assert_eq!(zone(name).unwrap().iana_name(), Some(name));
        }
        for (wrong, right) in [
            ("Europe/Berln", "Europe/Berlin"),
            ("Berlin", "Europe/Berlin"),
            ("New York", "America/New_York"),
        ] {
            let fault = zone(wrong).unwrap_err();
            assert_eq!(fault.path, "timezone");
            assert!(fault.message.contains(right), "{}", fault.message);
        }
        let fault = zone("Middle-earth/Rivendell").unwrap_err();
        assert!(!fault.message.contains("did you mean"), "{}", fault.message);
    }
}
