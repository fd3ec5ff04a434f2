//! Metric monitors: a condition over series, kept for each instance, slot by slot.
//!
//! | from | to | module |
//! |---|---|---|
//! | text of a condition | tree | [`grammar`], [`condition`] |
//! | `[[monitor]]` | rule | [`rule`]; [`objective`] and [`funnel`] write conditions for people |
//! | target | series, rows of points | [`source`] |
//! | rows of points | slots, one after the other | [`feed`]; [`ranking`] between instances |
//! | points, one slot at a time | standing of an instance | [`track`], with [`window`] and [`forecast`] |
//! | standing | result with words | [`telling`] |
//! | the real clock | results | [`watch`] |

pub mod condition;
pub mod feed;
pub mod forecast;
pub mod funnel;
pub mod grammar;
mod objective;
pub mod ranking;
pub mod rule;
pub mod source;
pub mod telling;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod track;
pub mod watch;
pub mod window;

pub use rule::{Rule, doubts, problems, waits};
pub use source::Look;
pub use track::{Away, Blind, Standing, Track};
pub use watch::{Kept, Results, Told, Watch, WatchStats};
