//! What the store counts, since its start.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A plain copy of all counters, to be stored as ordinary points.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct StoreStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl StoreStats {
            /// Name and value of each, for whoever publishes them.
            pub fn each(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }

        #[derive(Default)]
        pub(crate) struct Counters {
            $(pub $name: AtomicU64,)*
        }

        impl Counters {
            pub fn snapshot(&self) -> StoreStats {
                StoreStats { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Points taken in and on their way to the disk.
    points_stored,
    /// Points kept in memory only, because the store was read-only.
    points_volatile,
    /// Of the stored: into a slot that was sealed.
    points_late,
    points_too_old,
    points_in_future,
    /// NaN: means "no value" and cannot be stored.
    points_no_value,
    points_refused_name,
    points_refused_limit,
    /// Sketches of batches that were told again after a crash, and had been taken.
    sketches_repeated,
    /// Volatile points that were given up because memory ran out before the disk came back.
    points_given_up,
    /// Points of imported archives; not among the stored.
    points_imported,
    series_created,
    series_removed,
    series_expired,
    /// Log records that could not be written: their points were volatile.
    wal_failures,
    flushes,
    flush_failures,
    flushed_bytes,
    merges,
    merge_failures,
    rollups,
    /// Coarse slots computed at once because the finer archive was forgetting its part.
    rolled_at_once,
    files_expired,
    fetches,
    rows_fetched,
    times_read_only,
}

pub(crate) fn count(counter: &AtomicU64, by: u64) {
    if by > 0 {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}
