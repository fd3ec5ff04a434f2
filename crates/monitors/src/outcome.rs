//! What came of looking once.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::OfSender;

/// A result, wherever it comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// 0 to 3 as plugins say it; of a host 0 is UP.
    pub status: u8,
    /// The first line, without performance data.
    pub output: String,
    pub long_output: String,
    /// As it was written.
    pub perfdata: String,
    /// When it was looked, which may be before it is told.
    pub at: Timestamp,
    /// Run by us, not sent to us.
    pub active: bool,
    /// The number that the state was made from, where there is one.
    pub value: Option<f64>,
    /// How long it took.
    pub seconds: f64,
    /// Of an alert of others.
    pub of_sender: Option<Arc<OfSender>>,
    /// Where it looked at several things: each is an instance of its own, `check/part`.
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    pub name: String,
    pub outcome: Outcome,
}
