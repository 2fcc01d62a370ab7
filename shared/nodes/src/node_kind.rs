//! What every kind of node has.

use std::borrow::Cow;
use std::fmt::Debug;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use steps_key::CredentialType;
use steps_openrouter::ModelList;
use steps_problem::{Fault, Problem};
use steps_template::Template;

use crate::ended::Ended;
use crate::known_models::KnownModels;
use crate::most::Most;
use crate::preview::Preview;
use crate::scope::{Charged, Scope};

/// A kind of node. Its fields are the fields of the document; its JSON Schema refuses what the kind cannot take.
pub(crate) trait NodeKind:
    Serialize + DeserializeOwned + JsonSchema + Clone + PartialEq + Debug
{
    /// The node with its templates rendered: all that a try needs, before anything is claimed or paid.
    type Ready: Ready;

    /// Its templates, each with the field it stands in.
    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)>;

    /// The fields of its output; `None` where they are not known before it has run.
    fn output_fields(&self) -> Option<Vec<&str>>;

    /// The credentials that it names, each with the field it stands in.
    fn credentials(&self) -> Vec<(Cow<'static, str>, &str)> {
        Vec::new()
    }

    /// The type of these credentials.
    fn credential_type(&self) -> CredentialType {
        CredentialType::OpenRouter
    }

    /// The models that it names.
    fn models(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The template of the name of the signal that it waits for, where it waits for one.
    fn signal(&self) -> Option<&Template> {
        None
    }

    /// What the JSON Schema cannot refuse. A path begins at the node.
    fn faults(&self) -> Vec<Fault> {
        Vec::new()
    }

    /// What is allowed and probably a slip; `models` is the model list where it is known. A path begins at the node.
    fn warnings(&self, _models: Option<&KnownModels<'_>>) -> Vec<Fault> {
        Vec::new()
    }

    /// The longest that one try takes, seconds, where the node does not say; `None` for as long as the function allows.
    fn usual_seconds(&self) -> Option<u64> {
        None
    }

    /// The items that it is executed for by itself: each is a unit, with a record of its own, and stands in the context as
    /// `item`. `None` where it is executed once.
    fn items(&self) -> Option<Vec<Value>> {
        None
    }

    /// Of a kind with items: the `item` of the last unit, behind them, from their outputs; `None` where there is none.
    fn last_of(&self, _outputs: &[Value]) -> Option<Value> {
        None
    }

    /// Of a kind with items: its variable, from their outputs and that of the last unit. An item that failed has
    /// `{"error": {"code", "cause"}}`.
    fn gathered(&self, outputs: Vec<Value>, _last: Option<Value>) -> Result<Value, Problem> {
        Ok(Value::Array(outputs))
    }

    /// What one try may cost at most by the model list, where there is one; else the model whose price is not known.
    fn most_before_run(&self, _list: Option<&ModelList>) -> Result<Most, &str> {
        Ok(Most::default())
    }

    /// Renders the templates with `context`. `known` are the workflow's variables: the error of a missing variable
    /// names them.
    fn prepare(&self, context: &Value, known: &[&str]) -> Result<Self::Ready, Problem>;

    /// What a call of this node used and cost, asked by its generation's id some time after it; `None` where that is
    /// not known yet.
    async fn cost(
        &self,
        _generation_id: &str,
        _scope: &impl Scope,
    ) -> Result<Option<Charged>, Problem> {
        Ok(None)
    }
}

/// A node that is ready to be tried.
pub(crate) trait Ready {
    /// What the try may cost at most (USD), where it costs; from then on it keeps to that.
    async fn most_usd(&mut self, _scope: &impl Scope) -> Result<Option<Decimal>, Problem> {
        Ok(None)
    }

    /// What the try would send, and what it may cost by the model list, where there is one; also with each of `models` in
    /// place of its own. No secret is read for it.
    fn preview(&self, _list: Option<&ModelList>, _models: &[String]) -> Preview {
        Preview::default()
    }

    /// Tries the node once.
    async fn run(self, scope: &impl Scope) -> Ended;
}
