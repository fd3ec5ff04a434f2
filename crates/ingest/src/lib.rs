//! Every socket that is not HTTP: framing, back-pressure, drop counts.
//!
//! What comes in: bytes from StatsD, Carbon, collectd and NSCA clients. What goes out: Carbon's points, into the
//! [`PointSink`](vocabulary::PointSink); StatsD's packets, into the aggregator, and with each flush its points; NSCA's results of checks, through a port.
//! Everything that was received is stored, handed on or counted with a reason ([`stats`]).
//! What never happens here: knowing where points are stored, HTTP, unbounded buffers, waiting for a disk on the
//! way from a socket to the aggregator.
//!
//! | module | does |
//! |---|---|
//! | [`ingest`] | opens, changes and closes listeners as the configuration says: the way in |
//! | [`datagrams`], [`kernel`] | threads that read datagrams, many with one system call |
//! | [`streams`] | threads that read TCP connections through epoll |
//! | [`carbon`] | Carbon lines and pickles into the store |
//! | [`nsca`] | results of checks, from send_nsca, handed on |
//! | [`collectd`] | collectd's packets, made to points, into the store |
//! | [`statsd`], [`intake`] | StatsD's listeners, and the way from them into the aggregator and out at each flush |
//! | [`relay`] | what becomes of Carbon's points by rule: filtered, renamed, aggregated, stored, sent on |
//! | [`repeater`], [`forward`], [`outgoing`] | packets and points on to other servers |
//! | [`journal`], [`gauge_log`], [`chunks`] | what StatsD has received and not yet flushed, on disk |
//! | [`listener`], [`stats`], [`allow`] | what a listener shares and counts, and whom it takes |
//! | [`sockets`] | binding, with errors that name the listener |

pub mod allow;
mod carbon;
mod chunks;
mod collectd;
pub mod config;
mod datagrams;
mod forward;
#[doc(hidden)]
pub mod fuzzing;
mod gauge_log;
mod ingest;
mod intake;
mod journal;
#[doc(hidden)]
pub mod kernel;
pub mod limits;
mod listener;
mod nsca;
mod outgoing;
pub mod relay;
mod repeater;
mod sockets;
pub mod stats;
mod statsd;
mod stop;
mod streams;

pub use collectd::config::{CollectdConfig, SecurityLevel};
pub use config::{CarbonConfig, ForwardConfig, ForwardProtocol, RelayConfig, loops};
pub use ingest::{Ingest, Ports, Settings, StartError};
pub use intake::{AfterFlush, Flushed, Recovered};
pub use journal::JournalStats;
pub use nsca::{NscaConfig, ResultSink, SentResult, Taken};
pub use outgoing::{OutgoingStats, is_reached_by};
pub use relay::RelayStats;
pub use sockets::BindError;
