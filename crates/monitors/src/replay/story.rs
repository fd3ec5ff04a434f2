//! One check or host through its past: when it was bad, for how long, and whether somebody was told.

use vocabulary::state::{InstanceId, State, StateChange, StateType};

use super::checks::Question;
use super::metric::{OfInstance, Replayed};
use super::{Firing, any_within};

/// What befell one object.
#[derive(Default)]
pub(super) struct Story {
    firings: Vec<Firing>,
    /// When somebody was told of it.
    pub told: Vec<i64>,
    state: Option<State>,
}

impl Story {
    pub fn change(&mut self, change: &StateChange) {
        self.state = Some(change.to);
        let open = self.firings.last_mut().filter(|firing| firing.ended.is_none());
        let hard = (change.to_type == StateType::Hard).then_some(change.at.0);
        match (open, change.to.is_problem()) {
            (Some(firing), true) => {
                firing.fired = firing.fired.or(hard);
                if firing.state != change.to && change.to != State::Unknown {
                    firing.state = worse(firing.state, change.to);
                    firing.text = change.text.to_string();
                }
            }
            (Some(firing), false) => firing.ended = Some(change.at.0),
            (None, true) => self.firings.push(Firing {
                instance: change.id.monitor.to_string(),
                state: change.to,
                began: change.at.0,
                fired: hard,
                ended: None,
                told: false,
                text: change.text.to_string(),
                value: None,
            }),
            (None, false) => {}
        }
    }

    pub fn finish(mut self, id: &InstanceId, question: &Question<'_>, replay: &mut Replayed) {
        let (from, until) = (question.from.0, question.until.0);
        self.told.sort_unstable();
        self.firings.retain(|firing| firing.ended.is_none_or(|ended| ended > from));
        let mut of = OfInstance { name: id.monitor.to_string(), state: self.state, ..OfInstance::default() };
        of.pages = self.told.len() as u64;
        for firing in &mut self.firings {
            let end = firing.ended.unwrap_or(until);
            firing.told = any_within(&self.told, firing.began, end);
            of.bad_seconds += end.min(until) - firing.began.max(from);
            of.fired += u64::from(firing.fired.is_some());
            of.self_healed += u64::from(firing.healed());
        }
        replay.instances.push(of);
        replay.firings.append(&mut self.firings);
    }
}

/// CRITICAL is worse than WARNING, whatever their order; UNKNOWN is none of them.
fn worse(one: State, other: State) -> State {
    let rank = |state: State| match state {
        State::Ok | State::Up => 0,
        State::Unknown => 1,
        State::Warning | State::Unreachable => 2,
        State::Critical | State::Down => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}
