//! One call of a model with a credential's key.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use steps_openrouter::{Call, ChatRequest, Error, Failure, Message, ModelList, Said, Timeouts};
use steps_problem::{Problem, short};

use super::media::{fill, keep};
use super::options::Traced;
use super::output::{self, Form, ask_to_correct};
use super::price::{ceiling, preview_of, saved_by_cache};
use super::variable::variable;
use crate::ended::{Ended, Failed};
use crate::node_kind::Ready;
use crate::preview::Preview;
use crate::scope::{Charged, Receipt, Scope};

/// Longest id of a model that is recorded, characters.
const LONGEST_MODEL: usize = 200;

/// The call, ready to be sent.
#[derive(Debug)]
pub(crate) struct ReadyChat {
    pub(super) request: ChatRequest,
    /// As the document names it.
    pub(super) credential: String,
    pub(super) form: Form,
    /// Whether the model may still be asked to correct its answer.
    pub(super) repairs: bool,
    /// From which message on the model is asked to correct an answer: that is no part of the conversation.
    pub(super) corrects_from: Option<usize>,
    /// Whether the output holds the whole conversation, for a node that goes on with it.
    pub(super) keeps_conversation: bool,
    /// Whether the node says itself how the call is traced.
    pub(super) is_traced: Traced,
    /// The format that sound is asked for in.
    pub(super) audio_format: Option<String>,
}

impl Ready for ReadyChat {
    async fn most_usd(&mut self, scope: &impl Scope) -> Result<Option<Decimal>, Problem> {
        let ceiling = ceiling(&self.request, scope).await?;
        ceiling.keep_to(&mut self.request);
        Ok(Some(ceiling.most(&self.request)))
    }

    fn mend(&mut self, draft: &Value) {
        let said = self.request.messages.len();
        if ask_to_correct(&mut self.request, draft) {
            self.corrects_from = Some(said);
            self.repairs = false;
        }
    }

    fn keep_conversation(&mut self) {
        self.keeps_conversation = true;
    }

    fn preview(&self, list: Option<&ModelList>, models: &[String]) -> Preview {
        Preview {
            sends: serde_json::to_value(&self.request).unwrap_or_default(),
            call: Some(preview_of(&self.request, list, models)),
        }
    }

    /// The generation's id is noted while the answer comes: it costs no time, and a function that dies leaves it behind.
    async fn run(mut self, scope: &impl Scope) -> Ended {
        self.trace(scope);
        let messages = self.keeps_conversation.then(|| self.conversation());
        fill(&mut self.request, scope).await?;
        let call = match self.begin(scope).await? {
            Ok(call) => call,
            Err(failure) => return Err(failed(failure, &self.request.model, scope)),
        };
        let generation_id = call.generation_id().map(str::to_owned);
        let note = async {
            if let Some(id) = &generation_id {
                tracing::info!(generation = id, "generation begun");
                scope.began(id).await;
            }
        };
        let mut tell = |said: Said<'_>| scope.said(said);
        let completion = match tokio::join!(call.finish_telling(&mut tell), note).0 {
            Ok(completion) => completion,
            Err(failure) => return Err(failed(failure, &self.request.model, scope)),
        };
        tracing::info!(
            generation = completion.generation_id,
            model = completion.model,
            provider = completion.provider,
            cost_usd = completion.cost_usd.map(|cost| cost.to_string()),
            "answered"
        );
        scope.paid(Receipt {
            generation_id: completion.generation_id.clone(),
            model: Some(told(match completion.model.as_str() {
                "" => &self.request.model,
                model => model,
            })),
            usage: Some(completion.usage.clone()),
            cost_usd: completion.cost_usd,
            first_token_after: completion.first_token_after,
            provider: completion.provider.clone(),
        });
        let json = output::value(&self.form, &completion, self.repairs)?;
        let (images, audio) = keep(&completion, self.audio_format.as_deref(), scope).await?;
        let saved = saved_by_cache(&completion, scope).await;
        Ok(variable(&completion, json, images, audio, saved, messages).into())
    }
}

impl ReadyChat {
    /// The messages of the node, without those of a correction.
    fn conversation(&self) -> Vec<Message> {
        let own = self.corrects_from.unwrap_or(usize::MAX);
        self.request.messages.iter().take(own).cloned().collect()
    }

    /// OpenRouter's records of a call name the run and the node, unless the node names something itself.
    fn trace(&mut self, scope: &impl Scope) {
        let Some(unit) = scope.unit() else { return };
        let (run, node) = unit.split_once('.').unwrap_or((&unit, ""));
        let options = &mut self.request.options;
        if !self.is_traced.session {
            options.insert("session_id".to_owned(), json!(run));
        }
        if !self.is_traced.trace {
            let trace =
                json!({"trace_id": run, "trace_name": "workflow run", "generation_name": node});
            options.insert("trace".to_owned(), trace);
        }
    }

    /// Sends the request and gives the call once it is under way. A warm function may hold a key that has been
    /// replaced since: where OpenRouter refuses it, the key is read once more.
    async fn begin(&self, scope: &impl Scope) -> Result<Result<Call, Failure>, Failed> {
        let timeouts = Timeouts {
            total: scope.time(),
            ..Timeouts::default()
        };
        let openrouter = scope.openrouter();
        let key = scope.key(&self.credential).await?;
        let failure = match openrouter.chat(&key, &self.request, &timeouts).await {
            Err(failure) if matches!(failure.error, Error::InvalidApiKey(_)) => failure,
            other => return Ok(other),
        };
        let now = scope.key_again(&self.credential).await?;
        if now == key {
            return Ok(Err(failure));
        }
        Ok(openrouter.chat(&now, &self.request, &timeouts).await)
    }
}

/// A model's id as it is recorded.
fn told(model: &str) -> String {
    short(model, LONGEST_MODEL)
}

/// A call that failed may have cost something all the same.
fn failed(failure: Failure, asked: &str, scope: &impl Scope) -> Failed {
    scope.paid(Receipt {
        model: failure.generation_id.as_ref().map(|_| told(asked)),
        generation_id: failure.generation_id,
        usage: failure.usage,
        cost_usd: failure.cost_usd,
        ..Receipt::default()
    });
    failure.error.into()
}

/// What OpenRouter says of a call some time after it; `None` where it does not know the cost yet.
pub(super) async fn cost(
    credential: &str,
    generation_id: &str,
    scope: &impl Scope,
) -> Result<Option<Charged>, Problem> {
    let key = scope.key(credential).await?;
    let generation = scope.openrouter().generation(&key, generation_id).await?;
    Ok(generation.and_then(|generation| {
        Some(Charged {
            usage: generation.usage(),
            cost_usd: generation.total_cost?,
            model: generation.model.as_deref().map(told),
        })
    }))
}
