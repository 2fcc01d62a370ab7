//! The AWS clients. They share one connection pool and one TLS library.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use steps_callbacks::CallbackQueue;
use steps_events::EventBus;
use steps_executions::Executions;
use steps_invocations::Invocations;
use steps_schedules::Scheduler;
use steps_secrets::{
    CallbackVault, EventsKey, Name, NamedSecret, RootToken, Secrets, WebhookSecrets,
};
use steps_store::Store;

use crate::{Config, ConfigError};

/// How many times a call is tried that AWS throttles or fails.
const TRIES: u32 = 5;

/// How long a connection may take, and how long one try of a call. A try may carry megabytes of text.
const CONNECT: Duration = Duration::from_secs(3);
const TRY: Duration = Duration::from_secs(15);

/// How long a call of a Lambda function may take: as long as a function can run. Its caller waits no longer than it wants.
const CALL: Duration = Duration::from_secs(900);

/// The account and region that the function runs in.
#[derive(Debug)]
pub struct Aws {
    sdk: SdkConfig,
}

impl Aws {
    /// Reads the account's configuration from the environment, as Lambda sets it.
    pub async fn load() -> Self {
        let mut http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring));
        if let Some(pem) = steps_roots::bundled_pem() {
            let roots = TrustStore::empty().with_pem_certificate(pem);
            // This does not fail for the compiled-in certificates. Without them the client reads the system's.
            if let Ok(context) = TlsContext::builder().with_trust_store(roots).build() {
                http = http.tls_context(context);
            }
        }
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.build_https())
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(TRY)
                    .build(),
            )
            .load()
            .await;
        Self { sdk }
    }

    /// The store in the configured table and bucket.
    pub fn store(&self) -> Result<Store, ConfigError> {
        // Path style, which AWS takes too: the local AWS has no DNS names for buckets.
        let s3 = aws_sdk_s3::config::Builder::from(&self.sdk)
            .force_path_style(true)
            .build();
        Ok(Store::new(
            aws_sdk_dynamodb::Client::new(&self.sdk),
            Config.table_name()?,
            aws_sdk_s3::Client::from_conf(s3),
            Config.bucket_name()?,
            Config.run_retention_days()?,
        ))
    }

    /// Keys under the configured prefix.
    pub fn secrets(&self) -> Result<Secrets, ConfigError> {
        Ok(Secrets::new(
            self.secrets_manager(),
            Config.secret_prefix()?,
        ))
    }

    /// Webhooks' secrets under the configured prefix.
    pub fn webhook_secrets(&self) -> Result<WebhookSecrets, ConfigError> {
        Ok(WebhookSecrets::new(
            self.secrets_manager(),
            Config.webhook_secret_prefix()?,
        ))
    }

    /// The API's root token.
    pub fn root_token(&self) -> Result<RootToken, ConfigError> {
        Ok(RootToken::new(
            self.secrets_manager(),
            Config.api_token_secret_id()?,
        ))
    }

    /// The key that signs the tokens of who watches runs.
    pub fn events_key(&self) -> Result<EventsKey, ConfigError> {
        Ok(EventsKey::new(
            self.secrets_manager(),
            Config.events_key_secret_id()?,
        ))
    }

    /// The secret that signs callbacks.
    pub fn callback_secret(&self) -> Result<NamedSecret, ConfigError> {
        Ok(self.named_secret(Name::CallbackSecret, Config.callback_secret_id()?))
    }

    /// OpenRouter's management key.
    pub fn management_key(&self) -> Result<NamedSecret, ConfigError> {
        Ok(self.named_secret(Name::ManagementKey, Config.management_key_secret_id()?))
    }

    fn named_secret(&self, name: Name, secret_id: String) -> NamedSecret {
        NamedSecret::new(name, self.secrets_manager(), secret_id)
    }

    fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk)
    }

    /// The queue of ended runs that are to be posted.
    pub fn callback_queue(&self) -> Result<CallbackQueue, ConfigError> {
        Ok(CallbackQueue::new(
            aws_sdk_sqs::Client::new(&self.sdk),
            Config.callback_queue_url()?,
        ))
    }

    /// The queue of ended runs that no receiver has taken.
    pub fn lost_callbacks(&self) -> Result<CallbackQueue, ConfigError> {
        Ok(CallbackQueue::new(
            aws_sdk_sqs::Client::new(&self.sdk),
            Config.callbacks_lost_url()?,
        ))
    }

    /// Workflows' own callback secrets under the configured prefix.
    pub fn callback_vault(&self) -> Result<CallbackVault, ConfigError> {
        Ok(CallbackVault::new(
            self.secrets_manager(),
            Config.callback_secret_prefix()?,
        ))
    }

    /// The event bus that failures of runs are sent to.
    pub fn event_bus(&self) -> Result<EventBus, ConfigError> {
        Ok(EventBus::new(
            aws_sdk_eventbridge::Client::new(&self.sdk),
            Config.event_bus_name(),
            Config.state_machine_arn()?,
        ))
    }

    /// Executions of the configured state machine.
    pub fn executions(&self) -> Result<Executions, ConfigError> {
        Ok(Executions::new(
            aws_sdk_sfn::Client::new(&self.sdk),
            Config.state_machine_arn()?,
        ))
    }

    /// Calls of the functions that nodes may call. None is tried again here: it may have been carried out.
    pub fn invocations(&self) -> Invocations {
        let lambda = aws_sdk_lambda::config::Builder::from(&self.sdk)
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .operation_attempt_timeout(CALL)
                    .build(),
            )
            .build();
        Invocations::new(
            aws_sdk_lambda::Client::from_conf(lambda),
            Config.node_functions(),
        )
    }

    /// The stack's schedules.
    pub fn scheduler(&self) -> Result<Scheduler, ConfigError> {
        Ok(Scheduler::new(
            aws_sdk_scheduler::Client::new(&self.sdk),
            Config.schedule_group()?,
        ))
    }
}
