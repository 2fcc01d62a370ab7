//! `POST /credentials`: a new credential.

use jiff::Timestamp;
use serde_json::json;
use steps_api::{CredentialView, NewCredential};
use steps_key::{ApiKey, CredentialType, HttpSecret};
use steps_lambda::Answer;
use steps_problem::{Fault, Problem};
use steps_store::{Action, Actor, AuditEntry, Check, Credential, Error};
use uuid::Uuid;

use crate::app::App;
use crate::fields::{
    accepted, check_fields_of, check_limit, checked_http, checked_name, checked_type, invalid,
    name_is_free, parsed_key,
};

/// What a new credential keeps in Secrets Manager.
enum Kept {
    Key(ApiKey),
    Http(HttpSecret),
}

/// Asks OpenRouter about a key, keeps key or secret in Secrets Manager and writes the record.
pub(crate) async fn create(
    app: &App,
    new: NewCredential,
    actor: &Actor,
) -> Result<Answer, Problem> {
    let mut faults = Vec::new();
    let name = checked_name(&new.name, &mut faults).to_owned();
    let of_type = checked_type(&new, &mut faults);
    let kept = checked(of_type, &new, &mut faults);
    check_limit(new.max_cost_usd_per_day, &mut faults);
    let Some(kept) = kept.filter(|_| faults.is_empty()) else {
        return Err(invalid(faults));
    };
    name_is_free(app, &name).await?;
    let now = Timestamp::now();
    let id = Uuid::now_v7().to_string();
    let (last_four, auth, hosts) = match &kept {
        Kept::Key(api_key) => {
            accepted(app, api_key).await?;
            (api_key.last_four(), None, Vec::new())
        }
        Kept::Http(secret) => (
            secret.last_four(),
            Some(secret.auth.as_str().to_owned()),
            secret.hosts.clone(),
        ),
    };
    let credential = Credential {
        id,
        name,
        provider: of_type.as_str().to_owned(),
        auth,
        hosts,
        last_four,
        created_at: now,
        last_used_at: None,
        // Nobody was asked about the secret of HTTP requests.
        last_check: matches!(kept, Kept::Key(_)).then(|| Check::new(now, None)),
        max_cost_usd_per_day: new.max_cost_usd_per_day,
        rotation: None,
        last_rotation: None,
        revision: 1,
    };
    let (name, last_four) = (&credential.name, &credential.last_four);
    let details = match &kept {
        Kept::Key(_) => json!({ "name": name, "lastFour": last_four }),
        Kept::Http(secret) => json!({
            "name": name,
            "lastFour": last_four,
            "auth": secret.auth.as_str(),
            "hosts": secret.hosts,
        }),
    };
    let entry = AuditEntry::now(Action::Created, actor, details);
    match &kept {
        Kept::Key(api_key) => app.secrets.put(&credential.id, api_key).await?,
        Kept::Http(secret) => app.secrets.put_http(&credential.id, secret).await?,
    }
    if let Err(error) = app.store.credentials().add(&credential, &entry).await {
        // The record may have been written, and the answer lost.
        match app.store.credentials().get(&credential.id).await {
            Ok(_) => {}
            Err(Error::NotFound { .. }) => {
                // Without its record nobody could find the key again.
                app.secrets.delete(&credential.id).await?;
                return Err(error.into());
            }
            Err(_) => return Err(error.into()),
        }
    }
    let location = format!("/credentials/{}", credential.id);
    Ok(Answer::json(201, &CredentialView::from(credential))?.location(location))
}

/// The key or the secret of the body, by the type; `None` where it has a fault.
fn checked(of_type: CredentialType, new: &NewCredential, faults: &mut Vec<Fault>) -> Option<Kept> {
    let (openrouter, http) = (CredentialType::OpenRouter, CredentialType::Http);
    let given = [
        ("apiKey", new.api_key.is_some(), openrouter),
        (
            "maxCostUsdPerDay",
            new.max_cost_usd_per_day.is_some(),
            openrouter,
        ),
        ("http", new.http.is_some(), http),
        ("hosts", new.hosts.is_some(), http),
    ];
    check_fields_of(of_type, &given, faults);
    match of_type {
        CredentialType::OpenRouter => match &new.api_key {
            Some(api_key) => parsed_key(api_key, faults).map(Kept::Key),
            None => {
                let message = "is required of a credential of type `openrouter`";
                faults.push(Fault::at("apiKey", message));
                None
            }
        },
        CredentialType::Http => {
            let hosts = new.hosts.clone().unwrap_or_default();
            checked_http(new.http.clone(), hosts, faults).map(Kept::Http)
        }
    }
}
