//! A small model of one check on a host that is always up, written from the words of Nagios's documentation and not
//! from the machine: each rule once, everything worked out again from lists each time. It is what the machine is
//! held to under thousands of schedules; hosts that go down are held to Nagios itself, in the scenario tests.

use vocabulary::state::{NoticeKind, State};

#[derive(Clone, Debug)]
pub struct Rules {
    pub attempts: u32,
    pub volatile: bool,
    pub interval: i64,
    pub delay: i64,
    /// States that are told, `OK` is recovery.
    pub options: Vec<State>,
    pub low: f64,
    pub high: f64,
    /// Each contact with the states that it wants.
    pub contacts: Vec<(&'static str, Vec<State>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    Good,
    Trying(u32),
    Confirmed,
}

#[derive(Clone, Debug)]
pub struct Planned {
    pub id: u64,
    pub on_host: bool,
    pub start: i64,
    pub end: i64,
    /// Of a flexible one.
    pub lasts: Option<i64>,
    /// When it ends, once it has begun.
    pub until: Option<i64>,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub rules: Rules,
    pub state: State,
    pub phase: Phase,
    pub hard_since: i64,
    /// All states that count for flapping, the oldest first.
    pub seen: Vec<State>,
    pub flapping: bool,
    recovery_after_flapping: bool,
    /// The result that is being taken makes a SOFT problem good, which is SOFT until it has been taken.
    soft_recovery: bool,
    /// Sticky or not.
    pub acknowledged: Option<bool>,
    pub enabled: bool,
    pub number: u32,
    told_states: Vec<State>,
    told_at: Option<i64>,
    pub downtimes: Vec<Planned>,
    /// Kind, state, contact, number.
    pub told: Vec<(NoticeKind, State, &'static str, u32)>,
}

impl Model {
    pub fn new(rules: Rules) -> Model {
        Model {
            rules,
            state: State::Ok,
            phase: Phase::Good,
            hard_since: 0,
            seen: vec![State::Ok; 21],
            flapping: false,
            recovery_after_flapping: false,
            soft_recovery: false,
            acknowledged: None,
            enabled: true,
            number: 0,
            told_states: Vec::new(),
            told_at: None,
            downtimes: Vec::new(),
            told: Vec::new(),
        }
    }

    pub fn result(&mut self, state: State, at: i64, now: i64) {
        let (was, before) = (self.state, self.phase);
        self.state = state;
        let good = state == State::Ok;
        self.soft_recovery = good && matches!(before, Phase::Trying(_));
        self.phase = match before {
            _ if good => Phase::Good,
            Phase::Good if self.rules.attempts == 1 => Phase::Confirmed,
            Phase::Good => Phase::Trying(1),
            Phase::Trying(tries) if tries + 1 >= self.rules.attempts => Phase::Confirmed,
            Phase::Trying(tries) => Phase::Trying(tries + 1),
            Phase::Confirmed => Phase::Confirmed,
        };
        let confirmed_now = self.phase == Phase::Confirmed && before != Phase::Confirmed;
        if state != was || confirmed_now {
            self.changed(was, now);
        }
        if self.phase == Phase::Confirmed && (confirmed_now || state != was) {
            self.hard_since = at;
        }
        self.watch_flapping(now);
        if good && !self.told_states.is_empty() {
            self.tell_state(NoticeKind::Recovery, now);
        } else if self.phase == Phase::Confirmed {
            self.tell_state(NoticeKind::Problem, now);
        }
    }

    fn changed(&mut self, was: State, now: i64) {
        let good = self.state == State::Ok;
        if !good {
            let waiting = self.downtimes.iter().filter(|planned| !planned.on_host && planned.waits(now));
            for id in waiting.map(|planned| planned.id).collect::<Vec<_>>() {
                self.begin(id, now);
            }
        }
        self.told_at = None;
        self.acknowledged = match self.acknowledged {
            Some(true) if !good => Some(true),
            Some(false) if self.state == was => Some(false),
            _ => None,
        };
    }

    pub fn percent(&self) -> f64 {
        let last = &self.seen[self.seen.len() - 21..];
        let changes = last.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]);
        changes.map(|(place, _)| 0.75 + place as f64 * 0.5 / 19.0).sum::<f64>() * 100.0 / 20.0
    }

    fn watch_flapping(&mut self, now: i64) {
        if matches!(self.phase, Phase::Trying(_)) {
            return;
        }
        self.seen.push(self.state);
        let percent = self.percent();
        if !self.flapping && percent >= self.rules.high {
            self.flapping = true;
            self.recovery_after_flapping = self.number > 0;
            self.tell_if(NoticeKind::FlappingStart, self.depth() == 0);
        } else if self.flapping && percent <= self.rules.low {
            self.flapping = false;
            self.tell_if(NoticeKind::FlappingStop, self.depth() == 0);
            if self.recovery_after_flapping && self.state == State::Ok {
                self.tell_state(NoticeKind::Recovery, now);
            }
        }
    }

    fn depth(&self) -> usize {
        self.downtimes.iter().filter(|planned| planned.until.is_some()).count()
    }

    fn tell_state(&mut self, kind: NoticeKind, now: i64) {
        // A clock that was set back makes nobody wait longer than one interval from then.
        self.told_at = self.told_at.map(|told| told.min(now));
        self.hard_since = self.hard_since.min(now);
        let rules = &self.rules;
        let too_early = kind == NoticeKind::Problem
            && self.number == 0
            && rules.delay > 0
            && now < self.hard_since + rules.delay;
        let due = self.told_at.is_none_or(|told| rules.interval > 0 && now >= told + rules.interval);
        let nobody_knew = self.state == State::Ok && self.told_states.is_empty();
        let held_back = !self.enabled
            || matches!(self.phase, Phase::Trying(_))
            || self.soft_recovery
            || self.acknowledged.is_some()
            || !rules.options.contains(&self.state)
            || nobody_knew
            || too_early
            || self.flapping
            || self.depth() > 0
            || self.downtimes.iter().any(|planned| planned.waits(now))
            || !(due || rules.volatile);
        if held_back {
            // Where recoveries are not wanted the problem is over without a word.
            if kind == NoticeKind::Recovery && !self.rules.options.contains(&State::Ok) {
                self.told_states.clear();
                self.number = 0;
            }
            return;
        }
        let state = self.state;
        let knew = |wanted: &Vec<State>| wanted.iter().any(|wanted| self.told_states.contains(wanted));
        let wanting = self.rules.contacts.iter();
        let wanting =
            wanting.filter(|(_, wanted)| wanted.contains(&state) && (state != State::Ok || knew(wanted)));
        let contacts: Vec<&'static str> = wanting.map(|(name, _)| *name).collect();
        if contacts.is_empty() {
            return;
        }
        self.number += u32::from(kind == NoticeKind::Problem);
        self.told.extend(contacts.iter().map(|name| (kind, state, *name, self.number)));
        if kind == NoticeKind::Problem {
            self.told_states.push(state);
            self.told_at = Some(now);
        } else {
            self.told_states.clear();
            self.number = 0;
        }
    }

    /// Notices that are not of the state: to all contacts, which want all of these here.
    fn tell_if(&mut self, kind: NoticeKind, condition: bool) {
        if self.enabled && condition {
            let contacts = self.rules.contacts.iter();
            self.told.extend(contacts.map(|(name, _)| (kind, self.state, *name, self.number)));
        }
    }

    fn begin(&mut self, id: u64, now: i64) {
        let Some(place) = self.downtimes.iter().position(|planned| planned.id == id) else { return };
        let own = !self.downtimes[place].on_host;
        let first = !self.downtimes.iter().any(|planned| planned.on_host != own && planned.until.is_some());
        self.tell_if(NoticeKind::DowntimeStart, own && first);
        let planned = &mut self.downtimes[place];
        planned.until = Some(planned.lasts.map_or(planned.end, |lasts| now + lasts));
    }

    pub fn end(&mut self, id: u64, kind: NoticeKind) {
        let Some(place) = self.downtimes.iter().position(|planned| planned.id == id) else { return };
        let planned = self.downtimes.remove(place);
        let others =
            self.downtimes.iter().any(|other| other.on_host == planned.on_host && other.until.is_some());
        self.tell_if(kind, !planned.on_host && planned.until.is_some() && !others);
    }

    /// What comes by time alone, in the order of the clock.
    pub fn tick(&mut self, now: i64) {
        loop {
            let due = self.downtimes.iter().map(|planned| (planned.due(), planned.id)).min();
            let Some((_, id)) = due.filter(|(at, _)| *at <= now) else { return };
            let planned = self.downtimes.iter().find(|planned| planned.id == id).unwrap().clone();
            match (planned.until, planned.lasts) {
                (Some(_), _) => self.end(id, NoticeKind::DowntimeEnd),
                (None, None) if planned.end <= now => self.downtimes.retain(|other| other.id != id),
                (None, None) => self.begin(id, now),
                (None, Some(_)) => {
                    self.downtimes.retain(|other| other.id != id);
                    let others = self.downtimes.iter().any(|other| !other.on_host && other.until.is_some());
                    self.tell_if(NoticeKind::DowntimeEnd, !planned.on_host && !others);
                }
            }
        }
    }
}

impl Planned {
    fn waits(&self, now: i64) -> bool {
        self.lasts.is_some() && self.until.is_none() && self.start <= now && now <= self.end
    }

    fn due(&self) -> i64 {
        match (self.until, self.lasts) {
            (Some(until), _) => until,
            (None, None) => self.start,
            (None, Some(_)) => self.end + 1,
        }
    }
}
