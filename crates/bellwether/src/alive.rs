//! When this server was alive: each second leaves a mark, and a start that finds an old one knows of a gap.

use std::os::unix::fs::FileExt;
use std::path::Path;

use state_store::{Migrations, StateError, StateStore};
use vocabulary::Timestamp;

pub const MIGRATIONS: Migrations = Migrations {
    room: "bellwether",
    steps: &["CREATE TABLE gap (began INTEGER PRIMARY KEY, ended INTEGER NOT NULL) STRICT;"],
};

/// A restart within the second leaves no gap worth telling.
const SHORTEST_GAP_SECONDS: i64 = 2;
const LISTED: usize = 20;

pub struct Alive {
    mark: Option<std::fs::File>,
    /// From the last mark to this start, if that was long.
    pub gap: Option<(i64, i64)>,
}

impl Alive {
    /// Reads the last mark and records the gap since.
    pub fn open(directory: &Path, state: &StateStore, now: Timestamp) -> Result<Alive, StateError> {
        let path = directory.join("alive");
        let last = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<i64>().ok());
        let gap = last
            .map(|last| (last.saturating_add(1), now.0))
            .filter(|(from, until)| until.saturating_sub(*from) >= SHORTEST_GAP_SECONDS);
        if let Some((from, until)) = gap {
            state.transaction(|tx| {
                tx.execute(
                    "INSERT OR REPLACE INTO gap (began, ended) VALUES (?1, ?2)",
                    &[from.into(), until.into()],
                )
            })?;
        }
        // Without a mark the next start knows of no gap; nothing else depends on it.
        let mark = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).ok();
        Ok(Alive { mark, gap })
    }

    pub fn note(&self, now: Timestamp) {
        if let Some(mark) = &self.mark {
            // Fixed width, so that each mark covers the one before. A full disk keeps the old mark.
            let _ = mark.write_all_at(format!("{:<20}\n", now.0).as_bytes(), 0);
        }
    }
}

/// The last gaps, oldest first.
pub fn gaps(state: &StateStore) -> Vec<(i64, i64)> {
    let rows = state.query(&format!("SELECT began, ended FROM gap ORDER BY began DESC LIMIT {LISTED}"), &[]);
    let mut gaps: Vec<_> =
        rows.unwrap_or_default().iter().map(|row| (row.integer(0), row.integer(1))).collect();
    gaps.reverse();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_known_after_a_pause_and_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        let open = |now: i64| Alive::open(directory.path(), &state, Timestamp(now)).unwrap();
        let first = open(1_000);
        assert_eq!(first.gap, None);
        first.note(Timestamp(1_005));
        assert_eq!(open(1_006).gap, None);
        let after = open(1_060);
        assert_eq!((after.gap, gaps(&state)), (Some((1_006, 1_060)), vec![(1_006, 1_060)]));
    }
}
