//! Rules on error groups: what is new, what is back, what comes more often than usual, or too often.
//!
//! Comes in: events as the tracker took them, what people did with groups, counts of the past, the time. Goes out: groups
//! that begin or end to meet a rule. Each condition is told once for as long as it holds.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | keys of `[[monitor]] kind = "errors"` -> [`Rule`] |
//! | [`condition`] | one entry of `when` |
//! | [`seen`] | an event, as rules see it |
//! | [`rules`] | all rules: events and time -> changes |
//! | [`watched`] | one group in one environment, of one rule |
//! | [`window`], [`normal`] | how many lately; how many are usual |
//! | `store` | what has not ended, over restarts |

pub mod condition;
pub mod config;
pub mod limits;
pub mod normal;
pub mod rules;
pub mod seen;
mod store;
#[cfg(test)]
mod tests;
pub mod watched;
pub mod window;

pub use condition::{Condition, Met};
pub use config::{Rule, problems};
pub use normal::Past;
pub use rules::{Change, ErrorRules, Question, What};
pub use seen::Seen;
pub use store::MIGRATIONS;
