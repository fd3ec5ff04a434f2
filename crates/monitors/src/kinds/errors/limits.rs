//! What rules on errors may cost at most, and why just so much.

/// Of one rule: each is looked at with each event.
pub const MAX_CONDITIONS: usize = 10;
/// Shorter windows are over before anybody could look.
pub const MIN_WINDOW_SECONDS: i64 = 10;
/// Counts by the minute, from which windows are filled after a start, are kept for two days.
pub const MAX_WINDOW_SECONDS: i64 = 2 * 86_400;
/// A window moves on in so many parts.
pub const WINDOW_PARTS: i64 = 60;
pub const MAX_EVENTS: u64 = 1_000_000_000;
/// Each of them is remembered (16 bytes).
pub const MAX_PEOPLE: u64 = 1_000;
/// Groups that are watched at once, of all rules. The one that was seen longest ago makes room, unless it is told of.
pub const MAX_WATCHED: usize = 5_000;
/// Of `project`, `environment`, `release` and `tag`.
pub const MAX_TEXT: usize = 500;

/// An error is calm after so long, where the rule says nothing else.
pub const CALM_SECONDS: i64 = 3_600;
/// What a spike is looked for in.
pub const SPIKE_SECONDS: i64 = 600;
/// Fewer events are nobody's spike.
pub const MIN_SPIKE: u64 = 10;
/// What is usual is known after so many windows: six hours.
pub const MIN_PAST_WINDOWS: usize = 36;
/// How far back what is usual is looked for: as far as minutes are kept.
pub const PAST_SECONDS: i64 = 2 * 86_400;
/// What is usual does not change within minutes.
pub const NORMAL_FRESH_SECONDS: i64 = 600;
/// Pasts that are read at a time: each is a few thousand rows at most.
pub const MAX_QUESTIONS: usize = 100;

const _: () = assert!(MAX_WINDOW_SECONDS <= error_tracking::limits::MINUTES_KEPT_SECONDS);
const _: () = assert!(PAST_SECONDS <= error_tracking::limits::MINUTES_KEPT_SECONDS);
