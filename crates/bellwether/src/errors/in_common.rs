//! What the events that met a rule have in common: with it, whoever is called knows where to look.
//!
//! Called under the locks of the tracker and of the rules, so it takes neither: it asks the log of events, and the tables.

use error_tracking::common;
use monitors::kinds::errors::{Change, Met};
use vocabulary::error::StoredEvent;
use vocabulary::ports::{EventLog, EventPage};

use super::Errors;

/// So many tell what most of them are like, and are read within a moment.
const NEWEST: usize = 20;

/// Events of the window in which there were too many. None where a single one met the rule, and where they cannot be read: the
/// word goes out all the same.
pub fn newest(errors: &Errors, change: &Change, met: &Met) -> Vec<StoredEvent> {
    let Some((_, within)) = met.counted() else { return Vec::new() };
    let page = EventPage { before: None, limit: NEWEST };
    let read = errors.log.list(change.project, change.group_id, page);
    let mut events = read.unwrap_or_else(|error| {
        tracing::warn!(%error, "the newest events of an error cannot be read");
        Vec::new()
    });
    events.retain(|event| change.at.since(event.key.at) <= within);
    events
}

/// But for what is `named` already.
pub fn words(
    errors: &Errors,
    change: &Change,
    met: &Met,
    newest: &[StoredEvent],
    named: Option<&str>,
) -> Option<String> {
    let (count, _) = met.counted()?;
    let environment = change.environment.as_deref();
    let found = errors.tracker.in_common(change.project, environment, newest, count);
    let mut found = found.unwrap_or_else(|error| {
        tracing::warn!(%error, "events of an error cannot be compared with others");
        Vec::new()
    });
    found.retain(|common| named != Some(common.value.as_str()));
    common::words(&found)
}
