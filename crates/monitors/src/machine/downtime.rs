//! Planned time: fixed, flexible, triggered by another, and recurring.
//!
//! A fixed one holds from start to end. A flexible one waits within them for the first bad result, then holds for
//! its duration. Depth counts: of overlapping ones the first tells the start and the last the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use vocabulary::state::NoticeKind;

use super::limits::MAX_DOWNTIMES;
use super::telling::Note;
use super::{Happenings, Machine, ObjectId, Refusal};

/// Times are seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downtime {
    pub id: u64,
    pub object: ObjectId,
    pub start: i64,
    pub end: i64,
    pub fixed: bool,
    /// Seconds; of a flexible one.
    pub duration: i64,
    pub triggered_by: Option<u64>,
    pub author: Arc<str>,
    pub comment: Arc<str>,
    pub entered: i64,
    pub in_effect: bool,
    /// When a flexible one began; 0: not yet.
    pub began: i64,
    /// Its start was told, so a restart does not tell it again.
    pub start_told: bool,
    /// The `[[downtime]]` that it comes from.
    pub recurring: Option<Arc<str>>,
}

/// What to plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDowntime {
    pub object: ObjectId,
    pub start: i64,
    pub end: i64,
    pub fixed: bool,
    pub duration: i64,
    pub triggered_by: Option<u64>,
    pub author: Arc<str>,
    pub comment: Arc<str>,
}

impl Downtime {
    /// When something is to be done about it next.
    fn due(&self) -> i64 {
        match (self.in_effect, self.fixed) {
            (true, true) => self.end,
            (true, false) => self.began.saturating_add(self.duration),
            (false, true) if self.triggered_by.is_none() => self.start,
            // Nobody needed it.
            (false, _) => self.end.saturating_add(1),
        }
    }

    fn waits_at(&self, now: i64) -> bool {
        !self.fixed && !self.in_effect && self.start <= now && now <= self.end
    }
}

#[derive(Debug, Default)]
pub(super) struct Downtimes {
    pub by_id: BTreeMap<u64, Downtime>,
    of_object: HashMap<ObjectId, Vec<u64>>,
    due: BTreeSet<(i64, u64)>,
    pub next_id: u64,
    /// Came, went or changed since they were written down last.
    pub changed: BTreeSet<u64>,
}

impl Downtimes {
    pub fn next_due(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    pub fn of(&self, object: ObjectId) -> impl Iterator<Item = &Downtime> {
        self.of_object.get(&object).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    pub fn insert(&mut self, downtime: Downtime) {
        self.next_id = self.next_id.max(downtime.id + 1);
        self.changed.insert(downtime.id);
        self.due.insert((downtime.due(), downtime.id));
        self.of_object.entry(downtime.object).or_default().push(downtime.id);
        self.by_id.insert(downtime.id, downtime);
    }

    pub fn remove(&mut self, id: u64) -> Option<Downtime> {
        let downtime = self.by_id.remove(&id)?;
        self.changed.insert(id);
        self.due.remove(&(downtime.due(), id));
        if let Some(ids) = self.of_object.get_mut(&downtime.object) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.of_object.remove(&downtime.object);
            }
        }
        Some(downtime)
    }

    fn update(&mut self, id: u64, change: impl FnOnce(&mut Downtime)) {
        if let Some(downtime) = self.by_id.get_mut(&id) {
            self.changed.insert(id);
            self.due.remove(&(downtime.due(), id));
            change(downtime);
            self.due.insert((downtime.due(), id));
        }
    }

    fn triggered_by(&self, id: u64) -> Vec<u64> {
        let triggered = self.by_id.values().filter(|downtime| downtime.triggered_by == Some(id));
        triggered.map(|downtime| downtime.id).collect()
    }
}

impl Machine {
    pub(super) fn schedule(
        &mut self,
        new: NewDowntime,
        now: i64,
        out: &mut Happenings,
    ) -> Result<u64, Refusal> {
        if new.start >= new.end {
            return Err(Refusal::Wrong(
                "the downtime ends before it begins: `end` comes after `start`".into(),
            ));
        }
        if new.end <= now {
            return Err(Refusal::Wrong("the downtime is over already: `end` lies in the past".into()));
        }
        if !new.fixed && new.duration <= 0 {
            return Err(Refusal::Wrong("a flexible downtime needs a `duration` of at least a second".into()));
        }
        if let Some(trigger) = new.triggered_by.filter(|id| !self.downtimes.by_id.contains_key(id)) {
            return Err(Refusal::NotFound(format!(
                "there is no downtime {trigger} that could start this one"
            )));
        }
        if self.downtimes.by_id.len() >= MAX_DOWNTIMES {
            let message = format!("there are {MAX_DOWNTIMES} downtimes already: delete some");
            return Err(Refusal::TooMany(message));
        }
        let id = self.downtimes.next_id.max(1);
        self.enter(Downtime {
            id,
            object: new.object,
            start: new.start,
            end: new.end,
            fixed: new.fixed,
            duration: new.duration,
            triggered_by: new.triggered_by,
            author: new.author,
            comment: new.comment,
            entered: now,
            in_effect: false,
            began: 0,
            start_told: false,
            recurring: None,
        });
        out.kept_changed = true;
        self.run_downtimes(now, out);
        Ok(id)
    }

    pub(super) fn enter(&mut self, downtime: Downtime) {
        let live = self.live(downtime.object);
        live.downtime_depth += u32::from(downtime.in_effect);
        live.pending_flexible += u32::from(!downtime.fixed);
        self.downtimes.insert(downtime);
    }

    /// Begins and ends what is due, in order.
    pub(super) fn run_downtimes(&mut self, now: i64, out: &mut Happenings) {
        while let Some((_, id)) = self.downtimes.due.first().filter(|(at, _)| *at <= now).copied() {
            let Some(downtime) = self.downtimes.by_id.get(&id) else { break };
            match (downtime.in_effect, downtime.fixed && downtime.triggered_by.is_none()) {
                (true, _) => self.end_downtime(id, now, out),
                // It began and ended while nobody looked: nothing was held back, so nothing is told.
                (false, true) if downtime.end <= now => self.drop_downtime(id, now, out),
                (false, true) => self.begin_downtime(id, now, out),
                (false, false) => self.expire_downtime(id, now, out),
            }
        }
    }

    fn begin_downtime(&mut self, id: u64, now: i64, out: &mut Happenings) {
        let Some(downtime) = self.downtimes.by_id.get(&id).filter(|downtime| !downtime.in_effect) else {
            return;
        };
        let (object, told, note) = (downtime.object, downtime.start_told, note_of(downtime));
        if self.of(object).live.downtime_depth == 0 && !told {
            self.notify_with(object, NoticeKind::DowntimeStart, &note, now, out);
        }
        self.live(object).downtime_depth += 1;
        self.downtimes.update(id, |downtime| {
            downtime.in_effect = true;
            downtime.start_told = true;
            if !downtime.fixed && downtime.began == 0 {
                downtime.began = now;
            }
        });
        self.downtime_changed(object, now, out);
        for triggered in self.downtimes.triggered_by(id) {
            self.begin_downtime(triggered, now, out);
        }
    }

    fn end_downtime(&mut self, id: u64, now: i64, out: &mut Happenings) {
        self.lift(id, NoticeKind::DowntimeEnd, now, out);
        for triggered in self.downtimes.triggered_by(id) {
            self.end_downtime(triggered, now, out);
        }
    }

    /// A flexible one that nobody needed; its end is told though no start was, as Nagios does.
    fn expire_downtime(&mut self, id: u64, now: i64, out: &mut Happenings) {
        let Some(downtime) = self.downtimes.by_id.get(&id) else { return };
        let (object, note) = (downtime.object, note_of(downtime));
        self.notify_with(object, NoticeKind::DowntimeEnd, &note, now, out);
        self.drop_downtime(id, now, out);
    }

    /// Takes it out, and those that it started; what it held back is free.
    pub(super) fn cancel_downtime(&mut self, id: u64, now: i64, out: &mut Happenings) -> Result<(), Refusal> {
        if !self.downtimes.by_id.contains_key(&id) {
            return Err(Refusal::NotFound(format!("there is no downtime {id}: it may have ended")));
        }
        self.lift(id, NoticeKind::DowntimeCancelled, now, out);
        for triggered in self.downtimes.triggered_by(id) {
            self.cancel_downtime(triggered, now, out)?;
        }
        Ok(())
    }

    fn lift(&mut self, id: u64, kind: NoticeKind, now: i64, out: &mut Happenings) {
        let Some(downtime) = self.downtimes.remove(id) else { return };
        let object = downtime.object;
        let live = self.live(object);
        live.pending_flexible -= u32::from(!downtime.fixed);
        if downtime.in_effect {
            live.downtime_depth -= 1;
            if live.downtime_depth == 0 {
                // Nagios names nobody where one is cancelled.
                let note = if kind == NoticeKind::DowntimeEnd { note_of(&downtime) } else { Note::default() };
                self.notify_with(object, kind, &note, now, out);
            }
        }
        self.recur(&downtime, now);
        self.downtime_changed(object, now, out);
    }

    fn drop_downtime(&mut self, id: u64, now: i64, out: &mut Happenings) {
        let Some(downtime) = self.downtimes.remove(id) else { return };
        self.live(downtime.object).pending_flexible -= u32::from(!downtime.fixed);
        self.recur(&downtime, now);
        self.downtime_changed(downtime.object, now, out);
    }

    /// It may have lifted what kept notices back, of the checks of a host too.
    fn downtime_changed(&mut self, object: ObjectId, now: i64, out: &mut Happenings) {
        out.kept_changed = true;
        out.touch(object);
        self.show_withheld(object, now, out);
        let knobs = self.of(object).knobs.clone();
        for check in &knobs.checks {
            self.show_withheld(*check, now, out);
        }
    }

    /// A bad result, SOFT is enough, begins the flexible ones that wait for it.
    pub(super) fn begin_flexible(&mut self, id: ObjectId, now: i64, out: &mut Happenings) {
        let live = &self.of(id).live;
        if live.pending_flexible == 0 || !live.is_bad() {
            return;
        }
        let waiting: Vec<u64> = self
            .downtimes
            .of(id)
            .filter(|downtime| downtime.waits_at(now))
            .map(|downtime| downtime.id)
            .collect();
        for downtime in waiting {
            self.begin_downtime(downtime, now, out);
        }
    }

    /// A problem that was there before the window waits for it too.
    pub(super) fn in_pending_flexible(&self, id: ObjectId, now: i64) -> bool {
        self.of(id).live.pending_flexible > 0
            && self.downtimes.of(id).any(|downtime| downtime.triggered_by.is_none() && downtime.waits_at(now))
    }
}

fn note_of(downtime: &Downtime) -> Note {
    Note { author: downtime.author.clone(), comment: downtime.comment.clone(), ..Note::default() }
}
