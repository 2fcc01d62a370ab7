#![doc = include_str!("../README.md")]

mod error;
mod helper;
mod names;
mod render;
mod scan;
mod syntax;
mod template;
mod tree;
mod value;

pub use error::{RenderError, VARS};
pub use names::{Names, Reference};
pub use template::Template;
pub use value::kind;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
