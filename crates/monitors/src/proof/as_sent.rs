//! What no rule can be tried on: heartbeats, errors, alerts that others send, what people declare. The pages of these count
//! as they were, by the rules as they are and with all proposals too: else each of them would look like one that is saved.

use std::collections::{BTreeMap, BTreeSet};

use super::Sent;
use super::ground::monitor_rule;
use crate::config::{Definitions, MonitorKind};

#[derive(Clone, Debug, Default)]
pub struct AsSent {
    pub pages: Vec<Sent>,
    /// By the rules that it holds for.
    why: BTreeMap<String, Why>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Why {
    /// The rule as a doubt names it: all groups of a rule on errors have one.
    named: String,
    reason: &'static str,
}

const OF_HEARTBEATS: &str = "a heartbeat has no past that another rule could be tried on";
const OF_ERRORS: &str = "rules on errors cannot be replayed";
const OF_OTHERS: &str = "alerts that others send are judged where they come from";
const OF_PEOPLE: &str = "it was not opened by a rule";
const FAILED: &str = "it could not be replayed";

impl AsSent {
    /// `failed`: rules on numbers whose replay failed.
    pub(super) fn of(all: &Definitions, failed: &BTreeSet<String>, sent: &[Sent]) -> AsSent {
        let rules = Rules::of(all, failed);
        let mut as_sent = AsSent::default();
        for page in sent {
            if let Some((rule, named, reason)) = rules.why_not(&page.rule) {
                as_sent.why.insert(rule.to_owned(), Why { named, reason });
            }
        }
        as_sent.pages = sent.iter().filter(|page| as_sent.holds(&page.rule)).cloned().collect();
        as_sent
    }

    pub(super) fn holds(&self, rule: &str) -> bool {
        self.why_of(rule).is_some()
    }

    fn why_of(&self, rule: &str) -> Option<&Why> {
        self.why.get(rule).or_else(|| self.why.get(sender(rule)?))
    }

    /// Of what it is, and what is said of it.
    pub(super) fn doubts(self) -> impl Iterator<Item = (String, String)> {
        let mut counts: BTreeMap<&Why, u64> = BTreeMap::new();
        for page in &self.pages {
            if let Some(why) = self.why_of(&page.rule) {
                *counts.entry(why).or_default() += 1;
            }
        }
        let said = |(why, count): (&Why, u64)| {
            (why.named.clone(), format!("{}: its pages ({count}) count as they were sent", why.reason))
        };
        counts.into_iter().map(said).collect::<Vec<_>>().into_iter()
    }
}

/// `check:NAME` of `check:NAME@KEY`. A key may hold an `@`; so may a name, which then has no key.
fn sender(rule: &str) -> Option<&str> {
    rule.starts_with("check:").then(|| rule.split_once('@').map(|(sender, _)| sender)).flatten()
}

struct Rules<'d> {
    monitors: BTreeMap<String, MonitorKind>,
    on_errors: Vec<&'d str>,
    checks: BTreeSet<&'d str>,
    failed: &'d BTreeSet<String>,
}

impl<'d> Rules<'d> {
    fn of(all: &'d Definitions, failed: &'d BTreeSet<String>) -> Rules<'d> {
        let on_errors = all.monitors.iter().filter(|one| one.kind == MonitorKind::Errors);
        Rules {
            monitors: all.monitors.iter().map(|one| (monitor_rule(&one.name), one.kind)).collect(),
            on_errors: on_errors.map(|one| one.name.as_str()).collect(),
            checks: all.checks.iter().map(|one| one.name.as_str()).collect(),
            failed,
        }
    }

    /// For which rule that holds, how a doubt names it, and why. A rule that is no more would send nothing.
    fn why_not<'r>(&self, rule: &'r str) -> Option<(&'r str, String, &'static str)> {
        let (kind, name) = rule.split_once(':').unwrap_or((rule, ""));
        match kind {
            "monitor" => self.of_monitor(rule).map(|reason| (rule, rule.to_owned(), reason)),
            "host" => None,
            "check" if self.checks.contains(name) => None,
            "check" => sender(rule).map(|sender| (sender, sender.to_owned(), OF_OTHERS)),
            "errors" => {
                let on_it = self.on_errors.iter().find(|one| name.starts_with(&format!("{one}/")))?;
                Some((rule, monitor_rule(on_it), OF_ERRORS))
            }
            _ => Some((rule, rule.to_owned(), OF_PEOPLE)),
        }
    }

    fn of_monitor(&self, rule: &str) -> Option<&'static str> {
        match self.monitors.get(rule)? {
            MonitorKind::Heartbeat => Some(OF_HEARTBEATS),
            MonitorKind::Errors => Some(OF_ERRORS),
            MonitorKind::Metric => self.failed.contains(rule).then_some(FAILED),
        }
    }
}
