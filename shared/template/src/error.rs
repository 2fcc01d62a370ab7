//! Why a template could not be rendered.

use steps_problem::{Fault, Problem};

/// Why a template gave no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A value that the template names is missing.
    #[error("{}", missing(path, *line, *column, names, *place_kind, suggestion.as_deref()))]
    MissingVariable {
        /// Its full path from the context's root, cut to [`steps_problem::PATH`].
        path: String,
        /// Line of the tag in the template, from 1.
        line: usize,
        /// Column of the tag, from 1.
        column: usize,
        /// The names that exist where it is missing, each cut to [`steps_problem::NAME`].
        names: Vec<String>,
        /// What stands at that place where it is no object, such as `a text`.
        place_kind: Option<&'static str>,
        /// The name that was probably meant.
        suggestion: Option<String>,
    },
    /// The template itself is wrong, or a helper got a value of a kind it cannot use.
    #[error("{}", placed(.0))]
    Template(Fault),
    /// The text became longer than a prompt may be, probably by a loop inside a loop.
    #[error(
        "the template gives more than {limit_bytes} bytes or takes more than {limit_steps} steps"
    )]
    TooLarge {
        /// The most bytes of text.
        limit_bytes: usize,
        /// The most elements evaluated.
        limit_steps: usize,
    },
}

/// The name at a template's root that holds the variables of the deployment. No node's variable may have it.
pub const VARS: &str = "vars";

impl RenderError {
    /// The variable of the deployment that is missing, where that is what is missing.
    #[must_use]
    pub fn missing_var(&self) -> Option<&str> {
        let Self::MissingVariable { path, .. } = self else {
            return None;
        };
        let name = path.strip_prefix(VARS)?.strip_prefix('.')?;
        (!name.contains(['.', '['])).then_some(name)
    }

    /// The stable code that a state machine can match.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingVariable { .. } if self.missing_var().is_some() => "VarNotSet",
            Self::MissingVariable { .. } => "MissingVariable",
            Self::Template(_) => "TemplateError",
            Self::TooLarge { .. } => "TemplateTooLarge",
        }
    }
}

impl From<Fault> for RenderError {
    fn from(fault: Fault) -> Self {
        Self::Template(fault)
    }
}

impl From<RenderError> for Problem {
    fn from(error: RenderError) -> Self {
        let cause = error.to_string();
        let problem = |title| Self::new(422, error.code(), title, cause);
        match &error {
            RenderError::MissingVariable {
                path, line, column, ..
            } => {
                let fault = Fault {
                    line: Some(*line),
                    column: Some(*column),
                    ..Fault::at("", format!("`{path}` is missing"))
                };
                if let Some(name) = error.missing_var() {
                    return problem("Var Not Set")
                        .solution([
                            format!("Set it with PUT /vars/{name}, and start another run: a run sees the values of its start."),
                            "Check its spelling in the template: GET /vars lists what is set.".to_owned(),
                            format!("If it is optional, write `{{{{default {path} \"...\"}}}}` or wrap it in `{{{{#if {path}}}}}`."),
                        ])
                        .faults(vec![fault]);
                }
                problem("Missing Variable")
                    .solution([
                        format!("Check the spelling of `{path}` in the template against the names that exist."),
                        "If it comes from the trigger, send it in the run's input.".to_owned(),
                        format!("If it is optional, write `{{{{default {path} \"...\"}}}}` or wrap it in `{{{{#if {path}}}}}`."),
                    ])
                    .faults(vec![fault])
            }
            RenderError::Template(fault) => problem("Template Error")
                .solution(["Correct the template at the line and column named and save the workflow again."])
                .faults(vec![fault.clone()]),
            RenderError::TooLarge { .. } => problem("Template Too Large")
                .solution(["Insert less data: pick the fields that the prompt needs instead of whole objects or nested loops."]),
        }
    }
}

/// A fault of a template with its place in it.
fn placed(fault: &Fault) -> String {
    match (fault.line, fault.column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: {}", fault.message),
        _ => fault.message.clone(),
    }
}

fn missing(
    path: &str,
    line: usize,
    column: usize,
    names: &[String],
    place_kind: Option<&str>,
    suggestion: Option<&str>,
) -> String {
    /// A context may have hundreds of fields: not all fit into the message.
    const SHOWN: usize = 20;
    let mut message = format!("line {line}, column {column}: `{path}` is missing");
    match suggestion {
        Some(suggestion) => message.push_str(&format!("; did you mean `{suggestion}`?")),
        None => message.push('.'),
    }
    match place_kind {
        Some(kind) => message.push_str(&format!(" What it is read from is {kind}.")),
        None if names.is_empty() => message.push_str(" No names exist there."),
        None => {
            let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            message.push_str(&format!(" Names that exist there: {}", shown.join(", ")));
            if names.len() > SHOWN {
                message.push_str(&format!(" and {} more", names.len() - SHOWN));
            }
            message.push('.');
        }
    }
    message
}
