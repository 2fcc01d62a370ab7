//! `POST /models/refresh`: reads the list from OpenRouter now.

use steps_api::RefreshedModels;
use steps_lambda::{Answer, Request};
use steps_problem::Problem;
use steps_store::millis;

use crate::app::App;
use crate::listed::left;

/// Reads the list and caches it. Where OpenRouter cannot be reached, the problem says which list stays in use.
pub(crate) async fn refresh(app: &App, request: &Request) -> Result<Answer, Problem> {
    match app.catalogue.refresh(&app.openrouter, left(request)).await {
        Ok(list) => Answer::json(
            200,
            &RefreshedModels {
                total: list.models.len(),
                fetched_at: list.fetched_at,
            },
        ),
        Err(mut problem) => {
            if let Some(kept) = app.catalogue.newest().await? {
                problem.solution.push(format!(
                    "Meanwhile the list of {} stays in use",
                    millis::text(kept.fetched_at)
                ));
            }
            Err(problem)
        }
    }
}
