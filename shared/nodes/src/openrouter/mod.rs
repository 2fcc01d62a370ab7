//! `openrouter`: a call of a model through OpenRouter.

mod document;
mod options;
mod price;
mod request;
mod run;
mod variable;
mod warnings;

use std::borrow::Cow;

use serde_json::Value;
use steps_openrouter::ModelList;
use steps_problem::{Fault, Problem};
use steps_template::Template;

pub(crate) use self::document::Chat;
pub(crate) use self::options::Options;
pub(crate) use self::run::ReadyChat;
use crate::known_models::KnownModels;
use crate::most::Most;
use crate::node_kind::NodeKind;
use crate::scope::{Charged, Scope};

impl NodeKind for Chat {
    type Ready = ReadyChat;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        vec![
            (Cow::Borrowed("systemPrompt"), &self.system_prompt),
            (Cow::Borrowed("userPrompt"), &self.user_prompt),
        ]
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        Some(variable::OUTPUT_FIELDS.to_vec())
    }

    fn credentials(&self) -> Vec<(Cow<'static, str>, &str)> {
        vec![(Cow::Borrowed("credential"), &self.credential)]
    }

    fn models(&self) -> Vec<&str> {
        let fallbacks = self.models.iter().map(String::as_str);
        std::iter::once(self.model.as_str())
            .chain(fallbacks)
            .collect()
    }

    fn warnings(&self, models: Option<&KnownModels<'_>>) -> Vec<Fault> {
        warnings::warnings(self, models)
    }

    fn most_before_run(&self, list: Option<&ModelList>) -> Result<Most, &str> {
        price::most_before_run(self, list)
    }

    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadyChat, Problem> {
        Ok(ReadyChat {
            request: request::chat_request(self, context, known)?,
            credential: self.credential.clone(),
            wants_json: self.options.ask_for_json(),
        })
    }

    async fn cost(
        &self,
        generation_id: &str,
        scope: &impl Scope,
    ) -> Result<Option<Charged>, Problem> {
        run::cost(&self.credential, generation_id, scope).await
    }
}
