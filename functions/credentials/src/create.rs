//! `POST /credentials`: a new credential.

use jiff::Timestamp;
use serde_json::json;
use steps_api::{CredentialView, NewCredential};
use steps_key::CredentialType;
use steps_lambda::Answer;
use steps_problem::{Fault, Problem};
use steps_store::{Action, Actor, AuditEntry, Check, Credential, Error};
use uuid::Uuid;

use crate::app::App;
use crate::fields::{accepted, check_limit, checked_name, invalid, name_is_free, parsed_key};

/// Asks OpenRouter about the key, keeps it in Secrets Manager and writes its record.
pub(crate) async fn create(
    app: &App,
    new: NewCredential,
    actor: &Actor,
) -> Result<Answer, Problem> {
    let mut faults = Vec::new();
    let name = checked_name(&new.name, &mut faults);
    if CredentialType::parse(&new.provider).is_none() {
        faults.push(Fault::at("provider", "the only provider is `openrouter`"));
    }
    let api_key = parsed_key(&new.api_key, &mut faults);
    check_limit(new.max_cost_usd_per_day, &mut faults);
    let Some(api_key) = api_key.filter(|_| faults.is_empty()) else {
        return Err(invalid(faults));
    };
    name_is_free(app, name).await?;
    accepted(app, &api_key).await?;
    let now = Timestamp::now();
    let credential = Credential {
        id: Uuid::now_v7().to_string(),
        name: name.to_owned(),
        provider: new.provider,
        last_four: api_key.last_four(),
        created_at: now,
        last_used_at: None,
        last_check: Some(Check::new(now, None)),
        max_cost_usd_per_day: new.max_cost_usd_per_day,
        rotation: None,
        last_rotation: None,
        revision: 1,
    };
    let details = json!({ "name": credential.name, "lastFour": credential.last_four });
    let entry = AuditEntry::now(Action::Created, actor, details);
    app.secrets.put(&credential.id, &api_key).await?;
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
