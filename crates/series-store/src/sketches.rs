//! Sketches on their way in. They add up within a slot, so what comes twice would count twice: a batch with a mark
//! is taken once, see [`crate::marks`].

use std::borrow::Cow;
use std::sync::Arc;

use disk::DiskError;
use vocabulary::ports::{BatchMark, Scope, StoreError, WriteReport};
use vocabulary::{Sketch, SketchBatch, Timestamp, ValueKind};

use crate::limits::*;
use crate::manifest::Edit;
use crate::marks::{Mark, RowKey, Taken};
use crate::policy::{NO_POLICY, PolicyEntry, PolicyId};
use crate::store::{SharedStripe, Store};
use crate::view::{View, Wanted};
use crate::wal_record::{ALL_LATER, GroupWriter, Header, RecordWriter};
use crate::write::{First, Goes, lazy_to, note_last, where_to};

/// What a batch has of one name and time.
struct Row<'b> {
    name: &'b [u8],
    time: Timestamp,
    sketch: Cow<'b, Sketch>,
    /// How often it stands in the batch.
    times: u64,
}

impl Row<'_> {
    fn key(&self) -> (&[u8], i64) {
        (self.name, self.time.0)
    }

    fn owned_key(&self) -> RowKey {
        RowKey { name: self.name.to_vec(), time: self.time.0 }
    }
}

/// Each name and time once, in an order that is the same whenever the batch is told.
fn in_order(batch: &SketchBatch) -> Vec<Row<'_>> {
    let mut all: Vec<_> = batch.iter().collect();
    all.sort_by_key(|(name, time, _)| (*name, time.0));
    let mut rows: Vec<Row<'_>> = Vec::with_capacity(all.len());
    for (name, time, sketch) in all {
        match rows.last_mut().filter(|row| row.key() == (name, time.0)) {
            Some(row) => {
                row.sketch.to_mut().merge(sketch);
                row.times += 1;
            }
            None => rows.push(Row { name, time, sketch: Cow::Borrowed(sketch), times: 1 }),
        }
    }
    rows
}

/// Where the sketches of a row go.
struct Seat {
    stripe: SharedStripe,
    local: u16,
    policy: PolicyId,
    entry: Arc<PolicyEntry>,
    /// The finest archive that it goes to, and the last that cannot wait for its rollup.
    archives: std::ops::RangeInclusive<usize>,
}

impl Store {
    pub(crate) fn write_sketch_batch(&self, batch: &SketchBatch, mark: Option<BatchMark<'_>>) -> WriteReport {
        let now = self.now();
        let mut report = WriteReport::default();
        let rows = in_order(batch);
        let taken = mark.map_or(Taken::Nothing, |mark| self.marks.lock().taken(mark.sender, mark.number));
        let known = match taken {
            Taken::Nothing => 0,
            Taken::Through(key) => rows.partition_point(|row| row.key() <= (&key.name[..], key.time)),
            Taken::Whole => rows.len(),
        };
        report.repeated = rows[..known].iter().map(|row| row.times).sum();
        let rows = &rows[known..];
        // Names become series before any slot is held.
        let seats: Vec<Option<Seat>> = rows.iter().map(|row| self.seat_of(row, now, &mut report)).collect();
        let mut done = 0;
        while done < rows.len() {
            done = self.write_group(rows, &seats, done, mark, now, &mut report);
        }
        self.changes.note(rows.iter().map(|row| row.time.0).min().unwrap_or(i64::MAX));
        self.count_report(&report);
        report
    }

    /// `None`, and counted, if there is no place for it.
    fn seat_of(&self, row: &Row<'_>, now: Timestamp, report: &mut WriteReport) -> Option<Seat> {
        let id = self.names.id(row.name, ValueKind::Sketch).or_else(|| {
            let first = First { name: row.name, kind: ValueKind::Sketch, time: row.time, has_value: true };
            let mut refused = WriteReport::default();
            let id = self.create_counted(first, now, &mut refused);
            report.created += refused.created;
            // It says what became of one point: the row stands for several.
            report.add(times(WriteReport { created: 0, ..refused }, row.times));
            id
        })?;
        let stripe = self.stripe_with(id);
        let local = (id % SERIES_PER_STRIPE) as u16;
        let policy =
            self.with_series(&stripe, &[(0, id)]).get(local).map_or(NO_POLICY, |series| series.policy);
        let entry = self.policy(policy)?;
        let archives = match where_to(&entry, row.time, now, self.future_tolerance()) {
            Goes::InFuture => {
                report.in_future += row.times;
                return None;
            }
            Goes::TooOld => {
                report.too_old += row.times;
                return None;
            }
            Goes::Finest { .. } => 0..=0,
            Goes::Apart { archive, lazy_to } => archive..=at_once_to(&entry, archive, lazy_to),
        };
        Some(Seat { stripe, local, policy, entry, archives })
    }

    /// Takes rows from `from` on and puts them into the log as one record, with the mark of how far it got. No flush
    /// of sketches comes in between: files would have what the log does not say it has. Answers where to go on.
    fn write_group(
        &self,
        rows: &[Row<'_>],
        seats: &[Option<Seat>],
        from: usize,
        mark: Option<BatchMark<'_>>,
        now: Timestamp,
        report: &mut WriteReport,
    ) -> usize {
        let mut group = GroupWriter::default();
        let mut end = from;
        let mut taken = 0;
        let changing = self.changing_slot.lock();
        while end < rows.len() && end - from < GROUP_ROWS && !group.is_full() {
            if let Some(seat) = &seats[end] {
                self.add_row(seat, &rows[end], now, &mut group);
                taken += rows[end].times;
            }
            end += 1;
        }
        if taken == 0 {
            return end;
        }
        let through = (end < rows.len()).then(|| rows[end - 1].owned_key());
        let mark = mark.map(|mark| Mark::new(mark, now, through));
        let appended = self.wal.append(group.finish(mark.as_ref()), self.clock.since_epoch());
        if let Some(mark) = &mark {
            // Also while nothing is written: in this run they have been counted.
            self.marks.lock().note(mark);
        }
        drop(changing);
        match appended {
            Some(appended) => {
                report.stored += taken;
                self.log_waker.raise();
                if appended.write_out {
                    self.write_log_out_or_stop();
                }
            }
            None => report.volatile += taken,
        }
        end
    }

    /// Into memory, and into the group as the whole of each slot.
    fn add_row(&self, seat: &Seat, row: &Row<'_>, now: Timestamp, group: &mut GroupWriter) {
        // The coarser one first: it may be computed from the finer one, which must not have the new yet.
        for archive in seat.archives.clone().rev() {
            let lazy_to = lazy_to(&seat.entry, archive, row.time, now);
            let whole = self.whole_of_slot(seat, row, archive);
            let mut record = RecordWriter::default();
            let mut stripe = seat.stripe.write();
            record.begin(Header {
                kind: ValueKind::Sketch,
                stripe: stripe.number,
                archive: archive as u8,
                lazy_to,
                now,
            });
            record.sketch(seat.local, row.time, &whole);
            group.push(&record);
            self.apply::<Option<Sketch>>(
                &mut stripe,
                seat.local,
                archive,
                lazy_to,
                row.time,
                Some(whole),
                now,
            );
        }
        if let Some(series) = seat.stripe.write().series.get_mut(usize::from(seat.local)) {
            note_last(series, row.time);
        }
    }

    /// What is in the slot with what is added.
    fn whole_of_slot(&self, seat: &Seat, row: &Row<'_>, archive: usize) -> Sketch {
        let tier = seat.entry.tiers[archive];
        let slot = tier.slot(row.time);
        let scope = Scope::everything();
        let times = row.time.floor(tier.step)..row.time.plus(tier.step.seconds());
        let wanted = Wanted {
            policy: seat.policy,
            entry: &seat.entry,
            locals: vec![seat.local],
            archive,
            times,
            scope: &scope,
        };
        let view = View::<Option<Sketch>>::take(&seat.stripe.read(), &*self.blocks, wanted);
        let there = view.rows(archive, &(slot..slot + 1)).unwrap_or_default().pop().flatten();
        let mut whole = there.unwrap_or_default();
        whole.merge(&row.sketch);
        whole
    }

    /// Puts what was taken of which batch into the manifest, where it outlives the log. What it tells of must be on
    /// the disk first.
    pub(crate) fn keep_marks(&self) -> Result<(), StoreError> {
        let marks = self.marks.lock().clone();
        if self.files.manifest.state(|state| state.marks == marks) {
            return Ok(());
        }
        self.make_log_durable()?;
        Ok(self.files.manifest.commit(&[Edit::Marks(marks)])?)
    }

    /// After a failure the store is read-only: what the log may have lost is in memory. Fails while the log is closed.
    pub(crate) fn make_log_durable(&self) -> Result<(), DiskError> {
        self.write_log_out()?;
        self.sync_log().inspect_err(|error| self.log_failed(error))
    }
}

fn times(one: WriteReport, times: u64) -> WriteReport {
    let mut all = WriteReport::default();
    (0..times).for_each(|_| all.add(one));
    all
}

/// The last archive that is written at once for a point of `archive`.
fn at_once_to(entry: &PolicyEntry, archive: usize, lazy_to: u8) -> usize {
    if lazy_to != ALL_LATER && usize::from(lazy_to) == archive {
        (archive + 1).min(entry.tiers.len() - 1)
    } else {
        archive
    }
}
