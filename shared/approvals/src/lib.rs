#![doc = include_str!("../README.md")]

mod link;
mod question;

pub use link::{Link, Linked, Refused};
pub use question::{Given, Question};
