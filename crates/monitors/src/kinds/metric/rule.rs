//! `[[monitor]] kind = "metric"` -> what is worked with every second: conditions whose windows are numbered and
//! kept once, however often they are named.

use std::sync::Arc;

use vocabulary::time::HumanDuration;

use super::condition::{Clause, Condition, Function, Measure, Name, Operator, TestKind};
use super::grammar::parse;
use super::{funnel, objective};
use crate::config::{Missing, MonitorConfig};
use crate::limits::{MAX_SERIES_OF_MONITOR, MAX_WINDOW_SECONDS};

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

/// Is what is bad only about to be, until it has lasted?
pub fn waits(config: &MonitorConfig) -> bool {
    config.lasting.map_or(config.funnel.is_some(), |lasting| lasting.0.as_secs() > 0)
}

impl Rule {
    pub fn new(config: &MonitorConfig) -> Result<Rule, Problems> {
        let mut problems = Problems::new();
        let mut builder = Builder::new(config, &mut problems);
        let texts = builder.texts(config);
        let lasting = seconds_of(config.lasting, "for", &mut builder);
        let clearing = seconds_of(config.recover_for, "recover_for", &mut builder);
        let default_lasting = if config.funnel.is_some() { funnel::LASTING_SECONDS } else { 0 };
        let lasting = lasting.unwrap_or(default_lasting);
        let clearing = clearing.unwrap_or(0);
        let critical = builder.level(
            ("critical", texts.critical),
            ("critical_recover", &config.critical_recover),
            lasting,
            clearing,
        );
        let warning = builder.level(
            ("warning", texts.warning),
            ("warning_recover", &config.warning_recover),
            lasting,
            clearing,
        );
        let lag = seconds_of(config.lag, "lag", &mut builder);
        let missing_after = seconds_of(config.missing_after, "missing_after", &mut builder);
        if critical.is_none() && warning.is_none() && builder.problems.is_empty() {
            builder.wrong(
                "critical",
                "nothing says when it is bad: write `critical = \"> 300\"`, or `warning`".into(),
            );
        }
        let Builder { targets, inputs, windows, forecasts, leaves, .. } = builder;
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut rule = Rule {
            name: config.name.as_str().into(),
            targets,
            inputs,
            windows,
            forecasts,
            leaves,
            critical,
            warning,
            missing: config.missing.unwrap_or_default(),
            missing_after: missing_after.unwrap_or(MISSING_AFTER_SECONDS),
            lag,
            funnel: config.funnel.clone(),
            simple: None,
        };
        rule.simple = rule.as_simple();
        Ok(rule)
    }

    pub fn levels(&self) -> impl Iterator<Item = &Level> {
        self.critical.iter().chain(&self.warning)
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

/// As long as an agent may be away before somebody wonders.
const MISSING_AFTER_SECONDS: i64 = 300;

fn seconds_of(duration: Option<HumanDuration>, key: &'static str, builder: &mut Builder<'_>) -> Option<i64> {
    let duration = duration?;
    let seconds = i64::try_from(duration.0.as_secs()).unwrap_or(i64::MAX);
    if duration.0.subsec_nanos() != 0 {
        builder.wrong(
            key,
            format!(
                "`{duration}` is not in whole seconds, as everything that is stored: write such as \"5s\""
            ),
        );
    }
    if seconds > MAX_WINDOW_SECONDS {
        let most = HumanDuration::from_secs(MAX_WINDOW_SECONDS as u64);
        builder.wrong(key, format!("`{duration}` is longer than {most}, the longest there is"));
    }
    Some(seconds)
}

/// Of each level the text that is read, written or made.
struct Texts {
    critical: Option<String>,
    warning: Option<String>,
}

struct Builder<'c> {
    problems: &'c mut Problems,
    targets: Vec<Target>,
    inputs: Vec<Input>,
    windows: Vec<WindowOf>,
    forecasts: Vec<ForecastOf>,
    leaves: Vec<Leaf>,
}

impl<'c> Builder<'c> {
    fn new(config: &MonitorConfig, problems: &'c mut Problems) -> Builder<'c> {
        let mut targets: Vec<Target> = Vec::new();
        if let Some(text) = config.target.as_ref().filter(|text| !text.trim().is_empty()) {
            targets.push(Target { name: Name::default(), text: text.clone() });
        }
        let named =
            config.series.iter().map(|(name, text)| Target { name: Name(name.clone()), text: text.clone() });
        targets.extend(named);
        let mut builder = Builder {
            problems,
            targets,
            inputs: Vec::new(),
            windows: Vec::new(),
            forecasts: Vec::new(),
            leaves: Vec::new(),
        };
        builder.check_targets(config);
        builder
    }

    fn wrong(&mut self, key: &'static str, message: String) {
        self.problems.push((key, message));
    }

    fn check_targets(&mut self, config: &MonitorConfig) {
        if self.targets.len() > MAX_SERIES_OF_MONITOR {
            self.wrong("series", format!("more than {MAX_SERIES_OF_MONITOR} series: make several monitors"));
        }
        for target in self.targets.clone() {
            let key = if target.name.0.is_empty() { "target" } else { "series" };
            if let Err(error) = graphite::parse::parse(&target.text) {
                self.wrong(key, format!("`{}` is not a target: {error}", target.text));
            } else if let Ok(graphite::parse::Parsed { stuck: Some(stuck), .. }) =
                graphite::parse::parse_prefix(&target.text)
            {
                self.wrong(key, format!("`{}` is not a target: {stuck}", target.text));
            }
            if key == "series" && !is_name(&target.name.0) {
                self.wrong("series", format!("`{}` cannot be the name of a series: use letters, digits and `_`, beginning with a letter, and none of the words of conditions", target.name.0));
            }
        }
        let makes_its_own = config.funnel.is_some();
        if self.targets.is_empty() && !makes_its_own {
            self.wrong(
                "target",
                "what is watched is missing: write `target = \"some.series\"`, any Graphite target".into(),
            );
        }
    }

    fn texts(&mut self, config: &MonitorConfig) -> Texts {
        let mut texts = Texts { critical: config.critical.clone(), warning: config.warning.clone() };
        if let Some(objective) = &config.objective {
            match objective::conditions(config, objective) {
                Err((key, message)) => self.wrong(key, message),
                Ok(made) => {
                    texts.critical.get_or_insert(made.critical);
                    texts.warning.get_or_insert(made.warning);
                }
            }
        }
        if config.funnel.is_some() {
            if !self.targets.is_empty() {
                self.wrong(
                    "funnel",
                    "a funnel finds its series itself: leave `target` and `series` out".into(),
                );
            }
            self.targets = funnel::targets();
            if texts.critical.is_none() && texts.warning.is_none() {
                texts.critical = Some(funnel::CRITICAL.to_owned());
            }
        }
        texts
    }

    fn level(
        &mut self,
        (key, text): (&'static str, Option<String>),
        (recover_key, recover): (&'static str, &Option<String>),
        lasting: i64,
        clearing: i64,
    ) -> Option<Level> {
        let recover = recover.clone();
        let Some(text) = text else {
            if recover.is_some() {
                self.wrong(recover_key, format!("there is no `{key}` that it could be the end of"));
            }
            return None;
        };
        let condition = self.read(key, &text)?;
        let set = self.tree(&condition);
        let recover = recover.and_then(|text| self.read(recover_key, &text));
        let reset = recover.as_ref().map(|condition| self.tree(condition));
        Some(Level { condition, set, recover, reset, lasting, clearing })
    }

    fn read(&mut self, key: &'static str, text: &str) -> Option<Condition> {
        let names: Vec<String> =
            self.targets.iter().map(|target| target.name.0.clone()).filter(|name| !name.is_empty()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match parse(text, &names) {
            Ok(condition) => Some(condition),
            Err(mistake) => {
                self.wrong(key, format!("`{text}`: {mistake}"));
                None
            }
        }
    }

    fn tree(&mut self, condition: &Condition) -> Tree {
        match condition {
            Condition::All(parts) => Tree::All(parts.iter().map(|part| self.tree(part)).collect()),
            Condition::Any(parts) => Tree::Any(parts.iter().map(|part| self.tree(part)).collect()),
            Condition::Not(part) => Tree::Not(Box::new(self.tree(part))),
            Condition::While(part, other) => Tree::All(vec![self.tree(part), self.tree(other)]),
            Condition::Is(clause) => {
                let kind = self.leaf(clause);
                let leaf = Leaf { kind, clause: clause.clone() };
                Tree::Leaf(place_of(&mut self.leaves, leaf))
            }
        }
    }

    fn leaf(&mut self, clause: &Clause) -> LeafKind {
        match clause {
            Clause::Compare { measure, test } => {
                LeafKind::Compare { amount: self.amount(measure, 0, test.percent), test: test.scaled() }
            }
            Clause::Absent { of, seconds } => {
                LeafKind::Absent { input: self.input(of, 0), seconds: *seconds }
            }
            Clause::Reaches { of, level, rising, within, by } => {
                let input = self.input(of, 0);
                let forecast = ForecastOf { input, level: *level, rising: *rising, by: *by };
                LeafKind::Reaches {
                    forecast: place_of(&mut self.forecasts, forecast),
                    within: *within as f64,
                }
            }
        }
    }

    fn amount(&mut self, measure: &Measure, earlier: i64, percent: bool) -> Amount {
        match measure {
            Measure::Value(name) => Amount::Input(self.input(name, earlier)),
            Measure::Rank(name) => Amount::Rank(self.input(name, earlier)),
            Measure::Window { function, of, seconds } => {
                let input = self.input(of, earlier);
                let window = WindowOf { function: *function, input, seconds: *seconds };
                Amount::Window(place_of(&mut self.windows, window))
            }
            Measure::Combined(left, operator, right) => {
                let left = self.amount(left, earlier, percent);
                Amount::Combined(Box::new(left), *operator, Box::new(self.amount(right, earlier, percent)))
            }
            Measure::Against { measure, earlier: by } => {
                let now = Box::new(self.amount(measure, earlier, percent));
                Amount::Change {
                    now,
                    then: Box::new(self.amount(measure, earlier + by, percent)),
                    relative: percent,
                }
            }
        }
    }

    fn input(&mut self, name: &Name, earlier: i64) -> usize {
        // The target, or the first of the series where there is none.
        let target = self.targets.iter().position(|target| target.name == *name).unwrap_or(0);
        place_of(&mut self.inputs, Input { target, earlier })
    }
}

fn place_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

fn is_name(name: &str) -> bool {
    const WORDS: [&str; 26] = [
        "and", "or", "not", "while", "only", "no", "point", "points", "data", "of", "for", "top", "active",
        "within", "reaches", "falls", "to", "judged", "by", "over", "against", "value", "change", "rank",
        "outside", "inside",
    ];
    let word = name.to_ascii_lowercase();
    let reserved = WORDS.contains(&word.as_str());
    let mut characters = name.chars();
    !reserved
        && characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
