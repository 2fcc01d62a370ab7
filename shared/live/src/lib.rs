#![doc = include_str!("../README.md")]

mod cursor;
mod event;
mod teller;
mod token;
mod watcher;
mod window;

pub use event::{
    AnswerIs, Event, ItemStands, ItemsInView, ItemsStand, News, NodeStands, NodesStand, RunBegins,
    RunEnds, TextKind, TextPiece,
};
pub use teller::{MOST_TEXT, Plan, Teller, Texts};
pub use token::{EventsToken, Refused, TokenFor};
pub use watcher::{Opened, Plans, Watcher};
pub use window::{Asked, Window};
