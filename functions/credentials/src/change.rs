//! `PUT /credentials/{id}`: changes a credential's name, key or secret, budget or rotation. Each is a change of its own, with a
//! row of its own in the audit.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::json;
use steps_api::{ChangeCredential, ChangedCredential};
use steps_key::{ApiKey, CredentialType, HttpSecret};
use steps_lambda::Answer;
use steps_problem::{Fault, Problem};
use steps_store::{Action, Actor, AuditEntry, Check, Credential, retry_conflict};

use crate::app::App;
use crate::fields::{
    accepted, check_fields_of, check_hosts, check_limit, checked_http, checked_name,
    checked_rotation, invalid, name_is_free, parsed_key,
};
use crate::rotation::{rotate_key_arn, set_rotation};

/// Changes what the body names. Everything is checked before anything is changed.
pub(crate) async fn change(
    app: &App,
    reference: &str,
    change: ChangeCredential,
    actor: &Actor,
) -> Result<Answer, Problem> {
    let mut faults = Vec::new();
    let name = change.name.as_deref();
    let name = name.map(|name| checked_name(name, &mut faults));
    let api_key = change.api_key.as_ref();
    let api_key = api_key.and_then(|api_key| parsed_key(api_key, &mut faults));
    if let Some(Some(rotation)) = &change.rotation {
        checked_rotation(rotation, &mut faults);
    }
    check_limit(change.max_cost_usd_per_day.flatten(), &mut faults);
    let login = change.http.clone();
    // A credential without hosts and one that keeps its hosts look the same here: the stored ones are put in below.
    let http = login.and_then(|login| checked_http(Some(login), Vec::new(), &mut faults));
    check_hosts(change.hosts.as_deref().unwrap_or_default(), &mut faults);
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    let mut credential = app.store.credentials().get(reference).await?;
    check_fields_of(credential.of_type(), &of_types(&change), &mut faults);
    if !faults.is_empty() {
        return Err(invalid(faults));
    }
    let name = name.filter(|name| *name != credential.name);
    let limit = change
        .max_cost_usd_per_day
        .filter(|new| *new != credential.max_cost_usd_per_day);
    let rotation = change.rotation.filter(|new| *new != credential.rotation);
    if let Some(name) = name {
        name_is_free(app, name).await?;
    }
    if let Some(Some(_)) = rotation {
        rotate_key_arn(app)?;
    }
    if let Some(api_key) = &api_key {
        accepted(app, api_key).await?;
    }
    let mut warnings = Vec::new();
    if let Some(name) = name {
        let old_name = credential.name.clone();
        credential = rename(app, credential, name, actor).await?;
        warnings = users_of_old_name(app, &old_name, name).await?;
    }
    if let Some(api_key) = &api_key {
        credential = replace_key(app, credential, api_key, actor).await?;
    }
    if http.is_some() || change.hosts.is_some() {
        credential = replace_http(app, credential, http, change.hosts, actor).await?;
    }
    if let Some(limit) = limit {
        credential = set_limit(app, credential, limit, actor).await?;
    }
    if let Some(rotation) = rotation {
        credential = set_rotation(app, credential, rotation, actor).await?;
    }
    Answer::json(
        200,
        &ChangedCredential {
            credential: credential.into(),
            warnings,
        },
    )
}

/// Which type each field that the body names belongs to.
fn of_types(change: &ChangeCredential) -> [(&'static str, bool, CredentialType); 5] {
    let (openrouter, http) = (CredentialType::OpenRouter, CredentialType::Http);
    [
        ("apiKey", change.api_key.is_some(), openrouter),
        ("rotation", change.rotation.flatten().is_some(), openrouter),
        (
            "maxCostUsdPerDay",
            change.max_cost_usd_per_day.flatten().is_some(),
            openrouter,
        ),
        ("http", change.http.is_some(), http),
        ("hosts", change.hosts.is_some(), http),
    ]
}

/// Only the record changes. The key's secret is named after the credential's id, so it stays as it is.
async fn rename(
    app: &App,
    before: Credential,
    name: &str,
    actor: &Actor,
) -> Result<Credential, Problem> {
    let details = json!({ "from": before.name, "to": name });
    let after = Credential {
        name: name.to_owned(),
        ..before.clone()
    };
    let entry = AuditEntry::now(Action::Renamed, actor, details);
    Ok(app
        .store
        .credentials()
        .change(&before, after, &entry)
        .await?)
}

async fn users_of_old_name(app: &App, old: &str, new: &str) -> Result<Vec<Fault>, Problem> {
    let users = app.store.credentials().users(&[old]).await?;
    Ok(users
        .iter()
        .map(|user| {
            Fault::at(
                format!("workflows/{}", user.workflow_id),
                format!("its nodes name the credential `{old}`: put it again with `{new}`, or with the credential's id"),
            )
        })
        .collect())
}

/// The new key is current from now on. Runs that have begun go on: where OpenRouter refuses the key that a warm
/// function remembers, that function reads the key again.
async fn replace_key(
    app: &App,
    credential: Credential,
    api_key: &ApiKey,
    actor: &Actor,
) -> Result<Credential, Problem> {
    let stored = app.secrets.read_again(&credential.id).await?;
    // Where only the record does not know it, an earlier try has died between the two.
    if stored == *api_key && credential.last_four == api_key.last_four() {
        return Ok(credential);
    }
    if stored != *api_key {
        app.secrets.replace(&credential.id, api_key).await?;
    }
    retry_conflict(async || {
        let before = app.store.credentials().get(&credential.id).await?;
        // Two callers may replace the key at the same moment. The record describes the key that is stored in the end,
        // whoever writes the record last.
        let current = app.secrets.read_again(&before.id).await?;
        let details = json!({
            "lastFour": api_key.last_four(),
            "lastFourBefore": before.last_four,
        });
        let after = Credential {
            last_four: current.last_four(),
            last_check: Some(Check::new(Timestamp::now(), None)),
            ..before.clone()
        };
        let entry = AuditEntry::now(Action::KeyReplaced, actor, details);
        Ok(app.store.credentials().change(&before, after, &entry).await)
    })
    .await
}

/// The new secret, and the hosts that it may be sent to; what is not given stays as it is. A function that remembers the
/// old one uses it for some minutes at most, or until it is refused.
async fn replace_http(
    app: &App,
    credential: Credential,
    new: Option<HttpSecret>,
    hosts: Option<Vec<String>>,
    actor: &Actor,
) -> Result<Credential, Problem> {
    let stored = app.secrets.read_http_again(&credential.id).await;
    let secret = match (new, stored) {
        // What is stored there may be no secret at all: it is replaced.
        (Some(new), stored) => HttpSecret {
            hosts: hosts.unwrap_or_else(|| match &stored {
                Ok(stored) => stored.hosts.clone(),
                Err(_) => credential.hosts.clone(),
            }),
            ..new
        },
        (None, stored) => {
            let stored = stored?;
            HttpSecret {
                hosts: hosts.unwrap_or_else(|| stored.hosts.clone()),
                ..stored
            }
        }
    };
    app.secrets.replace_http(&credential.id, &secret).await?;
    retry_conflict(async || {
        let before = app.store.credentials().get(&credential.id).await?;
        // Two callers may replace it at the same moment: the record describes what is stored in the end.
        let current = app.secrets.read_http_again(&before.id).await?;
        let details = json!({
            "lastFour": current.last_four(),
            "lastFourBefore": before.last_four,
            "auth": current.auth.as_str(),
            "hosts": current.hosts,
        });
        let after = Credential {
            last_four: current.last_four(),
            auth: Some(current.auth.as_str().to_owned()),
            hosts: current.hosts,
            ..before.clone()
        };
        let entry = AuditEntry::now(Action::KeyReplaced, actor, details);
        Ok(app.store.credentials().change(&before, after, &entry).await)
    })
    .await
}

async fn set_limit(
    app: &App,
    before: Credential,
    limit: Option<Decimal>,
    actor: &Actor,
) -> Result<Credential, Problem> {
    let text = |limit: Option<Decimal>| limit.map(|limit| limit.to_string());
    let details = json!({
        "maxCostUsdPerDay": text(limit),
        "maxCostUsdPerDayBefore": text(before.max_cost_usd_per_day),
    });
    let after = Credential {
        max_cost_usd_per_day: limit,
        ..before.clone()
    };
    let entry = AuditEntry::now(Action::BudgetSet, actor, details);
    Ok(app
        .store
        .credentials()
        .change(&before, after, &entry)
        .await?)
}
