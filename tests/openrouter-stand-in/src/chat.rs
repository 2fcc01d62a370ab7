//! `POST /chat/completions`: chooses the model and the fault, charges, and answers plain or streamed.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::answer::{Answer, compose};
use crate::ask::Ask;
use crate::catalogue::Resolved;
use crate::digest::generation_id;
use crate::faults::{Fault, FaultCall};
use crate::keys::Caller;
use crate::ledger::Generation;
use crate::plain::{self, Head};
use crate::playback::{Meter, Settlement, play};
use crate::refusal::Refusal;
use crate::state::{Shared, StandIn, locked};
use crate::{stream, upfront};

/// `POST /chat/completions`, plain and streamed.
pub(crate) async fn completions(
    State(stand_in): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    locked(&stand_in.observed).chat_call();
    let body = body.map_err(|_| upfront::too_large())?;
    locked(&stand_in.recorder).body(&body);
    let caller = Caller::read(&headers, &stand_in)?;
    caller.may_generate()?;
    let mut ask = Ask::read(&headers, &body, stand_in.settings.strict)?;
    ask.in_prose = caller.in_prose;
    let (model, call) = route(&stand_in, &caller, &ask)?;
    let call = call.map(|call| unstreamed(call, ask.stream));
    if let Some(page) = call.as_ref().and_then(|call| upfront::page(call.fault)) {
        return Ok(page);
    }
    Ok(generate(stand_in, &caller, &ask, &model, call.as_ref()).await)
}

/// The first model that answers, and the fault of its answer; else the last refusal.
fn route(
    stand_in: &StandIn,
    caller: &Caller,
    ask: &Ask,
) -> Result<(Resolved, Option<FaultCall>), Refusal> {
    let mut refused = None;
    for requested in &ask.models {
        let resolved = locked(&stand_in.catalogue).resolve(requested.as_deref());
        let asked = requested.as_deref().unwrap_or("(default)");
        locked(&stand_in.observed).asked_model(asked);
        let model = match resolved {
            Ok(model) => model,
            Err(refusal) => {
                refused = Some(refusal);
                continue;
            }
        };
        let call = meet(stand_in, caller, ask, &model, asked);
        let refusal = match &call {
            Some(call) => upfront::refusal(call, ask, &model),
            None => upfront::too_dear(ask, &model).or_else(|| exceeds(ask, &model)),
        };
        match refusal {
            Some(refusal) => refused = Some(refusal),
            None => return Ok((model, call)),
        }
    }
    Err(refused.unwrap_or_else(|| Refusal::new(404, "No models match your request")))
}

fn exceeds(ask: &Ask, model: &Resolved) -> Option<Refusal> {
    let wanted = ask
        .prompt_tokens
        .saturating_add(ask.max_tokens.unwrap_or(0));
    (wanted > model.context).then(|| upfront::context_length(ask, model.context, false))
}

/// The fault of this call: the header's, else the model's, else the prompt's.
fn meet(
    stand_in: &StandIn,
    caller: &Caller,
    ask: &Ask,
    model: &Resolved,
    asked: &str,
) -> Option<FaultCall> {
    let by_model = model.fault.map(FaultCall::plain);
    let calls = ask
        .header_fault
        .iter()
        .chain(&by_model)
        .chain(&ask.directives.faults);
    let mut observed = locked(&stand_in.observed);
    for (place, call) in calls.enumerate() {
        if let Some(only) = &call.model
            && only != asked
            && *only != model.slug
        {
            continue;
        }
        let who = format!(
            "{}/{}/{}/{}/{place}",
            caller.digest,
            model.slug,
            ask.user_sha256,
            call.fault.name()
        );
        if observed.meets(call.fault, who, call.times) {
            return Some(call.clone());
        }
    }
    None
}

/// The form that a fault of streams has in a plain answer.
fn unstreamed(mut call: FaultCall, stream: bool) -> FaultCall {
    if !stream {
        call.fault = match call.fault {
            Fault::StreamErrorFirst => Fault::ErrorIn200,
            Fault::StreamErrorMid | Fault::StreamErrorMidNoDone => Fault::ChoiceError,
            other => other,
        };
    }
    call
}

async fn generate(
    stand_in: Shared,
    caller: &Caller,
    ask: &Ask,
    model: &Resolved,
    call: Option<&FaultCall>,
) -> Response {
    let fault = call.map(|call| call.fault);
    let now = Timestamp::now();
    let head = Head {
        id: generation_id(),
        created: now.as_second(),
        model: model.slug.clone(),
        provider: model.provider,
        service_tier: ask.service_tier.clone(),
        routing: ask.tell_routing.then(|| routing(ask, model)),
    };
    let whose = format!("{}/{}", caller.digest, model.slug);
    let cached = locked(&stand_in.prompt_cache).serve(ask.beginning.as_ref(), &whose);
    let answer = compose(ask, model, cached, fault);
    // Where the provider failed before its first word, the answer is JSON, also for a stream.
    let streamed = ask.stream && fault != Some(Fault::ErrorIn200);
    begin(&stand_in, caller, ask, &head, &answer, fault, now);
    let meter = streamed.then(|| Meter {
        stand_in: stand_in.clone(),
        id: head.id.clone(),
        usage: answer.usage,
        settlement: settlement(&answer, fault),
        finished: false,
    });
    if let Some(call) = call.filter(|call| call.fault == Fault::SlowHeaders) {
        tokio::time::sleep(Duration::from_millis(call.argument("ms", 3000))).await;
    }
    let (kind, body) = if streamed {
        let steps = stream::plan(&head, &answer, call, ask.in_prose);
        ("text/event-stream", Body::from_stream(play(steps, meter)))
    } else {
        let bytes = plain::body(&head, &answer, fault);
        let body = match plain::steps(&bytes, call) {
            Some(steps) => Body::from_stream(play(steps, None)),
            None => Body::from(bytes),
        };
        ("application/json", body)
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if streamed {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    if let Ok(id) = HeaderValue::from_str(&head.id) {
        headers.insert(HeaderName::from_static("x-generation-id"), id);
    }
    response
}

/// How the request was led to its model, as the header `X-OpenRouter-Metadata` asks for it.
fn routing(ask: &Ask, model: &Resolved) -> Value {
    let requested = ask.models.first().and_then(Option::as_deref);
    let is_first = requested == Some(model.slug.as_str());
    let attempt = 1 + ask
        .models
        .iter()
        .position(|id| id.as_deref() == Some(model.slug.as_str()))
        .unwrap_or_default();
    json!({
        "requested": requested.unwrap_or_default(),
        "strategy": if attempt > 1 { "fallback" } else if is_first { "direct" } else { "alias" },
        "region": null, "summary": format!("available=1, selected={}", model.provider),
        "attempt": attempt, "is_byok": false,
        "endpoints": {"total": 1, "available": [
            {"provider": model.provider, "model": model.slug, "selected": true},
        ]},
        "attempts": [{"provider": model.provider, "model": model.slug, "status": 200}],
    })
}

fn settlement(answer: &Answer, fault: Option<Fault>) -> Settlement {
    match fault {
        _ if answer.free => Settlement::Nothing,
        Some(Fault::StreamCut | Fault::TruncatedJson) => Settlement::AsSent,
        _ => Settlement::Whole(answer.usage),
    }
}

/// Writes the generation into the ledger. A plain answer is charged whole, even if the client does not wait for it. A
/// streamed answer is charged as it is sent.
fn begin(
    stand_in: &StandIn,
    caller: &Caller,
    ask: &Ask,
    head: &Head,
    answer: &Answer,
    fault: Option<Fault>,
    at: Timestamp,
) {
    let usage = &answer.usage;
    let streamed = ask.stream && fault != Some(Fault::ErrorIn200);
    let (completion_tokens, reasoning_tokens) = if streamed {
        (0, 0)
    } else {
        (usage.completion_tokens, usage.reasoning_tokens)
    };
    let cost = if answer.free {
        Decimal::ZERO
    } else {
        usage.cost_of(completion_tokens)
    };
    locked(&stand_in.ledger).begin(Generation {
        id: head.id.clone(),
        key: caller.last_four.clone(),
        key_digest: caller.digest.clone(),
        model: head.model.clone(),
        provider: head.provider,
        cost,
        prompt_tokens: usage.prompt_tokens,
        completion_tokens,
        reasoning_tokens,
        finish_reason: answer.finish.map(str::to_owned),
        native_finish_reason: Some(answer.native.to_owned()),
        usage: answer.usage_json(),
        service_tier: head.service_tier.clone(),
        streamed,
        cancelled: false,
        finished: !streamed,
        fault: fault.map(Fault::name),
        prompt_sha256: ask.user_sha256.clone(),
        http_referer: ask.http_referer.clone(),
        title: ask.title.clone(),
        at,
        lookups: 0,
    });
}
