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
//! | [`monitors`], `inner`, `restoring`, `writing` | [`Monitors`]: the machine with all that is kept, shared by threads; how it is found again, how it gets to the disk |
//! | `parts`, `alerts` | sub-checks as instances of their check; alerts of others, told a few at a time |
//! | `look`, `changing` | what others see of it; what people make and take out |
//! | [`made`], [`silence`] | definitions made in the UI; silences |
//! | [`adopt`], [`past`] | what is taken over from another monitoring: states, downtimes; its archives |
//! | [`replay`] | the past once more: what a rule would have done |
//! | [`proof`] | what was sent and what these rules would have sent, with proposals that are replayed |
//! | [`store`], [`history`], [`record`], [`planned`], `batch` | the tables, results in runs, how often each fired, planned times, what waits for the disk |
//! | `kinds` | where results come from: metric, check, probe, passive, heartbeat, errors |

pub mod adopt;
mod alerts;
pub mod batch;
mod changing;
pub mod config;
#[doc(hidden)]
pub mod fuzzing;
pub mod history;
mod inner;
pub mod kinds;
mod limits;
pub mod look;
pub mod machine;
pub mod made;
pub mod monitors;
pub mod outcome;
mod parts;
pub mod past;
pub mod planned;
pub mod proof;
pub mod record;
mod refused;
pub mod replay;
mod restoring;
pub mod services;
pub mod silence;
pub mod store;
mod writing;

pub use alerts::Merged;
pub use config::Definitions;
pub use made::Files;
pub use monitors::{Monitors, Ticket};
pub use outcome::{Outcome, Part};
pub use refused::{OpenError, Refused, unknown};
