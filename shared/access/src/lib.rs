#![doc = include_str!("../README.md")]

mod routes;
mod scope;
mod signed;
mod token;

pub use routes::{scope_of, scoped_routes};
pub use scope::{Scope, Scopes};
pub use signed::{Signed, sign};
pub use token::Token;
