//! Costs by day: rows that say what each part of a grouping has cost on a day (UTC), made of what runs have cost.
//!
//! The truth are the attempts in the records of runs. Beside each run a record says what of it has been entered into the rows.
//! Both change in one transaction, so nothing is entered twice or left out, however often it is tried.

mod enter;
mod entered;
mod list;
mod open;
mod record;

pub use list::CostRow;
pub use open::OpenCosts;
pub use record::{Costs, CostsBy, KEPT_DAYS};
