//! The last 21 states, how much they changed, and what follows when that is too much.

use vocabulary::state::{NoticeKind, State};

use super::knobs::{Kind, Knobs, Options};
use super::{Happenings, Machine, ObjectId};

const ENTRIES: u32 = 21;
/// An alert of others that has been as it is for so long flaps no more.
const ALERT_RESTS_SECONDS: i64 = 900;

/// A ring of 21 states at two bits each; the newest lies in the lowest bits. It begins as all good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History(pub u64);

impl History {
    pub const MASK: u64 = (1 << (2 * ENTRIES)) - 1;

    pub fn push(&mut self, state: State) {
        let code = u64::from(Options::of(state).bits().trailing_zeros());
        self.0 = (self.0 << 2 | code) & History::MASK;
    }

    /// Per cent of change, in which later changes weigh more: 0.75 the oldest, 1.25 the newest.
    pub fn percent(self) -> f64 {
        if (self.0 ^ self.0 >> 2) & (History::MASK >> 2) == 0 {
            return 0.0;
        }
        // Summed from the oldest on, as Nagios does, so that the last bit is the same too.
        let state = |age: u32| self.0 >> (2 * age) & 3;
        let mut changes = 0.0;
        for step in 1..ENTRIES {
            let age = ENTRIES - 1 - step;
            if state(age + 1) != state(age) {
                changes += f64::from(step - 1) * 0.5 / f64::from(ENTRIES - 2) + 0.75;
            }
        }
        changes * 100.0 / f64::from(ENTRIES - 1)
    }
}

/// What the history says now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Starts,
    Stops,
    AsBefore,
}

pub(super) fn judge(percent: f64, low: f64, high: f64, flapping: bool) -> Verdict {
    if percent > low && percent < high {
        Verdict::AsBefore
    } else if percent <= low {
        if flapping { Verdict::Stops } else { Verdict::AsBefore }
    } else if flapping {
        Verdict::AsBefore
    } else {
        Verdict::Starts
    }
}

impl Machine {
    pub(super) fn watch_flapping(&mut self, id: ObjectId, knobs: &Knobs, now: i64, out: &mut Happenings) {
        let live = self.live(id);
        let is_host = knobs.kind == Kind::Host;
        if !is_host && live.soft() && live.is_bad() {
            return;
        }
        // A result of a check notes its host's state again: Nagios means to wait in between, and does not.
        if knobs.flap_options.has(Options::of(live.state)) {
            let before = live.history;
            live.history.push(live.state);
            if live.history != before {
                out.touch(id);
            }
        }
        // Flapping is switched for a check and all its parts.
        let switches = self.of(knobs.part_of.unwrap_or(id)).live.switches;
        let enabled = switches.flap_detection.unwrap_or(knobs.flap_detection);
        let live = self.live(id);
        let percent = live.history.percent();
        if !enabled {
            if live.flapping {
                self.stop_flapping(id, now, None, out);
            }
            return;
        }
        match judge(percent, knobs.flap_low, knobs.flap_high, live.flapping) {
            Verdict::AsBefore => {}
            Verdict::Starts => {
                live.flapping = true;
                live.tell_recovery_after_flapping = live.number > 0;
                self.notify(id, NoticeKind::FlappingStart, now, out);
            }
            Verdict::Stops => self.stop_flapping(id, now, Some(NoticeKind::FlappingStop), out),
        }
    }

    /// Does it flap so that nobody is to be told? A part does if its check does; an alert of others by itself, so that
    /// one holds back no other.
    pub(super) fn flaps(&self, id: ObjectId, now: i64) -> bool {
        let object = self.of(id);
        match object.knobs.alert {
            false => self.of(object.knobs.part_of.unwrap_or(id)).live.flapping,
            true => object.live.flapping && !self.rests(id, now),
        }
    }

    /// An alert is told when it changes, and may not be told again for months: what shows that it has come to rest is time.
    fn rests(&self, id: ObjectId, now: i64) -> bool {
        now.saturating_sub(self.of(id).live.last_state_change) >= ALERT_RESTS_SECONDS
    }

    /// Before a result is taken: what an alert did before it came to rest counts no more.
    pub(super) fn forget_flapping_of_alert(&mut self, id: ObjectId, knobs: &Knobs, now: i64) {
        if knobs.alert && self.rests(id, now) {
            let live = self.live(id);
            (live.history, live.flapping, live.tell_recovery_after_flapping) =
                (History::default(), false, false);
        }
    }

    pub(super) fn stop_flapping(
        &mut self,
        id: ObjectId,
        now: i64,
        kind: Option<NoticeKind>,
        out: &mut Happenings,
    ) {
        let live = self.live(id);
        live.flapping = false;
        let tell_recovery = std::mem::take(&mut live.tell_recovery_after_flapping) && !live.is_bad();
        if let Some(kind) = kind {
            self.notify(id, kind, now, out);
            if tell_recovery {
                self.notify(id, NoticeKind::Recovery, now, out);
            }
        }
        out.touch(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_changes_are_a_hundred_per_cent() {
        let mut history = History::default();
        assert_eq!(history.percent(), 0.0);
        for turn in 0..21 {
            history.push(if turn % 2 == 0 { State::Critical } else { State::Warning });
        }
        assert!((history.percent() - 100.0).abs() < 1e-9);
        let mut once = History::default();
        once.push(State::Critical);
        assert!((once.percent() - 6.25).abs() < 1e-9);
    }

    #[test]
    fn between_the_thresholds_it_stays_as_it_was() {
        assert_eq!(judge(25.0, 20.0, 30.0, false), Verdict::AsBefore);
        assert_eq!(judge(25.0, 20.0, 30.0, true), Verdict::AsBefore);
        assert_eq!(judge(30.0, 20.0, 30.0, false), Verdict::Starts);
        assert_eq!(judge(20.0, 20.0, 30.0, true), Verdict::Stops);
        assert_eq!(judge(20.0, 20.0, 30.0, false), Verdict::AsBefore);
    }
}
