//! Time zones by their IANA names.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use steps_problem::Fault;

/// The zone of this IANA name; else a fault at `timezone` with the nearest names.
pub fn zone(name: &str) -> Result<TimeZone, Fault> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(name).map_err(|_| {
        let mut names: Vec<String> = zones.available().map(|name| name.to_string()).collect();
        names.sort_by_cached_key(|known| distance(known, name));
        names.truncate(3);
        Fault::at(
            "timezone",
            format!(
                "no time zone has the IANA name `{name}`; did you mean `{}`?",
                names.join("`, `")
            ),
        )
    })
}

/// From the whole name or from its city, whichever is nearer.
fn distance(known: &str, wanted: &str) -> usize {
    let (known, wanted) = (
        known.to_lowercase(),
        wanted.to_lowercase().replace(' ', "_"),
    );
    let city = known.rsplit('/').next().unwrap_or_default();
    let whole = strsim::damerau_levenshtein(&known, &wanted);
    whole.min(strsim::damerau_levenshtein(city, &wanted))
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
    }
}
