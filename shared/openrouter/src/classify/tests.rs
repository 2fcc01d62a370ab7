//! Bodies of errors as seen on the wire, and the error each becomes.

use serde_json::json;

use super::*;

fn refused(status: u16, body: &str) -> Error {
    let origin = Origin {
        status,
        retry_after: None,
        model: Some("a/b"),
    };
    refusal(origin, Some("application/json"), body)
}

fn code_of(status: u16, message: &str) -> &'static str {
    let body = json!({"error": {"code": status, "message": message}, "user_id": "user_x"});
    refused(status, &body.to_string()).code()
}

#[test]
fn every_sentence_has_its_class() {
    for (status, sentence, want) in [
        (401, "No cookie auth credentials found", "InvalidApiKey"),
        (401, "No auth credentials found", "InvalidApiKey"),
        (401, "Missing Authentication header", "InvalidApiKey"),
        (401, "User not found.", "InvalidApiKey"),
        (
            402,
            "Insufficient credits. Add more using https://openrouter.ai/settings/credits",
            "InsufficientCredits",
        ),
        (
            402,
            "This request requires more credits, or fewer max_tokens. You requested up to 9 tokens, but can only afford 1.",
            "InsufficientCredits",
        ),
        (
            402,
            "Prompt tokens limit exceeded: 9 > 1. To increase, visit",
            "InsufficientCredits",
        ),
        (
            402,
            "This request would exceed your available credits given your current in-flight requests. Retry after in-flight requests settle, or add credits.",
            "InFlightBudget",
        ),
        (
            403,
            "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys",
            "KeyLimitExceeded",
        ),
        (
            403,
            "Budget limit exceeded (monthly limit). Contact your org admin.",
            "BudgetLimitExceeded",
        ),
        (
            403,
            "a/b requires moderation on OpenAI. Your input was flagged for \"x\". No credits were charged.",
            "ContentModerated",
        ),
        (
            403,
            "Request blocked: prompt injection patterns detected",
            "ContentModerated",
        ),
        (
            403,
            "Only management keys can perform this operation",
            "PermissionDenied",
        ),
        (404, "No endpoints found for a/b.", "ModelNotFound"),
        (
            404,
            "No endpoints found that support tool use. Try disabling \"x\".",
            "NoEndpoints",
        ),
        (
            404,
            "No endpoints found that support the provided 'tool_choice' value.",
            "NoEndpoints",
        ),
        (
            404,
            "No endpoints found matching your data policy (Free model training). Configure: https://openrouter.ai/settings/privacy",
            "NoEndpoints",
        ),
        (
            404,
            "No endpoints available matching your guardrail restrictions and data policy.",
            "NoEndpoints",
        ),
        (
            404,
            "No allowed providers are available for the selected model.",
            "NoEndpoints",
        ),
        (
            404,
            "No models match your request and model restrictions",
            "NoEndpoints",
        ),
        (404, "Resource not found", "ModelNotFound"),
        (400, "a/b is not a valid model ID", "ModelNotFound"),
        (
            400,
            "Input required: specify \"prompt\" or \"messages\"",
            "InvalidRequest",
        ),
        (
            400,
            "This endpoint's maximum context length is 8 tokens. However, you requested about 9 tokens",
            "ContextLengthExceeded",
        ),
        (413, "Request payload too large", "InvalidRequest"),
        (422, "Invalid argument", "InvalidRequest"),
        (
            429,
            "Rate limit exceeded: free-models-per-min. ",
            "RateLimitExceeded",
        ),
        (429, "Rate limit exceeded", "RateLimitExceeded"),
        (
            408,
            "Operation timed out. Please try again later.",
            "UpstreamTimeout",
        ),
        (504, "x", "UpstreamTimeout"),
        (
            524,
            "Request timed out. Please try again later.",
            "UpstreamTimeout",
        ),
        (500, "Internal Server Error", "InternalUpstream"),
        (502, "Provider returned error", "ProviderError"),
        (503, "Service temporarily unavailable", "ProviderOverloaded"),
        (529, "Provider returned error", "ProviderOverloaded"),
        (418, "x", "Unclassified"),
    ] {
        assert_eq!(code_of(status, sentence), want, "{status} {sentence}");
    }
}

#[test]
fn metadata_tells_more_than_the_status() {
    for (error, want) in [
        (
            json!({"code": 402, "message": "x", "metadata": {"limit_source": "openrouter_in_flight_budget"}}),
            "InFlightBudget",
        ),
        (
            json!({"code": 402, "message": "x", "metadata": {"limit_source": "openrouter_key_limit"}}),
            "KeyLimitExceeded",
        ),
        (
            json!({"code": 403, "message": "x", "metadata": {"scope": "key", "limit_usd": 1, "spend_usd": 2}}),
            "BudgetLimitExceeded",
        ),
        (
            json!({"code": 403, "message": "x", "metadata": {"reasons": ["violence"], "flagged_input": "y"}}),
            "ContentModerated",
        ),
        (
            json!({"code": 400, "message": "x", "metadata": {"error_type": "context_length_exceeded"}}),
            "ContextLengthExceeded",
        ),
        (
            json!({"code": 400, "message": "x", "metadata": {"error_type": "content_policy_violation"}}),
            "ContentModerated",
        ),
        (
            json!({"code": 404, "message": "gone", "availability": {"code": "model_deprecated"}}),
            "ModelNotFound",
        ),
        (
            json!({"code": 404, "message": "x", "availability": {"code": "constraint_filtered"}}),
            "NoEndpoints",
        ),
        (
            json!({"code": 404, "message": "No endpoints found for a/b.", "availability": {"code": "no_endpoints"}}),
            "ModelNotFound",
        ),
        (
            json!({"code": 404, "message": "x", "metadata": {"failed_routing_step": "Filter by Data Policy"}}),
            "NoEndpoints",
        ),
        (json!({"code": "429", "message": "x"}), "RateLimitExceeded"),
        (
            json!({"code": "rate_limit_exceeded", "message": "x"}),
            "RateLimitExceeded",
        ),
        (
            json!({"code": "server_error", "message": "x"}),
            "InternalUpstream",
        ),
        (json!({"message": "x"}), "ProviderError"),
        (json!("plain words"), "ProviderError"),
        (
            json!({"code": 400, "message": "Provider returned error", "metadata": {"provider_name": "P", "raw": "{\"error\":{\"message\":\"This model's maximum context length is 5\"}}"}}),
            "ContextLengthExceeded",
        ),
        (
            json!({"code": 401, "message": "Provider returned error", "metadata": {"provider_name": "P", "raw": "bad key"}}),
            "ProviderError",
        ),
        (
            json!({"code": 502, "message": "Network connection lost.", "metadata": {"error_type": "provider_unavailable"}}),
            "ProviderError",
        ),
    ] {
        let origin = Origin {
            status: 200,
            retry_after: None,
            model: Some("a/b"),
        };
        assert_eq!(super::error(origin, &error).code(), want, "{error}");
    }
}

#[test]
fn the_innermost_words_are_kept() {
    let raw =
        json!({"error": {"message": json!({"error": {"message": "the real reason"}}).to_string()}})
            .to_string();
    let body = json!({"error": {"code": 502, "message": "Provider returned error",
        "metadata": {"provider_name": "Anthropic", "raw": raw}}});
    let error = refused(502, &body.to_string());
    assert_eq!(error.upstream().unwrap().message, "the real reason");
    assert_eq!(error.provider(), Some("Anthropic"));
    assert!(error.retryable());
    let problem = steps_problem::Problem::from(&error);
    assert_eq!(
        problem.upstream.unwrap().provider.as_deref(),
        Some("Anthropic")
    );
}

#[test]
fn a_validator_answers_in_another_shape() {
    let issues = json!([{"path": ["messages", 0, "role"], "message": "Required"}]).to_string();
    let body = json!({"success": false, "error": {"name": "ZodError", "message": issues}});
    let error = refused(400, &body.to_string());
    assert_eq!(error.code(), "InvalidRequest");
    assert_eq!(
        error.upstream().unwrap().message,
        "messages.0.role: Required"
    );
}

#[test]
fn any_body_is_taken() {
    for (status, body, want) in [
        (
            502,
            "<html><title>502 Bad Gateway</title></html>",
            "ProviderError",
        ),
        (503, "", "ProviderOverloaded"),
        (
            404,
            "<!doctype html><title>Not Found</title>",
            "UnexpectedAnswer",
        ),
        (307, "", "UnexpectedAnswer"),
        (
            429,
            "\n : OPENROUTER PROCESSING\n\n  {\"error\":{\"code\":429,\"message\":\"x\"}}",
            "RateLimitExceeded",
        ),
        (401, "{\"error\":\"no\"}", "InvalidApiKey"),
        (400, "{\"error\":{\"co", "InvalidRequest"),
        (402, "[]", "InsufficientCredits"),
        (500, "null", "InternalUpstream"),
    ] {
        assert_eq!(refused(status, body).code(), want, "{status} {body}");
    }
}

#[test]
fn waits_are_found_wherever_they_are() {
    let wait = |error: Value| {
        let origin = Origin {
            status: 429,
            ..Origin::default()
        };
        super::error(origin, &error).retry_after()
    };
    assert_eq!(
        wait(json!({"metadata": {"retry_after_seconds": 7.5}})),
        Some(Duration::from_millis(7500))
    );
    assert_eq!(
        wait(json!({"metadata": {"headers": {"Retry-After": "12"}}})),
        Some(Duration::from_secs(12))
    );
    let reset = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(30);
    let soon = wait(
        json!({"metadata": {"headers": {"X-RateLimit-Reset": reset.as_millis().to_string()}}}),
    )
    .unwrap();
    assert!(soon > Duration::from_secs(25) && soon <= Duration::from_secs(30));
    assert_eq!(wait(json!({"message": "x"})), None);

    let daily = refused(
        429,
        r#"{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day. Add 10 credits"}}"#,
    );
    assert!(daily.daily_limit() && daily.retryable());
    assert!(daily.retry_after().unwrap() <= Duration::from_secs(DAY));
    assert_eq!(
        until_midnight(UNIX_EPOCH + Duration::from_secs(DAY * 9 + DAY - 60)),
        Duration::from_secs(60)
    );
}

#[test]
fn headers_ask_in_three_ways() {
    let wait = |name: &'static str, value: String| {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        wait_in_headers(&headers)
    };
    assert_eq!(
        wait("retry-after", "3".into()),
        Some(Duration::from_secs(3))
    );
    assert_eq!(
        wait("retry-after-ms", "250".into()),
        Some(Duration::from_millis(250))
    );
    assert_eq!(
        wait("retry-after", "Thu, 01 Jan 1970 00:00:01 GMT".into()),
        Some(Duration::ZERO)
    );
    let date = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&date)
        .unwrap();
    let left = wait("retry-after", date).unwrap();
    assert!(left > Duration::from_secs(80) && left <= Duration::from_secs(90));
    assert_eq!(wait("retry-after", "soon".into()), None);
    assert_eq!(wait("retry-after", "-5".into()), None);
    assert_eq!(
        wait("retry-after", "1e300".into()),
        Some(Duration::from_secs(DAY))
    );
}

#[test]
fn no_message_carries_a_key_or_goes_on_forever() {
    let long = format!("bad key sk-or-v1-deadbeef {}", "x".repeat(5000));
    let body = json!({"error": {"code": 401, "message": long, "metadata": {"provider_name": "sk-or-v1-deadbeef", "raw": null}}});
    let error = refused(401, &body.to_string());
    let shown = format!(
        "{error} {error:?} {:?}",
        steps_problem::Problem::from(&error)
    );
    assert!(!shown.contains("deadbeef"));
    assert!(error.upstream().unwrap().message.chars().count() <= 501);
}

#[test]
fn the_four_that_everyone_meets_say_what_to_do() {
    for (status, code, title, first, last) in [
        (
            401,
            "InvalidApiKey",
            "Invalid API Key",
            "Visit openrouter.ai/keys",
            "Update your credential",
        ),
        (
            402,
            "InsufficientCredits",
            "Insufficient Credits",
            "Visit openrouter.ai/credits",
            "Or switch to a free-tier model",
        ),
        (
            404,
            "ModelNotFound",
            "Model Not Found",
            "Check openrouter.ai/models",
            "Model IDs are case-sensitive (e.g. `openai/gpt-4o`)",
        ),
        (
            429,
            "RateLimitExceeded",
            "Rate Limit Exceeded",
            "Wait 1-2 minutes and retry",
            "Reduce workflow execution frequency",
        ),
    ] {
        let problem = steps_problem::Problem::from(refused(status, "{}"));
        assert_eq!(
            (problem.code.as_str(), problem.title.as_str()),
            (code, title)
        );
        assert_eq!(problem.solution.first().unwrap(), first);
        assert_eq!(problem.solution.last().unwrap(), last);
        assert_eq!(problem.retryable, status == 429);
    }
}
