//! What produces points by looking: the host. And what brings them to a server elsewhere: the agent ([`agent`]).
//!
//! What comes in: the moment, and what /proc and /sys say. What goes out: points under `host.<name>.` in a batch of
//! the caller's. What never happens here: storing, clocks (but to bound waiting), programs started, and waiting:
//! whatever might (a mount whose server is gone) is asked on a thread of its own ([`probe`]).
//!
//! | module | does |
//! |---|---|
//! | [`host`] | [`HostCollector::sample`]: one look at everything |
//! | [`proc_text`] | the texts of /proc to numbers, without files |
//! | [`kept_file`] | a file of /proc, opened once and read often |
//! | [`probe`] | file systems and sensors, on a thread that may hang |
//! | [`metrics`] | [`METRICS`]: what each number means, is when all is well, and what to do |

pub mod agent;
pub mod config;
#[doc(hidden)]
pub mod fuzzing;
pub mod host;
mod kept_file;
mod limits;
pub mod metrics;
mod probe;
mod proc_text;
mod stats;

pub use config::CollectorsConfig;
pub use host::{HostCollector, machine_name, until_next};
pub use metrics::{METRICS, MetricDoc, doc_of};
pub use stats::HostStats;
