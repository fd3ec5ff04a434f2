//! The past once more: the same calls with an earlier clock.
//!
//! Comes in: a rule (or two), a window of time, and where points are kept. Goes out: what would have fired, when, for
//! how long, whom it would have told; and what cannot be told, because only coarser points are kept.
//!
//! | module | holds |
//! |---|---|
//! | [`metric`] | metric monitors over stored series |
//! | [`pages`] | what the state machine makes of it: flapping, notices |
//! | [`doubt`] | where coarser archives hide what a rule asks for |
//! | [`compare`] | two versions of a rule |
//! | [`checks`] | checks and hosts over archives and kept results, beside what was told |
//! | `story` | what befell one of these |
//! | [`past`](mod@past) | archives of another monitoring through the state machine |

pub mod checks;
pub mod compare;
pub mod doubt;
pub mod metric;
pub mod pages;
pub mod past;
mod story;
#[cfg(test)]
mod tests;

use serde::Serialize;
use vocabulary::Timestamp;
use vocabulary::state::State;

pub use compare::{Comparison, compare};
pub use doubt::Doubt;
pub use metric::{Past, Replayed, replay, whole};

/// One time that an instance was bad, or was about to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Firing {
    pub instance: String,
    /// The worst of it.
    pub state: State,
    /// When the condition began to hold.
    pub began: i64,
    /// When it had lasted; nothing: it ended before, and nobody would have been told.
    pub fired: Option<i64>,
    /// Nothing: it was still so at the end of the window.
    pub ended: Option<i64>,
    /// Somebody would have been told.
    pub told: bool,
    pub text: String,
    pub value: Option<f64>,
}

/// Is one of these times within that? They are in order.
pub(crate) fn any_within(times: &[i64], from: i64, until: i64) -> bool {
    let first = times.partition_point(|at| *at < from);
    times.get(first).is_some_and(|at| *at <= until)
}

impl Firing {
    pub fn healed(&self) -> bool {
        self.fired.is_none()
    }

    /// Seconds that it was bad for, up to the end of the window.
    pub fn lasted(&self, until: Timestamp) -> i64 {
        self.ended.unwrap_or(until.0) - self.began
    }
}
