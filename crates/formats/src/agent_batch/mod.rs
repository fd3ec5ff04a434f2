//! What an agent sends to a server: a greeting, then batches of points and sketches. The bytes are drawn in
//! docs/formats/agent-batch.md.
//!
//! | module | holds |
//! |---|---|
//! | [`rows`] | points and sketches, one behind the other |
//! | [`frame`] | rows packed, with a number and a checksum: what stands in the spool and on the wire |
//! | [`greeting`] | who sends, and how it is |

mod bytes;
pub mod frame;
pub mod greeting;
pub mod rows;

pub use frame::{Frame, FrameError, read_frame};
pub use greeting::Greeting;
pub use rows::{Happened, Rows, Summary, Unpacked, read_rows};

/// Rows of one batch, unpacked: what a reader takes. Writers stop at a quarter of it.
pub const ROWS_BYTES_MAX: usize = 4 << 20;
/// A batch is closed once its rows are so long: some 50,000 points.
pub const ROWS_BYTES_FULL: usize = 1 << 20;
/// The longest name that is read. Carbon's longest line is 16 KiB.
pub const NAME_BYTES_MAX: usize = 64 << 10;

const _: () = assert!(ROWS_BYTES_FULL + NAME_BYTES_MAX + 64 <= ROWS_BYTES_MAX, "a full batch can be read");

#[cfg(test)]
mod tests;
