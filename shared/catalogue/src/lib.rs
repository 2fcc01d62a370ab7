#![doc = include_str!("../README.md")]

mod cache;
mod check;
mod list;
mod successor;

pub use cache::Catalogue;
pub use list::List;
