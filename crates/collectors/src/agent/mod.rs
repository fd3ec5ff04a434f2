//! The agent: what this machine produces, on its way to a server elsewhere.
//!
//! What comes in: points, sketches and events, as into a store. What goes out: requests of batches, through an
//! [`Uplink`] that the binary provides. Nothing is lost while the server is away: every row is on disk when `write`
//! returns, and stays until a server has said that it is safe there.
//!
//! | module | does |
//! |---|---|
//! | [`outbox`] | collects rows into batches; the `PointSink` of an agent |
//! | [`spool`] | batches on disk until they are settled: bounded, the oldest dropped and counted |
//! | [`rows_log`] | the rows of the batch that is being collected, on disk |
//! | [`marks`] | which flushes of this machine's StatsD are in it |
//! | [`forwarder`] | what is sent when, and what an answer means |
//! | [`instance`] | whose sequence numbers these are |
//! | [`config`] | `[agent]` |

pub mod config;
pub mod forwarder;
pub mod instance;
mod limits;
mod marks;
pub mod outbox;
mod rows_log;
pub mod spool;

pub use config::{AgentConfig, Secret, StatsdNames};
pub use forwarder::{Change, Forwarder, ForwarderStats, Identity, Receipt, Reply, Uplink};
pub use outbox::{Outbox, OutboxStats};
pub use spool::{Amount, Found, SpoolStats};

#[cfg(test)]
mod tests;
