//! The words that cross walls, and the ports.
//!
//! What is here: nouns that two or more rooms must agree on (point, series, sketch, retention, time)
//! and the few ports through which data is pushed or pulled at speed. What never happens here: files,
//! sockets, the real clock, JSON, and helpers that only one room needs.
//!
//! | module | holds |
//! |---|---|
//! | [`time`] | [`Timestamp`], [`Step`], [`Clock`], [`Duration`](time::HumanDuration) as people write it |
//! | [`series`] | [`SeriesRef`], canonical names and tags |
//! | [`point`] | batches of points and sketches on their way to the store |
//! | [`sample`] | readings, events and service checks as StatsD clients send them |
//! | [`sketch`] | the mergeable distribution that timers keep beside their numbers |
//! | [`retention`] | archives, aggregation methods, policies |
//! | [`state`] | [`State`](state::State), how it changed, and the notice of it |
//! | [`reach`] | how one person wants to be reached |
//! | [`secret`] | what is shown nowhere |
//! | [`settings`] | small value types that several rooms' configuration shares |
//! | [`error`] | events of errors: [`EventId`](error::EventId), where one belongs, its body |
//! | [`applied`] | which numbers of a sender's batches have been taken |
//! | [`ports`] | [`PointSink`], [`SeriesSource`], [`LiveTail`], [`EventLog`](ports::EventLog) |

pub mod applied;
pub mod error;
pub mod point;
pub mod ports;
pub mod reach;
pub mod retention;
pub mod sample;
pub mod secret;
pub mod series;
pub mod settings;
pub mod sketch;
pub mod state;
pub mod time;

pub use applied::Applied;
pub use point::{PointBatch, SketchBatch};
pub use ports::{BatchMark, LiveTail, PointSink, SeriesSource};
pub use secret::Secret;
pub use series::{SeriesRef, ValueKind};
pub use sketch::Sketch;
pub use time::{Clock, Step, Timestamp};
