//! The configuration, read from the environment. No other place reads it, but `steps-lambda` reads the log
//! settings, and `steps-metrics` its namespace.

use std::env;

use steps_openrouter::{App, BASE_URL, Client, Error};
use steps_schedules::Fires;
use steps_web::{AllowedHosts, Names, Web};

/// A function's configuration. Each function reads the variables that its part of the template sets:
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `TABLE_NAME` | the DynamoDB table | required |
/// | `BUCKET_NAME` | the S3 bucket for texts past the item limit | required |
/// | `RUN_RETENTION_DAYS` | days after which a run's record expires | 90 |
/// | `SECRET_PREFIX` | what the names of the keys' secrets begin with | required |
/// | `WEBHOOK_SECRET_PREFIX` | what the names of the webhooks' secrets begin with | required |
/// | `CALLBACK_QUEUE_URL` | the queue of ended runs that are to be posted | required |
/// | `CALLBACKS_LOST_URL` | the queue of ended runs that no receiver has taken | required |
/// | `CALLBACK_SECRET_ID` | the stack's secret that signs what is posted | required |
/// | `CALLBACK_SECRET_PREFIX` | what the names of the workflows' own callback secrets begin with | required |
/// | `EVENT_BUS_NAME` | the event bus that failures of runs are sent to | `default` |
/// | `LOCAL_CALLBACKS` | `true`: runs may be posted to http://localhost too | `false` |
/// | `MOST_WAITERS` | how many callers wait for the end of their runs at once | 20 |
/// | `STATE_MACHINE_ARN` | the machine that runs workflows | required |
/// | `SCHEDULE_GROUP` | the schedule group of the stack | required |
/// | `SCHEDULE_TARGET_ARN`, `SCHEDULE_ROLE_ARN` | the function that a schedule invokes, and the role that it does so with | required |
/// | `SCHEDULE_LOST_ARN` | the queue for firings that could not be delivered | required |
/// | `API_TOKEN_SECRET_ID` | the secret that holds the API's root token | required |
/// | `EVENTS_KEY_SECRET_ID` | the secret that signs the tokens of who watches runs | required |
/// | `EVENTS_URL` | where runs are streamed | none: runs are not streamed |
/// | `ROTATE_KEY_ARN` | the function that rotates keys | none: keys are not rotated |
/// | `MANAGEMENT_KEY_SECRET_ID` | the secret that holds OpenRouter's management key | required |
/// | `OPENROUTER_BASE_URL` | OpenRouter's API | `https://openrouter.ai/api/v1` |
/// | `APP_REFERER` | sent as `HTTP-Referer`, for OpenRouter's rankings | none |
/// | `APP_TITLE` | sent as `X-OpenRouter-Title` and `X-Title` | none |
/// | `HTTP_HOSTS` | hosts that `http` nodes may call though their addresses are not public: names or addresses, with or without a port, commas between them | none |
/// | `NODE_FUNCTIONS` | the ARNs of the functions that `lambda` nodes may call, commas between them | none |
/// | `LOCAL_NAMES` | for tests: what hosts' names lead to, as `a.test=8.8.8.8>127.0.0.1;b.test=::1`; refused on AWS | none |
/// | `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` | the function's memory in MB, set by Lambda: a tenth of it is the largest answer of a model | none: 64 MiB |
/// | `AWS_ENDPOINT_URL` and the rest of the AWS SDK's own | where AWS is | AWS |
/// | `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG` | read by `steps-lambda`: the least level that this project's crates log | `info` |
/// | `METRICS_NAMESPACE` | read by `steps-metrics`: the namespace of the metrics | none: no metrics |
/// | `AWS_LAMBDA_LOG_FORMAT` | read by `steps-lambda`: `JSON`, or text | text |
#[derive(Debug, Clone, Copy, Default)]
pub struct Config;

/// An environment variable that is missing or has a wrong value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not set, or empty.
    #[error(
        "the environment variable {0} is not set: the template sets it for this function, so deploy it again; set it yourself where the function runs without the template"
    )]
    Missing(&'static str),
    /// Its value has the wrong form.
    #[error("the environment variable {name} is not {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}

impl Config {
    /// `TABLE_NAME`.
    pub(crate) fn table_name(self) -> Result<String, ConfigError> {
        required("TABLE_NAME")
    }

    /// `BUCKET_NAME`.
    pub(crate) fn bucket_name(self) -> Result<String, ConfigError> {
        required("BUCKET_NAME")
    }

    /// `RUN_RETENTION_DAYS`.
    pub(crate) fn run_retention_days(self) -> Result<i64, ConfigError> {
        const NAME: &str = "RUN_RETENTION_DAYS";
        optional(NAME)
            .map_or(Ok(90), |days| days.parse())
            .ok()
            .filter(|days| (1..=3650).contains(days))
            .ok_or(ConfigError::Invalid {
                name: NAME,
                expected: "a number of days from 1 to 3650",
            })
    }

    /// `SECRET_PREFIX`.
    pub(crate) fn secret_prefix(self) -> Result<String, ConfigError> {
        required("SECRET_PREFIX")
    }

    /// `WEBHOOK_SECRET_PREFIX`.
    pub(crate) fn webhook_secret_prefix(self) -> Result<String, ConfigError> {
        required("WEBHOOK_SECRET_PREFIX")
    }

    /// `CALLBACK_QUEUE_URL`.
    pub(crate) fn callback_queue_url(self) -> Result<String, ConfigError> {
        required("CALLBACK_QUEUE_URL")
    }

    /// `CALLBACK_SECRET_ID`.
    pub(crate) fn callback_secret_id(self) -> Result<String, ConfigError> {
        required("CALLBACK_SECRET_ID")
    }

    /// `CALLBACKS_LOST_URL`.
    pub(crate) fn callbacks_lost_url(self) -> Result<String, ConfigError> {
        required("CALLBACKS_LOST_URL")
    }

    /// `CALLBACK_SECRET_PREFIX`.
    pub(crate) fn callback_secret_prefix(self) -> Result<String, ConfigError> {
        required("CALLBACK_SECRET_PREFIX")
    }

    /// `EVENT_BUS_NAME`.
    pub(crate) fn event_bus_name(self) -> String {
        optional("EVENT_BUS_NAME").unwrap_or_else(|| "default".to_owned())
    }

    /// `LOCAL_CALLBACKS`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] on AWS: there localhost is the function itself, with what the runtime answers on it.
    pub fn local_callbacks(self) -> Result<bool, ConfigError> {
        const NAME: &str = "LOCAL_CALLBACKS";
        let local = optional(NAME).as_deref() == Some("true");
        if local && is_on_aws() {
            return Err(ConfigError::Invalid {
                name: NAME,
                expected: "`false`, as it has to be on AWS: LocalCallbacks is for the local AWS only",
            });
        }
        Ok(local)
    }

    /// A client for addresses that documents name: `HTTP_HOSTS` and `LOCAL_NAMES`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where one of them has the wrong form, or names are given on AWS.
    pub fn web(self) -> Result<Web, ConfigError> {
        const NAMES: &str = "LOCAL_NAMES";
        let hosts = AllowedHosts::parse(&optional("HTTP_HOSTS").unwrap_or_default());
        let hosts = hosts.map_err(|_| ConfigError::Invalid {
            name: "HTTP_HOSTS",
            expected: "hosts with commas between them, each with or without a port",
        })?;
        let names = match optional(NAMES) {
            Some(_) if is_on_aws() => {
                return Err(ConfigError::Invalid {
                    name: NAMES,
                    expected: "empty, as it has to be on AWS: it is for tests only",
                });
            }
            Some(names) => Names::for_tests(&names).map_err(|_| ConfigError::Invalid {
                name: NAMES,
                expected: "names with their addresses",
            })?,
            None => Names::default(),
        };
        Web::new(hosts, names).map_err(|_| ConfigError::Invalid {
            name: "SSL_CERT_FILE",
            expected: "a file of certificates that TLS can be set up with",
        })
    }

    /// `NODE_FUNCTIONS`.
    pub(crate) fn node_functions(self) -> Vec<String> {
        let list = optional("NODE_FUNCTIONS").unwrap_or_default();
        let arns = list.split(',').map(str::trim);
        arns.filter(|arn| !arn.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// `MOST_WAITERS`: at most 9999.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn most_waiters(self) -> Result<u32, ConfigError> {
        const NAME: &str = "MOST_WAITERS";
        optional(NAME)
            .map_or(Ok(20), |most| most.parse())
            .ok()
            .filter(|most| *most <= 9999)
            .ok_or(ConfigError::Invalid {
                name: NAME,
                expected: "a number from 0 to 9999",
            })
    }

    /// `STATE_MACHINE_ARN`.
    pub(crate) fn state_machine_arn(self) -> Result<String, ConfigError> {
        required("STATE_MACHINE_ARN")
    }

    /// `HAND_OVER_AFTER`: after so many tasks an execution hands its run over to the next.
    pub fn hand_over_after(self) -> Result<u32, ConfigError> {
        const NAME: &str = "HAND_OVER_AFTER";
        optional(NAME)
            .map_or(Ok(2200), |tasks| tasks.parse())
            .map_err(|_| ConfigError::Invalid {
                name: NAME,
                expected: "a number of tasks",
            })
    }

    /// `SCHEDULE_GROUP`.
    pub(crate) fn schedule_group(self) -> Result<String, ConfigError> {
        required("SCHEDULE_GROUP")
    }

    /// What a schedule invokes: `SCHEDULE_TARGET_ARN`, `SCHEDULE_ROLE_ARN` and `SCHEDULE_LOST_ARN`.
    pub fn schedule_fires(self) -> Result<Fires, ConfigError> {
        Ok(Fires {
            function_arn: required("SCHEDULE_TARGET_ARN")?,
            role_arn: required("SCHEDULE_ROLE_ARN")?,
            lost_arn: required("SCHEDULE_LOST_ARN")?,
        })
    }

    /// `API_TOKEN_SECRET_ID`.
    pub(crate) fn api_token_secret_id(self) -> Result<String, ConfigError> {
        required("API_TOKEN_SECRET_ID")
    }

    /// `EVENTS_KEY_SECRET_ID`.
    pub(crate) fn events_key_secret_id(self) -> Result<String, ConfigError> {
        required("EVENTS_KEY_SECRET_ID")
    }

    /// `EVENTS_URL`; `None` where runs are not streamed.
    pub fn events_url(self) -> Option<String> {
        optional("EVENTS_URL")
    }

    /// `ROTATE_KEY_ARN`; `None` where keys are not rotated.
    pub fn rotate_key_arn(self) -> Option<String> {
        optional("ROTATE_KEY_ARN")
    }

    /// `MANAGEMENT_KEY_SECRET_ID`.
    pub(crate) fn management_key_secret_id(self) -> Result<String, ConfigError> {
        required("MANAGEMENT_KEY_SECRET_ID")
    }

    /// `OPENROUTER_BASE_URL`; `None` for OpenRouter itself.
    pub fn openrouter_base_url(self) -> Option<String> {
        optional("OPENROUTER_BASE_URL")
    }

    /// A client of OpenRouter: `OPENROUTER_BASE_URL`, `APP_REFERER` and `APP_TITLE`.
    ///
    /// # Errors
    /// [`Error::InvalidConfiguration`] where one of them cannot be used.
    pub fn openrouter(self) -> Result<Client, Error> {
        let base_url = self.openrouter_base_url();
        let app = App {
            referer: optional("APP_REFERER"),
            title: optional("APP_TITLE"),
        };
        let client = Client::new(base_url.as_deref().unwrap_or(BASE_URL), app)?;
        Ok(
            match largest_answer(optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")) {
                Some(most) => client.with_answers_up_to(most),
                None => client,
            },
        )
    }
}

/// The largest answer that a function of so many MB reads. It is in memory up to seven times at once, and the function
/// needs some 20 MB for itself.
fn largest_answer(memory: Option<String>) -> Option<usize> {
    let megabytes: usize = memory?.parse().ok()?;
    megabytes.checked_mul(1 << 20).map(|bytes| bytes / 10)
}

/// Whether this is a function of AWS itself, and not of the local AWS.
fn is_on_aws() -> bool {
    optional("AWS_LAMBDA_RUNTIME_API").is_some() && optional("AWS_ENDPOINT_URL").is_none()
}

fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn required(name: &'static str) -> Result<String, ConfigError> {
    optional(name).ok_or(ConfigError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::largest_answer;

    #[test]
    fn the_largest_answer_follows_the_memory() {
        let of = |memory: &str| largest_answer(Some(memory.to_owned()));
        assert_eq!(of("256"), Some(26_843_545));
        assert_eq!(of("1024"), Some(107_374_182));
        assert_eq!((of("much"), largest_answer(None)), (None, None));
    }
}
