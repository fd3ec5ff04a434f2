//! Which revision of an event of a calendar this is: programs that have read an event of the same name take over what has
//! changed only if it says so. What was written last of each turn is kept.

use std::collections::HashMap;

use state_store::{StateError, StateStore};
use vocabulary::Timestamp;

use super::calendar::{Turn, uid};
use crate::limits::{CALENDAR_AHEAD_SECONDS, CALENDAR_BACK_SECONDS};

/// Of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// How often it has changed.
    pub sequence: i64,
    pub at: Timestamp,
}

/// What may change while it stays the same turn. One that goes on beyond what is shown ends nowhere yet.
fn content(turn: &Turn, now: Timestamp) -> String {
    let is_open = turn.end >= now.plus(CALENDAR_AHEAD_SECONDS);
    let end = if is_open { "open".to_owned() } else { turn.end.0.to_string() };
    format!("{end}\n{}", turn.instead_of.join("\n"))
}

/// Gives each turn its revision.
pub(super) fn give(store: &StateStore, turns: &mut [Turn], now: Timestamp) -> Result<(), StateError> {
    let rows = store.query("SELECT uid, content, sequence, at FROM oncall_event", &[])?;
    let known: HashMap<&str, (&str, Revision)> = rows
        .iter()
        .map(|row| {
            let revision = Revision { sequence: row.integer(2), at: Timestamp(row.integer(3)) };
            (row.text(0), (row.text(1), revision))
        })
        .collect();
    let mut changed = Vec::new();
    for turn in turns {
        let (uid, content) = (uid(turn), content(turn, now));
        let revision = match known.get(uid.as_str()) {
            Some((before, revision)) if *before == content => *revision,
            before => {
                let sequence = before.map_or(0, |(_, revision)| revision.sequence + 1);
                let revision = Revision { sequence, at: now };
                changed.push((uid, content, turn.end, revision));
                revision
            }
        };
        turn.revision = Some(revision);
    }
    if changed.is_empty() {
        return Ok(());
    }
    store.transaction(|tx| {
        for (uid, content, end, revision) in &changed {
            tx.execute(
                "INSERT OR REPLACE INTO oncall_event (uid, content, until, sequence, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[
                    uid.as_str().into(),
                    content.as_str().into(),
                    end.0.into(),
                    revision.sequence.into(),
                    revision.at.0.into(),
                ],
            )?;
        }
        // Twice as long ago as any calendar shows.
        let old = now.minus(2 * CALENDAR_BACK_SECONDS).0;
        tx.execute("DELETE FROM oncall_event WHERE until < ?1", &[old.into()]).map(drop)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(end: i64, instead_of: &[&str]) -> Turn {
        Turn {
            schedule: "web".into(),
            person: "ana".into(),
            start: Timestamp(10_000_000),
            end: Timestamp(end),
            always: false,
            instead_of: instead_of.iter().map(|name| (*name).into()).collect(),
            revision: None,
        }
    }

    #[test]
    fn an_event_that_changed_is_another_revision_of_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("s.db"), &[crate::oncall::MIGRATIONS]).unwrap();
        let now = 10_000_000;
        let given = |turn: Turn, at: i64| {
            let mut turns = [turn];
            give(&store, &mut turns, Timestamp(at)).unwrap();
            let revision = turns[0].revision.unwrap();
            (revision.sequence, revision.at.0)
        };
        assert_eq!(given(turn(now + 3_600, &[]), now), (0, now));
        assert_eq!(given(turn(now + 3_600, &[]), now + 60), (0, now), "the same");
        assert_eq!(given(turn(now + 1_800, &[]), now + 120), (1, now + 120), "it ends earlier");
        assert_eq!(given(turn(now + 1_800, &["ben"]), now + 180), (2, now + 180));
        assert_eq!(
            given(turn(now + 3_600, &[]), now + 240),
            (3, now + 240),
            "back, and still later than before"
        );
        // One that never ends is shown for a year at each time.
        let mut ahead = turn(now + CALENDAR_AHEAD_SECONDS, &[]);
        ahead.person = "ben".into();
        assert_eq!(given(ahead.clone(), now), (0, now));
        ahead.end = Timestamp(now + CALENDAR_AHEAD_SECONDS + 60);
        assert_eq!(given(ahead, now + 60), (0, now));
    }
}
