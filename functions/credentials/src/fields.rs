//! What a credential's fields have to be: its type, its name, its key or secret, its limit, its rotation.

use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use steps_api::{HttpLogin, NewCredential};
use steps_key::{ApiKey, CredentialType, HttpAuth, HttpSecret, redact};
use steps_problem::{Fault, Problem};
use steps_store::Rotation;
use steps_web::AllowedHosts;
use uuid::Uuid;

use crate::app::App;

/// The most days between two rotations that Secrets Manager takes.
const MOST_DAYS: u16 = 1000;

/// Most hosts that a secret may be sent to.
const MOST_HOSTS: usize = 20;

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

/// The type that a body names, by either name.
pub(crate) fn checked_type(new: &NewCredential, faults: &mut Vec<Fault>) -> CredentialType {
    let given = [("type", &new.of_type), ("provider", &new.provider)];
    let mut of_type = None;
    for (field, name) in given {
        let Some(name) = name else { continue };
        match CredentialType::parse(name) {
            Some(known) if of_type.is_none_or(|other| other == known) => of_type = Some(known),
            Some(_) => faults.push(Fault::at(field, "is another one than `type`")),
            None => faults.push(Fault::at(field, "must be `openrouter` or `http`")),
        }
    }
    of_type.unwrap_or_default()
}

/// The secret of an `http` credential. A fault does not repeat it.
pub(crate) fn checked_http(
    login: Option<HttpLogin>,
    hosts: Vec<String>,
    faults: &mut Vec<Fault>,
) -> Option<HttpSecret> {
    check_hosts(&hosts, faults);
    let Some(login) = login else {
        let message = "is required of a credential of type `http`: {\"auth\": \"bearer\", \"token\": ...}, or \
                       `basic` with `username` and `password`, or `header` with `name` and `value`";
        faults.push(Fault::at("http", message));
        return None;
    };
    let auth = HttpAuth::from(login);
    let found = auth.faults().into_iter();
    faults.extend(found.map(|(field, message)| Fault::at(format!("http.{field}"), message)));
    Some(HttpSecret { auth, hosts })
}

pub(crate) fn check_hosts(hosts: &[String], faults: &mut Vec<Fault>) {
    if hosts.len() > MOST_HOSTS {
        let message = format!("has {} hosts; the most is {MOST_HOSTS}", hosts.len());
        faults.push(Fault::at("hosts", message));
    }
    for (index, host) in hosts.iter().enumerate() {
        let is_one = !host.contains(',') && !host.trim().is_empty();
        if !is_one || AllowedHosts::parse(host).is_err() {
            faults.push(Fault::at(
                format!("hosts[{index}]"),
                "must be a host's name or address, with or without a port: `api.example.com`",
            ));
        }
    }
}

/// Refuses fields of one type of credential in the body of another.
pub(crate) fn check_fields_of(
    of_type: CredentialType,
    given: &[(&'static str, bool, CredentialType)],
    faults: &mut Vec<Fault>,
) {
    for (field, is_given, of) in given {
        if *is_given && *of != of_type {
            faults.push(Fault::at(
                *field,
                format!("only a credential of type `{}` has it", of.as_str()),
            ));
        }
    }
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
