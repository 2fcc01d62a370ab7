#![doc = include_str!("../README.md")]

mod board;
mod hand_over;
mod heal;
mod lay;
mod parts;
mod paused;
mod run_board;
mod step;
mod task;
mod wake;

pub use board::{Answer, Board, Next};
pub use heal::heal;
pub use lay::{begin_take, lay};
pub use parts::{execution_of, start_part, stop_executions};
pub use paused::{Offered, offer_again, offer_paused, tell};
pub use run_board::{RunBoard, Tasks, Tokens};
pub use step::step;
pub use task::{Task, Worked, Worker};
