//! What a model has written so far, handed on while the rest still comes.

use crate::assembly::Assembly;
use crate::halves::{join, without_open_half};

/// What a model has written since this was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// Of what it thinks before it answers.
    Reasoning(&'a str),
    /// Of the answer's text.
    Text(&'a str),
}

/// Hands on what is new in an answer.
pub(crate) struct Listener<'t, F> {
    tell: &'t mut F,
    /// How many bytes were told, as the assembly has them.
    reasoning: usize,
    text: usize,
}

impl<'t, F: FnMut(Said<'_>)> Listener<'t, F> {
    pub(crate) fn new(tell: &'t mut F) -> Self {
        Self {
            tell,
            reasoning: 0,
            text: 0,
        }
    }

    /// Tells what is new. Half a character is kept until the other half has come.
    pub(crate) fn hear(&mut self, assembly: &Assembly) {
        let new = |whole: &str, told: &mut usize| {
            let ready = without_open_half(whole.get(*told..).unwrap_or_default());
            *told += ready.len();
            join(ready.to_owned())
        };
        let reasoning = new(assembly.reasoning(), &mut self.reasoning);
        if !reasoning.is_empty() {
            (self.tell)(Said::Reasoning(&reasoning));
        }
        let text = new(assembly.text(), &mut self.text);
        if !text.is_empty() {
            (self.tell)(Said::Text(&text));
        }
    }
}
