//! `set`: a variable made from templates. It calls nothing and costs nothing.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_openrouter::ModelList;
use steps_problem::Problem;
use steps_template::Template;

use crate::ended::Ended;
use crate::form::Form;
use crate::node_kind::{NodeKind, Ready};
use crate::preview::Preview;
use crate::scope::Scope;

/// A variable made from templates: joining texts needs no call of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Set {
    /// A template, or JSON whose texts are templates. The variable is the value with its templates rendered; texts stay
    /// texts.
    value: Form,
}

impl NodeKind for Set {
    type Ready = ReadyValue;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let mut templates = Vec::new();
        self.value.templates("value", &mut templates);
        templates
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        self.value.fields()
    }

    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadyValue, Problem> {
        Ok(ReadyValue(self.value.render(context, known)?))
    }
}

/// The rendered value.
#[derive(Debug)]
pub(crate) struct ReadyValue(Value);

impl Ready for ReadyValue {
    fn preview(&self, _list: Option<&ModelList>, _models: &[String]) -> Preview {
        Preview {
            sends: json!({ "value": self.0 }),
            call: None,
        }
    }

    async fn run(self, _scope: &impl Scope) -> Ended {
        Ok(self.0.into())
    }
}
