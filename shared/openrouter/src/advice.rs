//! The problem that each error becomes: title, HTTP status, link and the steps of the solution.

use steps_problem::{Problem, Upstream};

use crate::error::{Error, Failure};

const KEYS: &str = "https://openrouter.ai/keys";
const CREDITS: &str = "https://openrouter.ai/credits";
const MODELS: &str = "https://openrouter.ai/models";
const ROUTING: &str = "https://openrouter.ai/docs/guides/routing/provider-selection";
const LIMITS: &str = "https://openrouter.ai/docs/api-reference/limits";
const ERRORS: &str = "https://openrouter.ai/docs/api-reference/errors";
const STATUS: &str = "https://status.openrouter.ai";

/// What is the same for all errors of one kind.
pub(crate) struct Facts {
    pub(crate) code: &'static str,
    title: &'static str,
    status: u16,
    link: &'static str,
    solution: &'static [&'static str],
}

impl Error {
    pub(crate) fn facts(&self) -> Facts {
        let facts = |code, title, status, link, solution| Facts {
            code,
            title,
            status,
            link,
            solution,
        };
        match self {
            Self::MalformedApiKey(_) => facts(
                "MalformedApiKey",
                "Malformed API Key",
                400,
                KEYS,
                &[
                    "Visit openrouter.ai/keys and create a key, or copy the one you saved; it begins with `sk-or-`",
                    "Paste it whole, without quotes or `Bearer` before it",
                ],
            ),
            Self::InvalidConfiguration { .. } => facts(
                "InvalidConfiguration",
                "Invalid Configuration",
                500,
                ERRORS,
                &["Correct the setting and deploy again"],
            ),
            Self::InvalidApiKey(_) => facts(
                "InvalidApiKey",
                "Invalid API Key",
                422,
                KEYS,
                &[
                    "Visit openrouter.ai/keys",
                    "Create a new API key",
                    "Update your credential",
                ],
            ),
            Self::InsufficientCredits(_) => facts(
                "InsufficientCredits",
                "Insufficient Credits",
                402,
                CREDITS,
                &[
                    "Visit openrouter.ai/credits",
                    "Add credits to your account",
                    "Or switch to a free-tier model",
                ],
            ),
            Self::InFlightBudget(_) => facts(
                "InFlightBudget",
                "Credits Reserved",
                402,
                CREDITS,
                &[
                    "Wait until the requests under way have ended, and retry",
                    "Run fewer nodes at once, or lower the answer's token limit",
                    "Or add credits at openrouter.ai/credits",
                ],
            ),
            Self::KeyLimitExceeded(_) => facts(
                "KeyLimitExceeded",
                "Key Limit Exceeded",
                403,
                KEYS,
                &[
                    "Visit openrouter.ai/keys",
                    "Raise the key's limit, or wait until it starts again",
                    "Or use a credential with another key",
                ],
            ),
            Self::BudgetLimitExceeded(_) => facts(
                "BudgetLimitExceeded",
                "Budget Limit Exceeded",
                403,
                KEYS,
                &[
                    "Ask the administrator of your OpenRouter organisation to raise the budget",
                    "Or wait until it starts again",
                ],
            ),
            Self::ContentModerated { .. } => facts(
                "ContentModerated",
                "Content Moderated",
                403,
                ERRORS,
                &[
                    "Reword the prompt, or look at what its templates put into it",
                    "Or choose a model that is not moderated",
                ],
            ),
            Self::PermissionDenied(_) => facts(
                "PermissionDenied",
                "Permission Denied",
                403,
                KEYS,
                &[
                    "Use an ordinary API key: a management key can't run a chat",
                    "Check the guardrails and the region settings of your OpenRouter account",
                ],
            ),
            Self::ModelNotFound { .. } => facts(
                "ModelNotFound",
                "Model Not Found",
                404,
                MODELS,
                &[
                    "Check openrouter.ai/models",
                    "Select a valid model from the list",
                    "Model IDs are case-sensitive (e.g. `openai/gpt-4o`)",
                ],
            ),
            Self::NoEndpoints { .. } => facts(
                "NoEndpoints",
                "No Fitting Provider",
                404,
                ROUTING,
                &[
                    "Loosen the node's provider options (order, only, ignore, data collection, maximum price)",
                    "Leave out the options that the model's providers don't support",
                    "Check openrouter.ai/settings/privacy: the data policy rules out most free models",
                ],
            ),
            Self::ContextLengthExceeded(_) => facts(
                "ContextLengthExceeded",
                "Context Length Exceeded",
                400,
                MODELS,
                &[
                    "Shorten the prompt, or lower the answer's token limit",
                    "Or choose a model with a longer context",
                    "Or let OpenRouter compress the prompt: set `transforms` to [\"middle-out\"]",
                ],
            ),
            Self::InvalidRequest(_) => facts(
                "InvalidRequest",
                "Invalid Request",
                400,
                ERRORS,
                &["Correct the option that the upstream's message names"],
            ),
            Self::RateLimitExceeded { .. } => facts(
                "RateLimitExceeded",
                "Rate Limit Exceeded",
                429,
                LIMITS,
                &[
                    "Wait 1-2 minutes and retry",
                    "Consider upgrading your usage tier",
                    "Reduce workflow execution frequency",
                ],
            ),
            Self::ProviderError(_) => facts(
                "ProviderError",
                "Provider Error",
                502,
                STATUS,
                &[
                    "Retry",
                    "If it stays, name another provider or fallback models in the node",
                ],
            ),
            Self::ProviderOverloaded(_) => facts(
                "ProviderOverloaded",
                "Provider Overloaded",
                503,
                STATUS,
                &[
                    "Wait a little and retry",
                    "If it stays, name another provider or fallback models in the node",
                ],
            ),
            Self::UpstreamTimeout(_) => facts(
                "UpstreamTimeout",
                "Upstream Timeout",
                504,
                STATUS,
                &[
                    "Retry",
                    "If it stays, lower the answer's token limit or choose a faster model",
                ],
            ),
            Self::InternalUpstream(_) => facts(
                "InternalUpstream",
                "OpenRouter Fault",
                502,
                STATUS,
                &["Retry", "If it stays, look at status.openrouter.ai"],
            ),
            Self::ConnectTimeout { .. } => facts(
                "ConnectTimeout",
                "Connect Timeout",
                504,
                STATUS,
                &[
                    "Retry",
                    "If it stays, check that the function has a way out to the internet (in a VPC: a NAT gateway)",
                ],
            ),
            Self::FirstByteTimeout { .. } => facts(
                "FirstByteTimeout",
                "First Byte Timeout",
                504,
                STATUS,
                &["Retry", "If it stays, choose a faster model or provider"],
            ),
            Self::FirstTokenTimeout { .. } => facts(
                "FirstTokenTimeout",
                "First Token Timeout",
                504,
                STATUS,
                &[
                    "Retry",
                    "If it stays, lower the reasoning effort, or choose a faster model or provider",
                ],
            ),
            Self::IdleTimeout { .. } => facts(
                "IdleTimeout",
                "Idle Timeout",
                504,
                STATUS,
                &["Retry", "If it stays, choose another model or provider"],
            ),
            Self::TotalTimeout { .. } => facts(
                "TotalTimeout",
                "Total Timeout",
                504,
                STATUS,
                &["Raise the timeout, lower the answer's token limit, or choose a faster model"],
            ),
            Self::Unreachable { .. } => facts(
                "Unreachable",
                "OpenRouter Unreachable",
                502,
                STATUS,
                &[
                    "Retry",
                    "If it stays, check the base URL and that the function has a way out to the internet",
                ],
            ),
            Self::StreamCut { .. } => facts(
                "StreamCut",
                "Answer Cut Off",
                502,
                STATUS,
                &["Retry", "If it stays, choose another model or provider"],
            ),
            Self::EmptyAnswer { .. } => facts(
                "EmptyAnswer",
                "Empty Answer",
                502,
                ERRORS,
                &[
                    "Retry: a model that is starting up answers nothing at first",
                    "If it stays, raise the token limit, lower the reasoning effort, or choose another model",
                ],
            ),
            Self::OutputTruncated { .. } => facts(
                "OutputTruncated",
                "Token Limit Used Up",
                422,
                ERRORS,
                &[
                    "Raise the answer's token limit",
                    "Or lower the reasoning effort",
                ],
            ),
            Self::ContentFiltered(_) => facts(
                "ContentFiltered",
                "Content Filtered",
                422,
                ERRORS,
                &["Reword the prompt", "Or choose another model or provider"],
            ),
            Self::UnexpectedAnswer { .. } => facts(
                "UnexpectedAnswer",
                "Unexpected Answer",
                502,
                STATUS,
                &[
                    "Check the base URL: it ends with /api/v1, and without /api the web site answers",
                    "If it is right, a proxy or OpenRouter's edge answered: retry later",
                ],
            ),
            Self::Unclassified { .. } => facts(
                "Unclassified",
                "Unknown Failure",
                502,
                STATUS,
                &[
                    "Read the upstream's message",
                    "Look at status.openrouter.ai",
                ],
            ),
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let facts = error.facts();
        let mut solution: Vec<String> = facts.solution.iter().map(ToString::to_string).collect();
        match error {
            Error::InsufficientCredits(upstream) if upstream.message.contains("max_tokens") => {
                solution.push(
                    "Or lower the answer's token limit, which the check counts in full".into(),
                );
            }
            Error::RateLimitExceeded { daily: true, .. } => {
                if let Some(first) = solution.first_mut() {
                    *first = "Retry after 00:00 UTC, or use a model that is not free".into();
                }
            }
            _ => {}
        }
        Self::new(facts.status, facts.code, facts.title, error.to_string())
            .solution(solution)
            .link(facts.link)
            .retryable(error.retryable())
            .upstream(error.upstream().map(|upstream| Upstream {
                status: upstream.status,
                provider: upstream.provider.clone(),
                message: upstream.message.clone(),
            }))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        Self::from(&failure.error)
    }
}
