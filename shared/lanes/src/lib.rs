#![doc = include_str!("../README.md")]

mod board;
mod heal;
mod lay;
mod offered;
mod run_board;
mod step;

pub use board::{Answer, Board, Next};
pub use heal::heal;
pub use lay::{begin_take, lay};
pub use offered::offer;
pub use run_board::{RunBoard, Tokens};
pub use step::{Task, Worked, Worker, step};
