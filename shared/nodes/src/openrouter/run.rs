//! One call of a model with a credential's key.

use rust_decimal::Decimal;
use steps_openrouter::{Call, ChatRequest, Error, Failure, ModelList, Said, Timeouts};
use steps_problem::{Problem, short};

use super::price::{ceiling, preview_of};
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
    pub(super) wants_json: bool,
}

impl Ready for ReadyChat {
    async fn most_usd(&mut self, scope: &impl Scope) -> Result<Option<Decimal>, Problem> {
        let ceiling = ceiling(&self.request, scope).await?;
        ceiling.keep_to(&mut self.request);
        Ok(Some(ceiling.most(&self.request)))
    }

    fn preview(&self, list: Option<&ModelList>, models: &[String]) -> Preview {
        Preview {
            sends: serde_json::to_value(&self.request).unwrap_or_default(),
            call: Some(preview_of(&self.request, list, models)),
        }
    }

    /// The generation's id is noted while the answer comes: it costs no time, and a function that dies leaves it behind.
    async fn run(self, scope: &impl Scope) -> Ended {
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
        });
        Ok(variable(&completion, self.wants_json).into())
    }
}

impl ReadyChat {
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
        first_token_after: None,
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
