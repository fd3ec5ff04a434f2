//! Which revision of an event of a calendar this is: programs that have read an event of the same name take over what has
//! changed only if it says so. What was written last of each turn is kept, until it is over for long or has been in no calendar
//! for as long, as happens to what lies ahead when a schedule changes.

use std::collections::HashMap;

use state_store::{StateError, StateStore, Value};
use vocabulary::Timestamp;

use super::calendar::{Turn, uid};
use crate::limits::{CALENDAR_AHEAD_SECONDS, CALENDAR_BACK_SECONDS};

/// Of many turns so many are asked for at a time: a statement has so many parameters.
const TURNS_A_READ: usize = 500;

/// That it is in a calendar is noted so often.
const NOTED_EVERY: i64 = 7 * 86_400;
/// Twice as long as any calendar shows what is over.
const KEPT_SECONDS: i64 = 2 * CALENDAR_BACK_SECONDS;

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

/// What was written last of a turn.
struct Known {
    content: String,
    revision: Revision,
    seen: i64,
}

/// Of these; other calendars' turns are not read.
fn known(store: &StateStore, uids: &[String]) -> Result<HashMap<String, Known>, StateError> {
    let mut known = HashMap::new();
    for some in uids.chunks(TURNS_A_READ) {
        let marks: Vec<String> = (1..=some.len()).map(|number| format!("?{number}")).collect();
        let sql = format!(
            "SELECT uid, content, sequence, at, seen FROM oncall_event WHERE uid IN ({})",
            marks.join(", ")
        );
        let values: Vec<Value> = some.iter().map(|uid| uid.as_str().into()).collect();
        for row in &store.query(&sql, &values)? {
            let revision = Revision { sequence: row.integer(2), at: Timestamp(row.integer(3)) };
            let last = Known { content: row.text(1).to_owned(), revision, seen: row.integer(4) };
            known.insert(row.text(0).to_owned(), last);
        }
    }
    Ok(known)
}

/// Gives each turn its revision.
pub(super) fn give(store: &StateStore, turns: &mut [Turn], now: Timestamp) -> Result<(), StateError> {
    let uids: Vec<String> = turns.iter().map(uid).collect();
    let known = known(store, &uids)?;
    let mut news = Vec::new();
    for (turn, uid) in turns.iter_mut().zip(uids) {
        let content = content(turn, now);
        let last = known.get(&uid);
        let revision = match last {
            Some(last) if last.content == content => last.revision,
            _ => Revision { sequence: last.map_or(0, |last| last.revision.sequence + 1), at: now },
        };
        turn.revision = Some(revision);
        let is_noted = last.is_some_and(|last| now.0 - last.seen < NOTED_EVERY);
        if !is_noted || revision.at == now {
            news.push((uid, content, turn.end, revision));
        }
    }
    if news.is_empty() {
        return Ok(());
    }
    store.transaction(|tx| {
        for (uid, content, end, revision) in &news {
            tx.execute(
                "INSERT OR REPLACE INTO oncall_event (uid, content, until, sequence, at, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                &[
                    uid.as_str().into(),
                    content.as_str().into(),
                    end.0.into(),
                    revision.sequence.into(),
                    revision.at.0.into(),
                    now.0.into(),
                ],
            )?;
        }
        let sql = "DELETE FROM oncall_event WHERE until < ?1 OR (seen > 0 AND seen < ?1)";
        tx.execute(sql, &[now.minus(KEPT_SECONDS).0.into()]).map(drop)
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

    #[test]
    fn turns_that_a_schedule_no_longer_has_are_forgotten_though_they_lie_ahead() {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("s.db"), &[crate::oncall::MIGRATIONS]).unwrap();
        let (now, day) = (10_000_000, 86_400);
        let far = now + 300 * day;
        let (stays, vanishes) = (turn(far, &[]), Turn { person: "ben".into(), ..turn(far, &[]) });
        give(&store, &mut [stays.clone(), vanishes], Timestamp(now)).unwrap();
        let known = || store.query("SELECT uid FROM oncall_event", &[]).unwrap().len();
        for at in (1..=70).map(|days| Timestamp(now + days * day)) {
            assert_eq!(known(), 2, "{at:?}");
            let mut turns = [stays.clone()];
            give(&store, &mut turns, at).unwrap();
            assert_eq!(turns[0].revision, Some(Revision { sequence: 0, at: Timestamp(now) }));
            if known() == 1 {
                assert!(at.0 > now + KEPT_SECONDS);
                return;
            }
        }
        panic!("it is still known");
    }
}
