//! `POST /tokens`: a new token. Its answer is the only place where the token is ever shown.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use steps_access::Token;
use steps_api::{MadeToken, NewToken, Secret};
use steps_key::redact;
use steps_lambda::Answer;
use steps_problem::{Fault, Problem};
use steps_store::{Actor, AuditEntry, TokenRecord, millis};

use crate::app::App;

/// Most characters of a name.
const LONGEST_NAME: usize = 64;

/// Most days that a token may be good for.
const MOST_DAYS: u16 = 3650;

/// Makes a token and records its hash.
pub(crate) async fn create(app: &App, new: NewToken, actor: &Actor) -> Result<Answer, Problem> {
    let name = new.name.trim();
    let faults = faults(name, &new);
    if !faults.is_empty() {
        return Err(Problem::faulty(
            400,
            "InvalidToken",
            "Invalid Token",
            "the token",
            faults,
        ));
    }
    let token = Token::generate().ok_or_else(no_randomness)?;
    let now = Timestamp::now();
    let record = TokenRecord {
        id: token.id().to_owned(),
        name: name.to_owned(),
        scopes: new.scopes,
        created_at: now,
        expires_at: new
            .expires_in_days
            .map(|days| now + SignedDuration::from_hours(24 * i64::from(days))),
        revoked_at: None,
    };
    let details = json!({
        "name": record.name,
        "scopes": record.scopes,
        "expiresAt": record.expires_at.map(millis::text),
    });
    let entry = AuditEntry::now("created", actor, details);
    app.store
        .tokens()
        .add(&record, token.hash(), &entry)
        .await?;
    let location = format!("/tokens/{}", record.id);
    let made = MadeToken {
        record,
        token: Secret(token.text()),
    };
    Ok(Answer::json(201, &made)?.location(location))
}

fn faults(name: &str, new: &NewToken) -> Vec<Fault> {
    let mut faults = Vec::new();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = "a name has 1 to 64 characters, none of them a control character";
        faults.push(Fault::at("name", message));
    } else if redact(name) != name {
        let message = "a name must not hold a key or a token: names are shown and logged";
        faults.push(Fault::at("name", message));
    }
    if new.scopes.is_empty() {
        let message = "a token has one or more of the scopes `read`, `run` and `admin`";
        faults.push(Fault::at("scopes", message));
    }
    let days = new.expires_in_days;
    if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
        let message = format!("a token is good for 1 to {MOST_DAYS} days, or with `null` for good");
        faults.push(Fault::at("expiresInDays", message));
    }
    faults
}

fn no_randomness() -> Problem {
    Problem::new(
        500,
        "NoRandomness",
        "No Randomness",
        "the system gave no random bytes for a token",
    )
    .solution(["Try again"])
    .retryable(true)
}
