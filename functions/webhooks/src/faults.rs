//! What is wrong with a webhook that was sent.

use secrecy::SecretString;
use steps_problem::{Fault, Problem};
use steps_signatures::{HmacForm, Mode, check_secret};

pub(crate) fn secret_fault(mode: Mode, secret: Option<&SecretString>) -> Option<Fault> {
    let bad = check_secret(mode, secret?).err()?;
    Some(Fault::at("secret", bad.to_string()))
}

/// The fault of a webhook without a secret whose sender makes the secret itself, and takes none.
pub(crate) fn own_secret_fault(mode: Mode) -> Option<Fault> {
    let maker = mode.secret_maker()?;
    Some(Fault::at(
        "secret",
        format!("this mode needs the signing secret that {maker} makes and shows"),
    ))
}

/// The form of an HMAC belongs to mode `hmac`, and has to be one.
pub(crate) fn hmac_faults(mode: Mode, form: Option<&HmacForm>) -> Vec<Fault> {
    match (mode, form) {
        (Mode::Hmac, None) => vec![Fault::at(
            "hmac",
            "mode `hmac` needs the form of the signature: at least its `header`",
        )],
        (Mode::Hmac, Some(form)) => {
            let faults = form.faults().into_iter();
            faults
                .map(|(field, rule)| Fault::at(format!("hmac.{field}"), rule))
                .collect()
        }
        (_, Some(_)) => vec![Fault::at("hmac", "belongs to mode `hmac` only")],
        (_, None) => Vec::new(),
    }
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
