//! What bounds the memory of the aggregation, whatever clients send. Beyond a bound readings are refused or
//! kept less exactly, and counted: see [`crate::stats`].

use std::time::Duration;

/// Names held at once. Each takes about 300 bytes, and names stay until they are deleted, as in the
/// original. Half a million names make a million series and more.
pub const MAX_NAMES: usize = 500_000;

/// Bytes of all names held: twice what half a million usual ones take. It bounds a flush, which writes each
/// name of a timer some twenty times.
pub const HELD_NAME_BYTES: usize = 1 << 26;

/// Bytes of names in the points of one flush, which is what a batch can hold. Points beyond are left out; only
/// a table full of timers with long names and dozens of percentiles each comes near.
pub const FLUSH_NAME_BYTES: usize = u32::MAX as usize;

/// Longest name with its tags, in bytes; the store takes no longer ones.
pub const LONGEST_NAME: usize = 1024;

/// Bytes of names as sent that a receiver knows at once: a million names of 250 bytes.
pub const NAME_TEXT: usize = 1 << 28;

/// Values of one timer kept one by one in an interval, per receiver: 2 MiB. Beyond that its percentiles come
/// from a sketch and are within 0.5 %, while its count, sums, mean, deviation, lower and upper stay exact.
pub const TIMER_VALUES: usize = 1 << 18;

/// Values of all timers kept one by one in an interval, per receiver: 64 MiB.
pub const ALL_TIMER_VALUES: usize = 1 << 23;

/// Members of one set in an interval: 8 bytes each, as only their hashes are kept.
pub const SET_MEMBERS: usize = 1 << 20;

/// Readings with a timestamp of their own, outside of the current interval, in an interval.
pub const DATED_READINGS: usize = 10_000;

/// Events, and as many service checks, held until the next flush.
pub const NOTICES: usize = 1_000;

/// Bad lines kept to be shown, and how much of each.
pub const BAD_LINES_SHOWN: usize = 16;
pub const BAD_LINE_SHOWN_BYTES: usize = 100;

/// Names counted for the key flush log between two of its writings.
pub const KEY_FLUSH_NAMES: usize = 100_000;

pub const LONGEST_FLUSH_INTERVAL: Duration = Duration::from_secs(86_400);

const _: () =
    assert!(NAME_TEXT + 4 * LONGEST_NAME < u32::MAX as usize && 4 * LONGEST_NAME <= u16::MAX as usize);
const _: () = assert!(TIMER_VALUES <= ALL_TIMER_VALUES && TIMER_VALUES <= u32::MAX as usize);
