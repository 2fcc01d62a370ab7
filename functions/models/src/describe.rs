//! `GET /models/{author}/{slug}`: one model in full, with those who serve it.

use serde::Serialize;
use steps_lambda::{Answer, Request};
use steps_openrouter::ModelList;
use steps_openrouter::model_id::{Routing, routing, stands_alone};
use steps_openrouter::{Endpoint, Error, Model, ModelEndpoints};
use steps_problem::Problem;
use tokio::time::timeout;

use crate::app::App;
use crate::listed::{Age, listed, patience};
use crate::row::{Row, shown_price};

/// The model behind an id, and the offers of those who serve it.
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
                let served = found.endpoints.into_iter().map(Served::from).collect();
                (Some(served), None)
            }
            Err(problem) => (None, Some(problem)),
        },
        None => (None, Some(chosen_later(id))),
    };
    Answer::json(
        200,
        &Described {
            requested: id,
            routing: routing(id),
            model: model.map(|model| Full {
                row: Row::from(model),
                canonical_slug: &model.canonical_slug,
                is_moderated: model.is_moderated,
                other_prices: &model.pricing.others,
            }),
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

/// A model in full.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    /// The id that was asked for.
    requested: &'a str,
    /// What the parts of that id do beside naming a model.
    routing: Vec<Routing<'a>>,
    /// The model behind it; left out where OpenRouter chooses one on each call.
    #[serde(flatten)]
    model: Option<Full<'a>>,
    /// Those who serve it; `null` where they could not be had.
    endpoints: Option<Vec<Served>>,
    /// Why they could not be had.
    endpoints_problem: Option<Problem>,
    #[serde(flatten)]
    age: Age,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Full<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    canonical_slug: &'a str,
    is_moderated: bool,
    /// The other prices under OpenRouter's names, in its own units.
    other_prices: &'a std::collections::BTreeMap<String, String>,
}

/// A provider's offer of a model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Served {
    provider: String,
    /// What a node's `provider.order` calls it.
    tag: String,
    context_length: Option<u64>,
    max_completion_tokens: Option<u64>,
    /// USD per million tokens, a decimal.
    prompt_price: Option<String>,
    /// The same for what is generated.
    completion_price: Option<String>,
    quantization: Option<String>,
    supported_parameters: Vec<String>,
    /// 0 is well; below it, degraded or off.
    status: Option<i64>,
    /// Percent of requests that worked within the last half hour.
    uptime_last_30m: Option<f64>,
}

impl From<Endpoint> for Served {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            prompt_price: shown_price(endpoint.pricing.prompt),
            completion_price: shown_price(endpoint.pricing.completion),
            provider: endpoint.provider_name,
            tag: endpoint.tag,
            context_length: endpoint.context_length,
            max_completion_tokens: endpoint.max_completion_tokens,
            quantization: endpoint.quantization,
            supported_parameters: endpoint.supported_parameters,
            status: endpoint.status,
            uptime_last_30m: endpoint.uptime_last_30m,
        }
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
