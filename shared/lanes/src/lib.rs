#![doc = include_str!("../README.md")]

mod board;
mod heal;
mod lay;
mod paused;
mod run_board;
mod step;

pub use board::{Answer, Board, Next};
pub use heal::heal;
pub use lay::{begin_take, lay};
pub use paused::{Offered, offer_again, offer_paused, tell};
pub use run_board::{RunBoard, Tokens};
pub use step::{Task, Worked, Worker, step};
