#![doc = include_str!("../README.md")]

mod cursor;
mod event;
mod teller;
mod token;
mod watcher;

pub use event::{
    AnswerIs, Event, ItemsStand, News, NodeStands, NodesStand, RunBegins, RunEnds, TextKind,
    TextPiece,
};
pub use teller::{MOST_TEXT, Plan, Teller, Texts};
pub use token::{EventsToken, Refused, TokenFor};
pub use watcher::{Opened, Plans, Watcher};
