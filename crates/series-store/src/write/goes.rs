//! Which archive of its policy a point goes into, and what must be computed at once.

use vocabulary::Timestamp;

use crate::policy::{PolicyEntry, Slot};
use crate::wal_record::ALL_LATER;

/// Where a point of a policy and time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goes {
    /// Into the finest archive, from where the coarser ones are computed later on.
    Finest {
        slot: Slot,
    },
    /// Into the first archive that reaches back far enough (whisper's rule); or the next archive's slot is
    /// about to leave the finer one, so that it must be computed now.
    Apart {
        archive: usize,
        lazy_to: u8,
    },
    TooOld,
    InFuture,
}

pub(crate) fn where_to(entry: &PolicyEntry, time: Timestamp, now: Timestamp, tolerance: i64) -> Goes {
    let finest = entry.tiers[0];
    if now.since(time) < -tolerance.max(finest.step.seconds()) {
        return Goes::InFuture;
    }
    let Some(archive) = entry.archive_for_age(now.since(time)).filter(|_| time.0 >= 0) else {
        return Goes::TooOld;
    };
    let lazy_to = lazy_to(entry, archive, time, now);
    if archive == 0 && lazy_to == ALL_LATER {
        return Goes::Finest { slot: finest.slot(time) };
    }
    Goes::Apart { archive, lazy_to }
}

/// The coarsest archive, counted from `archive` on, whose slot lies wholly within what the next finer one
/// still holds. Above it, slots are computed at once from what is left, as whisper's rings do.
pub(crate) fn lazy_to(entry: &PolicyEntry, archive: usize, time: Timestamp, now: Timestamp) -> u8 {
    for (index, pair) in entry.tiers.windows(2).enumerate().skip(archive) {
        if time.floor(pair[1].step) <= now.minus(pair[0].retention_seconds) {
            return index as u8;
        }
    }
    ALL_LATER
}
