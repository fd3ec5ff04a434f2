//! Bodies of error events on disk: every one that was taken, packed against others of its kind, for as long as its project keeps it.
//!
//! What comes in: bodies with where they belong ([`vocabulary::ports::EventLog`]). What goes out: bodies, by id or by group and
//! time, and how it is. What never happens here: a look into a body, groups, rules, HTTP, a clock; a file that is changed in
//! place; half a batch.
//!
//! An event's way: [`store`] hands it to the open segment ([`writer`]), which packs it ([`pack`]) into a record ([`record`]) behind the
//! others and remembers where. A full segment gets an [`index`] at its end and is sealed: it never changes again ([`sealed`]). What
//! is expired or erased goes when a segment is written anew without it ([`upkeep`]). The bytes are drawn in
//! docs/formats/event-segment.md.
//!
//! | module | holds |
//! |---|---|
//! | [`marks`] | which groups were moved, and from when on events are kept |
//! | [`open`] | the start: torn ends are cut, indexes that are missing are made |
//! | [`fsck`] | is all that was written there? |

mod error;
pub mod fsck;
#[doc(hidden)]
pub mod fuzzing;
mod index;
pub mod limits;
mod marks;
mod open;
mod pack;
mod reader;
mod record;
mod sealed;
mod stats;
mod store;
mod upkeep;
mod writer;

pub use error::OpenError;
pub use open::{Options, Recovery};
pub use store::EventStore;
