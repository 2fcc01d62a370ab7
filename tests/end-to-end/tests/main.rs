//! The end-to-end tests: one module for each promise.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by panicking"
)]

mod again;
mod approvals;
mod at_once;
mod audit;
mod aws_events;
mod branches;
mod budgets;
mod by_hand;
mod cancel;
mod chains;
mod chat_messages;
mod chat_output;
mod chat_routing;
mod compare;
mod console;
mod costs;
mod costs_deaths;
mod credentials;
mod description;
mod door;
mod ends;
mod erased;
mod failures;
mod faults;
mod frugality;
mod hand_over;
mod http_nodes;
mod imports;
mod inline_nodes;
mod kills;
mod lambda_nodes;
mod lanes;
mod large_runs;
mod lists;
mod live;
mod live_items;
mod live_tokens;
mod live_writes;
mod max_runs;
mod metrics;
mod model_cache;
mod model_warnings;
mod models;
mod money;
mod on_failure;
mod outbox;
mod pauses;
mod plans;
mod played;
mod previews;
mod runs;
mod sandboxed;
mod schedules;
mod secrets_stay;
mod set_nodes;
mod signals;
mod starts;
mod sweeps;
mod switches;
mod tokens;
mod troubled_aws;
mod usage;
mod vars;
mod waits;
mod webhooks;
mod workflows;
