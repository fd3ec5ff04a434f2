//! Bounds, each with its reason.

/// Of the body of a ping; Healthchecks keeps so much unless told otherwise. The rest is not read.
pub const MAX_BODY: usize = 10_000;
/// Pings kept of each heartbeat: what Healthchecks shows.
pub const MAX_PINGS: i64 = 100;
/// Of a line of text in a state.
pub const MAX_LINE: usize = 200;
/// Heartbeats that pings may make (`?create=1`): a script gone wild makes no more.
pub const MAX_CREATED: usize = 1_000;
/// Pings that wait for the disk, 10 kB each at most. Who comes when it is full is asked to come again (429).
pub const MAX_WAITING: usize = 10_000;
/// Pings that are written with one transaction.
pub const MAX_BATCH: usize = 2_000;
/// Runs of one heartbeat that are beside each other; of more the oldest have no duration.
pub const MAX_RUNS: usize = 20;
pub const MAX_SLUG: usize = 100;
/// Somebody looks each second. Where a look comes so much later than it should, by time or by the wall clock, the server
/// was away in between; a disk that is slow for a moment is no absence.
pub const ABSENCE_MS: i64 = 10_000;
/// Bounds of periods and graces; Healthchecks takes from a minute to a year.
pub const MIN_MS: i64 = 1_000;
pub const MAX_MS: i64 = 366 * 86_400_000;
/// What a heartbeat has that a ping made, as Healthchecks.
pub const DEFAULT_PERIOD_MS: i64 = 86_400_000;
pub const DEFAULT_GRACE_MS: i64 = 3_600_000;
