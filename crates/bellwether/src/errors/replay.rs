//! The start: what was kept and not counted, as the process was killed in between, is counted now.

use error_tracking::{Projects, Refusal, Tracker, digest_stored};
use event_store::{EventStore, Recovery};
use monitors::kinds::errors::Seen;
use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::error::StoredEvent;
use vocabulary::ports::{EventLog, Replay};

use crate::failure::Failure;

/// Counted with one transaction. A second of repeats is less.
const ROUND: usize = 1_000;

pub fn tell(recovery: &Recovery) {
    if recovery.torn_bytes > 0 || recovery.damaged_events > 0 {
        tracing::warn!(
            torn_bytes = recovery.torn_bytes,
            damaged_events = recovery.damaged_events,
            "events of errors that were being written when the process ended are gone"
        );
    }
    if recovery.lost_marks {
        tracing::warn!(
            "which groups of errors were merged cannot be read: it lies beside as errors/marks.damaged"
        );
    }
}

/// The log is told of a merge after the database was. What a kill between the two left out would be found in no group.
pub fn make_up_merges(tracker: &Tracker, log: &EventStore) -> Result<(), Failure> {
    let merged = tracker.merged().map_err(Failure::doing("read which groups of errors were merged"))?;
    match log.make_up_moves(&merged) {
        Ok(0) => {}
        Ok(groups) => {
            tracing::info!(groups, "the events of errors that were merged last are where they belong")
        }
        // It is done at the next start, when the disk takes it again.
        Err(error) => {
            tracing::warn!(%error, "some events of errors that were merged are not shown with them")
        }
    }
    Ok(())
}

/// The same of splits.
pub fn make_up_splits(tracker: &Tracker, log: &EventStore) -> Result<(), Failure> {
    let told =
        tracker.finish_splits(|split| log.move_events(split.project, split.old, split.made, &split.numbers));
    match told {
        Ok(0) => Ok(()),
        Ok(groups) => {
            tracing::info!(groups, "the events of errors that were split last are where they belong");
            Ok(())
        }
        Err(Refusal::State(error)) => Err(Failure::doing("read which groups of errors were split")(error)),
        // It is done at the next split or start, when the disk takes it again.
        Err(error) => {
            tracing::warn!(%error, "some events of errors that were split are not shown with their group");
            Ok(())
        }
    }
}

/// What of it rules on errors have to hear: a group that they were told of is counted.
pub fn recount(
    projects: &Projects,
    tracker: &Tracker,
    log: &EventStore,
    state: &StateStore,
    now: Timestamp,
) -> Result<Vec<Seen>, Failure> {
    let doing = "count the events of errors that came last";
    let mut counted = 0_u64;
    let mut untold = Vec::new();
    loop {
        let events = next(log, tracker.counted()).map_err(Failure::doing(doing))?;
        let Some(last) = events.last() else { break };
        let until = last.number + 1;
        let mut batch = tracker.batch();
        for event in &events {
            let Some(project) = projects.get(event.key.project) else { continue };
            match digest_stored(&project, event) {
                Ok(digested) => {
                    let taken = batch
                        .recount(&project, &digested, event.key.group, now)
                        .map_err(Failure::doing(doing))?;
                    if taken.news.is_some() || taken.is_new_here {
                        untold.push(Seen::of(&project, &digested, &taken));
                    }
                    counted += 1;
                }
                Err(why) => {
                    tracing::warn!(%why, event = %event.key.id, "an event of an error is not counted")
                }
            }
        }
        batch.commit(until);
        state.transaction(|tx| batch.save(tx)).map_err(Failure::doing(doing))?;
        batch.saved();
    }
    if counted > 0 {
        tracing::info!(events = counted, "counted the events of errors that came just before the end");
    }
    Ok(untold)
}

fn next(log: &EventStore, from: u64) -> Result<Vec<StoredEvent>, vocabulary::ports::EventLogError> {
    let mut events = Vec::new();
    log.replay(from, &mut |event| {
        events.push(event);
        if events.len() < ROUND { Replay::More } else { Replay::Enough }
    })?;
    Ok(events)
}
