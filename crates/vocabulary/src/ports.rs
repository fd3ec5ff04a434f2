//! The ports: where points and events are pushed, and series and events are pulled, at speed.
//!
//! The embedded store implements all of them; a cluster's store will too. Rooms above name only these.

mod event_log;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::retention::{Aggregation, Policy};
use crate::{PointBatch, SeriesRef, Sketch, SketchBatch, Step, Timestamp, ValueKind};

pub use event_log::{
    EventLog, EventLogError, EventLogStats, EventPage, EventTicket, HeldEvents, IsWanted, Replay,
};

/// The write side.
pub trait PointSink: Send + Sync {
    /// Take a batch in. Points are readable when this returns, before any flush. Never blocks on the
    /// disk for longer than it takes to hand a full log buffer to the kernel.
    fn write(&self, batch: &PointBatch, hint: &mut Successor) -> WriteReport;

    fn write_sketches(&self, batch: &SketchBatch) -> WriteReport;

    /// The same for a batch that its sender may tell again after a crash of either: sketches add up, so what was
    /// taken of it before is counted as `repeated` and dropped. What is kept of the sketches and what is remembered of
    /// the batch survive together or not at all.
    fn write_sketches_once(&self, batch: &SketchBatch, mark: BatchMark<'_>) -> WriteReport;

    /// The highest number of a sender's batches that is remembered; 0 for none. A sender that has lost its own
    /// count goes on above it.
    fn last_batch(&self, sender: &str) -> u64;

    /// Returns when everything that was written before the call would survive a power cut.
    fn sync(&self) -> Result<(), StoreError>;
}

/// Which batch of which sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMark<'a> {
    pub sender: &'a str,
    pub number: u64,
    /// The sender will never tell a number below this again.
    pub settled: u64,
}

/// What one sender's stream of names remembers: the series that it named last. Most clients send
/// their names in the same order each time, so the store guesses the next from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Successor(pub Option<SeriesRef>);

/// What became of the points of one write. Every point is in exactly one of the fields up to `repeated`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// Kept, and on its way to the disk.
    pub stored: u64,
    /// Kept for live views only: the store is read-only.
    pub volatile: u64,
    /// Older than the longest archive.
    pub too_old: u64,
    /// Further ahead of the clock than the store tolerates.
    pub in_future: u64,
    /// NaN: it means "no value" and cannot be stored.
    pub no_value: u64,
    /// The name cannot be a series.
    pub refused_name: u64,
    /// The name is new and a limit on (new) series is reached.
    pub refused_limit: u64,
    /// Sketches of a batch that was taken before.
    pub repeated: u64,
    /// Of the stored: into a slot that was already sealed.
    pub late: u64,
    /// Series that this write created.
    pub created: u64,
}

impl WriteReport {
    pub fn add(&mut self, other: WriteReport) {
        let WriteReport {
            stored,
            volatile,
            too_old,
            in_future,
            no_value,
            refused_name,
            refused_limit,
            repeated,
            late,
            created,
        } = other;
        self.stored += stored;
        self.volatile += volatile;
        self.too_old += too_old;
        self.in_future += in_future;
        self.no_value += no_value;
        self.refused_name += refused_name;
        self.refused_limit += refused_limit;
        self.repeated += repeated;
        self.late += late;
        self.created += created;
    }

    pub fn dropped(&self) -> u64 {
        self.too_old + self.in_future + self.no_value + self.refused_name + self.refused_limit
    }
}

/// The read side.
pub trait SeriesSource: Send + Sync {
    /// Nodes of the name tree that match a glob, one level: graphite's find. Sorted by name, branches
    /// before leaves of the same name. Tagged series (`;`) are found by their exact name only.
    fn find(&self, query: &FindQuery<'_>) -> Result<Vec<Node>, StoreError>;

    /// Series of kind number whose names hold all words, whatever their case. Without words the newest
    /// names, newest first; else short names first.
    fn search(&self, query: &SearchQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError>;

    /// Tagged and untagged series that fulfil all expressions, in order of their names.
    fn find_tagged(&self, query: &TagQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError>;

    /// All tags, in order. Untagged names have the tag `name` too, as in graphite's tag database.
    fn tags(&self, query: &TagListQuery<'_>) -> Result<Vec<String>, StoreError>;

    /// The values of one tag with the number of series that carry each, in order.
    fn tag_values(&self, tag: &str, query: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, StoreError>;

    fn describe(&self, series: SeriesRef) -> Option<SeriesInfo>;

    /// One row for each series asked for, in the same order.
    fn fetch(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<f64>>, StoreError>;

    /// A moment to ask [`SeriesSource::unchanged`] about, taken before anything is read. `None` if the store does
    /// not keep account of changes.
    fn moment(&self) -> Option<u64> {
        None
    }

    /// Would a request give `now` what it gave when it was made, after `moment`? Patterns that were looked up since
    /// then are part of it: series that came or went are a change. Never true when in doubt.
    fn unchanged(&self, _moment: u64, _request: &FetchRequest<'_>, _now: Timestamp) -> bool {
        false
    }

    /// The same for series of kind sketch.
    fn fetch_sketches(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<Option<Sketch>>>, StoreError>;
}

/// The subscribe side: tells when new slots are readable. What is in them, `fetch` says.
pub trait LiveTail: Send + Sync {
    /// Waits until a tick later than `after` was published, at most `wait`. The tick is the newest
    /// second whose regular points (StatsD flush, collectors) are readable.
    fn next_tick(&self, after: Timestamp, wait: Duration) -> Option<Timestamp>;
}

/// Name prefixes that the caller may see. Empty means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    prefixes: Arc<[String]>,
}

impl Scope {
    pub fn everything() -> Scope {
        Scope::default()
    }

    pub fn prefixes(prefixes: Vec<String>) -> Scope {
        Scope { prefixes: prefixes.into() }
    }

    /// Of a beginning that no name has.
    pub fn nothing() -> Scope {
        Scope::prefixes(vec!["\u{1}".into()])
    }

    /// Empty means all.
    pub fn as_prefixes(&self) -> &[String] {
        &self.prefixes
    }

    pub fn is_everything(&self) -> bool {
        self.prefixes.is_empty()
    }

    pub fn sees(&self, name: &str) -> bool {
        self.is_everything() || self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// Of what is watched: it is theirs by its own name, or by that of its instance, which of a metric monitor is the series.
    /// `name` is without the `host:` that changes of hosts have before theirs.
    pub fn sees_watched(&self, name: &str, instance: &str) -> bool {
        self.sees(name) || (!instance.is_empty() && self.sees(instance))
    }

    /// Might a name below this branch (without a trailing dot) be visible?
    pub fn sees_below(&self, branch: &str) -> bool {
        let overlaps = |prefix: &String| prefix.starts_with(branch) || branch.starts_with(prefix.as_str());
        self.is_everything() || self.prefixes.iter().any(overlaps)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct FindQuery<'a> {
    /// Graphite's glob: `*`, `?`, `[a-z]`, `[!a]`, `{a,b}` within a node, `**` over nodes.
    pub pattern: &'a str,
    pub kind: ValueKind,
    pub scope: &'a Scope,
    /// Most nodes to answer with; more is [`StoreError::TooMuch`].
    pub limit: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct SearchQuery<'a> {
    /// In lower case.
    pub words: &'a [String],
    pub scope: &'a Scope,
    /// Most series to answer with; there may be more.
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Branch { path: String },
    Leaf(SeriesMatch),
}

#[derive(Clone, Debug, PartialEq)]
pub struct SeriesMatch {
    pub series: SeriesRef,
    pub name: Arc<str>,
}

/// `tag=value`, `tag!=value`, `tag=~regex`, `tag!=~regex`; a regex is anchored at the start only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagExpression {
    pub tag: String,
    pub operator: TagOperator,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagOperator {
    Equal,
    NotEqual,
    Match,
    NotMatch,
}

#[derive(Clone, Copy, Debug)]
pub struct TagQuery<'a> {
    pub expressions: &'a [TagExpression],
    pub kind: ValueKind,
    pub scope: &'a Scope,
    pub limit: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct TagListQuery<'a> {
    /// Only of series that fulfil these; empty means of all.
    pub expressions: &'a [TagExpression],
    pub prefix: &'a str,
    /// A regular expression anchored at the start, as graphite's `filter`.
    pub filter: Option<&'a str>,
    pub scope: &'a Scope,
    pub limit: usize,
}

#[derive(Clone, Debug)]
pub struct SeriesInfo {
    pub name: Arc<str>,
    pub kind: ValueKind,
    pub policy: Arc<Policy>,
    pub created: Timestamp,
    /// Time of the newest point that is known without reading the disk.
    pub last_point: Option<Timestamp>,
    /// Points that came after their slot was sealed, since the start.
    pub late: u64,
}

#[derive(Clone, Debug)]
pub struct FetchRequest<'a> {
    pub series: &'a [SeriesRef],
    /// Points in (from, until], as whisper answers.
    pub from: Timestamp,
    pub until: Timestamp,
    /// Decides which archive reaches back far enough, and cuts `until`.
    pub now: Timestamp,
    /// Ask for a coarser step than the archive's; slots are consolidated with `consolidation`.
    pub step: Option<Step>,
    pub consolidation: Aggregation,
    pub scope: &'a Scope,
    pub limits: &'a QueryLimits,
}

/// Slots of one series: slot `i` covers the `step` seconds from `start + i * step` on.
/// In numbers, NaN is "no value"; the store cannot hold NaN as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<V> {
    pub start: Timestamp,
    pub step: Step,
    pub slots: Vec<V>,
}

impl<V> Row<V> {
    /// The first moment after the last slot.
    pub fn end(&self) -> Timestamp {
        self.start.plus(self.slots.len() as i64 * self.step.seconds())
    }
}

/// What one query may cost. Shared by all its fetches.
#[derive(Debug)]
pub struct QueryLimits {
    pub max_series: usize,
    pub max_points: usize,
    /// Bytes that the query may hold in memory at a time, its answer included.
    pub max_bytes: usize,
    pub deadline: Option<Instant>,
    /// Set when nobody waits for the answer any more.
    pub cancelled: Arc<AtomicBool>,
}

impl QueryLimits {
    /// The deadline passed or the asker went away.
    pub fn over(&self) -> Option<StoreError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Some(StoreError::Cancelled);
        }
        self.deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| StoreError::Deadline)
    }
}

impl Default for QueryLimits {
    fn default() -> Self {
        QueryLimits {
            max_series: 100_000,
            max_points: 100_000_000,
            max_bytes: 1 << 30,
            deadline: None,
            cancelled: Arc::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum StoreError {
    /// The pattern, regular expression or tag expression cannot be understood.
    BadQuery(String),
    /// More than the limit that `what` names.
    TooMuch {
        what: &'static str,
        limit: usize,
    },
    Deadline,
    Cancelled,
    /// The disk or the file system failed, with what was being done.
    Disk(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::BadQuery(why) => f.write_str(why),
            StoreError::TooMuch { what, limit } => write!(f, "the query takes more than {limit} {what}"),
            StoreError::Deadline => f.write_str("the query took longer than it may"),
            StoreError::Cancelled => f.write_str("the query was cancelled"),
            StoreError::Disk(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_sees_its_prefixes_and_the_way_there() {
        let scope = Scope::prefixes(vec!["team.a.".into()]);
        assert!(scope.sees("team.a.x") && !scope.sees("team.b.x"));
        assert!(scope.sees_below("team") && scope.sees_below("team.a") && scope.sees_below("team.a.x"));
        assert!(!scope.sees_below("other"));
        assert!(Scope::everything().sees("anything") && Scope::everything().sees_below("any"));
        let nothing = Scope::nothing();
        assert!(
            !nothing.is_everything() && !nothing.sees("") && !nothing.sees("a") && !nothing.sees_below("a")
        );
    }
}
