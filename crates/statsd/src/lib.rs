//! Counters, timers, gauges, sets: what StatsD does between a packet and a point.
//!
//! What comes in: [`Sample`](vocabulary::sample::Sample)s, which `formats` reads from packets straight into a
//! [`Shard`], one for each receiver. What goes out: a [`Flush`] at each interval's end with points, sketches,
//! events and what a journal must know of gauges; and the answers of the admin interface. What never happens
//! here: sockets, files, the clock (`now` is an argument), and knowledge of where points go.
//!
//! The original is npm `statsd` 0.9.0: names, numbers and answers are its own, down to its oddities.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | the `[statsd]` section, sockets included |
//! | [`aggregator`] | [`Aggregator`]: shards, the flush as a recipe, reload, gauges over a restart |
//! | `shard` | the hot path: a name as sent to its sum |
//! | `central`, `flush` | what all receivers share, and how a flush is written |
//! | `ledger`, `gauges`, `sets`, `held` | the names that are held, and what of each |
//! | `timers`, `overflow`, `timer_numbers`, `timer_plan` | a timer's values, and the numbers made of them |
//! | `keys`, `names` | from a name as sent to a key, from a key to the names of its series |
//! | [`admin`] | the admin interface's answers; `inspect` and `js` write as Node does |
//! | [`key_flush`] | the log of the most frequent names |
//! | [`limits`], [`stats`] | bounds with their reasons, and what was counted |

pub mod admin;
pub mod aggregator;
mod central;
pub mod config;
mod flush;
mod gauges;
mod held;
mod inspect;
mod js;
pub mod key_flush;
mod keys;
mod ledger;
pub mod limits;
mod names;
mod overflow;
mod sets;
mod shard;
pub mod stats;
mod timer_numbers;
mod timer_plan;
mod timers;

pub use admin::AdminAnswer;
pub use aggregator::{Aggregator, Flush, Receiving, Shard};
pub use config::StatsdConfig;
pub use gauges::GaugeChange;
pub use stats::Stats;
