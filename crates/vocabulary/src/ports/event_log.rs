//! The port for bodies of error events: append, read by id, by group and time, expire, erase.

use std::fmt;
use std::ops::Range;

use crate::Timestamp;
use crate::error::{EventBody, EventId, StoredEvent};

pub trait EventLog: Send + Sync {
    /// All of them or none. They are with the kernel when this returns: `kill -9` loses none, a power cut those since
    /// the last [`sync`](EventLog::sync). Whether an event is there already is for the caller to ask.
    fn append(&self, events: &[EventBody<'_>]) -> Result<EventTicket, EventLogError>;

    /// Returns when everything that was appended before the call would survive a power cut.
    fn sync(&self) -> Result<(), EventLogError>;

    fn read(&self, project: u64, id: EventId) -> Result<Option<StoredEvent>, EventLogError>;

    /// Newest first.
    fn list(&self, project: u64, group: u64, page: EventPage) -> Result<Vec<StoredEvent>, EventLogError>;

    /// Is the event there? Looks at recent ones only: to find those that are sent twice.
    fn contains(&self, project: u64, id: EventId) -> bool;

    /// Every event whose number is `from` or later, in order, until `take` says that it has enough.
    fn replay(&self, from: u64, take: &mut dyn FnMut(StoredEvent) -> Replay) -> Result<(), EventLogError>;

    /// What was appended to `from` until now belongs to `to`.
    fn move_group(&self, project: u64, from: u64, to: u64) -> Result<(), EventLogError>;

    /// Events of `from` with these numbers belong to `to`.
    fn move_events(
        &self,
        project: u64,
        from: u64,
        to: u64,
        numbers: &[Range<u64>],
    ) -> Result<(), EventLogError>;

    /// How many more moves of events of this project are kept. What is moved beyond it is moved all the same: ask before.
    fn room_for_moves(&self, project: u64) -> usize;

    /// Events of before are not found any more. Their bytes go when enough of them lie together: the answer is
    /// how many events of any project went from the disk.
    fn expire(&self, project: u64, before: Timestamp) -> Result<u64, EventLogError>;

    /// Of those that are wanted; also of those that are found no more and still on the disk. Reads all that the project has.
    fn events_where(&self, project: u64, is_wanted: IsWanted<'_>) -> Result<Vec<EventId>, EventLogError>;

    /// These go from the disk; how many were there. What was erased before an error stays erased: ask again.
    fn erase(&self, project: u64, ids: &[EventId]) -> Result<u64, EventLogError>;

    /// What of a project is on the disk, that which is expired and still there included.
    fn held(&self, project: u64) -> HeldEvents;

    fn stats(&self) -> EventLogStats;
}

/// By the hash of its user and its body, which is none if it is damaged.
pub type IsWanted<'a> = &'a mut dyn FnMut(Option<u64>, Option<&[u8]>) -> bool;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldEvents {
    pub events: u64,
    /// Of files that several projects have together its share, by the number of events.
    pub bytes: u64,
    pub oldest: Option<Timestamp>,
}

/// Go on, or stop?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    More,
    Enough,
}

/// The numbers of what was appended: the event at `i` of the batch has `first + i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTicket {
    pub first: u64,
    /// The number of the event that comes next, after this batch.
    pub next: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct EventPage {
    /// Only what is older; events of one second are in order of their ids.
    pub before: Option<(Timestamp, EventId)>,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum EventLogError {
    /// No space left, or over a quota: nothing of the batch was kept.
    Full(String),
    /// The disk or the file system failed, with what was being done.
    Disk(String),
    /// What is on the disk is not what was written.
    Damaged(String),
    /// An event, or all of a batch, is longer than the limit that `what` names.
    TooLarge { what: &'static str, bytes: usize, limit: usize },
}

impl fmt::Display for EventLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventLogError::Full(what) => write!(f, "the disk is full: {what}"),
            EventLogError::Disk(what) | EventLogError::Damaged(what) => f.write_str(what),
            EventLogError::TooLarge { what, bytes, limit } => {
                write!(f, "{what} is {bytes} bytes long, and may be {limit}")
            }
        }
    }
}

impl std::error::Error for EventLogError {}

/// How it is, and what it counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventLogStats {
    pub segments: u64,
    /// On the disk, those that are expired and still there included.
    pub events: u64,
    /// Of all segments.
    pub disk_bytes: u64,
    /// The number of the event that comes next.
    pub next: u64,
    pub appended_events: u64,
    /// As they were handed in, and as they were written.
    pub appended_bytes: u64,
    pub written_bytes: u64,
    /// Of the appended: packed against another one of their group.
    pub repeats: u64,
    /// Batches that could not be written.
    pub failed_batches: u64,
    pub read_events: u64,
    /// Events that were asked for and could not be read.
    pub damaged_events: u64,
    pub expired_events: u64,
    pub erased_events: u64,
}
