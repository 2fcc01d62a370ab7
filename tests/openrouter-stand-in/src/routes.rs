//! The routes of the API and of the control.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use crate::digest::generation_id;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::state::{Shared, StandIn, locked};
use crate::{account, chat, control, generation, keys, listing, tools, upfront};

const LARGEST_BODY: usize = 32 * 1024 * 1024;
const SITE: &str = "<!DOCTYPE html><html><head><title>OpenRouter</title></head>\
                    <body>The web site, not the API: its base path is /api/v1.</body></html>";

/// The routes of the API and of the control, with a new, empty memory.
///
/// # Errors
/// When the built-in list of models cannot be read, or the file that records cannot be written.
pub fn router(settings: Settings) -> io::Result<Router> {
    let stand_in: Shared = Arc::new(StandIn::new(settings)?);
    let api = Router::new()
        .route("/chat/completions", post(chat::completions))
        .route("/generation", get(generation::generation))
        .route("/key", get(keys::current_key))
        .route("/auth/key", get(keys::current_key))
        .route("/keys", get(account::list).post(account::create))
        .route(
            "/keys/{hash}",
            get(account::read)
                .patch(account::change)
                .delete(account::delete),
        )
        .route("/credits", get(keys::credits))
        .route("/models", get(listing::models))
        .route("/models/user", get(listing::user_models))
        .route("/models/count", get(listing::count))
        .route("/model/{author}/{slug}", get(listing::model))
        .route("/models/{author}/{slug}/endpoints", get(listing::endpoints))
        .route("/tools", get(tools::list))
        .route("/providers", get(listing::providers))
        .fallback(|| async { Refusal::new(404, "Not Found") })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(stand_in.clone(), observe))
        .layer(from_fn(dress));
    let control = Router::new()
        .route("/calls", get(control::calls))
        .route("/ledger", get(control::ledger))
        .route("/requests", get(control::requests))
        .route("/reset", post(control::reset))
        .route("/keys", post(control::keys))
        .route("/away", post(control::away))
        .route("/models", post(control::models))
        .route("/generation", post(control::generation))
        .fallback(|| async { Refusal::new(404, "stand-in: no such control") });
    Ok(Router::new()
        .nest("/api/v1", api)
        .nest("/_stand-in", control)
        .fallback(|| async { Html(SITE) })
        .with_state(stand_in))
}

/// Records the request, and refuses it while a test has the service away.
async fn observe(State(stand_in): State<Shared>, request: Request, next: Next) -> Response {
    if stand_in.is_away() {
        return Refusal::new(503, "Service temporarily unavailable")
            .retry_after(1)
            .into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        return upfront::too_large().into_response();
    };
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    locked(&stand_in.observed).request(parts.method.as_str(), path, &parts.headers, &bytes);
    next.run(Request::from_parts(parts, Body::from(bytes)))
        .await
}

/// The headers that every answer of the service carries.
async fn dress(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    let id = generation_id().replace("gen-", "req-");
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("request-id", id);
    }
    headers.insert("cf-ray", HeaderValue::from_static("0000000000000000-LCL"));
    response
}
