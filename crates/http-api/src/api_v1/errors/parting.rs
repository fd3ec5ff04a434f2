//! A split: its kept events are looked at, the group becomes two, and the log is told whose they are.

use error_tracking::{HashValue, Parting, Project, Refusal};
use vocabulary::Timestamp;
use vocabulary::ports::{EventLog, EventLogError, EventPage, Replay};

use crate::answer::Answer;
use crate::services::Services;

/// Bodies that are read at a time.
const AT_ONCE: usize = 100;

/// Answers the new group.
pub fn split(
    services: &Services,
    project: &Project,
    group: u64,
    hash: HashValue,
    (now, by): (Timestamp, &str),
) -> Answer<u64> {
    finish(services)?;
    let (tracker, log) = (&services.tracker, &*services.event_log);
    let mut parting = tracker.parting(project, group, &[hash], now)?;
    // Errors go on to come while the many are looked at, and wait for the few that came meanwhile.
    let seen_up_to = log.stats().next;
    look(log, &mut parting)?;
    let made = tracker.split(parting, |parting| look_since(log, seen_up_to, parting), by, now)?;
    finish(services)?;
    Ok(made)
}

/// What the log has not heard of yet: a disk that was full may have come between.
pub fn finish(services: &Services) -> Result<(), Refusal> {
    let log = &services.event_log;
    let told = services
        .tracker
        .finish_splits(|split| log.move_events(split.project, split.old, split.made, &split.numbers));
    told.map(drop)
}

/// The newest first.
fn look(log: &dyn EventLog, parting: &mut Parting<'_>) -> Result<(), EventLogError> {
    let mut before = None;
    while !parting.is_full() {
        let events = log.list(parting.project(), parting.group(), EventPage { before, limit: AT_ONCE })?;
        let Some(last) = events.last() else { break };
        before = Some((last.key.at, last.key.id));
        events.iter().for_each(|event| parting.add(event));
    }
    Ok(())
}

fn look_since(log: &dyn EventLog, first: u64, parting: &mut Parting<'_>) -> Result<(), EventLogError> {
    log.replay(first, &mut |event| {
        parting.add(&event);
        Replay::More
    })
}
