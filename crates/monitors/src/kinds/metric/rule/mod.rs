//! `[[monitor]] kind = "metric"` -> what is worked with every second: conditions whose windows are numbered and
//! kept once, however often they are named.

mod builder;

use std::sync::Arc;

use super::condition::{Clause, Condition, Function, Name, Operator, TestKind};
use super::forecast::Forecast;
use super::window;
use crate::config::{Missing, MonitorConfig, MonitorKind};

/// One metric monitor, ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: Arc<str>,
    pub targets: Vec<Target>,
    pub inputs: Vec<Input>,
    pub windows: Vec<WindowOf>,
    pub forecasts: Vec<ForecastOf>,
    pub leaves: Vec<Leaf>,
    pub critical: Option<Level>,
    pub warning: Option<Level>,
    pub missing: Missing,
    /// Seconds without a point after which `missing` speaks.
    pub missing_after: i64,
    /// How long late points are waited for, if that is not measured.
    pub lag: Option<i64>,
    /// The counters of job queues below this pattern are the series.
    pub funnel: Option<String>,
    /// Each second's state depends on nothing but that second's value of one series.
    pub simple: Option<Simple>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Empty: the monitor's target.
    pub name: Name,
    pub text: String,
}

/// One of the series of an instance, now or so many seconds earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    pub target: usize,
    pub earlier: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOf {
    pub function: Function,
    pub input: usize,
    pub seconds: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastOf {
    pub input: usize,
    pub level: f64,
    pub rising: bool,
    pub by: i64,
}

/// A condition, and how long it must hold and be over.
#[derive(Clone, Debug)]
pub struct Level {
    pub condition: Condition,
    pub set: Tree,
    pub recover: Option<Condition>,
    /// Default: that `set` does not hold.
    pub reset: Option<Tree>,
    pub lasting: i64,
    pub clearing: i64,
}

/// Leaves are numbers in [`Rule::leaves`].
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    All(Vec<Tree>),
    Any(Vec<Tree>),
    Not(Box<Tree>),
    Leaf(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub kind: LeafKind,
    /// As it was written.
    pub clause: Clause,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LeafKind {
    Compare { amount: Amount, test: TestKind },
    Absent { input: usize, seconds: i64 },
    Reaches { forecast: usize, within: f64 },
}

/// A measure with its windows numbered.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    Input(usize),
    Window(usize),
    Rank(usize),
    Combined(Box<Amount>, Operator, Box<Amount>),
    Change { now: Box<Amount>, then: Box<Amount>, relative: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Simple {
    pub critical: Option<TestKind>,
    pub warning: Option<TestKind>,
}

impl Simple {
    /// A value that leaves an instance in order as it is.
    pub fn quiet(&self, value: f64) -> bool {
        let bad = |test: Option<TestKind>| test.is_some_and(|test| test.holds(value));
        !bad(self.critical) && !bad(self.warning)
    }
}

/// What is wrong with a key, and how to mend it.
pub type Problems = Vec<(&'static str, String)>;

/// Everything wrong with the keys of a metric monitor.
pub fn problems(config: &MonitorConfig) -> Problems {
    Rule::new(config).err().unwrap_or_default()
}

/// What can be read and is hardly meant.
pub fn doubts(config: &MonitorConfig) -> Problems {
    let (Some(critical), Some(warning)) = (&config.critical, &config.warning) else { return Problems::new() };
    match Rule::new(config) {
        Ok(rule) if config.kind == MonitorKind::Metric && rule.is_never_only_a_warning() => {
            let why = format!(
                "whatever is `{warning}` is `{critical}`, too, and so never a warning: swap them, or leave `warning` out"
            );
            vec![("warning", why)]
        }
        _ => Problems::new(),
    }
}

/// Is what is bad only about to be, until it has lasted?
pub fn waits(config: &MonitorConfig) -> bool {
    config.lasting.map_or(config.funnel.is_some(), |lasting| lasting.0.as_secs() > 0)
}

impl Rule {
    pub fn levels(&self) -> impl Iterator<Item = &Level> {
        self.critical.iter().chain(&self.warning)
    }

    /// Where both compare the same, the more is not the worse.
    fn is_never_only_a_warning(&self) -> bool {
        let (Some(critical), Some(warning)) = (&self.critical, &self.warning) else { return false };
        match (&critical.condition, &warning.condition) {
            (
                Condition::Is(Clause::Compare { measure: one, test: critical }),
                Condition::Is(Clause::Compare { measure: other, test: warning }),
            ) => one == other && critical.scaled().covers(warning.scaled()),
            _ => false,
        }
    }

    /// How much of the past a state rests on, in seconds, without what is looked at by an earlier clock.
    pub fn memory(&self) -> i64 {
        let windows = self.windows.iter().map(|window| window.seconds);
        let forecasts = self.forecasts.iter().map(|forecast| forecast.by);
        let absences = self.leaves.iter().map(|leaf| match leaf.kind {
            LeafKind::Absent { seconds, .. } => seconds,
            _ => 0,
        });
        let levels = self.levels().map(|level| level.lasting.max(level.clearing)).max().unwrap_or(0);
        let missing = if self.missing == Missing::Keep { 0 } else { self.missing_after };
        windows.chain(forecasts).chain(absences).max().unwrap_or(0).max(missing) + levels
    }

    /// What the windows of one instance take once they are full.
    pub fn window_bytes(&self) -> usize {
        let windows = self.windows.iter().map(|of| window::most_bytes(of.function, of.seconds));
        let forecasts = self.forecasts.iter().map(|of| Forecast::most_bytes(of.by));
        windows.chain(forecasts).sum()
    }

    fn as_simple(&self) -> Option<Simple> {
        let plain = self.inputs.len() == 1 && self.missing == Missing::Keep;
        if !plain || self.levels().any(|level| level.reset.is_some()) {
            return None;
        }
        let test = |level: &Option<Level>| match level.as_ref().map(|level| &level.set) {
            None => Some(None),
            Some(Tree::Leaf(leaf)) => match self.leaves[*leaf].kind {
                LeafKind::Compare { amount: Amount::Input(0), test } => Some(Some(test)),
                _ => None,
            },
            Some(_) => None,
        };
        Some(Simple { critical: test(&self.critical)?, warning: test(&self.warning)? })
    }

    /// Does a state depend on where the other instances stand?
    pub fn ranks(&self) -> bool {
        fn of(amount: &Amount) -> bool {
            match amount {
                Amount::Rank(_) => true,
                Amount::Combined(a, _, b) => of(a) || of(b),
                Amount::Change { now, then, .. } => of(now) || of(then),
                Amount::Input(_) | Amount::Window(_) => false,
            }
        }
        self.leaves.iter().any(|leaf| matches!(&leaf.kind, LeafKind::Compare { amount, .. } if of(amount)))
    }
}
