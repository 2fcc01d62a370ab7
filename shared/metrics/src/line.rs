//! One line of the log that carries metrics.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{Write, stdout};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// Writes a line to the standard output, where the function has a namespace for its metrics. What cannot be written is
/// left out: no work fails for a metric.
pub(crate) fn write(line: impl FnOnce(&str, Timestamp) -> String) {
    let Some(namespace) = std::env::var("METRICS_NAMESPACE")
        .ok()
        .filter(|namespace| !namespace.is_empty())
    else {
        return;
    };
    let line = line(&namespace, Timestamp::now());
    let _ = writeln!(stdout().lock(), "{line}");
}

/// The units that are used here, in CloudWatch's words.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) enum Unit {
    Count,
    Milliseconds,
    Seconds,
    None,
}

/// Sets of dimensions: each metric is counted once for each set.
pub(crate) type Dimensions = &'static [&'static [&'static str]];

/// A line: what CloudWatch is to read out of it, and its fields.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    namespace: &'a str,
    metadata: Metadata<'a>,
    fields: BTreeMap<&'static str, Box<RawValue>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: Vec<Directive<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: Dimensions,
    metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: Unit,
}

impl<'a> Line<'a> {
    /// A line of this moment, with no field and no metric yet.
    pub(crate) fn new(namespace: &'a str, now: Timestamp) -> Self {
        Self {
            namespace,
            metadata: Metadata {
                timestamp: now.as_millisecond(),
                directives: Vec::new(),
            },
            fields: BTreeMap::new(),
        }
    }

    /// A field that is a text.
    pub(crate) fn field(mut self, name: &'static str, text: &str) -> Self {
        self.fields
            .extend(to_raw_value(text).ok().map(|text| (name, text)));
        self
    }

    /// The metrics that follow are counted for these sets of dimensions.
    pub(crate) fn metrics(mut self, dimensions: Dimensions) -> Self {
        self.metadata.directives.push(Directive {
            namespace: self.namespace,
            dimensions,
            metrics: Vec::new(),
        });
        self
    }

    /// A metric: a field that is a number, written as it is shown.
    pub(crate) fn metric(mut self, name: &'static str, unit: Unit, number: impl Display) -> Self {
        if let (Some(directive), Ok(number)) = (
            self.metadata.directives.last_mut(),
            RawValue::from_string(number.to_string()),
        ) {
            directive.metrics.push(Metric { name, unit });
            self.fields.insert(name, number);
        }
        self
    }
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metadata = to_raw_value(&self.metadata).map_err(|_| fmt::Error)?;
        let mut all: BTreeMap<&str, &RawValue> = BTreeMap::from([("_aws", metadata.as_ref())]);
        all.extend(
            self.fields
                .iter()
                .map(|(name, value)| (*name, value.as_ref())),
        );
        f.write_str(&serde_json::to_string(&all).map_err(|_| fmt::Error)?)
    }
}
