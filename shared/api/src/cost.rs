//! Costs by day as they are answered.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steps_store::{CostRow, CostsBy, OpenCosts, Page};

/// The answer of `GET /costs`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CostPage {
    /// What the costs are told by, beside the day.
    pub by: CostsBy,
    /// The first day (UTC).
    pub from: Date,
    /// The last day (UTC).
    pub to: Date,
    /// What was paid, by day. A day on which nothing was paid has no row.
    pub costs: Vec<CostView>,
    /// What is not among them yet, whatever its day.
    pub open: OpenCosts,
    /// Asks for the next page; `null` on the last.
    pub cursor: Option<String>,
}

/// What calls cost on one day that have this in common.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostView {
    /// The day (UTC) on which the calls began.
    pub day: Date,
    /// By workflow and by node: the workflow's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// By node: the node's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// By model: the model's id; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// By credential: the credential's id; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    /// By user: what started the runs, such as `token/root`, `webhook/<workflow>/<name>`, `schedule/<workflow>/<name>`,
    /// `source/<arn>`, `eventbridge/<source>` or `failure/<workflow>`; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What was charged, USD.
    pub cost_usd: Decimal,
    /// How many more calls there were whose cost is not known.
    pub unknown: i64,
}

impl CostPage {
    /// The page as it is answered.
    pub fn new(
        by: CostsBy,
        (from, to): (Date, Date),
        page: Page<CostRow>,
        open: OpenCosts,
    ) -> Self {
        Self {
            by,
            from,
            to,
            costs: page.rows.into_iter().map(|row| view(by, row)).collect(),
            open,
            cursor: page.cursor,
        }
    }
}

fn view(by: CostsBy, row: CostRow) -> CostView {
    let view = CostView {
        day: row.day,
        cost_usd: row.cost_usd,
        unknown: row.unknown,
        ..CostView::default()
    };
    let part = Some(row.part).filter(|part| !part.is_empty());
    match by {
        CostsBy::Day => view,
        CostsBy::Workflow => CostView {
            workflow_id: part,
            ..view
        },
        CostsBy::Model => CostView {
            model: part,
            ..view
        },
        CostsBy::Credential => CostView {
            credential_id: part,
            ..view
        },
        CostsBy::User => CostView { user: part, ..view },
        CostsBy::Node => {
            let part = part.unwrap_or_default();
            let (workflow, node) = part.split_once('#').unwrap_or((&part, ""));
            CostView {
                workflow_id: Some(workflow.to_owned()),
                node: Some(node.to_owned()),
                ..view
            }
        }
    }
}
