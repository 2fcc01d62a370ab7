//! The list of OpenRouter's models at one moment.

use std::collections::HashMap;

use jiff::Timestamp;
use steps_problem::distance;

use crate::model_id::{base_id, stands_alone};
use crate::models::Model;
use crate::successor::successor;

/// OpenRouter's models as they were at one moment.
#[derive(Debug)]
pub struct ModelList {
    /// In OpenRouter's order.
    pub models: Vec<Model>,
    /// When their reading from OpenRouter began.
    pub fetched_at: Timestamp,
    places: HashMap<String, usize>,
}

/// How many neighbours an unknown id gets.
const NEIGHBOURS: usize = 3;

impl ModelList {
    /// The list of these models, read at this moment.
    #[must_use]
    pub fn new(models: Vec<Model>, fetched_at: Timestamp) -> Self {
        let places = models
            .iter()
            .enumerate()
            .map(|(place, model)| (model.id.clone(), place))
            .collect();
        Self {
            models,
            fetched_at,
            places,
        }
    }

    /// The model of an id, which may carry a variant or a preset that the list lacks.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Model> {
        let place = self.places.get(id).or_else(|| self.places.get(base_id(id)));
        self.models.get(*place?)
    }

    /// Whether OpenRouter takes the id, as far as the list can tell.
    #[must_use]
    pub fn takes(&self, id: &str) -> bool {
        stands_alone(id) || self.find(id).is_some()
    }

    /// The listed ids that are nearest to one that is not, the nearest first.
    #[must_use]
    pub fn nearest(&self, id: &str) -> Vec<&str> {
        let wanted = base_id(id);
        let mut ids: Vec<(usize, &str)> = self
            .models
            .iter()
            .filter_map(|model| Some((distance(wanted, &model.id)?, model.id.as_str())))
            .collect();
        ids.sort_by_key(|(distance, _)| *distance);
        ids.into_iter().take(NEIGHBOURS).map(|(_, id)| id).collect()
    }

    /// The listed id that differs from this one only in case.
    #[must_use]
    pub fn other_case(&self, id: &str) -> Option<&str> {
        let base = base_id(id);
        self.models
            .iter()
            .map(|model| model.id.as_str())
            .find(|other| other.eq_ignore_ascii_case(base) && *other != base)
    }

    /// The listed model that follows one that is retired, or will be: of the same author and family.
    #[must_use]
    pub fn successor(&self, id: &str) -> Option<&Model> {
        successor(&self.models, base_id(id))
    }
}
