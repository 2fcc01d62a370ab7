//! What a credential's fields have to be: its name, its key, its limit, its rotation.

use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use steps_key::{ApiKey, redact};
use steps_problem::{Fault, Problem};
use steps_store::Rotation;
use uuid::Uuid;

use crate::app::App;

/// The most days between two rotations that Secrets Manager takes.
const MOST_DAYS: u16 = 1000;

/// The name without blanks around it. References are ids or names, so no name may look like an id.
pub(crate) fn checked_name<'a>(name: &'a str, faults: &mut Vec<Fault>) -> &'a str {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        faults.push(Fault::at(
            "name",
            "a name has 1 to 64 characters, none of them a control character",
        ));
    } else if Uuid::try_parse(name).is_ok() {
        faults.push(Fault::at("name", "a name must not look like an id"));
    } else if redact(name) != name {
        faults.push(Fault::at(
            "name",
            "a name must not hold a key: names are shown and logged",
        ));
    }
    name
}

/// Refuses a name that is in use, before anything is done. A name that is taken after this check is refused by the
/// store.
pub(crate) async fn name_is_free(app: &App, name: &str) -> Result<(), Problem> {
    Ok(app.store.credentials().check_name_is_free(name).await?)
}

pub(crate) fn parsed_key(api_key: &SecretString, faults: &mut Vec<Fault>) -> Option<ApiKey> {
    match ApiKey::parse(api_key.expose_secret()) {
        Ok(api_key) => Some(api_key),
        Err(error) => {
            faults.push(Fault::at("apiKey", error.to_string()));
            None
        }
    }
}

/// Asks OpenRouter whether the key is good for models.
pub(crate) async fn accepted(app: &App, api_key: &ApiKey) -> Result<(), Problem> {
    if !app.openrouter.key(api_key).await?.is_management_key {
        return Ok(());
    }
    Err(Problem::new(
        400,
        "ManagementKey",
        "Management Key",
        "this is a management key, which cannot run models",
    )
    .solution(["Create an ordinary key at https://openrouter.ai/settings/keys"]))
}

pub(crate) fn check_limit(limit: Option<Decimal>, faults: &mut Vec<Fault>) {
    if limit.is_some_and(|limit| limit < Decimal::ZERO) {
        faults.push(Fault::at("maxCostUsdPerDay", "must not be negative"));
    }
}

pub(crate) fn checked_rotation(rotation: &Rotation, faults: &mut Vec<Fault>) {
    if !(1..=MOST_DAYS).contains(&rotation.every_days) {
        faults.push(Fault::at(
            "rotation.everyDays",
            format!("a key is rotated every 1 to {MOST_DAYS} days"),
        ));
    }
}

pub(crate) fn invalid(faults: Vec<Fault>) -> Problem {
    Problem::faulty(
        400,
        "InvalidCredential",
        "Invalid Credential",
        "the credential",
        faults,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_printable_no_id_and_no_key() {
        let faults = |name: &str| {
            let mut faults = Vec::new();
            checked_name(name, &mut faults);
            faults.len()
        };
        for good in ["main", " main ", "Team A / EU", &"x".repeat(64)] {
            assert_eq!(faults(good), 0, "{good}");
        }
        for bad in [
            "",
            "  ",
            "a\nb",
            &"x".repeat(65),
            "019ab000-0000-7000-8000-000000000000",
            "key sk-or-v1-abc",
        ] {
            assert_eq!(faults(bad), 1, "{bad}");
        }
    }
}
