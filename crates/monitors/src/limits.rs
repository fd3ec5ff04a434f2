//! What things may cost at most, and why just so much.

use std::time::Duration;

// Conditions of metric monitors.

/// Longer texts are no longer read by people either.
pub const MAX_CONDITION_BYTES: usize = 4096;
pub const MAX_CONDITION_DEPTH: usize = 16;
/// Each comparison of each instance is looked at every second.
pub const MAX_CONDITION_CLAUSES: usize = 32;
/// Longer than any archive is usually kept at a resolution worth watching.
pub const MAX_WINDOW_SECONDS: i64 = 400 * 86_400;
/// Windows up to this long move on by the second.
pub const EXACT_WINDOW_SECONDS: i64 = 3_600;
/// Longer ones consist of so many parts: two minutes each of a day.
pub const LONG_WINDOW_PARTS: i64 = 720;
/// What the windows of one series may take once they are full: about nine percentiles over an hour, and more than any rule
/// that people understand.
pub const MAX_WINDOW_BYTES_OF_INSTANCE: usize = 1 << 20;
/// What the windows of all instances of all metric monitors may take: 16,000 averages over an hour, each second kept.
/// Series that would take more are not watched, counted, and their monitor says so.
pub const MAX_WINDOW_BYTES: usize = 1 << 30;
/// Sums that points were taken out of so often are made anew: in between, errors of rounding stay far below what
/// is compared.
pub const RESUM_EVERY: u32 = 4096;
/// The past that a forecast rests on is looked at in so many parts; the time it takes grows with their square.
pub const FORECAST_PARTS: usize = 120;
/// A line needs so many parts.
pub const FORECAST_STRETCH: usize = 8;

pub const MAX_SERIES_OF_MONITOR: usize = 16;
/// We are away for no longer when we are restarted at once: that keeps nobody from being missed.
pub const SHORTEST_ABSENCE_SECONDS: i64 = 2;
/// Among several series, which seldom have their points in the same second, a value counts for so long.
pub const VALUE_REACH_SECONDS: i64 = 60;
/// A target that gives more is too wide to be dealt with by people; what is beyond is counted.
pub const MAX_INSTANCES_OF_MONITOR: usize = 10_000;
/// Series that are read at a time: the store's own limits are further away.
pub const SERIES_A_READ: usize = 10_000;
/// Functions such as `derivative` and `keepLastValue` look at points before the window.
pub const EXPRESSION_LEAD_SECONDS: i64 = 60;
/// How often names are looked up anew: a new series is watched after so many seconds at the latest.
pub const FIND_EVERY_SECONDS: i64 = 10;
/// Of fewer monitors and instances than this times [`FIND_EVERY_SECONDS`], names are looked up more often, to each second.
pub const FOUND_A_SECOND: usize = 500;
/// A pattern whose names take longer to find is not looked up more often.
pub const COSTLY_FIND: Duration = Duration::from_millis(5);
/// Later points are not waited for.
pub const LONGEST_LAG_SECONDS: i64 = 60;
/// Of the past that fills windows so much is read at a time …
pub const CATCH_UP_SECONDS: i64 = 6 * 3_600;
/// … and so many slots in one second, so that what is current goes on meanwhile.
pub const CATCH_UP_SLOTS: i64 = 4_000_000;
/// The state machine is told again after so long, changed or not: its memory for flapping is made of results.
pub const REPEAT_SECONDS: i64 = 60;
/// An instance that is fine and whose series is gone is forgotten after so long.
pub const FORGET_SECONDS: i64 = 86_400;

// Replays.

/// Of one archive's row: a day of seconds.
pub const REPLAY_ROW_SLOTS: usize = 86_400;
/// Rows that are in memory at a time, of each thread: 16 MiB.
pub const REPLAY_ROWS_SLOTS: usize = 2 << 20;
/// Functions hold several copies of their rows.
pub const REPLAY_EXPRESSION_SECONDS: i64 = 6 * 3_600;
/// What runs beside a server must leave it room; the machine that is meant has two cores.
pub const REPLAY_THREADS: usize = 2;
pub const MAX_REPLAY_INSTANCES: usize = 10_000;
/// More are not read by anybody; they are counted.
pub const MAX_FIRINGS: usize = 10_000;
/// Archived events of one replay, some hundred bytes each: 90 days of 3,000 services are about a million.
pub const MAX_REPLAYED_EVENTS: usize = 4_000_000;
/// Results that are remembered for flapping.
pub const FLAP_MEMORY: usize = 22;

/// Sub-checks of one check that are known at once: twice as many as one report may have, so that all of them can be
/// renamed. The one that is fine and was left out for longest makes room.
pub const MAX_PARTS_OF_CHECK: usize = 2 * crate::kinds::probe::limits::PARTS_MAX;
/// Alerts of others that one passive check knows at once, a kilobyte each: as many as a metric monitor has instances, and
/// more than anybody can have in hand. Those that are over make room.
pub const MAX_ALERTS_OF_CHECK: usize = MAX_INSTANCES_OF_MONITOR;

// What is kept.

/// Of a result's text in the history: as much as a line on a page shows. The whole last output is kept beside it.
pub const MAX_KEPT_TEXT: usize = 512;
/// Notices and runs of one answer, unless asked for more.
pub const USUAL_LISTED: usize = 1_000;
/// A list that is longer is not read by anybody, and takes memory to make.
pub const MAX_LISTED: usize = 100_000;
/// Definitions made in the UI: each is evaluated.
pub const MAX_MADE: usize = 20_000;
/// Versions of one definition; the oldest go.
pub const MAX_VERSIONS: i64 = 100;
/// Silences that have not ended.
pub const MAX_SILENCES: usize = 1_000;
/// Matchers of one silence: ten monitors of an incident, each with a hundred instances.
pub const MAX_MATCHERS_OF_SILENCE: usize = 1_000;
/// Of the name or glob of a monitor, an instance or a host in a silence.
pub const MAX_GLOB_BYTES: usize = 512;
/// Names and globs of all silences, each alternative in braces for itself: a byte takes about 24 once it is read, and each
/// result is compared with all of them.
pub const MAX_GLOB_BYTES_OF_SILENCES: usize = 2 << 20;
/// Why nobody is to be paged: more than a note of an incident may have.
pub const MAX_REASON_BYTES: usize = 16_384;
/// Who says so; the names of people are shorter.
pub const MAX_AUTHOR_BYTES: usize = 255;
/// Labels of one silence; alerts have fewer.
pub const MAX_LABELS_OF_SILENCE: usize = 32;
/// Of the name or the value of such a label.
pub const MAX_LABEL_BYTES: usize = 1_000;
/// Labels with regular expressions, of all silences: each may take a MiB when it is read, and one more when it is asked.
pub const MAX_PATTERNS_OF_SILENCES: usize = 200;
/// Results whose numbers wait to become points, each with up to 64 KB of text: a minute's worth of 10,000 checks.
pub const MAX_WAITING_RESULTS: usize = 10_000;
