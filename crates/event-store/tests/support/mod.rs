//! A store on a simulated disk, events to put into it.

use std::path::PathBuf;
use std::sync::Arc;

use disk::simulated::SimulatedDisk;
use event_store::{EventStore, OpenError, Options, Recovery};
use vocabulary::Timestamp;
use vocabulary::error::{EventBody, EventId, EventKey, StoredEvent};
use vocabulary::ports::{EventLog, EventPage};

pub const DIRECTORY: &str = "/simulated/errors";
/// So that a short life has several segments.
pub const SEGMENT_BYTES: u64 = 1_500;

pub fn try_open(disk: &SimulatedDisk) -> Result<(EventStore, Recovery), OpenError> {
    EventStore::open(Options {
        directory: PathBuf::from(DIRECTORY),
        segment_bytes: SEGMENT_BYTES,
        next_at_least: 0,
        io: Arc::new(disk.clone()),
    })
}

pub fn open(disk: &SimulatedDisk) -> EventStore {
    try_open(disk).unwrap_or_else(|error| panic!("{error}")).0
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub key: EventKey,
    pub user: Option<u64>,
    pub body: Vec<u8>,
}

impl Event {
    pub fn of(stored: StoredEvent) -> Event {
        Event { key: stored.key, user: stored.user, body: stored.body }
    }

    pub fn borrowed(&self) -> EventBody<'_> {
        EventBody { key: self.key, user: self.user, body: &self.body }
    }
}

pub fn id(n: u64) -> EventId {
    EventId(u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_le_bytes())
}

/// The `n`th: at second `n`, of one of five users, with a body that resembles those of its group.
pub fn event(project: u64, group: u64, n: u64) -> Event {
    let text = format!("{{\"group\":{group},\"padding\":\"{}\",\"n\":{n}}}", "abcdefgh".repeat(20));
    let key = EventKey { project, group, at: Timestamp(n as i64), id: id(n) };
    Event { key, user: (!n.is_multiple_of(6)).then_some(n % 6), body: text.into_bytes() }
}

pub fn append(store: &EventStore, events: &[Event]) {
    let bodies: Vec<EventBody<'_>> = events.iter().map(Event::borrowed).collect();
    store.append(&bodies).unwrap_or_else(|error| panic!("{error}"));
}

/// All of a group, page by page.
pub fn listed(store: &EventStore, project: u64, group: u64) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let before = events.last().map(|event| (event.key.at, event.key.id));
        let page = store.list(project, group, EventPage { before, limit: 7 }).unwrap();
        if page.is_empty() {
            return events;
        }
        events.extend(page.into_iter().map(Event::of));
    }
}

/// `xtask long` runs the full lengths of what an ordinary run does a part of.
pub fn is_long() -> bool {
    std::env::var_os("BELLWETHER_LONG").is_some()
}
