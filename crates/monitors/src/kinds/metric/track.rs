//! One instance of a metric monitor, through time: slot by slot, whether the clock is the real one or an earlier one.
//!
//! A slot is a moment of the series' own grid. Each brings a point of each series or none, moves the windows on,
//! and asks the conditions, which hold, do not hold, or cannot be told: too little is known yet, or nothing came.
//! What cannot be told changes nothing, so a series that vanished neither alarms nor resolves anything.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::State;

use super::condition::{Function, Operator};
use super::forecast::Forecast;
use super::rule::{Amount, Leaf, LeafKind, Level, Rule, Tree};
use super::window::{Point, Window};
use crate::config::Missing;
use crate::limits::{SHORTEST_ABSENCE_SECONDS, VALUE_REACH_SECONDS};

/// A time in which nobody watched, by its first and last second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away {
    pub from: i64,
    pub until: i64,
    /// The end of the interval of StatsD in which we were back: what was counted in it lacks a part.
    pub whole: i64,
}

impl Away {
    /// A restart within the second keeps nobody from being missed, and no sum from being believed.
    pub fn is_long(&self) -> bool {
        self.until - self.from >= SHORTEST_ABSENCE_SECONDS
    }

    /// Whether it is a part of so long a time that matters.
    fn matters(&self, seconds: i64) -> bool {
        self.is_long() || (self.whole - self.from + 1) * LEAST_SHARE_MISSED >= seconds
    }
}

/// In order, and apart from each other.
pub type Blind = Arc<[Away]>;

/// A floor is a matter of more than a twentieth: what a short restart takes out of longer windows decides nothing.
const LEAST_SHARE_MISSED: i64 = 20;

#[derive(Clone, Debug)]
pub struct Track {
    inputs: Vec<Seen>,
    windows: Vec<Window>,
    forecasts: Vec<Forecast>,
    /// What each leaf of the rule came to.
    found: Vec<Found>,
    critical: Latch,
    warning: Latch,
    silent: bool,
    /// What is before was not looked at.
    since: Timestamp,
    blind: Blind,
    /// Named outright, so that it is missed though it never came.
    expected: bool,
    /// Of the newest slot.
    at: Timestamp,
    /// Seconds from slot to slot.
    step: i64,
}

/// What an input has shown.
#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    value: f64,
    /// We were away for a part of the point's time: of what is counted, it was this much at least.
    partial: bool,
    rank: Option<u32>,
}

/// The value of a leaf, and whether it holds; `None`: it cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    pub value: Option<f64>,
    pub holds: Option<bool>,
    /// The same by what is there, of a series that is younger than the window: too little to begin an alarm, but
    /// enough to end one.
    pub so_far: Option<bool>,
}

impl Found {
    fn told(value: Option<f64>, holds: Option<bool>) -> Found {
        Found { value, holds, so_far: holds }
    }
}

/// How much is known of a window.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// We were away for a part of it.
    Holed,
    /// It reaches back to before the series began.
    Young,
    Enough,
}

/// A condition that is on once it held long enough, and off once it was over long enough.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Latch {
    on: bool,
    /// Since when it is as it would have to be for the other.
    turning: Option<Timestamp>,
}

/// What an instance is in, and what it may be about to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// A worse state whose condition holds, but not for long enough yet.
    pub pending: Option<State>,
}

pub const FINE: Standing = Standing { state: State::Ok, pending: None };

impl Track {
    /// `since`: what is before is not going to be shown.
    pub fn new(rule: &Rule, since: Timestamp, blind: Blind) -> Track {
        let nothing = Seen { first: None, last: None, value: f64::NAN, partial: false, rank: None };
        Track {
            inputs: vec![nothing; rule.inputs.len()],
            windows: rule.windows.iter().map(|of| Window::new(of.function, of.seconds)).collect(),
            forecasts: rule.forecasts.iter().map(|of| Forecast::new(of.level, of.rising, of.by)).collect(),
            found: vec![Found::default(); rule.leaves.len()],
            critical: Latch::default(),
            warning: Latch::default(),
            silent: false,
            since,
            blind,
            expected: false,
            at: since,
            step: 1,
        }
    }

    /// The state that was known before, so that a restart tells nothing twice.
    pub fn resume(&mut self, rule: &Rule, state: State) {
        // What is critical is a warning too, until that is seen to be over; a rule that knows but one of them has
        // nothing that would see it.
        let (critical, warning) = (rule.critical.is_some(), rule.warning.is_some());
        self.critical = Latch { on: critical && state == State::Critical, turning: None };
        let bad = matches!(state, State::Critical | State::Warning);
        self.warning = Latch { on: warning && bad, turning: None };
        self.silent = state == State::Unknown;
    }

    /// From now on slots are so many seconds long: at first, and where a coarser archive gives way to a finer.
    pub fn step(&mut self, seconds: i64) {
        self.step = seconds;
    }

    pub fn blind(&mut self, blind: Blind) {
        self.blind = blind;
    }

    /// The input's newest point is known to be this old, though it was not shown.
    pub fn last_seen(&mut self, input: usize, at: Timestamp) {
        let seen = &mut self.inputs[input];
        seen.last = seen.last.max(Some(at));
        seen.first = Some(seen.first.map_or(at, |first| first.min(at)));
    }

    /// It is missed even if it never comes.
    pub fn expect(&mut self) {
        self.expected = true;
    }

    pub fn rank(&mut self, input: usize, rank: Option<u32>) {
        self.inputs[input].rank = rank;
    }

    /// The next slot: a point, or none, of each input.
    pub fn slot(&mut self, rule: &Rule, at: Timestamp, points: &[Option<Point>]) -> Standing {
        self.at = at;
        for (index, point) in points.iter().enumerate() {
            let partial = point.is_some() && self.lacks_a_part(at.minus(rule.inputs[index].earlier));
            let seen = &mut self.inputs[index];
            match point {
                Some(point) => {
                    seen.first.get_or_insert(at);
                    (seen.last, seen.value, seen.partial) = (Some(at), point.value, partial);
                }
                None if seen.last.is_none_or(|last| at.since(last) > reach(rule)) => seen.value = f64::NAN,
                None => {}
            }
        }
        for (window, of) in self.windows.iter_mut().zip(&rule.windows) {
            // A part of a point counts in a sum, and is no example of what points are like.
            let counts = !self.inputs[of.input].partial || of.function.adds_up();
            if let Some(point) = points[of.input].filter(|_| counts) {
                window.push(Point { at, ..point });
            }
            window.advance(at);
        }
        for (forecast, of) in self.forecasts.iter_mut().zip(&rule.forecasts) {
            if let Some(point) = points[of.input].filter(|_| !self.inputs[of.input].partial) {
                forecast.push(Point { at, ..point });
            }
            forecast.advance(at);
        }
        for (index, leaf) in rule.leaves.iter().enumerate() {
            self.found[index] = self.find(rule, leaf);
        }
        self.settle(rule)
    }

    /// The next slots hold values of the only input that change nothing: they are passed over at once.
    pub fn pass(&mut self, last: Point) {
        self.at = last.at;
        let seen = &mut self.inputs[0];
        seen.first.get_or_insert(last.at);
        (seen.last, seen.value) = (Some(last.at), last.value);
        for found in &mut self.found {
            *found = Found::told(Some(last.value), Some(false));
        }
    }

    /// Nothing is on, and nothing is about to be.
    pub fn is_calm(&self) -> bool {
        let calm = |latch: Latch| !latch.on && latch.turning.is_none();
        calm(self.critical) && calm(self.warning) && !self.silent
    }

    fn settle(&mut self, rule: &Rule) -> Standing {
        let (mut critical, mut warning) = (self.critical, self.warning);
        critical.turn(rule.critical.as_ref(), &self.found, self.at);
        warning.turn(rule.warning.as_ref(), &self.found, self.at);
        (self.critical, self.warning) = (critical, warning);
        match rule.missing {
            Missing::Keep => {}
            _ => self.silent = self.absent_for(0, rule.missing_after).unwrap_or(self.silent),
        }
        self.standing(rule)
    }

    pub fn standing(&self, rule: &Rule) -> Standing {
        let alarmed = match (self.critical.on, self.warning.on) {
            (true, _) => State::Critical,
            (false, true) => State::Warning,
            (false, false) => State::Ok,
        };
        // Silence makes nothing better: what was bad stays so.
        let silence = match rule.missing {
            _ if !self.silent => State::Ok,
            Missing::Keep => State::Ok,
            Missing::Unknown => State::Unknown,
            Missing::Warning => State::Warning,
            Missing::Critical => State::Critical,
        };
        let state = match alarmed {
            State::Ok => silence,
            State::Warning if silence == State::Critical => silence,
            alarmed => alarmed,
        };
        let about = |latch: Latch| !latch.on && latch.turning.is_some();
        let pending = match (about(self.critical), about(self.warning)) {
            (true, _) if state != State::Critical => Some(State::Critical),
            (_, true) if state == State::Ok => Some(State::Warning),
            _ => None,
        };
        Standing { state, pending }
    }

    fn find(&self, rule: &Rule, leaf: &Leaf) -> Found {
        match &leaf.kind {
            LeafKind::Compare { amount, test } => {
                let Some(value) = self.amount(amount).filter(|value| !value.is_nan()) else {
                    return Found::default();
                };
                let holds = test.holds(value);
                let stands = match (holds, test.upward(), test.downward()) {
                    (true, true, _) => Some(Certain::Grows),
                    (true, _, true) => Some(Certain::Shrinks),
                    _ => None,
                };
                let known = self.known(rule, amount, false, stands);
                Found {
                    value: Some(value),
                    holds: (known == Known::Enough).then_some(holds),
                    so_far: (known >= Known::Young).then_some(holds),
                }
            }
            LeafKind::Absent { input, seconds } => {
                let silence = self.inputs[*input].last.map(|last| self.at.since(last) as f64);
                Found::told(silence, self.absent_for(*input, *seconds))
            }
            LeafKind::Reaches { forecast, within } => {
                let left = self.forecasts[*forecast].seconds_left(self.at);
                Found::told(left, left.map(|left| left <= *within))
            }
        }
    }

    /// Was there a part of the slot's time in which nobody watched?
    fn lacks_a_part(&self, at: Timestamp) -> bool {
        let begun = self.blind.partition_point(|away| away.from < at.0 + self.step);
        self.blind[..begun].last().is_some_and(|away| away.whole >= at.0)
    }

    /// Was there no point for so long? `None` while we ourselves have not watched for so long.
    fn absent_for(&self, input: usize, seconds: i64) -> Option<bool> {
        let last = self.inputs[input].last;
        match last {
            Some(last) if self.at.since(last) <= seconds => return Some(false),
            // Before its first point a series is not missed.
            None if !self.expected => return Some(false),
            _ => {}
        }
        let begun = self.blind.partition_point(|away| away.from <= self.at.0);
        let away = self.blind[..begun].iter().rev().find(|away| away.is_long());
        let watched = away.map_or(self.since, |away| Timestamp(away.until).max(self.since));
        (self.at.since(watched) > seconds || last.is_some_and(|last| last > watched)).then_some(true)
    }

    fn amount(&self, amount: &Amount) -> Option<f64> {
        match amount {
            Amount::Input(input) => Some(self.inputs[*input].value),
            Amount::Window(window) => self.windows[*window].value(),
            Amount::Rank(input) => self.inputs[*input].rank.map(f64::from),
            Amount::Combined(left, operator, right) => {
                let (left, right) = (self.amount(left)?, self.amount(right)?);
                match operator {
                    Operator::Plus => Some(left + right),
                    Operator::Minus => Some(left - right),
                    Operator::Over => (right != 0.0).then(|| left / right),
                }
            }
            Amount::Change { now, then, relative } => {
                let (now, then) = (self.amount(now)?, self.amount(then)?);
                match relative {
                    false => Some(now - then),
                    true => (then != 0.0).then(|| (now - then) / then.abs()),
                }
            }
        }
    }

    /// Is enough known of all windows? If one is not full, its value can still only move one way: `stands` says which
    /// way leaves the answer as it is.
    fn known(&self, rule: &Rule, amount: &Amount, ratio: bool, stands: Option<Certain>) -> Known {
        match amount {
            Amount::Rank(_) => Known::Enough,
            // What is counted grows with the part that is missing, and of a ratio both lack it.
            Amount::Input(input) => match self.inputs[*input].partial {
                true if !ratio && stands != Some(Certain::Grows) => Known::Holed,
                _ => Known::Enough,
            },
            Amount::Combined(left, operator, right) => {
                let ratio = ratio || *operator == Operator::Over;
                self.known(rule, left, ratio, None).min(self.known(rule, right, ratio, None))
            }
            Amount::Change { now, then, .. } => {
                self.known(rule, now, ratio, None).min(self.known(rule, then, ratio, None))
            }
            Amount::Window(index) => {
                let certain = match rule.windows[*index].function {
                    Function::Max | Function::Count | Function::Changes => Some(Certain::Grows),
                    Function::Min => Some(Certain::Shrinks),
                    Function::Sum | Function::Total | Function::Rate => {
                        self.windows[*index].never_negative().then_some(Certain::Grows)
                    }
                    _ => None,
                };
                match certain.is_some() && certain == stands {
                    true => Known::Enough,
                    false => self.watched(rule, *index, ratio),
                }
            }
        }
    }

    /// Have we watched for the whole of the window? Of a ratio both parts lack what we missed in between.
    fn watched(&self, rule: &Rule, window: usize, ratio: bool) -> Known {
        let of = rule.windows[window];
        let earlier = rule.inputs[of.input].earlier;
        let begin = self.at.0 - of.seconds;
        // A count of nothing is 0, so all that matters is that anything was watched; a sum of nothing is nothing.
        let from_anything = matches!(of.function, Function::Total | Function::Count | Function::Changes);
        let first = match from_anything {
            true => self.inputs.iter().filter_map(|seen| seen.first).min(),
            false => self.inputs[of.input].first,
        };
        let begun = first.is_some_and(|first| first.0 <= begin + self.step);
        let extensive = !matches!(
            of.function,
            Function::Average | Function::Median | Function::Percentile(_) | Function::Last | Function::Slope
        );
        let (from, until) = (begin - earlier, self.at.0 - earlier);
        let blind = || {
            let next = self.blind.partition_point(|away| away.whole <= from);
            let within = self.blind[next..].iter().take_while(|away| away.from <= until);
            within.into_iter().any(|away| away.matters(of.seconds))
        };
        match begun {
            _ if extensive && !ratio && blind() => Known::Holed,
            true => Known::Enough,
            false => Known::Young,
        }
    }

    /// No point of the first input for longer than people would call a pause.
    pub fn silent_for(&self) -> Option<i64> {
        self.inputs[0].last.map(|last| self.at.since(last))
    }

    pub fn found(&self) -> &[Found] {
        &self.found
    }

    #[cfg(test)]
    pub fn window_bytes(&self) -> usize {
        let windows: usize = self.windows.iter().map(Window::bytes).sum();
        windows + self.forecasts.iter().map(Forecast::bytes).sum::<usize>()
    }
}

/// How the value of a window that is not full will move when the rest is added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certain {
    Grows,
    Shrinks,
}

/// A value of one series counts at its own second; among several, which seldom meet, for a while.
fn reach(rule: &Rule) -> i64 {
    if rule.inputs.len() == 1 { 0 } else { VALUE_REACH_SECONDS }
}

impl Latch {
    fn turn(&mut self, level: Option<&Level>, found: &[Found], now: Timestamp) {
        let Some(level) = level else { return };
        let (turns, long_enough) = match self.on {
            false => (level.set.holds(found, |leaf| leaf.holds), level.lasting),
            true => match &level.reset {
                Some(reset) => (reset.holds(found, |leaf| leaf.so_far), level.clearing),
                None => (level.set.holds(found, |leaf| leaf.so_far).map(|holds| !holds), level.clearing),
            },
        };
        match turns {
            None => {}
            Some(false) => self.turning = None,
            Some(true) => {
                let since = *self.turning.get_or_insert(now);
                if now.since(since) >= long_enough {
                    *self = Latch { on: !self.on, turning: None };
                }
            }
        }
    }
}

impl Tree {
    /// Kleene's logic: what cannot be told matters only where it would decide.
    pub fn holds(&self, found: &[Found], of: fn(&Found) -> Option<bool>) -> Option<bool> {
        match self {
            Tree::Leaf(leaf) => of(&found[*leaf]),
            Tree::Not(part) => part.holds(found, of).map(|holds| !holds),
            Tree::All(parts) => decided(parts, found, of, false),
            Tree::Any(parts) => decided(parts, found, of, true),
        }
    }
}

/// One part that is `decisive` decides for all.
fn decided(parts: &[Tree], found: &[Found], of: fn(&Found) -> Option<bool>, decisive: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part.holds(found, of) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}
