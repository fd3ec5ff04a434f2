//! Keys of a monitor -> [`Rule`], or everything that is wrong with them.

use graphite::target::{Call, Expression};
use vocabulary::time::HumanDuration;

use super::super::condition::{Clause, Condition, Measure, Name};
use super::super::grammar::parse;
use super::super::{funnel, objective};
use super::{Amount, ForecastOf, Input, Leaf, LeafKind, Level, Problems, Rule, Target, Tree, WindowOf};
use crate::config::MonitorConfig;
use crate::limits::{MAX_SERIES_OF_MONITOR, MAX_WINDOW_BYTES_OF_INSTANCE, MAX_WINDOW_SECONDS};

/// As long as an agent may be away before somebody wonders.
const MISSING_AFTER_SECONDS: i64 = 300;

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
        match rule.window_bytes() {
            bytes if bytes > MAX_WINDOW_BYTES_OF_INSTANCE => Err(vec![too_much(&rule, bytes)]),
            _ => Ok(rule),
        }
    }
}

/// The first name of a function that stands for none.
fn unknown_function(target: &Expression) -> Option<&str> {
    fn of_call(call: &Call) -> Option<&str> {
        if graphite::functions::find(&call.function).is_none() {
            return Some(&call.function);
        }
        let keywords = call.keywords.iter().map(|(_, value)| value);
        call.arguments.iter().chain(keywords).find_map(unknown_function)
    }
    match target {
        Expression::Literal(_) | Expression::Path(_) => None,
        Expression::Call(call) => of_call(call),
        Expression::Template(template) => unknown_function(&template.inner),
        Expression::Piped { base, calls } => {
            unknown_function(base).or_else(|| calls.iter().find_map(of_call))
        }
    }
}

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
            let parsed = graphite::parse::parse(&target.text);
            if let Some(unknown) = parsed.as_ref().ok().and_then(unknown_function) {
                self.wrong(
                    key,
                    format!("there is no function `{unknown}`: /functions lists those there are"),
                );
            }
            if let Err(error) = parsed {
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
        } else {
            let idle = [
                ("objective_period", config.objective_period.is_some()),
                ("minimum_events", config.minimum_events.is_some()),
            ];
            for (key, _) in idle.into_iter().filter(|(_, set)| *set) {
                self.wrong(key, "this belongs to an `objective`, and there is none: leave it out".into());
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

fn too_much(rule: &Rule, bytes: usize) -> (&'static str, String) {
    let key = if rule.critical.is_some() { "critical" } else { "warning" };
    let most = MAX_WINDOW_BYTES_OF_INSTANCE >> 10;
    let message = format!(
        "the windows of this rule take {} KiB for each series, and {most} KiB at most may be taken: use fewer windows, or several monitors",
        bytes >> 10
    );
    (key, message)
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
