//! HTTP requests as API Gateway hands them over, and the answers that it takes back.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use aws_lambda_events::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use steps_access::{Scopes, scope_of};
use steps_problem::{Fault, LARGEST_ANSWER, Problem, ProblemAnswer, answer_bytes};
use steps_store::Actor;

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The principal that the authorizer named: the id of a token, or `root`; `unknown` where it was not asked.
    pub principal: String,
    /// What it may do; nothing where the authorizer was not asked.
    pub scopes: Scopes,
    /// The address that the request came from.
    pub source_ip: Option<String>,
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self {
            principal: caller.principal.clone(),
            source_ip: caller.source_ip.clone(),
        }
    }
}

/// An HTTP request behind API Gateway (payload format 2.0).
#[derive(Debug)]
pub struct Request {
    method: String,
    path: String,
    route: String,
    parameters: HashMap<String, String>,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Vec<u8>,
    caller: Caller,
    is_authorized: bool,
    deadline: SystemTime,
}

impl Request {
    pub(crate) fn new(
        event: ApiGatewayV2httpRequest,
        deadline: SystemTime,
    ) -> Result<Self, Problem> {
        let context = event.request_context;
        let body = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded {
            STANDARD
                .decode(body)
                .map_err(|_| invalid("the body is marked as base64 and is not"))?
        } else {
            body.into_bytes()
        };
        // API Gateway joins a repeated parameter with commas, and the event's reader splits every value at them.
        let mut query: HashMap<String, String> = HashMap::new();
        for (name, value) in event.query_string_parameters.iter() {
            query
                .entry(name.to_owned())
                .and_modify(|before| {
                    before.push(',');
                    before.push_str(value);
                })
                .or_insert_with(|| value.to_owned());
        }
        let said = |name: &str| {
            let authorizer = context.authorizer.as_ref();
            authorizer.and_then(|authorizer| authorizer.fields.get(name)?.as_str())
        };
        let principal = said("principal").filter(|principal| !principal.is_empty());
        let scopes = Scopes::from_words(said("scopes").unwrap_or_default());
        Ok(Self {
            method: context.http.method.to_string(),
            path: event.raw_path.unwrap_or_default(),
            route: context.route_key.unwrap_or_default(),
            parameters: event.path_parameters,
            query,
            headers: event.headers,
            body,
            is_authorized: principal.is_some(),
            caller: Caller {
                principal: principal.unwrap_or("unknown").to_owned(),
                scopes,
                source_ip: context.http.source_ip,
            },
            deadline,
        })
    }

    /// The route that API Gateway matched, as the template names it, to match on: `GET /runs/{id}`.
    ///
    /// The path itself is not read again: API Gateway decodes it before it hands it over, so another reading may come
    /// to another route than the one that the authorizer was asked for.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The part of the path that stands for `name` in the route, decoded.
    ///
    /// # Errors
    /// `NoSuchRoute` where the route has no such part, `InvalidRequest` where it is longer than any name.
    pub fn parameter(&self, name: &str) -> Result<&str, Problem> {
        let given = self.parameters.get(name);
        let given = given.ok_or_else(|| self.no_route())?;
        no_longer_than_names(name, given)
    }

    /// Refuses a request that the authorizer did not let in, and one whose token has not the scope of its route.
    ///
    /// API Gateway keeps the authorizer's word for all routes, so it does not say that the token may do this.
    ///
    /// # Errors
    /// `Unauthorized`, `InsufficientScope`.
    pub(crate) fn check_access(&self) -> Result<(), Problem> {
        if !self.is_authorized {
            return Err(unauthorized());
        }
        match scope_of(&self.route) {
            Some(needed) if !self.caller.scopes.allow(needed) => {
                Err(insufficient_scope(needed.as_str(), &self.caller))
            }
            _ => Ok(()),
        }
    }

    /// The method, such as `GET`.
    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// The route with the parts of the path in their places, decoded.
    pub(crate) fn filled_route(&self) -> String {
        let (_, path) = self.route.split_once(' ').unwrap_or_default();
        let parts = path.split('/').map(|part| {
            let name = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'));
            let name = name.map(|name| name.trim_end_matches('+'));
            let given = name.and_then(|name| self.parameters.get(name));
            given.map_or(part, String::as_str)
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// Who sent it: whom the authorizer let in, and from where.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// A parameter of the query string, where it is given and not empty.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A query parameter that is a name or an id, where it is given and not empty.
    ///
    /// # Errors
    /// `InvalidRequest` where it is longer than any name.
    pub fn query_name(&self, name: &str) -> Result<Option<&str>, Problem> {
        let given = self.query(name);
        given
            .map(|given| no_longer_than_names(name, given))
            .transpose()
    }

    /// The names of the query string's parameters, in no order.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.keys().map(String::as_str)
    }

    /// A query parameter that is a number within `range`, or `default`.
    pub fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, Problem> {
        match self.query(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| {
                    invalid(format!(
                        "`{name}` has to be a whole number from {} to {}, and is `{text}`",
                        range.start(),
                        range.end()
                    ))
                }),
        }
    }

    /// A query parameter that is `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.query(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(text) => Err(invalid(format!(
                "`{name}` has to be true or false, and is `{text}`"
            ))),
        }
    }

    /// A header's value, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every parameter of the query string.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every header whose value is text; names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }

    /// The body's raw bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.body).map_err(|error| {
            invalid(format!(
                "the body is not UTF-8 from byte {} on",
                error.valid_up_to()
            ))
        })
    }

    /// The body as JSON of a known shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let fault = Fault {
                path: "body".to_owned(),
                line: Some(error.line()),
                column: Some(error.column()),
                message: error.to_string(),
            };
            invalid("the body is not the JSON that this path takes").faults(vec![fault])
        })
    }

    /// The body as JSON of a known shape, or what that is by default where there is no body.
    pub fn json_or_default<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.has_body() {
            self.json()
        } else {
            Ok(T::default())
        }
    }

    /// Whether there is a body at all.
    pub fn has_body(&self) -> bool {
        !self.body.trim_ascii().is_empty()
    }

    /// How long the function may still take.
    pub fn remaining(&self) -> Duration {
        self.deadline
            .duration_since(SystemTime::now())
            .unwrap_or_default()
    }

    /// The answer to a method and path that this function does not serve.
    pub fn no_route(&self) -> Problem {
        Problem::new(
            404,
            "NoSuchRoute",
            "No Such Route",
            format!("there is no {} {}", self.method, self.path),
        )
        .solution(["See docs/api.md for the paths and their methods"])
    }
}

/// Most bytes of a name or an id in the path or the query. None is as long, and none that is longer can be a key of a
/// record.
const LONGEST_NAME: usize = 512;

fn no_longer_than_names<'a>(name: &str, given: &'a str) -> Result<&'a str, Problem> {
    if given.len() <= LONGEST_NAME {
        return Ok(given);
    }
    Err(invalid(format!(
        "`{name}` has {} bytes; the most is {LONGEST_NAME}",
        given.len()
    )))
}

/// The gateway asks the authorizer before it calls a function. A request that comes without its word was let through by
/// mistake.
fn unauthorized() -> Problem {
    Problem::new(
        401,
        "Unauthorized",
        "Unauthorized",
        "the request did not pass the API's authorizer",
    )
    .solution([
        "Send the header `Authorization: Bearer <token>` with a token of the API",
        "Call the function through the HTTP API, not directly",
    ])
}

fn insufficient_scope(needed: &str, caller: &Caller) -> Problem {
    let has = match caller.scopes.words() {
        none if none.is_empty() => "none".to_owned(),
        words => format!("`{words}`"),
    };
    Problem::new(
        403,
        "InsufficientScope",
        "Insufficient Scope",
        format!(
            "this request needs a token with the scope `{needed}`; the scopes of `{}` are {has}",
            caller.principal
        ),
    )
    .solution([
        format!("Send a token that has the scope `{needed}`, or `admin`"),
        "Who has such a token with `admin` makes another one with POST /tokens".to_owned(),
    ])
}

/// The problem of a request that cannot be understood.
pub fn invalid(cause: impl Into<String>) -> Problem {
    Problem::new(400, "InvalidRequest", "Invalid Request", cause)
        .solution(["Correct the request and send it again"])
}

/// The problem of an answer that Lambda would not take. It would drop it, and the caller would hear of a fault within.
fn too_large(size: usize) -> Problem {
    Problem::new(
        500,
        "AnswerTooLarge",
        "Answer Too Large",
        format!("the answer has {size} bytes; Lambda takes {LARGEST_ANSWER}"),
    )
    .solution([
        "Ask for less: a smaller `limit`, or one node of a run with `?offset=0`",
        "Report it where the answer should have been small",
    ])
}

/// What a caller gets.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    location: Option<String>,
    headers: Vec<(HeaderName, String)>,
    body: Option<Body>,
}

impl Answer {
    /// JSON with this status.
    ///
    /// # Errors
    /// `AnswerTooLarge` past what Lambda takes.
    pub fn json(status: u16, value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(value).map_err(Problem::unwritable)?;
        let size = answer_bytes(&body);
        if size > LARGEST_ANSWER {
            return Err(too_large(size));
        }
        Ok(Self {
            status,
            content_type: "application/json",
            location: None,
            headers: Vec::new(),
            body: Some(Body::Text(body)),
        })
    }

    /// 200 with a text of this content type.
    pub fn text(content_type: &'static str, text: impl Into<String>) -> Self {
        Self {
            status: 200,
            content_type,
            location: None,
            headers: Vec::new(),
            body: Some(Body::Text(text.into())),
        }
    }

    /// 200 with a file of this content type.
    pub fn file(content_type: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            content_type,
            location: None,
            headers: Vec::new(),
            body: Some(Body::Binary(bytes.into())),
        }
    }

    /// The same as 206, a part: `place` is its `content-range`.
    #[must_use]
    pub fn partial(mut self, place: impl Into<String>) -> Self {
        self.status = 206;
        self.header(header::CONTENT_RANGE, place)
    }

    /// 304, no body: the caller has what it asks for.
    pub fn unchanged() -> Self {
        Self {
            status: 304,
            ..Self::empty()
        }
    }

    /// 307: the caller is to send the same request to this address.
    pub fn elsewhere(address: impl Into<String>) -> Self {
        Self {
            status: 307,
            content_type: "application/json",
            location: Some(address.into()),
            headers: Vec::new(),
            body: None,
        }
    }

    /// 204, no body.
    pub fn empty() -> Self {
        Self {
            status: 204,
            content_type: "application/json",
            location: None,
            headers: Vec::new(),
            body: None,
        }
    }

    /// The failure of the request of this id as `application/problem+json` (RFC 9457).
    pub(crate) fn problem(problem: &Problem, request_id: &str) -> Self {
        let answer = ProblemAnswer::new(problem, request_id);
        Self {
            status: problem.status,
            content_type: "application/problem+json",
            location: None,
            headers: Vec::new(),
            body: serde_json::to_string(&answer).ok().map(Body::Text),
        }
    }

    /// The same with this status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Its status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Where what was made can be read, as [`Answer::location`] was told.
    pub(crate) fn made_at(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Where what was made can be read.
    #[must_use]
    pub fn location(mut self, path: impl Into<String>) -> Self {
        self.location = Some(path.into());
        self
    }

    /// With a header more, in the place of one that every answer has where it is of the same name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The header with the id of the request that is answered.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Answer {
    /// The answer to the request of this id, as API Gateway takes it.
    pub(crate) fn to(self, request_id: &str) -> ApiGatewayV2httpResponse {
        let mut headers = HeaderMap::new();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        if self.body.is_some() {
            set(header::CONTENT_TYPE, self.content_type);
        }
        set(header::CACHE_CONTROL, "no-store");
        set(REQUEST_ID, request_id);
        if let Some(location) = &self.location {
            set(header::LOCATION, location);
        }
        for (name, value) in self.headers {
            set(name, &value);
        }
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = i64::from(self.status);
        response.headers = headers;
        response.is_base64_encoded = matches!(self.body, Some(Body::Binary(_)));
        response.body = self.body;
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(event: Value) -> Result<Request, Problem> {
        let event = serde_json::from_value(event).expect("an event of API Gateway");
        Request::new(event, SystemTime::now() + Duration::from_secs(30))
    }

    fn event() -> Value {
        json!({
            "version": "2.0",
            "rawPath": "/runs/x",
            "headers": {},
            "pathParameters": {"id": "x"},
            "requestContext": {
                "routeKey": "GET /runs/{id}",
                "stage": "$default",
                "http": {"method": "GET", "path": "/runs/x"},
            },
            "isBase64Encoded": false,
        })
    }

    #[test]
    fn the_route_is_the_one_that_api_gateway_matched_whatever_the_path_looks_like() {
        for path in ["/runs/x", "/runs//x/", "/prod/base/runs/x", "/credentials"] {
            let mut given = event();
            given["rawPath"] = json!(path);
            let request = request(given).unwrap();
            assert_eq!(request.route(), "GET /runs/{id}", "{path}");
            assert_eq!(request.parameter("id").unwrap(), "x");
            assert_eq!(request.parameter("node").unwrap_err().code, "NoSuchRoute");
        }
    }

    #[test]
    fn an_answer_that_lambda_would_drop_is_a_problem_with_words() {
        let fits = "x".repeat(LARGEST_ANSWER - 2);
        assert!(Answer::json(200, &fits.get(..fits.len() - 2)).is_ok());
        // A quote has two bytes in JSON, and four in the JSON around it.
        for large in ["x".repeat(LARGEST_ANSWER), "\"".repeat(LARGEST_ANSWER / 4)] {
            let problem = Answer::json(200, &large).unwrap_err();
            assert_eq!(problem.code, "AnswerTooLarge");
        }
    }

    #[test]
    fn the_sender_is_whom_the_authorizer_let_in() {
        let mut given = event();
        let nobody = request(given.clone()).unwrap();
        assert_eq!(nobody.caller().principal, "unknown");
        assert_eq!(nobody.check_access().unwrap_err().code, "Unauthorized");
        given["requestContext"]["authorizer"] =
            json!({"lambda": {"principal": "root", "scopes": "read"}});
        given["requestContext"]["http"]["sourceIp"] = json!("192.0.2.7");
        let request = request(given).unwrap();
        assert_eq!(request.caller().principal, "root");
        assert!(request.check_access().is_ok());
        assert_eq!(request.caller().source_ip.as_deref(), Some("192.0.2.7"));
    }

    #[test]
    fn a_token_without_the_scope_of_the_route_is_refused_and_the_scope_is_named() {
        let mut given = event();
        let lambda = |scopes: &str| json!({"lambda": {"principal": "t1", "scopes": scopes}});
        for (route, scopes, needed) in [
            ("GET /runs/{id}", "run", Some("read")),
            ("GET /runs/{id}", "", Some("read")),
            ("GET /runs/{id}", "everything", Some("read")),
            ("POST /runs/{id}/cancel", "read", Some("run")),
            ("PUT /workflows/{id}", "read run", Some("admin")),
            ("GET /made-up", "read run", Some("admin")),
            ("PUT /workflows/{id}", "admin", None),
            ("POST /runs/{id}/cancel", "run", None),
            ("$default", "run", None),
        ] {
            given["requestContext"]["routeKey"] = json!(route);
            given["requestContext"]["authorizer"] = lambda(scopes);
            let checked = request(given.clone()).unwrap().check_access();
            let Some(needed) = needed else {
                assert!(checked.is_ok(), "{route}: {checked:?}");
                continue;
            };
            let problem = checked.unwrap_err();
            assert_eq!(
                (problem.status, problem.code.as_str()),
                (403, "InsufficientScope")
            );
            let said = format!("scope `{needed}`");
            assert!(problem.cause.contains(&said), "{route}: {}", problem.cause);
        }
    }

    #[test]
    fn a_route_is_filled_with_what_stood_in_the_path() {
        let mut given = event();
        given["pathParameters"] = json!({"id": "a/b", "proxy": "x/y"});
        for (route, filled) in [
            ("GET /runs/{id}", "/runs/a/b"),
            ("GET /models/{proxy+}", "/models/x/y"),
            ("GET /runs/{other}", "/runs/{other}"),
            ("$default", ""),
        ] {
            given["requestContext"]["routeKey"] = json!(route);
            assert_eq!(request(given.clone()).unwrap().filled_route(), filled);
        }
    }

    #[test]
    fn a_body_in_base64_is_decoded_and_one_that_is_not_is_refused() {
        let mut given = event();
        given["isBase64Encoded"] = json!(true);
        given["body"] = json!("eyJhIjoxfQ==");
        let body: Value = request(given.clone()).unwrap().json().unwrap();
        assert_eq!(body, json!({"a": 1}));
        given["body"] = json!("{}");
        assert_eq!(request(given).unwrap_err().code, "InvalidRequest");
    }

    #[test]
    fn broken_json_is_told_with_its_place() {
        let mut given = event();
        given["body"] = json!("{\n  \"a\": }");
        let problem = request(given).unwrap().json::<Value>().unwrap_err();
        assert_eq!(problem.status, 400);
        assert_eq!(problem.faults[0].line, Some(2));
    }

    #[test]
    fn a_body_that_is_left_out_is_the_default() {
        let mut given = event();
        for none in [Value::Null, json!(""), json!(" \n")] {
            given["body"] = none;
            let body: Option<u32> = request(given.clone()).unwrap().json_or_default().unwrap();
            assert_eq!(body, None);
        }
        given["body"] = json!("7");
        let body: Option<u32> = request(given.clone()).unwrap().json_or_default().unwrap();
        assert_eq!(body, Some(7));
        given["body"] = json!("{");
        let broken = request(given).unwrap().json_or_default::<Option<u32>>();
        assert_eq!(broken.unwrap_err().code, "InvalidRequest");
    }

    #[test]
    fn what_is_longer_than_any_name_is_refused() {
        let mut given = event();
        for (length, is_name) in [(512, true), (513, false), (9_000, false)] {
            let name = "n".repeat(length);
            given["pathParameters"]["id"] = json!(name);
            given["queryStringParameters"] = json!({ "workflowId": name });
            let request = request(given.clone()).unwrap();
            for read in [
                request.parameter("id").map(Some),
                request.query_name("workflowId"),
            ] {
                match read {
                    Ok(read) => assert!(is_name && read == Some(name.as_str()), "{length}"),
                    Err(problem) => assert!(!is_name && problem.code == "InvalidRequest"),
                }
            }
        }
    }

    #[test]
    fn parameters_are_checked() {
        let mut given = event();
        given["queryStringParameters"] =
            json!({"limit": "5", "wait": "26", "free": "yes", "empty": ""});
        let request = request(given).unwrap();
        assert_eq!(request.number("limit", 1..=10, 3).unwrap(), 5);
        assert_eq!(request.number("absent", 1..=10, 3).unwrap(), 3);
        assert!(request.number("wait", 0..=25, 0).is_err());
        assert!(request.flag("free").is_err());
        assert_eq!(request.flag("absent").unwrap(), None);
        assert_eq!(request.query("empty"), None);
    }

    #[test]
    fn a_problem_is_answered_as_rfc_9457_says() {
        let problem = Problem::new(404, "RunNotFound", "Run Not Found", "there is no run `x`")
            .solution(["List them"]);
        let response = Answer::problem(&problem, "Req-1=").to("Req-1=");
        assert_eq!(response.status_code, 404);
        assert_eq!(response.headers["content-type"], "application/problem+json");
        assert_eq!(response.headers["x-request-id"], "Req-1=");
        let Some(Body::Text(body)) = response.body else {
            panic!("a text")
        };
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["type"], "/errors/RunNotFound");
        assert_eq!(body["title"], "Run Not Found");
        assert_eq!(body["status"], 404);
        assert_eq!(body["detail"], "there is no run `x`");
        assert_eq!(body["requestId"], "Req-1=");
    }
}
