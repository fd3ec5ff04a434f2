//! What a probe saw, and what is made of it: state, a line for people, performance data.

use vocabulary::state::State;

use super::Probe;
use super::limits::{PARTS_MAX, VALUES_MAX};
use super::text;
use super::threshold::Threshold;
use crate::config::{CheckConfig, ThresholdConfig};
use crate::services::pattern::Glob;
use crate::{Outcome, Part};

pub const OK: u8 = 0;
pub const WARNING: u8 = 1;
pub const CRITICAL: u8 = 2;
pub const UNKNOWN: u8 = 3;

/// The worst is CRITICAL, then WARNING, then UNKNOWN, as plugins have it when they join results.
pub fn worse(one: u8, other: u8) -> u8 {
    let rank = |status: u8| match status {
        OK => 0,
        UNKNOWN => 1,
        WARNING => 2,
        _ => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// `sum`, `count` and so on; a unit as the plugin guidelines have them.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub label: String,
    /// None: could not be measured.
    pub number: Option<f64>,
    pub unit: &'static str,
    /// Where the check says nothing.
    pub default: ThresholdConfig,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What is the case, whether good or bad.
    pub summary: String,
    pub problems: Vec<(u8, String)>,
    pub values: Vec<Value>,
    pub details: Vec<String>,
    pub parts: Vec<Part>,
    /// Performance data that came as such.
    pub perfdata: String,
    /// The value that the thresholds are of, where it is not the type's usual one.
    pub main: Option<&'static str>,
}

impl Seen {
    pub fn new(summary: impl Into<String>) -> Seen {
        Seen { summary: summary.into(), ..Seen::default() }
    }

    pub fn problem(&mut self, status: u8, text: impl Into<String>) {
        self.problems.push((status, text.into()));
    }

    pub fn value(&mut self, label: impl Into<String>, number: f64, unit: &'static str) -> &mut Value {
        self.values.push(Value {
            label: label.into(),
            number: number.is_finite().then_some(number),
            unit,
            default: ThresholdConfig::default(),
            min: None,
            max: None,
        });
        let last = self.values.len() - 1;
        &mut self.values[last]
    }

    /// Since when it began, for the value `time`.
    pub fn time(&mut self, seconds: f64) {
        self.value("time", seconds, "s").min = Some(0.0);
    }

    /// One of several things that were seen. Of two under one name the worse counts.
    pub fn part(&mut self, name: &str, status: u8, output: String) {
        let outcome = Outcome { status, output: text::line(&output), active: true, ..Outcome::default() };
        let name = text::name(name);
        match self.parts.iter_mut().find(|part| part.name == name) {
            Some(same) if worse(same.outcome.status, status) == same.outcome.status => {}
            Some(same) => same.outcome = outcome,
            None => self.parts.push(Part { name, outcome }),
        }
    }

    pub(super) fn judge(mut self, probe: &Probe, check: &CheckConfig) -> Outcome {
        self.bound();
        let main = self.main.unwrap_or(probe.main);
        let mut perfdata = Vec::new();
        let values = std::mem::take(&mut self.values);
        for value in &values {
            let (warning, critical) = value.thresholds(main, check);
            if let Some((status, text)) = value.breach(&warning, &critical) {
                self.problem(status, text);
            }
            perfdata.push(value.perfdata(&warning, &critical));
        }
        perfdata.extend((!self.perfdata.is_empty()).then(|| std::mem::take(&mut self.perfdata)));
        let status = self.problems.iter().fold(OK, |worst, (status, _)| worse(worst, *status));
        // The worst first: lines are cut in subjects and on telephones.
        self.problems.sort_by_key(|(status, _)| worse(WARNING, *status) != *status || *status != CRITICAL);
        let mut said: Vec<String> = self.problems.into_iter().map(|(_, text)| text).collect();
        said.push(self.summary);
        said.retain(|text| !text.is_empty());
        let output =
            format!("{} {} - {}", probe.name.to_uppercase(), State::of_status(status), said.join("; "));
        let main = values.iter().find(|value| value.label == main);
        Outcome {
            status,
            output: text::line(&output),
            long_output: self.details.join("\n"),
            perfdata: perfdata.join(" "),
            value: main.and_then(|value| value.number),
            parts: self.parts,
            ..Outcome::default()
        }
    }

    /// More than is kept is told, not dropped in silence.
    fn bound(&mut self) {
        let values = self.values.len();
        if values > VALUES_MAX {
            self.values.truncate(VALUES_MAX);
            self.details.push(format!("{values} values, of which the first {VALUES_MAX} are kept"));
        }
        let parts = self.parts.len();
        if parts > PARTS_MAX {
            // Those that are well can be spared.
            self.parts.sort_by_key(|part| part.outcome.status == OK);
            self.parts.truncate(PARTS_MAX);
            self.details.push(format!("{parts} sub-checks, of which {PARTS_MAX} are kept"));
        }
    }
}

impl Value {
    /// Who reads `problems()` knows that they can be parsed.
    fn thresholds(&self, main: &str, check: &CheckConfig) -> (Option<Threshold>, Option<Threshold>) {
        let matching = || check.thresholds.iter().find(|(label, _)| Glob::new(label).matches(&self.label));
        let named = check.thresholds.get(&self.label).or_else(|| matching().map(|(_, both)| both));
        let is_main = self.label == main;
        let pick = |named: Option<&String>, main: &Option<String>, default: &Option<String>| {
            let main = main.as_ref().filter(|_| is_main);
            named.or(main).or(default.as_ref()).and_then(|text| Threshold::parse(text).ok())
        };
        (
            pick(named.and_then(|it| it.warning.as_ref()), &check.warning, &self.default.warning),
            pick(named.and_then(|it| it.critical.as_ref()), &check.critical, &self.default.critical),
        )
    }

    fn breach(&self, warning: &Option<Threshold>, critical: &Option<Threshold>) -> Option<(u8, String)> {
        let number = self.number?;
        let of = |threshold: &Option<Threshold>| threshold.as_ref()?.breach(number);
        let (status, words) =
            of(critical).map(|words| (CRITICAL, words)).or_else(|| Some((WARNING, of(warning)?)))?;
        Some((status, format!("{} {}{} {words}", self.label, plain(number), self.unit)))
    }

    fn perfdata(&self, warning: &Option<Threshold>, critical: &Option<Threshold>) -> String {
        let range =
            |threshold: &Option<Threshold>| threshold.as_ref().map(|it| it.text.clone()).unwrap_or_default();
        let number = self.number.map_or("U".to_owned(), plain);
        let bound = |bound: Option<f64>| bound.map(plain).unwrap_or_default();
        let item = format!(
            "{}={number}{};{};{};{};{}",
            quoted(&self.label),
            if self.number.is_some() { self.unit } else { "" },
            range(warning),
            range(critical),
            bound(self.min),
            bound(self.max)
        );
        item.trim_end_matches(';').to_owned()
    }
}

/// Six places: microseconds, where it is seconds.
fn plain(number: f64) -> String {
    let rounded = (number * 1e6).round() / 1e6;
    format!("{}", if rounded.is_finite() { rounded } else { number })
}

/// Labels may hold all but `=`; with a space or a quote they stand in quotes.
fn quoted(label: &str) -> String {
    let label: String =
        label.chars().map(|letter| if letter == '=' || letter.is_control() { '_' } else { letter }).collect();
    if label.contains([' ', '\'', '|']) {
        format!("'{}'", label.replace('\'', "''").replace('|', "_"))
    } else {
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CheckType;
    use crate::kinds::probe::of;

    fn check(text: &str) -> CheckConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn values_are_judged_and_written_as_plugins_do() {
        let probe = of(CheckType::Http).unwrap();
        let check = check("warning = \"> 1\"\ncritical = \"> 5\"\n[thresholds.size]\ncritical = \"10:\"");
        let mut seen = Seen::new("200 OK");
        seen.time(2.123456789);
        seen.value("size", 3.0, "B");
        seen.value("a b='c'", f64::NAN, "");
        let outcome = seen.judge(probe, &check);
        assert_eq!(outcome.status, CRITICAL);
        assert_eq!(outcome.output, "HTTP CRITICAL - size 3B is below 10; time 2.123457s is above 1; 200 OK");
        assert_eq!(outcome.perfdata, "time=2.123457s;~:1;~:5;0 size=3B;;10: 'a b_''c'''=U");
        assert_eq!(outcome.value, Some(2.123456789));
    }

    #[test]
    fn the_worst_of_several() {
        assert_eq!(worse(OK, UNKNOWN), UNKNOWN);
        assert_eq!(worse(UNKNOWN, WARNING), WARNING);
        assert_eq!(worse(CRITICAL, UNKNOWN), CRITICAL);
        assert_eq!(worse(WARNING, CRITICAL), CRITICAL);
    }
}
