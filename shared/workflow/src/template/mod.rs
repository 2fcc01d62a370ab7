//! Templates: Handlebars for prompts.
//!
//! The `handlebars` crate reads a template; this module evaluates it, because a prompt needs what a web page does
//! not: no HTML escaping, objects as JSON, and a missing value that fails wherever it is used, helper arguments
//! included, with its full path and the names that exist there.

mod helper;
mod names;
mod render;
mod scan;
mod syntax;
mod text;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;
use steps_problem::Fault;

pub use names::{Names, Reference};

use crate::error::RenderError;

/// Checks a template and tells what it names.
///
/// # Errors
/// The first fault of the template, with line and column; its `path` is empty.
pub fn check(template: &str) -> Result<Names, Fault> {
    names::of(&syntax::read(template)?)
}

/// The root names that a template reads: node variables and fields of the trigger's input.
///
/// # Errors
/// As [`check`].
pub fn variables(template: &str) -> Result<BTreeSet<String>, Fault> {
    Ok(check(template)?.roots())
}

/// How many characters every rendering has, whatever the context: the text outside tags, of alternatives the shorter.
///
/// # Errors
/// As [`check`].
pub fn least_chars(template: &str) -> Result<usize, Fault> {
    Ok(text::least_chars(&syntax::read(template)?))
}

/// Renders a template with `context`, an object. Values are inserted as they are: what looks like a template
/// inside one stays text.
///
/// `known` lists root names that exist in the workflow; a missing variable's error names them beside the context's.
///
/// # Errors
/// [`RenderError`]: a missing variable, a fault in the template, or a result past the size limit.
pub fn render(template: &str, context: &Value, known: &[&str]) -> Result<String, RenderError> {
    let elements = syntax::read(template)?;
    // What is wrong with the names of a template (such as `../` above the root) is a fault here too.
    names::of(&elements)?;
    render::run(&elements, context, known)
}
