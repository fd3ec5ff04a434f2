//! What a StatsD client says: one reading of one metric, or an event, or the result of a service check.
//!
//! `formats` reads them from bytes into a [`SampleSink`], `statsd` is such a sink; neither knows the other.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Whose grammar lines are read with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// StatsD's and DogStatsD's, with the tag forms of Graphite and InfluxDB.
    #[default]
    DogStatsD,
    /// Exactly that of the original daemon.
    StatsD,
}

/// One reading, borrowed from the packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// What stands before the first colon, as sent.
    pub name: &'a [u8],
    /// What stands behind `|#`, as sent; empty without tags.
    pub tags: &'a [u8],
    pub reading: Reading<'a>,
    /// For how many events it stands: 1 / sample rate.
    pub weight: f64,
    /// The sender's own timestamp, which only DogStatsD knows.
    pub time: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading<'a> {
    Counter(f64),
    Timer(f64),
    Histogram(f64),
    Distribution(f64),
    Gauge(f64),
    /// A gauge's value written with a sign: a change of the value held, if one is held.
    GaugeChange(f64),
    /// One member of a set.
    Member(&'a [u8]),
}

/// Why a line, or one value of it, was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BadSample {
    /// No `|type` behind the value.
    NoType,
    /// The value is not a number, or a timer's is negative.
    Value,
    /// The sample rate is not `@` and a positive number.
    Rate,
    /// The timestamp is not `T` and whole seconds.
    Time,
    /// An event that does not hold as much text as it claims.
    Event,
    /// A service check without a name or a status of 0 to 3.
    ServiceCheck,
}

impl BadSample {
    pub const ALL: [BadSample; 6] = [
        BadSample::NoType,
        BadSample::Value,
        BadSample::Rate,
        BadSample::Time,
        BadSample::Event,
        BadSample::ServiceCheck,
    ];

    /// One word for counters.
    pub fn label(self) -> &'static str {
        match self {
            BadSample::NoType => "type",
            BadSample::Value => "value",
            BadSample::Rate => "rate",
            BadSample::Time => "timestamp",
            BadSample::Event => "event",
            BadSample::ServiceCheck => "service_check",
        }
    }
}

/// Something that happened, as DogStatsD's `_e{…}` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub title: String,
    pub text: String,
    /// When it happened, if the sender says; else when it was received.
    pub time: Option<Timestamp>,
    pub host: Option<String>,
    pub aggregation_key: Option<String>,
    pub source: Option<String>,
    pub low_priority: bool,
    pub alert: Alert,
    /// `key:value` or bare words, as sent.
    pub tags: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alert {
    #[default]
    Info,
    Success,
    Warning,
    Error,
}

/// A result that somebody else's check reports, DogStatsD's `_sc|…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCheck {
    pub name: String,
    pub status: CheckStatus,
    pub time: Option<Timestamp>,
    pub host: Option<String>,
    pub message: Option<String>,
    /// `key:value` or bare words, as sent.
    pub tags: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStatus {
    Ok,
    Warning,
    Critical,
    Unknown,
}

/// Takes what is read from packets, in order.
pub trait SampleSink {
    /// A packet begins.
    fn packet(&mut self);
    /// A line of readings begins; samples and bad samples up to the next line come from it and have its
    /// name and tags.
    fn line(&mut self, name: &[u8], tags: &[u8]);
    fn sample(&mut self, sample: &Sample<'_>);
    /// A value of the line, or the whole line, cannot be taken.
    fn bad(&mut self, line: &[u8], why: BadSample);
    /// A line that is an event.
    fn event(&mut self, event: Event);
    /// A line that is a service check.
    fn service_check(&mut self, check: ServiceCheck);
}
