//! What bounds the memory of the machine, whatever people and programs ask for.

/// Downtimes held at once, each about 300 bytes: one for every check of a large estate, and as many again.
pub const MAX_DOWNTIMES: usize = 50_000;

/// Comments held at once. The machine refuses further ones; acknowledging goes on without.
pub const MAX_COMMENTS: usize = 50_000;

/// Instances of all monitors held at once, each about 600 bytes.
pub const MAX_INSTANCES: usize = 200_000;

/// Bytes of a comment or an author that are kept: Nagios's longest command line.
pub const LONGEST_TEXT: usize = 8_192;

/// Occurrences of recurring downtimes looked up in advance are at most this far away.
pub const RECURRENCE_DAYS: i64 = 366;
/// What a result says to have seen longer ago is a mistake of its sender's clock. Reports reach back as far.
pub const OLDEST_SIGHT_SECONDS: i64 = 400 * 86_400;
