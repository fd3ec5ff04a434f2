//! Every bound of the store, with its reason.

use std::time::Duration;

/// Series that share a lock, a flush and their block files. 16 bits: a series is a `u16` within its stripe.
pub const SERIES_PER_STRIPE: u32 = 1 << 16;

/// Lanes whose values of one slot lie together. Small enough that idle neighbours cost little (2 KiB a
/// slot), large enough that a page table of 65,536 lanes is 256 pointers.
pub const LANES_PER_PAGE: usize = 256;

/// Slots of one window, the unit of sealing. 60 divides by 10 and 6, the usual ratios.
pub const WINDOW_SLOTS: i64 = 60;

/// A window of slow archives is cut to this many seconds, so that they do not pin the log for hours.
pub const WINDOW_SECONDS_MAX: i64 = 600;

/// A window stays open this many slots after its end, within the two bounds below: senders are late.
pub const GRACE_SLOTS: i64 = 16;
pub const GRACE_SECONDS_MIN: i64 = 5;
pub const GRACE_SECONDS_MAX: i64 = 600;

/// Sealed windows of one stripe and tier are written when they hold this much, or when the oldest is this
/// old: few series make few files, many series do not pile up in memory.
pub const FLUSH_BYTES: usize = 4 << 20;
pub const FLUSH_AGE: Duration = Duration::from_secs(600);

/// Slots that are not closed after so long are written as they are: archives with steps of hours would
/// keep the log otherwise. Further points for them are late ones.
pub const OPEN_AGE: Duration = Duration::from_secs(3_600);

/// Late points of one stripe and tier that start a flush of their own (24 bytes each): 8 of each series of a
/// full stripe.
pub const LATE_POINTS_FLUSH: usize = 1 << 19;
/// Late points of one stripe and tier beyond which the writer flushes itself instead of piling up: 50 MB. What a
/// flush costs goes by series more than by points.
pub const LATE_POINTS_MAX: usize = 1 << 21;

/// The log buffer goes to the kernel when it holds this much or when the oldest byte is this old.
/// kill -9 may cost 10 ms: 2 ms leave room for a late wake-up.
pub const WAL_BUFFER_BYTES: usize = 256 << 10;
pub const WAL_BUFFER_AGE: Duration = Duration::from_millis(2);
/// A segment of the log: large enough that creating one is rare, small enough to be dropped soon.
pub const WAL_SEGMENT_BYTES: u64 = 64 << 20;
/// More log than this and windows are closed early, to bound the time of a start.
pub const WAL_BYTES_MAX: u64 = 512 << 20;
/// A flush starts a new segment if the current one holds this much, so that the old one can go.
pub const WAL_ROTATE_BYTES: u64 = 64 << 10;
/// A record is finished when it holds this much. One row of sketches may come on top, in two archives: 71,000
/// buckets of 13 bytes each.
pub const WAL_RECORD_BYTES: usize = 1 << 20;
/// A longer record is not one of ours.
pub const WAL_RECORD_BYTES_MAX: usize = 4 << 20;

/// Sketches of one record of the log, which are taken under one hold of all slots: some milliseconds.
pub const GROUP_ROWS: usize = 1_024;
/// Senders whose batches are remembered, the longest silent one going first: the server's agents and its StatsD.
pub const MARKS_SENDERS_MAX: usize = 1_024;
/// Batches of one sender that are remembered as taken in part: one for each crash since the oldest unsettled one.
pub const MARKS_PARTLY_MAX: usize = 16;

/// Coarse slots of one stripe and tier that are remembered as left empty; see `Head::left_empty`.
pub const LEFT_EMPTY_MAX: usize = 65_536;

/// Windows of flushed files that are merged into one run, and slots that wait for their rollup.
pub const MERGE_WINDOWS: i64 = 16;
/// Small files in a closed span that are merged among themselves before the final file is rewritten.
pub const OVERLAYS_MAX: usize = 8;
/// The final file of a span is rewritten when what lies over it is at least 1/4 of its size.
pub const OVERLAY_SHARE: u64 = 4;
/// Flushed files of one stripe and tier that health calls a backlog.
pub const BACKLOG_FILES: usize = 64;
/// Slots of a final file: the span's length is a multiple of days or hours that comes close.
pub const SPAN_SLOTS_MIN: i64 = 4_320;
pub const SPAN_SLOTS_MAX: i64 = 10_080;

/// Page reads of one file are joined when the gap between them is at most this, up to this length.
pub const READ_GAP: u64 = 32 << 10;
pub const READ_RUN: u64 = 1 << 20;
/// Series of one block of a file's index: a look-up decodes at most one block, about 200 bytes.
pub const INDEX_BLOCK_SERIES: usize = 64;
/// Block files held open, with their index tops in memory.
pub const OPEN_FILES_MAX: usize = 512;
/// Series whose rows are computed together: 1,024 x 60 slots are half a megabyte.
pub const BATCH_SERIES: usize = 1_024;

/// Finer slots that are held at once while they are rolled up: 2 MB, so that a rollup of hours does not take
/// more memory than the series themselves.
pub const ROLLED_SLOTS: usize = 1 << 18;
/// Coarse slots that are computed together because of late points: with ten finer slots each, 5 MB.
pub const TOUCHED_SLOTS: usize = 1 << 16;

/// Files that one thread of an import writes at the same time, 1 MiB of buffer each: all spans of the usual four
/// archives. Of policies with more, the archives are read in several turns.
pub const IMPORT_FILES_OPEN: usize = 64;
/// While an import goes on merged runs are left as they are, up to so many files: the next batch would add to them.
pub const FILES_WHILE_IMPORTING: usize = 8_192;
/// Series with points of their own into which archives are imported under one hold of the upkeep: the rows of
/// one span of all are 10 MB.
pub const IMPORT_JOINED_SERIES: usize = 128;

/// The manifest is written anew when it holds this much, and no manifest or series log may be larger than
/// the last two: 2^32 names of 100 bytes would be.
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;
pub const MANIFEST_BYTES_READ: u64 = 1 << 30;
pub const SERIES_LOG_BYTES_READ: u64 = 64 << 30;
/// The series log is rewritten when at least this many of its series are gone, and more than half.
pub const SERIES_LOG_DEAD_MIN: u32 = 10_000;

/// Given up when the disk is full, so that the running manifest edit can finish.
pub const RESERVE_BYTES: u64 = 8 << 20;
/// Free space below which the store turns read-only: the larger of this and 2 % of the disk.
pub const MIN_FREE_BYTES: u64 = 1 << 30;
pub const MIN_FREE_SHARE: u64 = 50;
/// How often the free space is looked at.
pub const SPACE_INTERVAL: Duration = Duration::from_secs(1);

/// Points this far ahead of the clock are taken (one window of the series' finest archive, at least this).
pub const FUTURE_SECONDS_MIN: i64 = 60;

/// Series that vanished from all files are looked for this often.
pub const IDLE_PASS_INTERVAL: Duration = Duration::from_secs(86_400);

/// Gaps and damaged files that health lists; the counters go on.
pub const DAMAGE_LISTED_MAX: usize = 100;

/// Changes that are told apart for those who keep answers: one for each question that was kept while points came in.
pub const CHANGES_MAX: usize = 4_096;
