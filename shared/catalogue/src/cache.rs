//! The list in the table and in a warm function's memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use steps_openrouter::{BASE_URL, Client, Model, ModelList};
use steps_problem::{Fault, Problem};
use steps_store::{Error, Store};
use steps_workflow::Workflow;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a warm function uses its list before it looks whether the table has another one.
const RECENT: Duration = Duration::from_secs(5 * 60);

/// Most warnings that are told at once.
const MOST_WARNINGS: usize = 100;

/// The model list, in the table and in this function's memory.
#[derive(Debug)]
pub struct Catalogue {
    store: Store,
    base_url: String,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    list: Arc<ModelList>,
    /// Which of the stored lists it is.
    refresh: String,
    looked_at: Instant,
}

impl Catalogue {
    /// The catalogue in this store of the OpenRouter at `base_url`; `None` for OpenRouter itself. A list that was stored
    /// for another one counts as none. Nothing is read yet.
    #[must_use]
    pub fn new(store: Store, base_url: Option<&str>) -> Self {
        let base_url = base_url.unwrap_or(BASE_URL);
        Self {
            store,
            base_url: base_url.trim_end_matches('/').to_owned(),
            held: Mutex::default(),
        }
    }

    /// The list that the table has now: one read, two where it takes several items, and parsed only where it is another
    /// than before. `None` where there is none that can be understood.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn newest(&self) -> Result<Option<Arc<ModelList>>, Error> {
        let mut held = self.held.lock().await;
        match self.look(held.as_ref()).await {
            Ok(found) => {
                *held = found;
                Ok(held.as_ref().map(|held| Arc::clone(&held.list)))
            }
            // It counts as none: the next refresh replaces it.
            Err(Error::Malformed { attribute }) => {
                tracing::warn!(attribute, "the stored model list cannot be understood");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn look(&self, held: Option<&Held>) -> Result<Option<Held>, Error> {
        let Some(head) = self.store.model_list().head().await? else {
            return Ok(None);
        };
        if head.base_url != self.base_url {
            tracing::info!("the stored model list is of another OpenRouter");
            return Ok(None);
        }
        let refresh = head.refresh.clone();
        let list = match held.filter(|held| held.refresh == refresh) {
            Some(same) => Arc::clone(&same.list),
            None => {
                let fetched_at = head.fetched_at;
                let text = self.store.model_list().models(head).await?;
                let models: Vec<Model> =
                    serde_json::from_str(&text).map_err(|_| Error::Malformed {
                        attribute: "packed",
                    })?;
                Arc::new(ModelList::new(models, fetched_at))
            }
        };
        Ok(Some(Held {
            list,
            refresh,
            looked_at: Instant::now(),
        }))
    }

    /// The list, at most a few minutes old. As a rule it comes from memory.
    ///
    /// # Errors
    /// As [`Self::newest`].
    pub async fn recent(&self) -> Result<Option<Arc<ModelList>>, Error> {
        if let Some(held) = &*self.held.lock().await
            && held.looked_at.elapsed() < RECENT
        {
            return Ok(Some(Arc::clone(&held.list)));
        }
        self.newest().await
    }

    /// The recent list, or the newest where the recent one lacks one of these ids: it may have come since.
    ///
    /// # Errors
    /// As [`Self::newest`].
    pub async fn naming<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Result<Option<Arc<ModelList>>, Error> {
        match self.recent().await? {
            Some(list) if !ids.into_iter().all(|id| list.takes(id)) => self.newest().await,
            recent => Ok(recent),
        }
    }

    /// Reads the list with this client of the catalogue's OpenRouter, within `patience`, and stores it whole. A stored
    /// list whose reading began later stays.
    ///
    /// # Errors
    /// Whatever kept it from coming or from being stored; the stored list is then as it was.
    pub async fn refresh(
        &self,
        openrouter: &Client,
        patience: Duration,
    ) -> Result<Arc<ModelList>, Problem> {
        let began = Timestamp::now();
        let models = match timeout(patience, openrouter.models()).await {
            Ok(models) => models?,
            Err(_) => return Err(steps_openrouter::Error::TotalTimeout { after: patience }.into()),
        };
        if models.is_empty() {
            return Err(Problem::new(
                502,
                "UnexpectedAnswer",
                "Unexpected Answer",
                "OpenRouter answered with an empty model list; it was not stored",
            )
            .solution(["Try again in a few minutes", "Check status.openrouter.ai"])
            .retryable(true));
        }
        let text = serde_json::to_string(&models).map_err(Problem::unwritable)?;
        let stored = self
            .store
            .model_list()
            .replace(&text, &self.base_url, began)
            .await?;
        tracing::info!(models = models.len(), stored, "read the model list");
        Ok(Arc::new(ModelList::new(models, began)))
    }

    /// What is allowed and probably a slip: the workflow's own warnings, and what the model list says of its models.
    /// Never fails: without a list there are only the former.
    pub async fn warnings(&self, workflow: &Workflow) -> Vec<Fault> {
        let list = self.naming(workflow.models()).await;
        let list = list.unwrap_or_else(|error| {
            tracing::warn!(%error, "the workflow's models were not checked");
            None
        });
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let mut warnings = workflow.warnings(list.as_deref(), today);
        let more = warnings.len().saturating_sub(MOST_WARNINGS);
        if more > 0 {
            warnings.truncate(MOST_WARNINGS);
            warnings.push(Fault::at("", format!("there are {more} more warnings")));
        }
        warnings
    }
}
