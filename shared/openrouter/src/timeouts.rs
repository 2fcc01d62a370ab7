//! The time limits of a chat, step by step.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::Error;

/// How long a chat may take, step by step. All but `idle` count from the moment of sending.
///
/// OpenRouter has been seen silent for about four minutes before it went on, and a reasoning model may
/// think for longer with nothing but keep-alive comments; the defaults allow for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection is open, TLS included. Whole seconds from 1 to 60; 10 by default.
    pub connect: Duration,
    /// Until the response's headers are in; 300 s by default.
    pub first_byte: Duration,
    /// Until the first piece of an answer, be it text, reasoning or a tool call; 600 s by default. Keep-alives don't count.
    pub first_token: Duration,
    /// Between one byte and the next, keep-alives included; 300 s by default.
    pub idle: Duration,
    /// Until everything is read; 840 s by default, a minute less than a Lambda function may run.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            first_token: Duration::from_secs(600),
            idle: Duration::from_secs(300),
            total: Duration::from_secs(840),
        }
    }
}

impl Timeouts {
    /// The limits for endpoints that answer at once.
    pub(crate) const LOOKUP: Self = Self {
        connect: Duration::from_secs(10),
        first_byte: Duration::from_secs(30),
        first_token: Duration::from_secs(30),
        idle: Duration::from_secs(15),
        total: Duration::from_secs(60),
    };

    /// The connect timeout for the HTTP client, rounded. Each timeout needs a client with connections of its own, so there
    /// should be few.
    pub(crate) fn connect_seconds(&self) -> u64 {
        self.connect.as_millis().div_ceil(1000).clamp(1, 60) as u64
    }
}

/// What a wait is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    FirstByte,
    FirstToken,
    Idle,
    /// For what follows the finish reason. Usage is worth a short wait, but its absence is no failure.
    Tail,
    Total,
}

const TAIL: Duration = Duration::from_secs(10);
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A request's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    timeouts: Timeouts,
}

impl Clock {
    pub(crate) fn start(timeouts: &Timeouts) -> Self {
        Self {
            started: Instant::now(),
            timeouts: *timeouts,
        }
    }

    pub(crate) fn connect_seconds(&self) -> u64 {
        self.timeouts.connect_seconds()
    }

    /// How long ago the request was sent.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits for `work` as long as `limit` and the total allow; the error names the one that ran out.
    pub(crate) async fn within<T>(
        &self,
        limit: Limit,
        work: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let all = self.timeouts;
        let (from, after) = match limit {
            Limit::FirstByte => (self.started, all.first_byte),
            Limit::FirstToken => (self.started, all.first_token),
            Limit::Idle => (Instant::now(), all.idle),
            Limit::Tail => (Instant::now(), TAIL),
            Limit::Total => (self.started, all.total),
        };
        let soft = from + after.min(FAR);
        let hard = self.started + all.total.min(FAR);
        timeout_at(soft.min(hard), work).await.map_err(|_| {
            if hard <= soft {
                return Error::TotalTimeout { after: all.total };
            }
            match limit {
                Limit::FirstByte => Error::FirstByteTimeout { after },
                Limit::FirstToken => Error::FirstTokenTimeout { after },
                Limit::Idle | Limit::Tail => Error::IdleTimeout { after },
                Limit::Total => Error::TotalTimeout { after },
            }
        })
    }
}
