//! `GET /models`: the list, filtered, sorted, in pages.

use steps_api::{ModelPage, ModelView, Offer};
use steps_lambda::{Answer, Request};
use steps_openrouter::ModelList;
use steps_openrouter::model_id::RECOMMENDED;
use steps_openrouter::{DEFAULT_MODEL, Model};
use steps_problem::Problem;
use steps_store::{from_cursor, to_cursor};

use crate::app::App;
use crate::filters::{Filters, only_known};
use crate::listed::listed;

/// The most models of a page, and the default. Today the whole list fits into one page, far under Lambda's 6 MB.
const MOST_ROWS: u64 = 1000;

/// A page of the models that fit the query, and the models worth offering first.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    only_known(request)?;
    let limit = request.number("limit", 1..=MOST_ROWS, MOST_ROWS)? as usize;
    let listed = listed(app, request).await?;
    let found = Filters::read(request, &listed.list)?.apply(&listed.list);
    let start = match request.query("cursor") {
        Some(cursor) => start(cursor, &found)?,
        None => 0,
    };
    let page = found.get(start..).unwrap_or_default();
    let page = page.get(..limit).unwrap_or(page);
    let end = start + page.len();
    let more = end < found.len();
    let rows: Vec<ModelView> = page.iter().copied().map(ModelView::from).collect();
    Answer::json(
        200,
        &ModelPage {
            default: DEFAULT_MODEL.to_owned(),
            count: rows.len(),
            models: rows,
            matched: found.len(),
            total: listed.list.models.len(),
            cursor: page
                .last()
                .filter(|_| more)
                .and_then(|last| cursor(end, last)),
            recommended: recommended(&listed.list),
            age: listed.age(),
        },
    )
}

/// The models worth offering first. Each says whether OpenRouter still lists it, and else which model follows it.
fn recommended(list: &ModelList) -> Vec<Offer> {
    RECOMMENDED
        .iter()
        .map(|entry| {
            let exists = list.find(entry.id).is_some();
            let successor = (!exists).then(|| list.successor(entry.id)).flatten();
            Offer::new(entry, exists, successor)
        })
        .collect()
}

/// Where the next page begins, and the model before it: the list may change between two pages.
fn cursor(next: usize, last: &Model) -> Option<String> {
    to_cursor(&(next, &last.id))
}

fn start(cursor: &str, found: &[&Model]) -> Result<usize, Problem> {
    let (next, last): (usize, String) = from_cursor(cursor)?;
    let after = found.iter().position(|model| model.id == last);
    Ok(after.map_or(next, |place| place + 1))
}
