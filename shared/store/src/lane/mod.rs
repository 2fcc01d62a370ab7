//! Lanes of a run: what is ready for them, where each stands, and what each has done.

mod holder;
mod list;
mod number;
mod ready;
mod record;

pub use list::{Begun, NextItem};
pub use number::Heir;
pub use ready::{ReadyUnit, Told};
pub(crate) use record::{CHARGES, Settles, Totals, lists_of, totals_of, usage_of};
pub use record::{Lane, Lanes};
