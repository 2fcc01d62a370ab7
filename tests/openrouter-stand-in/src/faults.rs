//! The faults that the stand-in can show, by name, and how a test asks for one.

use std::collections::BTreeMap;

macro_rules! faults {
    ($($variant:ident = $name:literal, $about:literal;)*) => {
        /// What can go wrong when a test asks for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Fault { $(#[doc = $about] $variant,)* }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub(crate) fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

faults! {
    RateLimitOwn = "rate-limit-own", "429 of the gateway's own, free-models-per-min, with X-RateLimit headers";
    RateLimitFreeDay = "rate-limit-free-day", "429 until midnight UTC, free-models-per-day";
    RateLimitUpstream = "rate-limit-upstream", "429 of the provider, the reason in metadata.raw";
    NoCredits = "no-credits", "402, no credits left";
    FewerMaxTokens = "fewer-max-tokens", "402, can only afford fewer max_tokens";
    InFlightBudget = "in-flight-budget", "402 that passes, with Retry-After";
    KeyLimit = "key-limit", "403, the key's own limit is reached";
    Moderation = "moderation", "403, the input was flagged";
    NoEndpoints = "no-endpoints", "404, the model has no endpoint left";
    NoEndpointsTools = "no-endpoints-tools", "404, no endpoint supports tools";
    NoEndpointsDataPolicy = "no-endpoints-data-policy", "404, none matches the data policy";
    NoEndpointsParams = "no-endpoints-params", "404, none can handle the parameters";
    NoEndpointsProviders = "no-endpoints-providers", "404, no allowed provider serves the model";
    InvalidModel = "invalid-model", "400, not a valid model ID";
    ContextLength = "context-length", "400, longer than the context";
    ZodError = "zod-error", "400 in the validators' shape, success false";
    Timeout408 = "timeout-408", "408, operation timed out";
    TooLarge413 = "too-large-413", "413, payload too large";
    Internal500 = "internal-500", "500, internal";
    Provider502 = "provider-502", "502, provider returned error";
    Unavailable503 = "unavailable-503", "503 with Retry-After";
    Edge524 = "edge-524", "524, timed out at the edge";
    Overloaded529 = "overloaded-529", "529, provider overloaded";
    Html502 = "html-502", "502 with a page of HTML";
    Html200 = "html-200", "200 with a page of HTML";
    TruncatedJson = "truncated-json", "200 whose JSON ends half way; charged";
    EmptyBody = "empty-body", "200 with nothing in it; charged";
    ErrorIn200 = "error-in-200", "200 whose body is only an error";
    ErrorCodeWord = "error-code-word", "200 with an error whose code is a word";
    ChoiceError = "choice-error", "200 with part of the text and an error in the choice";
    EmptyContent = "empty-content", "200 with empty content and zero usage";
    ReasoningOnly = "reasoning-only", "200, the whole budget went into reasoning; finish length";
    ContentNull = "content-null", "200 with content null";
    Refusal = "refusal", "200 with content null and a refusal";
    ContentFilter = "content-filter", "200 with part of the text, finish content_filter";
    NetworkErrorNative = "network-error-native", "200, only native_finish_reason says network_error";
    StreamErrorFirst = "stream-error-first", "the first event is an error";
    StreamErrorMid = "stream-error-mid", "an error event after some text, then `[DONE]`";
    StreamErrorMidNoDone = "stream-error-mid-no-done", "an error event after some text, then the end";
    StreamCut = "stream-cut", "the connection breaks in the middle of the text";
    StreamNoDone = "stream-no-done", "finish and usage arrive, `[DONE]` does not";
    UsageChoicesEmpty = "usage-choices-empty", "usage arrives with choices []";
    UsageOldShape = "usage-old-shape", "usage arrives with finish_reason null";
    NoUsage = "no-usage", "no usage at all";
    Comments = "comments", "comment lines first and between the events";
    Utf8Split = "utf8-split", "multi-byte text, cut inside characters and lines";
    HalfCharacters = "half-characters", "multi-byte text, each UTF-16 unit in an event of its own";
    GarbledEvent = "garbled-event", "one event more among the text, which is no JSON";
    Unfinished = "unfinished", "half of the text, native_finish_reason network_error, no finish reason, no usage; charged";
    Crlf = "crlf", "lines end with CR LF";
    SlowHeaders = "slow-headers", "waits before the headers, ms=3000";
    SlowBody = "slow-body", "waits between the pieces of the body, ms=200";
    Stall = "stall", "headers, after=0 pieces of the body, then silence";
    ToolCalls = "tool-calls", "200 with a tool call and content null";
}

impl Fault {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }
}

/// One fault in the form in which a test asks for it: `NAME(key=value,...)*TIMES@MODEL`, all but the name optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultCall {
    pub(crate) fault: Fault,
    arguments: BTreeMap<String, u64>,
    /// How many calls get it; all of them when unset.
    pub(crate) times: Option<u32>,
    /// The only model that it applies to.
    pub(crate) model: Option<String>,
}

impl FaultCall {
    pub(crate) fn plain(fault: Fault) -> Self {
        Self {
            fault,
            arguments: BTreeMap::new(),
            times: None,
            model: None,
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (rest, model) = match text.trim().split_once('@') {
            Some((rest, model)) => (rest, Some(model.trim().to_owned())),
            None => (text.trim(), None),
        };
        let (rest, times) = match rest.rsplit_once('*') {
            Some((rest, times)) => {
                let times = times.trim().parse();
                let times = times.map_err(|_| format!("`{text}`: no number after `*`"))?;
                (rest.trim(), Some(times))
            }
            None => (rest.trim(), None),
        };
        let (name, listed) = match rest.split_once('(') {
            Some((name, listed)) => {
                let listed = listed.strip_suffix(')');
                let listed = listed.ok_or_else(|| format!("`{text}`: `)` is missing"))?;
                (name.trim(), listed)
            }
            None => (rest, ""),
        };
        let fault = Fault::from_name(name).ok_or_else(|| {
            let known: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
            format!(
                "no fault is called `{name}`; there are {}",
                known.join(", ")
            )
        })?;
        let mut arguments = BTreeMap::new();
        for pair in listed.split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = value.trim().parse();
            let value = value.map_err(|_| format!("`{text}`: `{pair}` is not key=number"))?;
            arguments.insert(key.trim().to_owned(), value);
        }
        Ok(Self {
            fault,
            arguments,
            times,
            model,
        })
    }

    pub(crate) fn argument(&self, name: &str, otherwise: u64) -> u64 {
        self.arguments.get(name).copied().unwrap_or(otherwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_part() {
        let call =
            FaultCall::parse("rate-limit-own(retry_after=2, x=1)*3@openai/gpt-4o:free").unwrap();
        assert_eq!(call.fault, Fault::RateLimitOwn);
        assert_eq!(call.argument("retry_after", 1), 2);
        assert_eq!(call.times, Some(3));
        assert_eq!(call.model.as_deref(), Some("openai/gpt-4o:free"));
    }

    #[test]
    fn says_what_is_wrong() {
        for text in ["", "nonsense", "stall(", "stall(after=x)", "stall*x"] {
            assert!(FaultCall::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_readme_names_every_fault() {
        let readme = include_str!("../README.md");
        for fault in Fault::ALL {
            let cell = format!("`{}`", fault.name());
            assert!(readme.contains(&cell), "{cell}");
        }
    }
}
