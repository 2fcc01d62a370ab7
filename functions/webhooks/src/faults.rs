//! What is wrong with a webhook that was sent.

use secrecy::SecretString;
use steps_problem::{Fault, Problem};
use steps_signatures::{Mode, check_secret};

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
    Problem::faulty(
        400,
        "InvalidWebhook",
        "Invalid Webhook",
        "the webhook",
        faults,
    )
}
