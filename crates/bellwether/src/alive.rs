//! When this server was alive: each second leaves a mark. A start that finds an old one knows of a gap, and so does a
//! second that comes long after the one before it: the machine slept, or this process was stopped.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use monitors::kinds::metric::{Away, Blind};
use parking_lot::Mutex;
use state_store::{Migrations, StateError, StateStore};
use vocabulary::Timestamp;

pub const MIGRATIONS: Migrations = Migrations {
    room: "bellwether",
    steps: &[
        "CREATE TABLE gap (began INTEGER PRIMARY KEY, ended INTEGER NOT NULL) STRICT;",
        "ALTER TABLE gap ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;",
    ],
};

/// A restart each day for almost three years. Of more, the oldest are taken together with what is between them, so that
/// nobody is called absent in a time of which it is not known any more.
const KEPT: usize = 1_000;

pub struct Alive {
    mark: Option<std::fs::File>,
    state: Arc<StateStore>,
    /// From the last mark to this start, if that was long.
    pub gap: Option<(i64, i64)>,
    /// The last mark before this start; of the first start of all, the second before it.
    before: i64,
    seen: Mutex<Seen>,
}

struct Seen {
    /// The second that was looked at last; of this run.
    last: Option<i64>,
    away: Blind,
}

impl Alive {
    /// Reads the last mark and records the gap since. `interval`: seconds from one flush of StatsD to the next.
    pub fn open(
        directory: &Path,
        state: &Arc<StateStore>,
        now: Timestamp,
        interval: i64,
    ) -> Result<Alive, StateError> {
        let path = directory.join("alive");
        let before = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<i64>().ok());
        let before = before.unwrap_or(now.0.saturating_sub(1));
        let last = away(before, now.0, interval);
        let rows = state.query("SELECT began, ended, whole FROM gap ORDER BY began", &[])?;
        let known: Vec<Away> = rows
            .iter()
            .map(|row| {
                let (from, until) = (row.integer(0), row.integer(1));
                Away { from, until, whole: row.integer(2).max(until) }
            })
            .collect();
        let all = in_order(known.iter().copied().chain([last]), now.0);
        // Without a mark the next start knows of no gap; nothing else depends on it.
        let mark = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).ok();
        let seen = Mutex::new(Seen { last: None, away: known.as_slice().into() });
        let gap = last.is_long().then_some((last.from, last.until));
        let alive = Alive { mark, state: state.clone(), gap, before, seen };
        if all != known {
            alive.keep(&mut alive.seen.lock(), all)?;
        }
        Ok(alive)
    }

    /// Whoever sends is heard from now on.
    pub fn listening(&self, now: Timestamp, interval: i64) {
        self.was_away(&mut self.seen.lock(), Some(away(self.before, now.0, interval)), now.0);
    }

    pub fn note(&self, now: Timestamp, interval: i64) {
        self.look(now, interval);
        if let Some(mark) = &self.mark {
            // Fixed width, so that each mark covers the one before. A full disk keeps the old mark.
            let _ = mark.write_all_at(format!("{:<20}\n", now.0).as_bytes(), 0);
        }
    }

    /// All times in which we were away, the last one too, if it ends just now: to be asked before anybody is missed.
    pub fn look(&self, now: Timestamp, interval: i64) -> Blind {
        let mut seen = self.seen.lock();
        let last = seen.last.replace(now.0).unwrap_or(now.0);
        let slept = Some(away(last, now.0, interval)).filter(Away::is_long);
        // Two threads look, of which one may take the second that is about to begin for begun.
        let was_set_back = now.0 < last - 1;
        if let Some(away) = slept {
            tracing::warn!(
                seconds = away.until - away.from,
                "the machine slept, this process was stopped, or the clock was set; nothing was stored in that time"
            );
        }
        if slept.is_some() || was_set_back {
            self.was_away(&mut seen, slept, now.0);
        }
        seen.away.clone()
    }

    pub fn away(&self) -> Blind {
        self.seen.lock().away.clone()
    }

    /// Those that are worth telling: (first, last) second.
    pub fn gaps(&self) -> Vec<(i64, i64)> {
        self.away().iter().filter(|away| away.is_long()).map(|away| (away.from, away.until)).collect()
    }

    fn was_away(&self, seen: &mut Seen, last: Option<Away>, now: i64) {
        let all = in_order(seen.away.iter().copied().chain(last), now);
        if let Err(error) = self.keep(seen, all) {
            tracing::warn!(%error, "when nothing was stored could not be kept; the next start will not know of it");
        }
    }

    fn keep(&self, seen: &mut Seen, all: Vec<Away>) -> Result<(), StateError> {
        seen.away = all.into();
        self.state.transaction(|tx| {
            tx.execute("DELETE FROM gap", &[])?;
            seen.away.iter().try_for_each(|away| {
                let row = [away.from.into(), away.until.into(), away.whole.into()];
                tx.execute("INSERT INTO gap (began, ended, whole) VALUES (?1, ?2, ?3)", &row).map(drop)
            })
        })
    }
}

/// Nothing was noted after `last`, and in `now` we are back.
fn away(last: i64, now: i64, interval: i64) -> Away {
    let from = last.saturating_add(1);
    let interval = interval.max(1);
    let flush = now.div_euclid(interval).saturating_add(1).saturating_mul(interval);
    Away { from, until: now.max(from), whole: flush.max(from) }
}

/// What lies after `now` comes of a clock that was set back since: it has not been yet.
fn in_order(all: impl Iterator<Item = Away>, now: i64) -> Vec<Away> {
    // A restart within the second ends in the one that is about to begin.
    let until_now = |away: Away| match away.until > now + 1 {
        true => Away { from: away.from, until: now + 1, whole: now + 1 },
        false => away,
    };
    let mut all: Vec<Away> = all.map(until_now).filter(|away| away.from <= away.until).collect();
    all.sort_unstable_by_key(|away| (away.from, away.until));
    let mut apart: Vec<Away> = Vec::with_capacity(all.len());
    for away in all {
        match apart.last_mut() {
            Some(before) if away.from <= before.until => {
                before.until = before.until.max(away.until);
                before.whole = before.whole.max(away.whole);
            }
            _ => apart.push(away),
        }
    }
    let beyond = apart.len().saturating_sub(KEPT);
    if beyond > 0 {
        apart[beyond].from = apart[0].from;
        apart.drain(..beyond);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        directory: tempfile::TempDir,
        state: Arc<StateStore>,
    }

    impl Rig {
        fn new() -> Rig {
            let directory = tempfile::tempdir().unwrap();
            let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
            Rig { directory, state: Arc::new(state) }
        }

        fn open(&self, now: i64) -> Alive {
            Alive::open(self.directory.path(), &self.state, Timestamp(now), 1).unwrap()
        }
    }

    #[test]
    fn a_gap_is_known_after_a_pause_and_remembered() {
        let rig = Rig::new();
        let first = rig.open(1_000);
        assert_eq!(first.gap, None);
        first.note(Timestamp(1_005), 1);
        let soon = rig.open(1_006);
        assert_eq!((soon.gap, soon.gaps()), (None, vec![]));
        let after = rig.open(1_060);
        assert_eq!((after.gap, after.gaps()), (Some((1_006, 1_060)), vec![(1_006, 1_060)]));
    }

    /// The interval of StatsD in which it happens lacks a part all the same.
    #[test]
    fn a_restart_at_once_is_no_gap_and_is_known() {
        let rig = Rig::new();
        let first = Away { from: 1_000, until: 1_000, whole: 1_001 };
        let alive = rig.open(1_000);
        assert_eq!(*alive.away(), [first], "the first of all lacks what was sent before");
        alive.note(Timestamp(1_005), 10);
        let alive = rig.open(1_005);
        assert_eq!(*alive.away(), [first, Away { from: 1_006, until: 1_006, whole: 1_006 }]);
        alive.listening(Timestamp(1_006), 10);
        alive.note(Timestamp(1_007), 10);
        let second = Away { from: 1_006, until: 1_006, whole: 1_010 };
        assert_eq!((alive.gaps(), &*alive.away()), (vec![], &[first, second][..]));
        assert_eq!(
            *rig.open(1_008).away(),
            [first, second, Away { from: 1_008, until: 1_008, whole: 1_009 }]
        );
    }

    #[test]
    fn a_machine_that_slept_was_away() {
        let rig = Rig::new();
        let alive = rig.open(1_000);
        (1_001..1_010).for_each(|now| alive.note(Timestamp(now), 1));
        alive.note(Timestamp(1_011), 1);
        assert_eq!(alive.away().len(), 1, "a second may be left out");
        // Whoever looks first sees it.
        let first = Away { from: 1_000, until: 1_000, whole: 1_001 };
        let slept = [first, Away { from: 1_012, until: 5_000, whole: 5_001 }];
        assert_eq!(*alive.look(Timestamp(5_000), 1), slept);
        alive.note(Timestamp(5_000), 1);
        alive.note(Timestamp(5_001), 1);
        assert_eq!(*alive.look(Timestamp(5_000), 1), slept);
        assert_eq!(rig.open(5_002).gaps(), [(1_012, 5_000)]);
    }

    /// Else nobody would be missed until the year to which it had been set.
    #[test]
    fn a_clock_that_is_set_forth_and_back_leaves_no_gap_in_the_future() {
        let rig = Rig::new();
        let alive = rig.open(1_000);
        alive.note(Timestamp(1_000), 1);
        alive.look(Timestamp(90_000), 1);
        assert_eq!(alive.gaps(), [(1_001, 90_000)]);
        let set_back = Away { from: 1_001, until: 1_011, whole: 1_011 };
        assert_eq!(alive.look(Timestamp(1_010), 1).last(), Some(&set_back));
        assert_eq!(alive.look(Timestamp(1_012), 1).last(), Some(&set_back));
        // The same, seen by a start.
        alive.look(Timestamp(90_000), 1);
        assert_eq!(rig.open(1_020).gaps(), [(1_001, 1_021)]);
    }

    #[test]
    fn of_very_many_gaps_the_oldest_are_one() {
        let rig = Rig::new();
        let kept = KEPT as i64;
        let mut now = 10;
        rig.open(now).note(Timestamp(now), 1);
        for _ in 0..kept + 20 {
            now += 10;
            rig.open(now).note(Timestamp(now), 1);
        }
        let alive = rig.open(now);
        let away = alive.away();
        assert_eq!(away.len(), KEPT);
        assert_eq!((away[0].from, away[1].from), (10, away[0].until + 1), "the oldest are one");
        assert!(away[1].until - away[1].from < 10, "{:?}", away[1]);
        assert_eq!((alive.gaps().len(), away[KEPT - 1].until), (KEPT - 1, now + 1));
    }
}
