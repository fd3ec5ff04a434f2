//! The log of the run before, taken in once more: exactly what was not in block files yet.

use std::path::Path;

use disk::{Doing, read_whole};
use parking_lot::RwLockWriteGuard;
use vocabulary::{Sketch, Timestamp};

use crate::bytes::Malformed;
use crate::error::OpenError;
use crate::head::{HeadOf, LateAt, SeriesHead, Stripe, with_head};
use crate::limits::*;
use crate::open::{LoadedSeries, Recovery, Run};
use crate::policy::{PolicyEntry, PolicyId, Slot};
use crate::store::Store;
use crate::value::Windows;
use crate::wal::{self, Lsn, Records, SegmentHeader};
use crate::wal_record::{Header, Parts, RecordReader, Value, read_parts};

impl Store {
    pub(crate) fn replay(
        &self,
        segments: &[(u32, u64)],
        loaded: &LoadedSeries,
        recovery: &mut Recovery,
    ) -> Result<(), OpenError> {
        let directory = self.directory.join("wal");
        let mut before = None;
        for (index, (segment, _)) in segments.iter().enumerate() {
            let path = wal::segment_path(&directory, *segment);
            let bytes = read_whole(&*self.io, &path, 4 * WAL_SEGMENT_BYTES).doing("read", &path)?;
            // Numbers are left out where a segment was never begun: by a kill, or a full disk.
            let previous = match wal::read_header(&bytes) {
                SegmentHeader::Ours { previous, .. } => previous,
                _ => 0,
            };
            if before.replace(*segment).is_some_and(|before| previous > before) {
                self.files.damage.gap(format!("log segments before {segment} are missing"), 0);
            }
            let last = index + 1 == segments.len();
            self.replay_segment(*segment, &path, &bytes, last, loaded, recovery)?;
        }
        Ok(())
    }

    fn replay_segment(
        &self,
        segment: u32,
        path: &Path,
        bytes: &[u8],
        last: bool,
        loaded: &LoadedSeries,
        recovery: &mut Recovery,
    ) -> Result<(), OpenError> {
        let run = loaded.run_of(segment);
        let mut records = Records::new(bytes);
        let sound = wal::is_of(bytes, segment);
        // A crash right after the last segment was begun leaves less than a header.
        let begun = last && bytes.len() < wal::HEADER_BYTES;
        let mut damaged = !(sound || begun);
        loop {
            for (offset, payload) in records.by_ref() {
                if self.replay_record(Lsn::new(segment, offset), segment, payload, run, recovery).is_err() {
                    damaged = true;
                }
            }
            if records.rest() == 0 {
                break;
            }
            let (rest, stopped_at) = (records.rest(), bytes.len() - records.rest());
            if !records.resync() {
                if last {
                    recovery.torn_bytes += rest as u64;
                    self.io.truncate(path, stopped_at as u64).doing("cut the torn end of", path)?;
                } else {
                    damaged = true;
                }
                break;
            }
            damaged = true;
        }
        if damaged {
            self.quarantine_segment(path, records.skipped as u64);
        }
        Ok(())
    }

    fn quarantine_segment(&self, path: &Path, lost_bytes: u64) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let target = self.files.quarantine.join(&name);
        let kept = self.io.create_dir(&self.files.quarantine).and_then(|()| self.io.link(path, &target));
        let kept = if kept.is_ok() { "kept in quarantine" } else { "could not be kept aside" };
        self.files.damage.gap(format!("log segment {name} is damaged, {kept}"), lost_bytes);
    }

    fn replay_record(
        &self,
        lsn: Lsn,
        segment: u32,
        payload: &[u8],
        run: Run,
        recovery: &mut Recovery,
    ) -> Result<(), Malformed> {
        let parts = read_parts(payload)?;
        if self.breaks_off(&parts, run, recovery)? {
            recovery.orphaned_points += parts.records.len() as u64;
            return Ok(());
        }
        for record in &parts.records {
            self.replay_points(lsn, segment, record, run.known_ids, recovery)?;
        }
        // Also if its sketches are in files: the sender may tell them again all the same.
        if let Some(mark) = &parts.mark {
            self.marks.lock().note(mark);
        }
        Ok(())
    }

    /// A group of a series that the series log does not have: no sync has reached it, for the series would be durable.
    /// So nobody was told that its sketches are safe, or those of the groups behind it, whose slots hold them: all are
    /// left out with their marks, and told again. Unless the series log is damaged.
    fn breaks_off(&self, parts: &Parts<'_>, run: Run, recovery: &mut Recovery) -> Result<bool, Malformed> {
        if !parts.is_group || !self.files.damage.gaps().is_empty() {
            return Ok(false);
        }
        if recovery.broken_off == Some(run.number) {
            return Ok(true);
        }
        let known = run.known_ids.min(self.names.next_id());
        for record in &parts.records {
            let mut points = RecordReader::new(record)?;
            let first = points.header.stripe.checked_mul(SERIES_PER_STRIPE).ok_or(Malformed)?;
            while let Some((local, ..)) = points.next_point()? {
                if first + u32::from(local) >= known {
                    recovery.broken_off = Some(run.number);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn replay_points(
        &self,
        lsn: Lsn,
        segment: u32,
        payload: &[u8],
        known_ids: u32,
        recovery: &mut Recovery,
    ) -> Result<(), Malformed> {
        let mut points = RecordReader::new(payload)?;
        let header = points.header;
        let first = header.stripe.checked_mul(SERIES_PER_STRIPE).ok_or(Malformed)?;
        let Some(stripe) = self.stripes.load().get(header.stripe as usize).cloned() else {
            while points.next_point()?.is_some() {
                recovery.orphaned_points += 1;
            }
            return Ok(());
        };
        let mut replay = Replay { stripe: stripe.write(), header, lsn, segment, memo: None };
        let policies = self.policies.load();
        while let Some((local, time, value)) = points.next_point()? {
            let series = replay.stripe.get(local).copied().filter(|_| first + u32::from(local) < known_ids);
            let entry = series.and_then(|series| Some((series, policies.get(series.policy)?)));
            let goes = entry.map_or(Goes::Nowhere, |(series, entry)| replay.place(series, entry, time));
            match goes {
                Goes::Nowhere => recovery.orphaned_points += 1,
                Goes::InFiles => recovery.skipped_points += 1,
                _ => recovery.replayed_points += 1,
            }
            if let Some(series) = series {
                replay.put(series, local, time, goes, value);
            }
        }
        Ok(())
    }
}

/// One record on its way into its stripe.
struct Replay<'a> {
    stripe: RwLockWriteGuard<'a, Stripe>,
    header: Header,
    lsn: Lsn,
    segment: u32,
    /// The point before: most have the same policy and time.
    memo: Option<(PolicyId, Timestamp, Goes)>,
}

/// Where a point of the log goes.
#[derive(Clone, Copy)]
enum Goes {
    /// Its series is gone or has no such archive any more.
    Nowhere,
    InFiles,
    Column {
        tier: usize,
        column: usize,
        slot: Slot,
        /// The start of the slot.
        begins: i64,
    },
    Open {
        tier: usize,
        slot: Slot,
    },
    Late {
        slot: Slot,
    },
}

impl Replay<'_> {
    #[inline]
    fn place(&mut self, series: SeriesHead, entry: &PolicyEntry, time: Timestamp) -> Goes {
        match self.memo {
            Some((policy, at, goes)) if policy == series.policy && at == time => goes,
            _ => {
                let goes = self.find_place(series.policy, entry, time);
                self.memo = Some((series.policy, time, goes));
                goes
            }
        }
    }

    /// The mirror of what `write` does; what was flushed before is left out, exactly.
    fn find_place(&mut self, policy: PolicyId, entry: &PolicyEntry, time: Timestamp) -> Goes {
        let archive = usize::from(self.header.archive);
        let Some(tier) = entry.tiers.get(archive).filter(|tier| tier.kind == self.header.kind) else {
            return Goes::Nowhere;
        };
        let slot = tier.slot(time);
        let place = self.stripe.tiers_of(policy)[archive];
        let head = &mut self.stripe.tiers[place].head;
        let (base, flushed) = with_head!(&*head, head => (head.base, head.flushed));
        if self.lsn < flushed.lsn && (archive > 0 || slot < flushed.base) {
            return Goes::InFiles;
        }
        if archive > 0 || slot < base {
            return Goes::Late { slot };
        }
        match f64::head_mut(head) {
            Some(head) => {
                head.since.get_or_insert(self.header.now);
                let (column, begins) = (head.open.column(slot, self.segment), tier.start(slot).0);
                Goes::Column { tier: place, column, slot, begins }
            }
            None => Goes::Open { tier: place, slot },
        }
    }

    #[inline]
    fn put(&mut self, series: SeriesHead, local: u16, time: Timestamp, goes: Goes, value: Value) {
        let Header { archive, lazy_to, now, .. } = self.header;
        let (archive, segment) = (usize::from(archive), self.segment);
        match (goes, value) {
            (Goes::Column { tier, column, slot, begins }, Value::Number(value)) => {
                if let Some(head) = f64::head_mut(&mut self.stripe.tiers[tier].head) {
                    head.open.set(column, series.lane, value);
                    if begins <= i64::from(series.imported) {
                        head.late.put(local, slot, lazy_to, value, segment);
                    } else if series.is_first_after_import(begins) {
                        self.stripe.note_goes_on(local, begins);
                    }
                }
            }
            (Goes::Open { tier, slot }, Value::Sketch(sketch)) => {
                if let Some(head) = Option::<Sketch>::head_mut(&mut self.stripe.tiers[tier].head) {
                    head.since.get_or_insert(now);
                    head.open.put(series.lane, slot, Some(sketch), segment);
                }
            }
            (Goes::Late { slot }, value) => {
                let at = LateAt { local, archive, slot, lazy_to, segment };
                match value {
                    Value::Number(value) => self.stripe.put_late(series, at, value, now),
                    Value::Sketch(sketch) => self.stripe.put_late(series, at, Some(sketch), now),
                }
            }
            // Numbers go to columns and sketches do not: `find_place` asked for the kind.
            (Goes::Nowhere | Goes::InFiles | Goes::Column { .. } | Goes::Open { .. }, _) => return,
        }
        let last = &mut self.stripe.series[usize::from(local)].last;
        *last = (*last).max(u32::try_from(time.0).unwrap_or(0));
    }
}
