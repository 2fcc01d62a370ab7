#![doc = include_str!("../README.md")]

use std::fmt::Display;

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// AWS's error code and message. Where AWS did not answer, the kind of connection failure.
pub fn reason(error: &(impl ProvideErrorMetadata + Display)) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[derive(Debug)]
    struct Failed(ErrorMetadata);

    impl fmt::Display for Failed {
        fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str("dispatch failure")
        }
    }

    impl ProvideErrorMetadata for Failed {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    #[test]
    fn the_reason_is_what_aws_answered_or_why_it_did_not() {
        let meta = ErrorMetadata::builder;
        for (meta, want) in [
            (meta().code("Slow").message("wait"), "Slow: wait"),
            (meta().code("Slow"), "Slow"),
            (meta(), "dispatch failure"),
        ] {
            assert_eq!(reason(&Failed(meta.build())), want);
        }
    }
}
