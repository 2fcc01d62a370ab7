//! `GET /models/{author}/{slug}`: one model in full, with those who serve it.

use steps_api::{EndpointView, FullModel, ModelDetails, RoutingView};
use steps_lambda::{Answer, Request};
use steps_openrouter::ModelList;
use steps_openrouter::model_id::{routing, stands_alone};
use steps_openrouter::{Error, Model, ModelEndpoints};
use steps_problem::Problem;
use tokio::time::timeout;

use crate::app::App;
use crate::listed::{listed, patience};

/// The model that an id names, and the offers of those who serve it.
pub(crate) async fn describe(app: &App, id: &str, request: &Request) -> Result<Answer, Problem> {
    let listed = listed(app, request).await?;
    let list = &listed.list;
    let entry = list.find(id);
    if entry.is_none() && !stands_alone(id) {
        return Err(not_found(id, list));
    }
    // An alias is described as the model that it stands for today.
    let target = entry.and_then(|model| list.find(model.alias_target.as_deref()?));
    let model = target.or(entry);
    let (endpoints, endpoints_problem) = match model {
        Some(model) => match endpoints(app, model, request).await {
            Ok(found) => {
                let served = found
                    .endpoints
                    .into_iter()
                    .map(EndpointView::from)
                    .collect();
                (Some(served), None)
            }
            Err(problem) => (None, Some(problem)),
        },
        None => (None, Some(chosen_later(id))),
    };
    Answer::json(
        200,
        &ModelDetails {
            requested: id.to_owned(),
            routing: routing(id).into_iter().map(RoutingView::from).collect(),
            model: model.map(FullModel::from),
            endpoints,
            endpoints_problem,
            age: listed.age(),
        },
    )
}

async fn endpoints(app: &App, model: &Model, request: &Request) -> Result<ModelEndpoints, Problem> {
    let patience = patience(request);
    match timeout(patience, app.openrouter.endpoints(&model.id)).await {
        Ok(found) => Ok(found?),
        Err(_) => Err(Error::TotalTimeout { after: patience }.into()),
    }
}

fn chosen_later(id: &str) -> Problem {
    Problem::new(
        409,
        "ModelChosenLater",
        "Model Chosen Later",
        format!("`{id}` names no model: OpenRouter chooses one on each call"),
    )
    .solution(["Read in an answer's `model` and `provider` which one it was"])
}

fn not_found(id: &str, list: &ModelList) -> Problem {
    let near = list.nearest(id);
    let case = list.other_case(id).map_or_else(String::new, |other| {
        format!(" Model ids are case-sensitive: only the case differs from `{other}`.")
    });
    let mut solution = Vec::new();
    if !near.is_empty() {
        solution.push(format!("Did you mean one of these: {}?", near.join(", ")));
    }
    solution.push("Choose a model from GET /models".to_owned());
    Problem::new(
        404,
        "ModelNotFound",
        "Model Not Found",
        format!("OpenRouter lists no model `{id}`.{case}"),
    )
    .solution(solution)
    .link("https://openrouter.ai/models")
}
