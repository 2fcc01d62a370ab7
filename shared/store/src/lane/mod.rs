//! Lanes of a run: what is ready for them, where each stands, and what each has done.

mod ready;
mod record;

pub use ready::{ReadyUnit, Told};
pub(crate) use record::{CHARGES, Totals, totals_of, usage_of};
pub use record::{Lane, Lanes};
