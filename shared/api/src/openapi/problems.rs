//! The codes that the HTTP API answers with: the status of each, and those that go together.

/// The status of each code.
const STATUSES: [(u16, &[&str]); 15] = [
    (
        400,
        &[
            "CallbackRefused",
            "FileNeedsRange",
            "InvalidCredential",
            "InvalidInput",
            "InvalidRequest",
            "InvalidToken",
            "InvalidWebhook",
            "MalformedApiKey",
            "ManagementKey",
        ],
    ),
    (
        401,
        &[
            "ApprovalLinkExpired",
            "ApprovalLinkInvalid",
            "Unauthorized",
            "WebhookSignatureInvalid",
            "WebhookTimeRefused",
            "WebhookUnsigned",
        ],
    ),
    (402, &["InFlightBudget", "InsufficientCredits"]),
    (
        403,
        &[
            "BudgetLimitExceeded",
            "InsufficientScope",
            "KeyLimitExceeded",
            "PermissionDenied",
            "StartsDisabled",
            "WebhookDisabled",
            "WorkflowDisabled",
        ],
    ),
    (
        404,
        &[
            "CallbackSecretNotFound",
            "CredentialNotFound",
            "DeliveryNotFound",
            "ErrorPageNotFound",
            "FileNotFound",
            "ModelNotFound",
            "NodeNotFound",
            "RunNotFound",
            "ScheduleNotFound",
            "SignalNotFound",
            "SourceNotFound",
            "TokenNotFound",
            "VarNotFound",
            "WebhookNotFound",
            "WorkflowNotFound",
        ],
    ),
    (
        409,
        &[
            "ApprovalDecided",
            "Conflict",
            "CredentialInUse",
            "CredentialOfOtherType",
            "EventsNotStreamed",
            "DeliverySuperseded",
            "NameTaken",
            "NodeNotWaiting",
            "NotAsked",
            "RotationNotConfigured",
            "RotationUnderWay",
            "RunEnded",
            "RunErased",
            "RunNotEnded",
            "RunSucceeded",
            "SignalSent",
            "SourceTaken",
        ],
    ),
    (413, &["BodyTooLarge"]),
    (415, &["UnsupportedContentType"]),
    (416, &["RangeNotSatisfiable"]),
    (
        422,
        &[
            "IdempotencyKeyReused",
            "ImportNotUnderstood",
            "InvalidApiKey",
            "InvalidSchedule",
            "InvalidSource",
            "InvalidWorkflow",
        ],
    ),
    (429, &["RateLimitExceeded"]),
    (
        500,
        &[
            "AnswerTooLarge",
            "AnswerUnwritable",
            "EventsKeyMissing",
            "CallbackSecretMissing",
            "NoRandomness",
            "RecordMalformed",
            "RecordRefused",
            "ScheduleMalformed",
            "SecretsAccessDenied",
            "WebhookSecretMissing",
        ],
    ),
    (
        502,
        &[
            "InternalUpstream",
            "ProviderError",
            "Unclassified",
            "UnexpectedAnswer",
            "Unreachable",
        ],
    ),
    (
        503,
        &[
            "CallbackNotQueued",
            "ExecutionNotStarted",
            "ProviderOverloaded",
            "RunNotStopped",
            "SchedulerUnavailable",
            "SecretsUnavailable",
            "StorageUnavailable",
            "TokenNotAnswered",
        ],
    ),
    (
        504,
        &[
            "ConnectTimeout",
            "FirstByteTimeout",
            "TotalTimeout",
            "UpstreamTimeout",
        ],
    ),
];

/// The status that answers with this code.
pub(crate) fn status_of(code: &str) -> Option<u16> {
    STATUSES
        .iter()
        .find(|(_, codes)| codes.contains(&code))
        .map(|(status, _)| *status)
}

/// What any function may answer that reads or writes records.
pub(crate) const STORE: &[&str] = &[
    "InvalidRequest",
    "Unauthorized",
    "AnswerTooLarge",
    "AnswerUnwritable",
    "RecordMalformed",
    "RecordRefused",
    "StorageUnavailable",
];

/// What Secrets Manager adds.
pub(crate) const SECRETS: &[&str] = &["SecretsAccessDenied", "SecretsUnavailable"];

/// What OpenRouter adds, where it is asked about a key or a model.
pub(crate) const OPENROUTER: &[&str] = &[
    "BudgetLimitExceeded",
    "ConnectTimeout",
    "FirstByteTimeout",
    "InFlightBudget",
    "InsufficientCredits",
    "InternalUpstream",
    "InvalidApiKey",
    "KeyLimitExceeded",
    "ModelNotFound",
    "PermissionDenied",
    "ProviderError",
    "ProviderOverloaded",
    "RateLimitExceeded",
    "TotalTimeout",
    "Unclassified",
    "UnexpectedAnswer",
    "Unreachable",
    "UpstreamTimeout",
];

/// What EventBridge Scheduler adds.
pub(crate) const SCHEDULER: &[&str] = &[
    "InvalidSchedule",
    "ScheduleMalformed",
    "SchedulerUnavailable",
];

/// What the start of a run adds.
pub(crate) const START: &[&str] = &[
    "BodyTooLarge",
    "CallbackRefused",
    "Conflict",
    "CredentialNotFound",
    "ExecutionNotStarted",
    "IdempotencyKeyReused",
    "InvalidInput",
    "RunNotFound",
    "StartsDisabled",
    "WorkflowDisabled",
    "WorkflowNotFound",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::STATUSES;

    #[test]
    fn every_code_has_one_status_and_a_page() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let mut codes: Vec<&str> = STATUSES
            .iter()
            .flat_map(|(_, codes)| codes.iter().copied())
            .collect();
        for code in &codes {
            assert!(pages.join(format!("{code}.md")).exists(), "{code}");
        }
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count, "a code stands twice");
    }
}
