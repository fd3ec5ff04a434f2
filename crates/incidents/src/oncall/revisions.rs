//! Which revision of an event of a calendar this is: programs that have read an event of the same name take over what has
//! changed only if it says so. What was written last of each turn is kept.

use std::collections::HashMap;

use state_store::{StateError, StateStore, Value};
use vocabulary::Timestamp;

use super::calendar::{Turn, uid};
use crate::limits::{CALENDAR_AHEAD_SECONDS, CALENDAR_BACK_SECONDS};

/// Of many turns so many are asked for at a time: a statement has so many parameters.
const TURNS_A_READ: usize = 500;

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

/// What was written last of these; other calendars' turns are not read.
fn known(store: &StateStore, uids: &[String]) -> Result<HashMap<String, (String, Revision)>, StateError> {
    let mut known = HashMap::new();
    for some in uids.chunks(TURNS_A_READ) {
        let marks: Vec<String> = (1..=some.len()).map(|number| format!("?{number}")).collect();
        let sql = format!(
            "SELECT uid, content, sequence, at FROM oncall_event WHERE uid IN ({})",
            marks.join(", ")
        );
        let values: Vec<Value> = some.iter().map(|uid| uid.as_str().into()).collect();
        for row in &store.query(&sql, &values)? {
            let revision = Revision { sequence: row.integer(2), at: Timestamp(row.integer(3)) };
            known.insert(row.text(0).to_owned(), (row.text(1).to_owned(), revision));
        }
    }
    Ok(known)
}

/// Gives each turn its revision.
pub(super) fn give(store: &StateStore, turns: &mut [Turn], now: Timestamp) -> Result<(), StateError> {
    let uids: Vec<String> = turns.iter().map(uid).collect();
    let known = known(store, &uids)?;
    let mut changed = Vec::new();
    for (turn, uid) in turns.iter_mut().zip(uids) {
        let content = content(turn, now);
        let revision = match known.get(&uid) {
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
        // Of a long calendar all are found again.
        let mut long: Vec<Turn> = (1..=2 * TURNS_A_READ as i64).map(|n| turn(now + n, &[])).collect();
        long.iter_mut().for_each(|turn| turn.start = turn.end);
        give(&store, &mut long, Timestamp(now)).unwrap();
        give(&store, &mut long, Timestamp(now + 60)).unwrap();
        let first = Revision { sequence: 0, at: Timestamp(now) };
        assert!(long.iter().all(|turn| turn.revision == Some(first)));
        // One that never ends is shown for a year at each time.
        let mut ahead = turn(now + CALENDAR_AHEAD_SECONDS, &[]);
        ahead.person = "ben".into();
        assert_eq!(given(ahead.clone(), now), (0, now));
        ahead.end = Timestamp(now + CALENDAR_AHEAD_SECONDS + 60);
        assert_eq!(given(ahead, now + 60), (0, now));
    }
}
