//! `compare`: one prompt to two or more models, and a judge who names the best answer, where one is wanted.
//!
//! The node is executed for each item of a list: its models. So each answer is stored and paid for once. The judge is the last
//! unit, behind them: it reads their answers.

mod judge;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Instant;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use steps_openrouter::ModelList;
use steps_problem::{Fault, Problem};
use steps_template::Template;

use self::judge::{Judge, best, named, question};
use crate::ended::{Ended, Failed, Tried};
use crate::known_models::KnownModels;
use crate::most::Most;
use crate::node_kind::{NodeKind, Ready};
use crate::openrouter::{Chat, Options, ReadyChat};
use crate::scope::{Charged, Scope};

/// The fields of the variable.
const OUTPUT_FIELDS: [&str; 4] = ["answers", "best", "judge", "costUsd"];

/// One prompt to two or more models: their answers, costs and times side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Compare {
    /// Id or name of the credential whose key pays.
    #[schemars(regex(pattern = r"\S"), extend("errorMessage" = {"pattern": "must not be empty"}))]
    credential: String,
    /// The models that are compared, 2 to 10.
    #[schemars(schema_with = "models")]
    models: Vec<String>,
    /// Template of the system message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    system_prompt: Option<Template>,
    /// Template of the user's message.
    #[schemars(regex(pattern = r"\S"), extend("errorMessage" = {"pattern": "must not be empty"}))]
    user_prompt: Template,
    /// Who names the best answer, with reasons. Nobody when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    judge: Option<Judge>,
    #[serde(flatten)]
    options: Options,
}

fn models(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 2,
        "maxItems": 10,
        "uniqueItems": true,
        "items": {"type": "string", "pattern": r"^\S+$"},
        "errorMessage": {
            "minItems": "names {count} models; the least is 2",
            "maxItems": "names {count} models; the most is 10",
            "uniqueItems": "names a model twice",
            "pattern": "must be a model's id, without spaces",
        },
    })
}

impl Compare {
    /// The call of one of the models.
    fn chat(&self, model: &str) -> Chat {
        Chat::of(
            &self.credential,
            model,
            self.system_prompt.clone(),
            self.user_prompt.clone(),
            self.options.clone(),
        )
    }

    /// All calls that the node makes, as they are written.
    fn chats(&self) -> Vec<Chat> {
        let models = self.models.iter().map(|model| self.chat(model));
        let judge = self.judge.as_ref();
        models
            .chain(judge.map(|judge| judge.chat(&self.credential, String::new())))
            .collect()
    }
}

impl NodeKind for Compare {
    type Ready = ReadyCompare;

    fn templates(&self) -> Vec<(Cow<'static, str>, &Template)> {
        let system = self.system_prompt.as_ref();
        let system = system.map(|prompt| (Cow::Borrowed("systemPrompt"), prompt));
        let judge = self.judge.as_ref();
        let criteria = judge.map(|judge| (Cow::Borrowed("judge.criteria"), &judge.criteria));
        system
            .into_iter()
            .chain([(Cow::Borrowed("userPrompt"), &self.user_prompt)])
            .chain(criteria)
            .collect()
    }

    fn output_fields(&self) -> Option<Vec<&str>> {
        Some(OUTPUT_FIELDS.to_vec())
    }

    fn credentials(&self) -> Vec<(Cow<'static, str>, &str)> {
        let judge = self
            .judge
            .as_ref()
            .and_then(|judge| judge.credential.as_deref());
        [(Cow::Borrowed("credential"), self.credential.as_str())]
            .into_iter()
            .chain(judge.map(|name| (Cow::Borrowed("judge.credential"), name)))
            .collect()
    }

    fn models(&self) -> Vec<&str> {
        let judge = self.judge.as_ref().map(|judge| judge.model.as_str());
        self.models
            .iter()
            .map(String::as_str)
            .chain(judge)
            .collect()
    }

    fn warnings(&self, models: Option<&KnownModels<'_>>) -> Vec<Fault> {
        let mut told = BTreeSet::new();
        let mut warnings = Vec::new();
        for (index, chat) in self.chats().iter().enumerate() {
            let place = match index < self.models.len() {
                true => format!("models[{index}]"),
                false => "judge.model".to_owned(),
            };
            for warning in chat.warnings(models) {
                let path = if warning.path == "model" {
                    place.clone()
                } else {
                    warning.path
                };
                if told.insert((path.clone(), warning.message.clone())) {
                    warnings.push(Fault { path, ..warning });
                }
            }
        }
        warnings
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.models.iter().map(|model| json!(model)).collect())
    }

    fn last_of(&self, outputs: &[Value]) -> Option<Value> {
        let answers = outputs.iter().filter(|answer| answer.get("text").is_some());
        let wanted = self.judge.is_some() && answers.count() > 1;
        wanted.then(|| json!({ "answers": outputs }))
    }

    fn gathered(&self, outputs: Vec<Value>, last: Option<Value>) -> Result<Value, Problem> {
        let answers = named(&self.models, outputs);
        let judge = self.judge.as_ref();
        best(judge.is_some(), answers, last)
    }

    fn most_before_run(&self, list: Option<&ModelList>) -> Result<Most, &str> {
        let mut sum = Most::default();
        for (chat, model) in self.chats().iter().zip(self.models()) {
            let most = chat.most_before_run(list).map_err(|_| model)?;
            sum.usd += most.usd;
            if let Some(inserted) = most.usd_per_million_inserted {
                *sum.usd_per_million_inserted.get_or_insert_default() += inserted;
            }
        }
        Ok(sum)
    }

    /// `item` tells which of its calls it is: the name of a model, or what the judge judges.
    fn prepare(&self, context: &Value, known: &[&str]) -> Result<ReadyCompare, Problem> {
        let item = context.get("item").unwrap_or(&Value::Null);
        let began = Instant::now();
        match (item, &self.judge) {
            (Value::String(model), _) => Ok(ReadyCompare {
                chat: self.chat(model).prepare(context, known)?,
                model: model.clone(),
                judges: None,
                began,
            }),
            (Value::Object(_), Some(judge)) => {
                let outputs = item.get("answers").and_then(Value::as_array);
                let answers = named(&self.models, outputs.cloned().unwrap_or_default());
                let asked = self.user_prompt.render(context, known)?;
                let criteria = judge.criteria.render(context, known)?;
                let (question, judged) = question(&asked, &criteria, &answers);
                Ok(ReadyCompare {
                    chat: judge.chat(&self.credential, question).prepare(context, known)?,
                    model: judge.model.clone(),
                    judges: Some(judged),
                    began,
                })
            }
            _ => Err(Problem::new(
                422,
                "CompareNeedsRun",
                "Compare Needs Run",
                "the node asks several models, and this node belongs to no run that could keep each answer",
            )
            .solution(["Make it a node of a workflow, or ask each model in a state of its own"])),
        }
    }

    async fn cost(
        &self,
        generation_id: &str,
        scope: &impl Scope,
    ) -> Result<Option<Charged>, Problem> {
        self.chat("").cost(generation_id, scope).await
    }
}

/// One of its calls, ready to be sent.
#[derive(Debug)]
pub(crate) struct ReadyCompare {
    chat: ReadyChat,
    /// As the document names it.
    model: String,
    /// Of the judge: the places of the answers that it is shown, in their order.
    judges: Option<Vec<usize>>,
    began: Instant,
}

impl Ready for ReadyCompare {
    async fn most_usd(&mut self, scope: &impl Scope) -> Result<Option<Decimal>, Problem> {
        self.chat.most_usd(scope).await
    }

    fn mend(&mut self, draft: &Value) {
        self.chat.mend(draft);
    }

    async fn run(self, scope: &impl Scope) -> Ended {
        let answer = match self.chat.run(scope).await? {
            Tried::Done(answer) => answer,
            paused => return Ok(paused),
        };
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let field = |name: &str| answer.get(name).cloned().unwrap_or_default();
        let Some(judged) = self.judges else {
            return Ok(Tried::Done(json!({
                "text": field("text"), "model": self.model, "answeredBy": field("model"),
                "costUsd": field("costUsd"), "ms": ms,
            })));
        };
        let text = field("text");
        match judge::read(text.as_str().unwrap_or_default(), &judged) {
            Some((place, reasons)) => Ok(Tried::Done(json!({
                "best": place, "reasons": reasons, "model": self.model,
                "costUsd": field("costUsd"), "ms": ms,
            }))),
            None => Err(Failed::from(judge::unclear(judged.len()))),
        }
    }
}
