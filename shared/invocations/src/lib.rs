#![doc = include_str!("../README.md")]

mod error;

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use tokio::time::timeout;

pub use error::Error;

/// The functions that may be called.
#[derive(Debug, Clone)]
pub struct Invocations {
    client: Client,
    /// Their ARNs.
    allowed: Vec<String>,
}

/// How a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// What it answered: JSON. Of a failure, what went wrong.
    pub answer: Vec<u8>,
    /// Whether it failed.
    pub failed: bool,
}

impl Invocations {
    /// Calls of the functions with these ARNs. The client must not try a call again by itself.
    pub fn new(client: Client, allowed: impl IntoIterator<Item = String>) -> Self {
        Self {
            client,
            allowed: allowed.into_iter().collect(),
        }
    }

    /// Calls a function with JSON, and waits for its answer.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for a function that is not in the list, and every call that has no answer. A function that
    /// failed has answered.
    pub async fn invoke(
        &self,
        function: &str,
        payload: Vec<u8>,
        time: Duration,
    ) -> Result<Invoked, Error> {
        let arn = self.arn(function)?;
        let call = self
            .client
            .invoke()
            .function_name(arn)
            .payload(Blob::new(payload))
            .send();
        let answer = timeout(time, call).await.map_err(|_| Error::TimedOut {
            function: function.to_owned(),
            after: time,
        })?;
        let answer = answer.map_err(|error| Error::of(function, &error))?;
        Ok(Invoked {
            failed: answer.function_error().is_some(),
            answer: answer.payload.map(Blob::into_inner).unwrap_or_default(),
        })
    }

    fn arn(&self, function: &str) -> Result<&str, Error> {
        let found = self
            .allowed
            .iter()
            .find(|arn| *arn == function || name(arn) == Some(function));
        found.map(String::as_str).ok_or_else(|| Error::NotAllowed {
            function: function.to_owned(),
            known: self
                .allowed
                .iter()
                .filter_map(|arn| name(arn))
                .map(str::to_owned)
                .collect(),
        })
    }
}

/// What stands in an ARN behind `function:`: the name, and the version or alias where there is one.
fn name(arn: &str) -> Option<&str> {
    arn.split_once(":function:").map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::Config;
    use aws_sdk_lambda::config::BehaviorVersion;

    use super::*;

    #[test]
    fn a_function_is_found_by_its_arn_or_its_name_and_no_other_is() {
        let config = Config::builder().behavior_version(BehaviorVersion::latest());
        let arn = |name: &str| format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
        let list = [arn("tax"), arn("stock:live")];
        let invocations = Invocations::new(Client::from_conf(config.build()), list);
        for (named, found) in [
            ("tax", Some(arn("tax"))),
            ("stock:live", Some(arn("stock:live"))),
            (&arn("tax"), Some(arn("tax"))),
            ("stock", None),
            ("tax:1", None),
            ("ta", None),
            ("", None),
            ("arn:aws:lambda:eu-west-1:999999999999:function:tax", None),
        ] {
            assert_eq!(invocations.arn(named).ok(), found.as_deref(), "{named}");
        }
        let refused = invocations.arn("taxes").unwrap_err().to_string();
        assert!(
            refused.contains("`taxes`") && refused.contains("tax, stock:live"),
            "{refused}"
        );
    }
}
