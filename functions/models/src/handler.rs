//! The list comes from the cache; from OpenRouter where the cache is old; from the old cache where OpenRouter is away.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::json;
use steps_lambda::{Answer, Request};
use steps_openrouter::catalogue::{RECOMMENDED, Recommended};
use steps_openrouter::{Client, DEFAULT_MODEL, Model};
use steps_problem::Problem;
use steps_runs::{Catalogue, Store};

/// What this function works with.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) openrouter: Client,
    pub(crate) store: Store,
}

/// How old the cached list may be before OpenRouter is asked again.
const FRESH_SECONDS: i64 = 60 * 60;

/// The list at hand.
struct Listed {
    models: Vec<Model>,
    fetched_at: Timestamp,
    /// Why OpenRouter could not be asked, where the list is older than it should be.
    stale: Option<Problem>,
}

/// A model as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    provider: &'a str,
    description: &'a str,
    context_length: Option<u64>,
    max_completion_tokens: Option<u64>,
    /// USD per million tokens, a decimal; `null` where OpenRouter does not say.
    prompt_price: Option<String>,
    /// USD per million tokens, a decimal; `null` where OpenRouter does not say.
    completion_price: Option<String>,
    free: bool,
    input_modalities: &'a [String],
    output_modalities: &'a [String],
    supported_parameters: &'a [String],
    retires: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended: Option<&'a str>,
    default: bool,
}

impl Models {
    pub(crate) async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        let (method, path) = request.route();
        match (method, path.as_slice()) {
            ("GET", ["models"]) => self.list(request).await,
            ("POST", ["models", "refresh"]) => {
                let listed = self.refresh().await?;
                Answer::json(
                    200,
                    &json!({ "total": listed.models.len(), "fetchedAt": time(listed.fetched_at) }),
                )
            }
            ("GET", ["models", author, slug]) => self.describe(&format!("{author}/{slug}")).await,
            _ => Err(request.no_route()),
        }
    }

    async fn list(&self, request: &Request) -> Result<Answer, Problem> {
        let free = request.flag("free")?;
        let provider = request.query("provider");
        let words: Vec<String> = request
            .query("q")
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_lowercase)
            .collect();
        let listed = self.listed().await?;
        let rows: Vec<Row<'_>> = listed
            .models
            .iter()
            .filter(|model| free.is_none_or(|free| model.is_free() == free))
            .filter(|model| {
                provider.is_none_or(|provider| model.provider().eq_ignore_ascii_case(provider))
            })
            .filter(|model| {
                let text =
                    format!("{} {} {}", model.id, model.name, model.description).to_lowercase();
                words.iter().all(|word| text.contains(word))
            })
            .map(row)
            .collect();
        let recommended: Vec<_> = RECOMMENDED
            .iter()
            .map(|entry| {
                json!({
                    "id": entry.id,
                    "group": entry.group,
                    "description": entry.description,
                    "exists": listed.models.iter().any(|model| model.id == entry.id),
                })
            })
            .collect();
        let age = Timestamp::now().duration_since(listed.fetched_at).as_secs();
        Answer::json(
            200,
            &json!({
                "default": DEFAULT_MODEL,
                "models": rows,
                "count": rows.len(),
                "total": listed.models.len(),
                "recommended": recommended,
                "fetchedAt": time(listed.fetched_at),
                "ageSeconds": age.max(0),
                "stale": listed.stale,
            }),
        )
    }

    async fn describe(&self, id: &str) -> Result<Answer, Problem> {
        let listed = self.listed().await?;
        if let Some(model) = listed.models.iter().find(|model| model.id == id) {
            return Answer::json(200, &row(model));
        }
        let mut near: Vec<&str> = listed
            .models
            .iter()
            .map(|model| model.id.as_str())
            .collect();
        near.sort_by_cached_key(|other| {
            strsim::damerau_levenshtein(&other.to_lowercase(), &id.to_lowercase())
        });
        near.truncate(3);
        let case = if near.iter().any(|other| other.eq_ignore_ascii_case(id)) {
            " Model ids are case-sensitive: only the case differs."
        } else {
            ""
        };
        Err(Problem::new(
            404,
            "ModelNotFound",
            "Model Not Found",
            format!("OpenRouter lists no model `{id}`.{case}"),
        )
        .solution([
            format!("Did you mean one of these: {}?", near.join(", ")),
            "Choose a model from GET /models".to_owned(),
        ])
        .link("https://openrouter.ai/models"))
    }

    async fn listed(&self) -> Result<Listed, Problem> {
        let cached = match self.store.catalogue().await? {
            // A list that an older version wrote in another shape counts as none.
            Some(catalogue) => serde_json::from_str(&catalogue.models)
                .ok()
                .map(|models| (models, catalogue.fetched_at)),
            None => None,
        };
        let Some((models, fetched_at)) = cached else {
            return self.refresh().await;
        };
        let age = Timestamp::now().duration_since(fetched_at).as_secs();
        if age < FRESH_SECONDS {
            return Ok(Listed {
                models,
                fetched_at,
                stale: None,
            });
        }
        match self.refresh().await {
            Ok(listed) => Ok(listed),
            Err(problem) => {
                tracing::warn!(
                    code = problem.code,
                    age,
                    "the model list could not be refreshed"
                );
                Ok(Listed {
                    models,
                    fetched_at,
                    stale: Some(problem),
                })
            }
        }
    }

    async fn refresh(&self) -> Result<Listed, Problem> {
        let models = self.openrouter.models().await?;
        let fetched_at = Timestamp::now();
        let text = serde_json::to_string(&models).map_err(|error| {
            Problem::new(
                500,
                "AnswerUnwritable",
                "Answer Unwritable",
                error.to_string(),
            )
        })?;
        self.store
            .put_catalogue(&Catalogue {
                models: text,
                fetched_at,
            })
            .await?;
        Ok(Listed {
            models,
            fetched_at,
            stale: None,
        })
    }
}

fn row(model: &Model) -> Row<'_> {
    let per_million = |price: Option<Decimal>| {
        price.map(|price| (price * Decimal::from(1_000_000)).normalize().to_string())
    };
    Row {
        id: &model.id,
        name: &model.name,
        provider: model.provider(),
        description: &model.description,
        context_length: model.context_length,
        max_completion_tokens: model.max_completion_tokens,
        prompt_price: per_million(model.pricing.prompt),
        completion_price: per_million(model.pricing.completion),
        free: model.is_free(),
        input_modalities: &model.input_modalities,
        output_modalities: &model.output_modalities,
        supported_parameters: &model.supported_parameters,
        retires: model.expiration_date.as_deref(),
        recommended: RECOMMENDED
            .iter()
            .find(|entry: &&Recommended| entry.id == model.id)
            .map(|entry| entry.description),
        default: model.id == DEFAULT_MODEL,
    }
}

fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}
