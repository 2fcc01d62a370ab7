//! `GET /vars`, and `GET`, `PUT` and `DELETE /vars/{name}`: the variables of the deployment.

use jiff::Timestamp;
use serde_json::Value;
use steps_api::{SetVar, VarList, VarView};
use steps_key::redact;
use steps_lambda::{Answer, Request, invalid};
use steps_problem::Problem;
use steps_store::Var;

use crate::app::App;

/// Most variables of a deployment: a start reads them all.
const MOST_VARS: usize = 100;

/// Most bytes of a value, as JSON.
const MOST_BYTES: usize = 4096;

/// Most characters of a name.
const LONGEST_NAME: usize = 64;

/// All of them.
pub(crate) async fn list(app: &App) -> Result<Answer, Problem> {
    let vars = app.store.vars().all().await?;
    let vars = vars.into_iter().map(VarView::from).collect();
    Answer::json(200, &VarList { vars })
}

/// One of them.
pub(crate) async fn get(app: &App, name: &str) -> Result<Answer, Problem> {
    let var = app.store.vars().get(name).await?;
    Answer::json(200, &VarView::from(var))
}

/// Sets it. Runs that have started keep the value that they have seen.
pub(crate) async fn put(app: &App, name: &str, request: &Request) -> Result<Answer, Problem> {
    check_name(name)?;
    let SetVar { value } = request.json()?;
    check_value(&value)?;
    let store = app.store.vars();
    let known = store.all().await?;
    let is_new = known.iter().all(|var| var.name != name);
    if is_new && known.len() >= MOST_VARS {
        return Err(invalid(format!(
            "the deployment has {} variables; the most is {MOST_VARS}",
            known.len()
        )));
    }
    let var = Var {
        name: name.to_owned(),
        value,
        changed_at: Timestamp::now(),
    };
    store.set(&var).await?;
    let status = if is_new { 201 } else { 200 };
    Ok(Answer::json(status, &VarView::from(var))?.location(format!("/vars/{name}")))
}

/// Deletes it. Runs that have started keep the value that they have seen.
pub(crate) async fn delete(app: &App, name: &str) -> Result<Answer, Problem> {
    app.store.vars().delete(name).await?;
    Ok(Answer::empty())
}

/// A template has to be able to name it.
fn check_name(name: &str) -> Result<(), Problem> {
    let mut letters = name.chars();
    let begins = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || ['_', '$'].contains(&first));
    let goes_on =
        letters.all(|letter| letter.is_ascii_alphanumeric() || ['_', '$'].contains(&letter));
    if begins && goes_on && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(invalid(format!(
        "a variable's name begins with a letter, `_` or `$` and goes on with letters, digits, `_` or `$`: {LONGEST_NAME} at most"
    )))
}

fn check_value(value: &Value) -> Result<(), Problem> {
    let text = value.to_string();
    if text.len() > MOST_BYTES {
        return Err(invalid(format!(
            "`value` has {} bytes as JSON; the most is {MOST_BYTES}",
            text.len()
        )));
    }
    if redact(&text) != text {
        return Err(invalid(
            "`value` holds what looks like a key; a variable is no secret: store it with POST /credentials",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_one_that_templates_can_read_and_a_value_is_short_and_no_key() {
        for good in ["a", "_x", "$", "team_2", &"n".repeat(LONGEST_NAME)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "2a", "a-b", "a.b", "ä", &"n".repeat(LONGEST_NAME + 1)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_value(&json!({"a": [1, null]})).is_ok());
        assert!(check_value(&json!("x".repeat(MOST_BYTES - 2))).is_ok());
        assert!(check_value(&json!("x".repeat(MOST_BYTES - 1))).is_err());
        let key = format!("sk-or-v1-{}", "0123456789abcdef".repeat(4));
        assert!(check_value(&json!({ "a": key })).is_err());
    }
}
