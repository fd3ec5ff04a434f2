//! Points on disk: what came in is kept, at its resolution, for as long as its policy says.
//!
//! What comes in: batches of named points and sketches ([`vocabulary::PointSink`]), questions about names
//! and slots ([`vocabulary::SeriesSource`]), and `now` from a clock that is passed in. What goes out:
//! answers, counters, health. What never happens here: sockets, targets, rules; a file that is changed in
//! place; a point that is dropped without being counted; a file removed because it cannot be read.
//!
//! A point's way: [`write`] ([`sketches`]) finds its series ([`names`], [`policy`]), puts it into an open slot
//! ([`columns`]) or among the late ones ([`head`]) and into the log ([`wal`]). [`flush`] writes closed
//! windows to files of level 0 ([`block`]), [`rollup`] makes the coarser slots, [`upkeep`] merges level 0
//! into runs for the [`blocks`] (files of level 1 and 2, or another backend). [`fetch`] answers from a
//! [`view`], which puts all of this together. [`manifest`] says which files count, [`open`] starts from them.
//!
//! | module | holds |
//! |---|---|
//! | [`codec`] | the slots of one series as bytes |
//! | [`names`] | names, globs, tags, the guard against too many |
//! | [`store`] | the parts together; how a series comes to be; read-only |
//! | [`marks`] | which batches of sketches were taken, so that none counts twice |
//! | [`newest`] | after a start: when the newest point of each series came |
//! | [`retention`], [`repolicy`] | series that end, or change their policy |
//! | [`import`], [`export`] | whole archives in and out, beside what comes in live |
//! | [`background`] | the threads; everything also runs step by step by [`Store::maintain`] |
//! | [`health`], [`snapshot`], [`fsck`] | how it is, a copy of it, whether it is whole |

mod background;
mod block;
pub mod blocks;
mod bytes;
mod changes;
pub mod codec;
mod columns;
pub mod config;
mod damage;
mod error;
pub mod export;
mod fetch;
mod flush;
mod fsck;
#[doc(hidden)]
pub mod fuzzing;
mod head;
mod health;
pub mod import;
mod import_join;
pub mod limits;
mod live;
mod manifest;
mod marks;
mod merge;
pub mod names;
mod newest;
mod open;
mod policy;
mod replay;
mod repolicy;
mod retention;
mod rollup;
mod search;
mod series_log;
mod settled;
mod sketches;
mod snapshot;
mod stats;
mod store;
mod upkeep;
mod value;
mod view;
mod wal;
mod wal_record;
mod write;

pub use background::{Background, spawn_background};
pub use config::StorageConfig;
pub use damage::{DamagedFile, Gap};
pub use error::OpenError;
pub use fsck::{FsckReport, fsck};
pub use health::{LogHealth, MemoryHealth, StoreHealth, TierHealth};
pub use open::{FORMAT_MAJOR, FORMAT_MINOR, Recovery, stored_format};
pub use repolicy::{Repolicied, RulePreview};
pub use stats::StoreStats;
pub use store::{Options, ReadOnly, Store};
