#![doc = include_str!("../README.md")]

mod approval;
mod compare;
mod ended;
mod form;
mod http;
mod kind;
mod known_models;
mod lambda;
mod most;
mod node_kind;
mod openrouter;
mod preview;
mod scope;
mod set;
mod signal;
mod unknown;
mod unread;
mod wait;
mod waiting;

pub use approval::{Asks, BY_TIMEOUT, Decision};
pub use ended::{Ended, Failed, Pause, Paused, Tried, WaitsFor};
pub use kind::{Kind, Prepared, TYPES, UNREAD, schema};
pub use known_models::KnownModels;
pub use most::Most;
pub use preview::{CallPreview, Preview};
pub use scope::{Charged, Invoked, KeptFile, NotInvoked, Receipt, Scope};
pub use signal::{is_signal, signal_message};
pub use steps_openrouter::Said;

/// The code of a try whose answer is not what was asked for. What came of it is kept, and the next try of the same
/// execution of the run corrects it.
pub const INVALID_OUTPUT: &str = "InvalidOutput";
pub use waiting::own_message;
