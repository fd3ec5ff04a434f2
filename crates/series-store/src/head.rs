//! What a stripe holds in memory: its series, and for each tier the open slots, the late points, what is
//! on its way to the disk, and the list of flushed files.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use vocabulary::{Sketch, Timestamp};

use crate::block::BlockFile;
use crate::manifest::{Flushed, Place};
use crate::policy::{NO_POLICY, PolicyEntry, PolicyId, Slot, Tier};
use crate::series_log::Record;
use crate::value::{Value, Windows};
use crate::wal::Lsn;
use crate::wal_record::ALL_LATER;

/// Run the same code on a head of either kind.
macro_rules! with_head {
    ($any:expr, $head:ident => $body:expr) => {
        match $any {
            $crate::head::AnyHead::Numbers($head) => $body,
            $crate::head::AnyHead::Sketches($head) => $body,
        }
    };
}
pub(crate) use with_head;

/// By the low 16 bits of a series' id.
pub type ByLocal<T> = HashMap<u16, T, foldhash::fast::RandomState>;

/// What is known of a series besides its name.
#[derive(Clone, Copy, Debug)]
pub struct SeriesHead {
    pub policy: PolicyId,
    /// Its place in the columns of its finest tier.
    pub lane: u16,
    /// Seconds of the newest point, as far as it is known; 0 if none is. After a start `newest` finds those of files.
    pub last: u32,
    pub created: u32,
    /// Seconds of the newest point that was imported; 0 if none was. Coarse slots before it are as they were
    /// imported and are never computed, but for points that come late: a point for a slot that was imported is
    /// among the late ones too, even while its slot is open.
    pub imported: u32,
    /// Where the first slot after that begins that a point came into in order; `u32::MAX` if none came yet, 0 if
    /// nothing was imported. The coarse slots that both lie in are computed.
    pub goes_on: u32,
    /// Archives, one bit each, whose slot that the import ended in was set itself since: it is not computed.
    pub set_since: u16,
}

impl SeriesHead {
    pub const GONE: SeriesHead =
        SeriesHead { policy: NO_POLICY, lane: 0, last: 0, created: 0, imported: 0, goes_on: 0, set_since: 0 };

    pub fn is_gone(&self) -> bool {
        self.policy == NO_POLICY
    }

    pub fn went_on(&self, id: u32) -> Record<'static> {
        Record::WentOn { id, goes_on: self.goes_on, set_since: self.set_since }
    }

    /// Is a point in order, into the slot that begins then, the first one since the import?
    #[inline]
    pub fn is_first_after_import(&self, begins: i64) -> bool {
        begins < i64::from(self.goes_on) && begins > i64::from(self.imported)
    }
}

/// Which slot of which archive a late value is for.
#[derive(Clone, Copy, Debug)]
pub struct LateAt {
    pub local: u16,
    pub archive: usize,
    pub slot: Slot,
    pub lazy_to: u8,
    /// Of the log that holds it.
    pub segment: u32,
}

/// Up to 65,536 consecutive series.
pub struct Stripe {
    pub number: u32,
    /// By the low 16 bits of the id.
    pub series: Vec<SeriesHead>,
    pub tiers: Vec<TierHead>,
    /// For each policy that occurs here: the places in `tiers` of its archives.
    policy_tiers: Vec<Option<Arc<[usize]>>>,
    /// Points that came after their slot was sealed, by series.
    pub late_counts: ByLocal<u32>,
    /// Series whose `goes_on` or `set_since` is newer than the series log.
    pub unlogged: BTreeSet<u16>,
}

impl Stripe {
    pub fn new(number: u32) -> Stripe {
        Stripe {
            number,
            series: Vec::new(),
            tiers: Vec::new(),
            policy_tiers: Vec::new(),
            late_counts: ByLocal::default(),
            unlogged: BTreeSet::new(),
        }
    }

    pub fn get(&self, local: u16) -> Option<&SeriesHead> {
        self.series.get(usize::from(local)).filter(|series| !series.is_gone())
    }

    /// Where the archives of a policy are, finest first.
    #[inline]
    pub fn tiers_of(&self, policy: PolicyId) -> &Arc<[usize]> {
        self.policy_tiers[usize::from(policy)].as_ref().expect("a series' policy was added with the series")
    }

    pub fn has_policy(&self, policy: PolicyId) -> bool {
        self.policy_tiers.get(usize::from(policy)).is_some_and(Option::is_some)
    }

    pub fn tier(&self, tier: Tier) -> Option<&TierHead> {
        self.tiers.iter().find(|head| head.place.tier == tier)
    }

    pub fn tier_mut(&mut self, tier: Tier) -> Option<&mut TierHead> {
        self.tiers.iter_mut().find(|head| head.place.tier == tier)
    }

    /// Make the tiers of a policy known. `start` gives what the manifest says of a place, or else where
    /// a new one begins.
    pub fn add_policy(&mut self, id: PolicyId, entry: &PolicyEntry, start: &dyn Fn(Place) -> TierStart) {
        let index = usize::from(id);
        if self.policy_tiers.len() <= index {
            self.policy_tiers.resize(index + 1, None);
        }
        if self.policy_tiers[index].is_some() {
            return;
        }
        let places: Arc<[usize]> = entry.tiers.iter().map(|tier| self.tier_index(*tier, start)).collect();
        self.policy_tiers[index] = Some(places);
        self.hold_marks_back();
    }

    /// No tier may be rolled further than a finer one of the same policy, or what comes up from there would be
    /// overlooked; rolling some slots twice does no harm.
    fn hold_marks_back(&mut self) {
        let pairs: Vec<(usize, usize)> =
            self.policy_tiers.iter().flatten().flat_map(|places| followers(places)).collect();
        // Policies share tiers: what one of them holds back, another's coarser tiers wait for too.
        while let Some((finer, coarser)) = pairs
            .iter()
            .copied()
            .find(|(finer, coarser)| self.tiers[*coarser].rolled > self.tiers[*finer].rolled)
        {
            self.tiers[coarser].rolled = self.tiers[finer].rolled;
        }
    }

    /// Points of a tier from `begin` on are not late ones any more.
    pub fn open_again(&mut self, tier: Tier, begin: Timestamp) {
        if let Some(tier) = self.tier_mut(tier) {
            tier.open_again(begin);
        }
        self.hold_marks_back();
    }

    fn tier_index(&mut self, tier: Tier, start: &dyn Fn(Place) -> TierStart) -> usize {
        if let Some(index) = self.tiers.iter().position(|head| head.place.tier == tier) {
            return index;
        }
        let place = Place { tier, stripe: self.number };
        self.tiers.push(TierHead::new(place, start(place)));
        self.tiers.len() - 1
    }

    /// Put a series in its place, with a lane in its finest tier. One that changes its policy stays otherwise
    /// as it is.
    pub fn add_series(&mut self, local: u16, policy: PolicyId, created: Timestamp) {
        let index = usize::from(local);
        if self.series.len() <= index {
            self.series.resize(index + 1, SeriesHead::GONE);
        }
        let finest = self.tiers_of(policy)[0];
        let lane = self.tiers[finest].head.add_lane(local);
        let created = u32::try_from(created.0).unwrap_or(0);
        let before = self.series[index];
        self.series[index] = SeriesHead { policy, lane, created, ..before };
        if before.set_since > 0 && before.policy != policy {
            // Those were archives of the other policy.
            self.series[index].set_since = 0;
            self.unlogged.insert(local);
        }
    }

    /// The start of the oldest slot that a late point in memory is for. Slots around it may have to be
    /// computed again.
    pub fn oldest_late(&self) -> Option<Timestamp> {
        let of = |tier: &TierHead| {
            let slot = with_head!(&tier.head, head => {
                let frozen = head.frozen.iter().filter_map(|frozen| frozen.late.oldest_slot());
                head.late.oldest_slot().into_iter().chain(frozen).min()
            });
            slot.map(|slot| tier.place.tier.start(slot))
        };
        self.tiers.iter().filter_map(of).min()
    }

    /// Points in memory stay until their windows are flushed; merges leave out what is in files.
    pub fn remove_series(&mut self, local: u16) {
        if let Some(series) = self.series.get_mut(usize::from(local)) {
            *series = SeriesHead::GONE;
        }
        self.late_counts.remove(&local);
        self.unlogged.remove(&local);
    }

    /// Put a value among the late points of an archive. A coarse slot that is set itself is not to be
    /// computed any more because of finer points that came before.
    pub fn put_late<V: HeadOf>(&mut self, series: SeriesHead, at: LateAt, value: V, now: Timestamp) {
        let Some(place) = self.tiers_of(series.policy).get(at.archive).copied() else { return };
        let tier = self.tiers[place].place.tier;
        self.settle_slot::<V>(series.policy, at.archive, at.local, at.slot);
        if let Some(head) = V::head_mut(&mut self.tiers[place].head) {
            head.since.get_or_insert(now);
            head.left_empty.remove(&(at.local, at.slot));
            head.late.put(at.local, at.slot, at.lazy_to, value, at.segment);
        }
        // The slot that an import ended in would be computed over what is set here.
        if series.imported > 0 && at.archive > 0 && tier.slot(Timestamp(series.imported.into())) == at.slot {
            self.series[usize::from(at.local)].set_since |= 1u16.checked_shl(at.archive as u32).unwrap_or(0);
            self.unlogged.insert(at.local);
        }
    }

    pub fn oldest_segment(&self) -> Option<u32> {
        self.tiers.iter().filter_map(|tier| tier.head.oldest_segment()).min()
    }
}

/// Each archive of a policy with the next coarser one.
fn followers(places: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    places.iter().copied().zip(places.iter().copied().skip(1))
}

/// How a tier begins.
#[derive(Clone, Copy, Debug)]
pub struct TierStart {
    pub flushed: Flushed,
    pub rolled: Timestamp,
}

/// One tier of one stripe.
pub struct TierHead {
    pub place: Place,
    /// Slots of the next coarser tiers that end at or before this moment are in files.
    pub rolled: Timestamp,
    /// Flushed files, by sequence.
    pub level0: Arc<Vec<Arc<BlockFile>>>,
    pub head: AnyHead,
}

impl TierHead {
    fn new(place: Place, start: TierStart) -> TierHead {
        // What was rolled up is closed, even if nothing was flushed since: points for it are late.
        let closed = place.tier.slot(start.rolled.plus(place.tier.step.seconds() - 1));
        let base = start.flushed.base.max(closed);
        let head = match place.tier.kind {
            vocabulary::ValueKind::Number => AnyHead::Numbers(Head::new(base, start.flushed)),
            vocabulary::ValueKind::Sketch => AnyHead::Sketches(Head::new(base, start.flushed)),
        };
        TierHead { place, rolled: start.rolled, level0: Arc::default(), head }
    }

    /// Move base and mark back to `begin`. Only if nothing is in memory: late points must not be newer than
    /// what an open slot holds.
    fn open_again(&mut self, begin: Timestamp) {
        let base = self.place.tier.slot(begin);
        with_head!(&mut self.head, head => {
            if head.open.extent().is_none() && head.late.count == 0 && head.frozen.is_empty() {
                head.base = head.base.min(base);
                self.rolled = self.rolled.min(begin);
            }
        });
    }

    pub fn add_files(&mut self, files: impl IntoIterator<Item = Arc<BlockFile>>) {
        let list = Arc::make_mut(&mut self.level0);
        list.extend(files);
        list.sort_by_key(|file| (file.meta.sequence, file.meta.number));
    }

    pub fn remove_files(&mut self, numbers: &[u64]) {
        Arc::make_mut(&mut self.level0).retain(|file| !numbers.contains(&file.meta.number));
    }
}

/// A head of either kind.
pub enum AnyHead {
    Numbers(Head<f64>),
    Sketches(Head<Option<Sketch>>),
}

impl AnyHead {
    pub fn add_lane(&mut self, local: u16) -> u16 {
        with_head!(self, head => head.add_lane(local))
    }

    pub fn oldest_segment(&self) -> Option<u32> {
        with_head!(self, head => head.oldest_segment())
    }

    pub fn bytes(&self) -> usize {
        with_head!(self, head => head.bytes())
    }

    pub fn late_points(&self) -> usize {
        with_head!(self, head => head.late.count)
    }

    pub fn base(&self) -> Slot {
        with_head!(self, head => head.base)
    }
}

/// Finds the head of its kind in a tier.
pub trait HeadOf: Value {
    fn head(any: &AnyHead) -> Option<&Head<Self>>;
    fn head_mut(any: &mut AnyHead) -> Option<&mut Head<Self>>;
}

impl HeadOf for f64 {
    fn head(any: &AnyHead) -> Option<&Head<f64>> {
        match any {
            AnyHead::Numbers(head) => Some(head),
            AnyHead::Sketches(_) => None,
        }
    }

    fn head_mut(any: &mut AnyHead) -> Option<&mut Head<f64>> {
        match any {
            AnyHead::Numbers(head) => Some(head),
            AnyHead::Sketches(_) => None,
        }
    }
}

impl HeadOf for Option<Sketch> {
    fn head(any: &AnyHead) -> Option<&Head<Self>> {
        match any {
            AnyHead::Sketches(head) => Some(head),
            AnyHead::Numbers(_) => None,
        }
    }

    fn head_mut(any: &mut AnyHead) -> Option<&mut Head<Self>> {
        match any {
            AnyHead::Sketches(head) => Some(head),
            AnyHead::Numbers(_) => None,
        }
    }
}

pub struct Head<V: Value> {
    /// Slots before this are closed.
    pub base: Slot,
    pub open: V::Windows,
    pub late: Late<V>,
    /// On their way to the disk, oldest first.
    pub frozen: Vec<Arc<Frozen<V>>>,
    /// Slots of a coarse tier, by series, that whisper would have left empty because the finer archive had
    /// forgotten too much of them when the last point came: not to be computed from what we still have.
    /// Kept until the mark passes them, over a stop but not over a crash.
    pub left_empty: BTreeSet<(u16, Slot)>,
    /// Series by lane.
    lanes: Vec<u16>,
    /// The clock when the oldest of what is not frozen came.
    pub since: Option<Timestamp>,
    /// Log records before this were taken in before the store was opened and are in files: see `Flushed`.
    pub flushed: Flushed,
}

/// Slots and late points that were taken out to be written.
pub struct Frozen<V: Value> {
    pub windows: V::Windows,
    pub late: Late<V>,
    pub lanes: Vec<u16>,
    pub flushed: Flushed,
}

impl<V: Value> Head<V> {
    fn new(base: Slot, flushed: Flushed) -> Head<V> {
        Head {
            base,
            open: V::Windows::default(),
            late: Late::default(),
            frozen: Vec::new(),
            left_empty: BTreeSet::new(),
            lanes: Vec::new(),
            since: None,
            flushed,
        }
    }

    pub fn add_lane(&mut self, local: u16) -> u16 {
        // A tier has no more lanes than a stripe has series, unless series go back and forth between two
        // policies: then one takes a lane again that it had before.
        let full = self.lanes.len() >= usize::from(u16::MAX);
        let had = if full { self.lanes.iter().position(|owner| *owner == local) } else { None };
        if let Some(lane) = had {
            return lane as u16;
        }
        self.lanes.push(local);
        (self.lanes.len() - 1) as u16
    }

    /// Take out all slots before `end` and all late points. `None` if there are none; then only the
    /// base moves.
    pub fn freeze(&mut self, end: Slot, lsn: Lsn, now: Timestamp) -> Option<Arc<Frozen<V>>> {
        self.base = self.base.max(end);
        let windows = self.open.freeze(self.base);
        let late = std::mem::take(&mut self.late);
        self.since = self.open.extent().map(|_| now);
        if windows.extent().is_none() && late.count == 0 {
            return None;
        }
        let flushed = Flushed { base: self.base, lsn };
        let frozen = Arc::new(Frozen { windows, late, lanes: self.lanes.clone(), flushed });
        self.frozen.push(Arc::clone(&frozen));
        Some(frozen)
    }

    pub fn thaw(&mut self, written: &Arc<Frozen<V>>) {
        self.frozen.retain(|frozen| !Arc::ptr_eq(frozen, written));
    }

    pub fn oldest_segment(&self) -> Option<u32> {
        let frozen = self.frozen.iter().flat_map(|frozen| frozen.oldest_segment());
        self.open.oldest_segment().into_iter().chain(self.late.oldest_segment).chain(frozen).min()
    }

    pub fn bytes(&self) -> usize {
        let frozen = self.frozen.iter().map(|frozen| frozen.windows.bytes() + frozen.late.bytes());
        self.open.bytes() + self.late.bytes() + frozen.sum::<usize>() + 2 * self.lanes.len()
    }
}

impl<V: Value> Frozen<V> {
    pub fn points(&self) -> usize {
        let mut points = self.late.count;
        if let Some(extent) = self.windows.extent() {
            self.windows
                .rows(&extent, &mut |_, row| points += row.iter().filter(|value| !value.is_absent()).count());
        }
        points
    }

    pub fn oldest_segment(&self) -> Option<u32> {
        self.windows.oldest_segment().into_iter().chain(self.late.oldest_segment).min()
    }
}

/// Points for slots that are closed, or that went straight into a coarser archive.
pub struct Late<V> {
    pub rows: ByLocal<Vec<LatePoint<V>>>,
    pub count: usize,
    pub oldest_segment: Option<u32>,
    oldest_slot: u32,
}

impl<V> Default for Late<V> {
    fn default() -> Self {
        Late { rows: ByLocal::default(), count: 0, oldest_segment: None, oldest_slot: u32::MAX }
    }
}

#[derive(Clone, Debug)]
pub struct LatePoint<V> {
    slot: u32,
    /// The coarsest archive that may be computed from this point; see `wal_record::Header::lazy_to`.
    pub lazy_to: u8,
    pub value: V,
}

impl<V> LatePoint<V> {
    pub fn slot(&self) -> Slot {
        Slot::from(self.slot)
    }

    /// Are slots of archive `index` of the policy to be computed again because of this point?
    pub fn touches(&self, index: usize) -> bool {
        self.lazy_to == ALL_LATER || index <= usize::from(self.lazy_to)
    }
}

impl<V: Value> Late<V> {
    pub fn put(&mut self, local: u16, slot: Slot, lazy_to: u8, value: V, segment: u32) {
        // Slots count from 1970 and steps are at least a second: 32 bits last until 2106.
        let Ok(slot) = u32::try_from(slot) else { return };
        self.rows.entry(local).or_default().push(LatePoint { slot, lazy_to, value });
        self.count += 1;
        self.oldest_slot = self.oldest_slot.min(slot);
        self.oldest_segment = Some(self.oldest_segment.map_or(segment, |oldest| oldest.min(segment)));
    }

    pub fn overlay(&self, local: u16, wanted: &Range<Slot>, row: &mut [V]) {
        for point in self.of(local) {
            if wanted.contains(&point.slot()) {
                row[(point.slot() - wanted.start) as usize] = point.value.clone();
            }
        }
    }

    pub fn oldest_slot(&self) -> Option<Slot> {
        (self.count > 0).then_some(Slot::from(self.oldest_slot))
    }

    pub fn of(&self, local: u16) -> &[LatePoint<V>] {
        self.rows.get(&local).map_or(&[], Vec::as_slice)
    }

    pub fn bytes(&self) -> usize {
        // Vectors grow by doubling: half again what is used, and an entry of the map for each row.
        self.count * std::mem::size_of::<LatePoint<V>>() * 3 / 2 + self.rows.len() * 48
    }
}
