//! Rules and their instances: what is watched, when it is bad, and what state it is in.
//!
//! Comes in: definitions from files, results (of plugins, probes, targets, pings, other programs), what people do
//! (acknowledge, downtime), and the time. Goes out: changes of state, notices, and what to run next. What never
//! happens here: the real clock, incidents, people, channels. Except below `kinds/check` and `kinds/probe` all is
//! plain synchronous code, so that a month can be replayed in a second.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | `[[monitor]]`, `[[check]]`, `[[host]]`, `[[contact]]`, … as written |
//! | [`outcome`] | one result |
//! | [`machine`] | the state machine: SOFT and HARD, flapping, downtime, dependencies, who is told; the model is Nagios 4.5 |
//! | [`services`] | what the site is made of, its state, and what nobody watches |
//! | `kinds` | where results come from: metric, check, probe, passive, heartbeat |

pub mod config;
pub mod kinds;
mod limits;
pub mod machine;

pub mod outcome;
pub mod services;

pub use config::Definitions;
pub use outcome::Outcome;
