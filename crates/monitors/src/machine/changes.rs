//! What others see of an object, and how it changed: state, type, and why nobody is told.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{State, StateChange, StateType, Withheld};

use super::live::Live;
use super::{Happenings, Machine, ObjectId, Saved};

#[derive(Clone, Copy, PartialEq)]
pub(super) struct Seen {
    state: State,
    state_type: StateType,
    withheld: Option<Withheld>,
}

impl Machine {
    pub(super) fn seen(&self, id: ObjectId) -> Seen {
        let live = &self.of(id).live;
        Seen { state: live.state, state_type: live.state_type, withheld: live.withheld }
    }

    pub(super) fn show_change(&mut self, id: ObjectId, before: Seen, now: i64, out: &mut Happenings) {
        let mut after = self.seen(id);
        let other = before.state != after.state || before.state_type != after.state_type;
        // Why a state that stays good is not told is nobody's business.
        if !other && !after.state.is_problem() {
            return;
        }
        after.withheld = self.withheld(id, now);
        self.live(id).withheld = after.withheld;
        if other || (after.state_type == StateType::Hard && before.withheld != after.withheld) {
            out.changes.push(self.state_change(id, before.state, before.state_type, now));
        }
    }

    /// After something else than a result: only what keeps the notices back can be different.
    pub(super) fn show_withheld(&mut self, id: ObjectId, now: i64, out: &mut Happenings) {
        let before = self.seen(id);
        self.show_change(id, before, now, out);
    }

    /// Its state as another monitoring had it, which others see as a change since then.
    pub fn adopt(&mut self, id: ObjectId, saved: &Saved, now: Timestamp, out: &mut Happenings) {
        let before = self.seen(id);
        let changes = out.changes.len();
        self.restore(id, saved);
        self.show_change(id, before, now.0, out);
        if let Some(change) = out.changes.get_mut(changes).filter(|_| saved.last_hard_state_change > 0) {
            change.at = Timestamp(saved.last_hard_state_change.min(now.0));
        }
        out.touch(id);
    }

    fn state_change(&self, id: ObjectId, from: State, from_type: StateType, now: i64) -> StateChange {
        let object = self.of(id);
        let live = &object.live;
        StateChange {
            id: object.id.clone(),
            at: Timestamp(now),
            from,
            from_type,
            to: live.state,
            to_type: live.state_type,
            attempt: live.attempt,
            value: live.value,
            text: Arc::clone(&live.output),
            withheld: live.withheld,
            since: since(live),
            of_sender: live.of_sender.clone(),
        }
    }
}

/// Nothing where nobody has looked yet.
fn since(live: &Live) -> Option<Timestamp> {
    let since = if live.bad_since > 0 { live.bad_since } else { live.last_state_change };
    (since > 0).then_some(Timestamp(since))
}
