//! A split: its kept events are looked at, the group becomes two, and the log is told whose they are.

use axum::http::StatusCode;
use error_tracking::limits::MAX_PARTED_STRETCHES;
use error_tracking::{HashValue, Parting, Project, Refusal};
use vocabulary::Timestamp;
use vocabulary::ports::{EventLog, EventLogError, EventPage, Replay};

use crate::answer::{Answer, Problem};
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
    refuse_full(services, project, MAX_PARTED_STRETCHES)?;
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

/// Whoever splits and merges the same again and again makes every list of the project slow.
pub fn refuse_full(services: &Services, project: &Project, moves: usize) -> Answer<()> {
    if services.event_log.room_for_moves(project.id) >= moves {
        return Ok(());
    }
    let why = format!(
        "groups of `{}` were split and merged so often that no more of it can be noted",
        project.name
    );
    Err(Problem::new(StatusCode::CONFLICT, why)
        .hint("there is room again once the events that were moved are older than the project keeps them"))
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
