//! `POST /models/refresh`: reads the list from OpenRouter now.

use serde_json::json;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;

use crate::app::App;
use crate::listed::{left, time};

/// Reads the list and caches it. Where OpenRouter is away, the problem says which list stays in use.
pub(crate) async fn refresh(app: &App, request: &Request) -> Result<Answer, Problem> {
    match app.catalogue.refresh(&app.openrouter, left(request)).await {
        Ok(list) => Answer::json(
            200,
            &json!({ "total": list.models.len(), "fetchedAt": time(list.fetched_at) }),
        ),
        Err(mut problem) => {
            if let Some(kept) = app.catalogue.newest().await? {
                problem.solution.push(format!(
                    "Meanwhile the list of {} stays in use",
                    time(kept.fetched_at)
                ));
            }
            Err(problem)
        }
    }
}
