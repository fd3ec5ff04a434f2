//! `[relay]`, and the lists of `[carbon]` that say which names are taken.

use std::fmt;
use std::str::FromStr;

use formats::carbon_rules::{self, Destination, Method, Stage};
use formats::python_regex::{Pattern, Template};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::time::HumanDuration;

use crate::config::ForwardProtocol;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelayConfig {
    /// How the destinations of a name are found.
    pub method: RelayMethod,
    /// All Carbons to send to; with `"rules"` those of the rules if this is empty.
    pub destinations: Vec<Text<Destination>>,
    /// `"pickle"` or `"line"`, over TCP.
    pub protocol: ForwardProtocol,
    /// Points that wait for each destination while it is slow or away; beyond, the oldest are dropped and counted.
    pub queue: usize,
    /// False only relays, as carbon-relay does.
    pub store: bool,
    /// Hashing: destinations for each name.
    pub replication_factor: usize,
    /// Hashing: never two of them on one host.
    pub diverse_replicas: bool,
    pub hash: HashType,
    /// Decide by, and send on, names whose tags are in order.
    pub normalize_tags: bool,
    /// Of what is aggregated, hand on the single points too.
    pub forward_all: bool,
    /// Intervals that still take late points.
    pub max_aggregation_intervals: u32,
    /// Tell aggregates at least so often; "0s" is at the end of each one's own interval.
    pub write_back_frequency: HumanDuration,
    pub rule: Vec<Rule>,
    pub rewrite: Vec<Rewrite>,
    pub aggregation: Vec<Aggregation>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelayMethod {
    #[default]
    Off,
    Rules,
    ConsistentHashing,
    AggregatedConsistentHashing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashType {
    #[default]
    CarbonCh,
    Fnv1aCh,
}

impl Default for RelayConfig {
    fn default() -> Self {
        RelayConfig {
            method: RelayMethod::Off,
            destinations: Vec::new(),
            protocol: ForwardProtocol::Pickle,
            queue: limits::FORWARD_QUEUE_POINTS,
            store: true,
            replication_factor: 1,
            diverse_replicas: true,
            hash: HashType::CarbonCh,
            normalize_tags: false,
            forward_all: true,
            max_aggregation_intervals: 5,
            write_back_frequency: HumanDuration::from_secs(0),
            rule: Vec::new(),
            rewrite: Vec::new(),
            aggregation: Vec::new(),
        }
    }
}

impl RelayConfig {
    /// What no single value shows, as (key, what is wrong); keys of lists hold a number.
    pub fn problems(&self) -> Vec<(String, String)> {
        let whole = self.problems_as_a_whole().into_iter().map(|(key, why)| (key.to_owned(), why));
        let rules = numbered("rule", self.rule.iter().map(Rule::problem));
        let rewrites = numbered("rewrite", self.rewrite.iter().map(Rewrite::problem));
        let aggregations = numbered("aggregation", self.aggregation.iter().map(Aggregation::problem));
        whole.chain(rules).chain(rewrites).chain(aggregations).collect()
    }

    fn problems_as_a_whole(&self) -> Vec<(&'static str, String)> {
        let mut problems = self.problems_of_destinations();
        if self.queue == 0 {
            problems.push(("queue", "must hold at least 1 point".into()));
        }
        if self.replication_factor == 0 {
            problems.push(("replication_factor", "must be at least 1".into()));
        }
        if !whole_seconds(self.write_back_frequency) {
            problems.push(("write_back_frequency", "must be whole seconds, such as \"10s\"".into()));
        }
        let twice = |rule: &&Rule| self.rule.iter().filter(|other| other.name == rule.name).count() > 1;
        if let Some(rule) = self.rule.iter().find(twice) {
            problems.push(("rule", format!("two rules are called `{}`: give each its own name", rule.name)));
        }
        if self.method == RelayMethod::Rules {
            problems.extend(self.problems_of_rules().map(|why| ("rule", why)));
        }
        problems
    }

    fn problems_of_destinations(&self) -> Vec<(&'static str, String)> {
        let unused = self.rule.len() + self.destinations.len() > 0;
        match self.method {
            RelayMethod::Off if unused => {
                let why = "is \"off\", but there are destinations: write \"rules\" or \"consistent-hashing\"";
                vec![("method", why.into())]
            }
            RelayMethod::Off if !self.store => {
                let why = "is false and nothing is relayed, so every point would be lost: write true, or a `method`";
                vec![("store", why.into())]
            }
            RelayMethod::Off | RelayMethod::Rules => Vec::new(),
            _ if !self.rule.is_empty() => {
                vec![("rule", "only the method \"rules\" has rules".into())]
            }
            _ if self.destinations.is_empty() => {
                vec![("destinations", "name at least one, such as \"10.0.0.3:2004:a\"".into())]
            }
            _ => self.same_place().map(|why| ("destinations", why)).into_iter().collect(),
        }
    }

    /// Port numbers do not tell destinations of a ring apart.
    fn same_place(&self) -> Option<String> {
        let key = |text: &Text<Destination>| (text.0.host.clone(), text.0.instance.clone());
        let keys: Vec<_> = self.destinations.iter().map(key).collect();
        let (_, again) = keys
            .iter()
            .zip(&self.destinations)
            .enumerate()
            .find_map(|(at, (key, text))| keys[..at].contains(key).then_some((at, text)))?;
        Some(format!(
            "`{again}` and another one share host and instance: give them instances, as in \"HOST:PORT:b\""
        ))
    }

    fn problems_of_rules(&self) -> Option<String> {
        let mut defaults = self.rule.iter().filter(|rule| rule.default);
        let default = defaults.next();
        if let Some(second) = defaults.next() {
            return Some(format!("`{}` is a second default rule: only one can be", second.name));
        }
        if self.rule.is_empty() {
            return Some("the method \"rules\" wants at least one [[relay.rule]]".into());
        }
        if default.is_none() && !self.store {
            let why =
                "with `store = false` a rule must have `default = true`, or names that match none are lost";
            return Some(why.into());
        }
        let known =
            |text: &Text<Destination>| self.destinations.is_empty() || self.destinations.contains(text);
        self.rule.iter().find_map(|rule| {
            let unknown = rule.destinations.iter().find(|text| !known(text))?;
            Some(format!(
                "`{}` sends to {unknown}, which is not among relay.destinations: add it there",
                rule.name
            ))
        })
    }

    /// Each once, in order.
    pub fn all_destinations(&self) -> Vec<Destination> {
        let of_rules = self.rule.iter().flat_map(|rule| &rule.destinations);
        let all: Vec<&Text<Destination>> = match self.method {
            RelayMethod::Off => Vec::new(),
            RelayMethod::Rules if self.destinations.is_empty() => of_rules.collect(),
            _ => self.destinations.iter().collect(),
        };
        let mut once: Vec<Destination> = Vec::new();
        for Text(destination) in all {
            if !once.contains(destination) {
                once.push(destination.clone());
            }
        }
        once
    }
}

fn numbered(
    key: &str,
    found: impl Iterator<Item = Option<(&'static str, String)>>,
) -> impl Iterator<Item = (String, String)> {
    found.enumerate().filter_map(move |(index, problem)| {
        let (inner, why) = problem?;
        Some((format!("{key}.{index}.{inner}"), why))
    })
}

fn whole_seconds(duration: HumanDuration) -> bool {
    duration.0.subsec_nanos() == 0
}

/// A value that is written as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text<T>(pub T);

impl<T: fmt::Display> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Text).map_err(serde::de::Error::custom)
    }
}

/// A regular expression of Python's that compiles.
#[derive(Clone, Debug)]
pub struct Expression {
    source: String,
    pub pattern: Pattern,
}

impl FromStr for Expression {
    type Err = String;

    fn from_str(source: &str) -> Result<Expression, String> {
        let pattern = Pattern::new(source).map_err(|why| format!("`{source}`: {why}"))?;
        Ok(Expression { source: source.to_owned(), pattern })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// `[[relay.rule]]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    /// Searched whatever the case; the default rule has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    pub destinations: Vec<Text<Destination>>,
    /// Rules below are looked at too.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
    /// Stands below all others.
    #[serde(default)]
    pub default: bool,
}

impl Rule {
    pub fn compiled(&self) -> Result<Option<Pattern>, String> {
        let compile =
            |source: &String| Pattern::ignoring_case(source).map_err(|why| format!("`{source}`: {why}"));
        self.pattern.as_ref().map(compile).transpose()
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        if self.destinations.is_empty() {
            return Some(("destinations", "name at least one".into()));
        }
        if self.pattern.is_some() == self.default {
            return Some(("name", "the rule needs either a `pattern` or `default = true`".into()));
        }
        self.compiled().err().map(|why| ("pattern", why))
    }
}

/// `[[relay.rewrite]]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// Before aggregation or behind it.
    #[serde(default = "pre")]
    pub stage: Text<Stage>,
    pub pattern: String,
    pub replacement: String,
}

fn pre() -> Text<Stage> {
    Text(Stage::Pre)
}

impl Rewrite {
    pub fn compiled(&self) -> Result<(Pattern, Template), String> {
        carbon_rules::rewrite_patterns(&self.pattern, &self.replacement)
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let why = self.compiled().err()?;
        let key = if Pattern::new(&self.pattern).is_err() { "pattern" } else { "replacement" };
        Some((key, why))
    }
}

/// `[[relay.aggregation]]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregation {
    pub output: String,
    pub frequency: HumanDuration,
    pub method: Text<Method>,
    pub input: String,
}

impl Aggregation {
    pub fn compiled(&self) -> Result<(Pattern, Template), String> {
        carbon_rules::aggregation_patterns(&self.input, &self.output)
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        let frequency = self.frequency;
        if !whole_seconds(frequency) || frequency.0.is_zero() || frequency.0 > limits::LONGEST_INTERVAL {
            let why = "must be whole seconds, at least \"1s\" and at most \"366d\"";
            return Some(("frequency", why.into()));
        }
        let why = self.compiled().err()?;
        // Without fields any output will do.
        let input = carbon_rules::aggregation_patterns(&self.input, "");
        Some((if input.is_err() { "input" } else { "output" }, why))
    }
}
