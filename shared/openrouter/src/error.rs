//! Every way a request can fail.

use std::time::Duration;

use rust_decimal::Decimal;
use steps_key::MalformedApiKey;

use steps_usage::Usage;

/// What OpenRouter, or a provider behind it, answered to a request that failed. Without keys, and cut to a readable
/// length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamError {
    /// The HTTP status, or the code within an error that came with a 200.
    pub status: Option<u16>,
    /// The provider that failed, such as `Anthropic`.
    pub provider: Option<String>,
    /// The message; of nested ones, the innermost.
    pub message: String,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
}

/// Why a request failed. `Display` says what happened and why; the upstream's own words are beside it, in [`UpstreamError`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text can't be a key. It is not repeated here.
    #[error(transparent)]
    MalformedApiKey(#[from] MalformedApiKey),
    /// The client was set up with something it can't use.
    #[error("The client's {setting} can't be used: {reason}.")]
    InvalidConfiguration {
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// 401. OpenRouter says the same of a wrong, a revoked and an expired key.
    #[error("The API key is incorrect, expired or revoked.")]
    InvalidApiKey(Box<UpstreamError>),
    /// 402. Also when the balance is lower than what `max_tokens` could cost.
    #[error("Your OpenRouter account has no credits, or too few for what this request may cost.")]
    InsufficientCredits(Box<UpstreamError>),
    /// 402 for a while: other requests under way have reserved the balance.
    #[error("Requests under way have reserved the rest of your OpenRouter credits until they end.")]
    InFlightBudget(Box<UpstreamError>),
    /// 403: the limit that the key itself has.
    #[error("The API key has reached its own spending limit.")]
    KeyLimitExceeded(Box<UpstreamError>),
    /// 403: a budget set by an organisation, a workspace or a guardrail.
    #[error("A budget of your organisation or workspace at OpenRouter is used up.")]
    BudgetLimitExceeded(Box<UpstreamError>),
    /// 403 (moderation, guardrail) or 400 (a provider's policy).
    #[error(
        "The prompt was flagged by moderation and not answered{}.",
        listed(reasons)
    )]
    ContentModerated {
        /// What it was flagged for, where OpenRouter says so.
        reasons: Vec<String>,
        /// What was answered.
        upstream: Box<UpstreamError>,
    },
    /// 403 for another reason: the kind of key, the region, a guardrail.
    #[error("OpenRouter does not let this key do this.")]
    PermissionDenied(Box<UpstreamError>),
    /// 400 for an unknown id, 404 for one that nobody serves any more.
    #[error(
        "The model ID{} is incorrect, or the model was deprecated.",
        named(model)
    )]
    ModelNotFound {
        /// The id that was asked for.
        model: Option<String>,
        /// What was answered.
        upstream: Box<UpstreamError>,
    },
    /// 404: the model exists, but nobody who serves it fits the request, its routing options or the account's settings.
    #[error("No provider of the model fits the request{}.", ruled_out(filter))]
    NoEndpoints {
        /// The step that ruled out the last one, such as `Filter by Data Policy`.
        filter: Option<String>,
        /// What was answered.
        upstream: Box<UpstreamError>,
    },
    /// The prompt, with `max_tokens`, is longer than the model can take.
    #[error("The prompt and the answer's token limit together exceed what the model can take.")]
    ContextLengthExceeded(Box<UpstreamError>),
    /// 400, 413, 422 and similar statuses.
    #[error("OpenRouter or the provider refused the request as invalid.")]
    InvalidRequest(Box<UpstreamError>),
    /// 429, by OpenRouter or by a provider.
    #[error("{}", if *daily { "The day's requests to free models are used up; they start again at 00:00 UTC." } else { "Too many requests in a short time." })]
    RateLimitExceeded {
        /// Whether it is the daily limit of free models, which waiting a minute won't help.
        daily: bool,
        /// What was answered.
        upstream: Box<UpstreamError>,
    },
    /// 502: the provider failed, or sent what OpenRouter could not use.
    #[error("The provider failed to answer.")]
    ProviderError(Box<UpstreamError>),
    /// 503 or 529.
    #[error("The provider has no capacity at the moment.")]
    ProviderOverloaded(Box<UpstreamError>),
    /// 408, 504 or 524: OpenRouter gave up waiting.
    #[error("OpenRouter waited too long for the provider.")]
    UpstreamTimeout(Box<UpstreamError>),
    /// 500 and the statuses of its edge network.
    #[error("OpenRouter itself failed.")]
    InternalUpstream(Box<UpstreamError>),
    /// Our own timeout. The request was not sent.
    #[error("No connection to OpenRouter within {} s.", after.as_secs_f64())]
    ConnectTimeout {
        /// The timeout.
        after: Duration,
    },
    /// Our own timeout. The request may have been carried out and billed.
    #[error("OpenRouter did not begin to answer within {} s.", after.as_secs_f64())]
    FirstByteTimeout {
        /// The timeout.
        after: Duration,
    },
    /// Our own timeout. The request may have been carried out and billed.
    #[error("The model gave no first word within {} s.", after.as_secs_f64())]
    FirstTokenTimeout {
        /// The timeout.
        after: Duration,
    },
    /// Our own timeout. The request may have been carried out and billed.
    #[error("The answer stopped: nothing was received for {} s.", after.as_secs_f64())]
    IdleTimeout {
        /// The timeout.
        after: Duration,
    },
    /// Our own timeout. The request may have been carried out and billed.
    #[error("The answer was not complete within {} s in all.", after.as_secs_f64())]
    TotalTimeout {
        /// The timeout.
        after: Duration,
    },
    /// No connection: DNS, TCP or TLS. The request was not sent.
    #[error("OpenRouter can't be reached: {reason}.")]
    Unreachable {
        /// The innermost reason.
        reason: String,
    },
    /// The connection ended before the answer did. It may have been carried out and billed.
    #[error("The answer was cut off before its end: {reason}.")]
    StreamCut {
        /// How it ended.
        reason: String,
    },
    /// An answer with neither text nor anything else in it.
    #[error(
        "The model's answer is empty (finish reason {}, {completion_tokens} tokens generated, {reasoning_tokens} of them reasoning).",
        finish_reason.as_deref().unwrap_or("missing")
    )]
    EmptyAnswer {
        /// Why the model says it ended.
        finish_reason: Option<String>,
        /// Tokens generated.
        completion_tokens: u64,
        /// Of those, how many were reasoning.
        reasoning_tokens: u64,
    },
    /// The token limit was spent before the first word of the answer, as a rule on reasoning.
    #[error(
        "The limit of {max_tokens} tokens was used up before the answer began ({reasoning_tokens} tokens went into reasoning)."
    )]
    OutputTruncated {
        /// The request's `max_tokens`.
        max_tokens: u32,
        /// How many tokens were reasoning.
        reasoning_tokens: u64,
    },
    /// The provider's filter took the whole answer. An answer that it only cut is a completion.
    #[error("The provider's content filter withheld the answer.")]
    ContentFiltered(Box<UpstreamError>),
    /// Something other than the API answered, or the answer is broken.
    #[error(
        "The answer is not what OpenRouter's API sends (status {status}, {}): {excerpt}",
        content_type.as_deref().unwrap_or("no content type")
    )]
    UnexpectedAnswer {
        /// The HTTP status.
        status: u16,
        /// Its content type.
        content_type: Option<String>,
        /// How it begins, or what is wrong with it.
        excerpt: String,
    },
    /// A status with no known meaning.
    #[error("OpenRouter answered with status {status}, which this client does not know.")]
    Unclassified {
        /// The status.
        status: u16,
        /// What was answered.
        upstream: Box<UpstreamError>,
    },
}

fn listed(reasons: &[String]) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    format!(" ({})", reasons.join(", "))
}

fn named(model: &Option<String>) -> String {
    model
        .as_ref()
        .map_or_else(String::new, |id| format!(" `{id}`"))
}

fn ruled_out(filter: &Option<String>) -> String {
    filter
        .as_ref()
        .map_or_else(String::new, |step| format!(" (last step: {step})"))
}

impl Error {
    /// The variant's name, such as `RateLimitExceeded`: stable, and fit for a state machine to match.
    pub fn code(&self) -> &'static str {
        self.facts().code
    }

    /// Whether the same request can succeed later with nothing changed. Some of these may have been billed: see each
    /// variant, and [`Failure::generation_id`].
    pub fn retryable(&self) -> bool {
        match self {
            Self::InFlightBudget(_)
            | Self::RateLimitExceeded { .. }
            | Self::ProviderOverloaded(_)
            | Self::UpstreamTimeout(_)
            | Self::InternalUpstream(_)
            | Self::ConnectTimeout { .. }
            | Self::FirstByteTimeout { .. }
            | Self::FirstTokenTimeout { .. }
            | Self::IdleTimeout { .. }
            | Self::TotalTimeout { .. }
            | Self::Unreachable { .. }
            | Self::StreamCut { .. }
            // A model that was starting up has started by then, and a second answer may not be empty.
            | Self::EmptyAnswer { .. } => true,
            // A provider that refuses OpenRouter's request will refuse it again.
            Self::ProviderError(upstream) => !upstream
                .status
                .is_some_and(|status| (400..500).contains(&status)),
            Self::UnexpectedAnswer { status, .. } | Self::Unclassified { status, .. } => {
                *status >= 500
            }
            Self::MalformedApiKey(_)
            | Self::InvalidConfiguration { .. }
            | Self::InvalidApiKey(_)
            | Self::InsufficientCredits(_)
            | Self::KeyLimitExceeded(_)
            | Self::BudgetLimitExceeded(_)
            | Self::ContentModerated { .. }
            | Self::PermissionDenied(_)
            | Self::ModelNotFound { .. }
            | Self::NoEndpoints { .. }
            | Self::ContextLengthExceeded(_)
            | Self::InvalidRequest(_)
            | Self::OutputTruncated { .. }
            | Self::ContentFiltered(_) => false,
        }
    }

    /// How long OpenRouter asks to wait; for the daily limit of free models, until 00:00 UTC.
    pub fn retry_after(&self) -> Option<Duration> {
        self.upstream().and_then(|upstream| upstream.retry_after)
    }

    /// Whether it is the daily limit of free models: a retry helps only after 00:00 UTC.
    pub fn daily_limit(&self) -> bool {
        matches!(self, Self::RateLimitExceeded { daily: true, .. })
    }

    /// The provider that failed, where it is known.
    pub fn provider(&self) -> Option<&str> {
        self.upstream()
            .and_then(|upstream| upstream.provider.as_deref())
    }

    /// What OpenRouter or the provider answered; `None` where the failure is not theirs.
    pub fn upstream(&self) -> Option<&UpstreamError> {
        match self {
            Self::InvalidApiKey(upstream)
            | Self::InsufficientCredits(upstream)
            | Self::InFlightBudget(upstream)
            | Self::KeyLimitExceeded(upstream)
            | Self::BudgetLimitExceeded(upstream)
            | Self::ContentModerated { upstream, .. }
            | Self::PermissionDenied(upstream)
            | Self::ModelNotFound { upstream, .. }
            | Self::NoEndpoints { upstream, .. }
            | Self::ContextLengthExceeded(upstream)
            | Self::InvalidRequest(upstream)
            | Self::RateLimitExceeded { upstream, .. }
            | Self::ProviderError(upstream)
            | Self::ProviderOverloaded(upstream)
            | Self::UpstreamTimeout(upstream)
            | Self::InternalUpstream(upstream)
            | Self::ContentFiltered(upstream)
            | Self::Unclassified { upstream, .. } => Some(upstream),
            _ => None,
        }
    }
}

/// A chat that failed, and what was known before it did.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// Why.
    pub error: Error,
    /// OpenRouter's id of the generation, if it had begun: [`crate::Client::generation`] tells later what it cost.
    pub generation_id: Option<String>,
    /// Tokens used, where OpenRouter said so.
    pub usage: Option<Usage>,
    /// What was charged in USD, where OpenRouter said so.
    pub cost_usd: Option<Decimal>,
    /// The text that had been received.
    pub partial_text: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            generation_id: None,
            usage: None,
            cost_usd: None,
            partial_text: String::new(),
        }
    }
}
