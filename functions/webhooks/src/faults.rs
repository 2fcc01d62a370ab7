//! What is wrong with a webhook that was sent.

use secrecy::SecretString;
use steps_problem::{Fault, Problem};
use steps_signatures::{Mode, check_secret};

pub(crate) fn name_faults(name: &str) -> Vec<Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Vec::new();
    }
    vec![Fault::at(
        "name",
        "a webhook's name (in the path) has 1 to 64 characters: letters, digits, `-` and `_`",
    )]
}

pub(crate) fn secret_fault(mode: Mode, secret: Option<&SecretString>) -> Option<Fault> {
    let bad = check_secret(mode, secret?).err()?;
    Some(Fault::at("secret", bad.to_string()))
}

pub(crate) fn refuse(faults: Vec<Fault>) -> Result<(), Problem> {
    if faults.is_empty() {
        Ok(())
    } else {
        Err(invalid(faults))
    }
}

pub(crate) fn invalid(faults: Vec<Fault>) -> Problem {
    Problem::new(
        400,
        "InvalidWebhook",
        "Invalid Webhook",
        "the webhook has faults; nothing was changed",
    )
    .solution(["Correct what `faults` names and send it again"])
    .faults(faults)
}
