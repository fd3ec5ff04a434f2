//! Metric monitors: a condition over series, kept for each instance, slot by slot.
//!
//! | from | to | module |
//! |---|---|---|
//! | text of a condition | tree | [`grammar`], [`condition`] |
//! | `[[monitor]]` | rule | [`rule`]; [`objective`] and [`funnel`] write conditions for people |
//! | points, one slot at a time | standing of an instance | [`track`], with [`window`] and [`forecast`] |

pub mod condition;
pub mod forecast;
pub mod funnel;
pub mod grammar;
mod objective;
pub mod rule;
#[cfg(test)]
mod tests;
pub mod track;
pub mod window;

pub use rule::{Rule, problems};
pub use track::{Standing, Track};
