//! `http`: a request to an address that the document names.

mod document;
mod problem;
mod request;
mod run;
mod secret;
mod variable;
mod warnings;

use std::borrow::Cow;

use serde_json::Value;
use steps_key::CredentialType;
use steps_problem::{Fault, Problem};
use steps_template::Template;

use self::document::Body;
pub(crate) use self::document::Http;
use self::run::ReadyHttp;
use crate::known_models::KnownModels;
use crate::node_kind::NodeKind;

/// The longest that a request takes where its node does not say: most are answered within a second.
const USUAL_SECONDS: u64 = 60;

impl NodeKind for Http {
    type Ready = ReadyHttp;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let mut templates = vec![(Cow::Borrowed("url"), &self.url)];
        for (field, pairs) in [("query", &self.query), ("headers", &self.headers)] {
            for (name, form) in pairs {
                form.templates(&format!("{field}.{name}"), &mut templates);
            }
        }
        match &self.body {
            Some(Body::Json(form)) => form.templates("body.json", &mut templates),
            Some(Body::Form(pairs)) => {
                for (name, form) in pairs {
                    form.templates(&format!("body.form.{name}"), &mut templates);
                }
            }
            Some(Body::Text(template)) => templates.push((Cow::Borrowed("body.text"), template)),
            None => {}
        }
        templates
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        Some(variable::OUTPUT_FIELDS.to_vec())
    }

    fn credentials(&self) -> Vec<(Cow<'static, str>, &str)> {
        let credential = self.credential.as_deref();
        credential
            .into_iter()
            .map(|name| (Cow::Borrowed("credential"), name))
            .collect()
    }

    fn credential_type(&self) -> CredentialType {
        CredentialType::Http
    }

    fn warnings(&self, _models: Option<&KnownModels<'_>>) -> Vec<Fault> {
        warnings::warnings(self)
    }

    fn usual_seconds(&self) -> Option<u64> {
        Some(USUAL_SECONDS)
    }

    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadyHttp, Problem> {
        request::ready(self, context, known)
    }
}
