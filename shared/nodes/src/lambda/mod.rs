//! `lambda`: a call of a Lambda function that the deployment allows.

mod document;
mod run;

use std::borrow::Cow;

use serde_json::{Value, json};
use steps_problem::{Fault, Problem};
use steps_template::Template;

pub(crate) use self::document::Lambda;
use self::run::{ReadyLambda, invalid};
use crate::known_models::KnownModels;
use crate::node_kind::NodeKind;

/// The longest that a call takes where its node does not say.
const USUAL_SECONDS: u64 = 60;

impl NodeKind for Lambda {
    type Ready = ReadyLambda;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let mut templates = Vec::new();
        if let Some(payload) = &self.payload {
            payload.templates("payload", &mut templates);
        }
        templates
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        None
    }

    fn warnings(&self, _models: Option<&KnownModels<'_>>) -> Vec<Fault> {
        self.plain_text()
            .map_or_else(Vec::new, |message| vec![Fault::at("payload", message)])
    }

    fn usual_seconds(&self) -> Option<u64> {
        Some(USUAL_SECONDS)
    }

    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadyLambda, Problem> {
        let payload = match &self.payload {
            Some(payload) => payload
                .render_json(context, known)?
                .map_err(|error| invalid(format!("its payload is no JSON: {error}")))?,
            None => json!({}),
        };
        Ok(ReadyLambda {
            function: self.function.trim().to_owned(),
            payload: payload.to_string().into_bytes(),
            retry_on: self.retry_on.clone(),
            repeatable: self.repeatable.unwrap_or(false),
        })
    }
}
