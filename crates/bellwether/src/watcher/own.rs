//! Own monitors: each part of the health page is watched without anybody having to define it. One that is in trouble
//! for long enough is an incident `self:PART`, and those of `[incidents] contacts` are told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http_api::control::{Part, State};
use incidents::book::OWN_PREFIX;
use vocabulary::Timestamp;
use vocabulary::state::{self, InstanceId, StateChange, StateType};

use super::full_disk::DiskWord;
use crate::health;
use crate::house::House;

/// Parts are looked at so often: looking takes a while with very many listeners.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A hiccup is over by then.
const CRITICAL_AFTER: Duration = Duration::from_secs(15);
const WARNING_AFTER: Duration = Duration::from_secs(120);
/// What comes back within it is the same trouble.
const OVER_AFTER: Duration = Duration::from_secs(60);

/// What others tell already: pages that do not go out have incidents of their channels, and one about pages that reach
/// nobody would reach nobody; an agent that is away is shown beside its series; what was typed wrong is told whoever
/// typed it; what is not fit for the night is named there; a
/// calendar that is not read leaves what was known, and is mended by whoever has it, and times without anybody are told apart; whoever is not seen is told all the
/// same, and whoever has a way that leads nowhere hears of it by the others; and who answers is well.
fn is_watched(id: &str) -> bool {
    let told_elsewhere =
        ["pages", "config", "http", "night", "calendars", "shifts", "leavers", "ways"].contains(&id);
    !told_elsewhere && !id.starts_with("channel.") && !id.starts_with("agent.")
}

#[derive(Default)]
pub struct OwnMonitors {
    seen: HashMap<String, Seen>,
    last: Option<Instant>,
    disk: DiskWord,
}

struct Seen {
    state: State,
    since: Instant,
    text: String,
    /// What the incident knows; OK: there is none.
    told: State,
}

impl OwnMonitors {
    /// `open`: the parts that were in trouble before the restart, and whose incidents are open.
    pub fn of(open: Vec<String>) -> OwnMonitors {
        let since = Instant::now();
        let bad = |id| (id, Seen { state: State::Ok, since, text: String::new(), told: State::Critical });
        OwnMonitors { seen: open.into_iter().map(bad).collect(), ..OwnMonitors::default() }
    }

    pub fn look(&mut self, house: &House, now: Instant) {
        if self.last.is_some_and(|last| now < last + LOOK_EVERY) {
            return;
        }
        self.last = Some(now);
        self.disk.look(house);
        let parts = match house.config.load().own.monitors {
            true => health::all_parts(house),
            false => Vec::new(),
        };
        let at = house.clock.now();
        let news: Vec<_> = self.changes(&parts, now).iter().map(|change| change.at(at)).collect();
        if news.is_empty() {
            return;
        }
        if let Err(error) = house.desk.take(&news, &[], at) {
            tracing::error!(%error, "what is wrong with our own parts could not be kept as an incident");
        }
    }

    /// What is to be told now.
    fn changes(&mut self, parts: &[Part], now: Instant) -> Vec<Change> {
        let watched = parts.iter().filter(|part| is_watched(&part.id));
        let present: HashMap<&str, &Part> = watched.map(|part| (part.id.as_str(), part)).collect();
        for (id, part) in &present {
            let state = part.state.max(State::Ok);
            let fresh = Seen { state, since: now, text: String::new(), told: State::Ok };
            let seen = self.seen.entry((*id).to_owned()).or_insert(fresh);
            seen.note(state, now);
            seen.text = format!("{}: {}", part.title, part.text);
        }
        // A part that is not there any more has no trouble: it was switched off.
        for (_, seen) in self.seen.iter_mut().filter(|(id, _)| !present.contains_key(id.as_str())) {
            seen.note(State::Ok, now);
            "it is not there any more".clone_into(&mut seen.text);
        }
        let changes = self.seen.iter_mut().filter_map(|(id, seen)| seen.change(id, now)).collect();
        self.seen.retain(|id, seen| present.contains_key(id.as_str()) || seen.told > State::Ok);
        changes
    }
}

impl Seen {
    fn note(&mut self, state: State, now: Instant) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
    }

    fn change(&mut self, id: &str, now: Instant) -> Option<Change> {
        let held = match self.state {
            State::Critical => CRITICAL_AFTER,
            State::Warning => WARNING_AFTER,
            _ => OVER_AFTER,
        };
        if self.state == self.told || now.saturating_duration_since(self.since) < held {
            return None;
        }
        let from = std::mem::replace(&mut self.told, self.state);
        Some(Change { id: id.to_owned(), from, to: self.state, text: self.text.clone() })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Change {
    id: String,
    from: State,
    to: State,
    text: String,
}

impl Change {
    fn at(&self, at: Timestamp) -> StateChange {
        StateChange {
            id: InstanceId { monitor: format!("{OWN_PREFIX}{}", self.id).into(), instance: "".into() },
            at,
            from: told(self.from),
            from_type: StateType::Hard,
            to: told(self.to),
            to_type: StateType::Hard,
            attempt: 1,
            value: None,
            text: self.text.as_str().into(),
            withheld: None,
            since: None,
            of_sender: None,
        }
    }
}

fn told(state: State) -> state::State {
    match state {
        State::Off | State::Ok => state::State::Ok,
        State::Warning => state::State::Warning,
        State::Critical => state::State::Critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str, state: State) -> Part {
        Part { state, text: "how it is".into(), ..health::part(id, "store", "Store") }
    }

    struct Rig {
        own: OwnMonitors,
        began: Instant,
    }

    impl Rig {
        fn at(&mut self, second: u64, parts: &[Part]) -> Vec<(String, State, State)> {
            let changes = self.own.changes(parts, self.began + Duration::from_secs(second));
            changes.into_iter().map(|change| (change.id, change.from, change.to)).collect()
        }
    }

    fn rig(open: &[&str]) -> Rig {
        let own = OwnMonitors::of(open.iter().map(|id| (*id).to_owned()).collect());
        Rig { own, began: Instant::now() + Duration::from_secs(1) }
    }

    #[test]
    fn trouble_that_lasts_is_told_and_so_is_its_end() {
        let mut rig = rig(&[]);
        let (bad, fine) = ([part("store", State::Critical)], [part("store", State::Ok)]);
        assert_eq!(rig.at(0, &bad), []);
        assert_eq!(rig.at(10, &fine), [], "a hiccup");
        assert_eq!(rig.at(25, &bad), []);
        assert_eq!(rig.at(55, &bad), [("store".into(), State::Ok, State::Critical)]);
        assert_eq!(rig.at(60, &bad), [], "once");
        assert_eq!((rig.at(65, &fine), rig.at(100, &bad), rig.at(105, &fine)), (vec![], vec![], vec![]));
        assert_eq!(rig.at(165, &fine), [("store".into(), State::Critical, State::Ok)]);
        assert_eq!(rig.at(200, &[part("store", State::Warning)]), []);
        let warned = rig.at(320, &[part("store", State::Warning)]);
        assert_eq!(warned, [("store".into(), State::Ok, State::Warning)]);
        assert_eq!(rig.at(325, &[]), []);
        assert_eq!(rig.at(400, &[]), [("store".into(), State::Warning, State::Ok)], "it is gone");
    }

    #[test]
    fn what_others_tell_is_left_to_them() {
        let mut rig = rig(&[]);
        let parts = ["pages", "channel.mail", "agent.web1", "config", "http", "ways", "leavers"];
        let parts = parts.map(|id| part(id, State::Critical));
        assert_eq!((rig.at(0, &parts), rig.at(900, &parts)), (vec![], vec![]));
    }

    #[test]
    fn what_was_open_before_a_restart_ends_after_it() {
        let mut rig = rig(&["store"]);
        assert_eq!(rig.at(0, &[part("store", State::Off)]), []);
        assert_eq!(rig.at(61, &[part("store", State::Off)]), [("store".into(), State::Critical, State::Ok)]);
    }
}
