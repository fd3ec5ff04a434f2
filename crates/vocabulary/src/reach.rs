//! How one person wants to be reached: by which way at once, by which others while there is no answer.

use serde::{Deserialize, Serialize};

use crate::state::State;
use crate::time::HumanDuration;

/// One for each severity is all that can hold.
pub const MAX_RULES: usize = 2;
pub const MAX_RULE_STEPS: usize = 20;
/// Who has not answered for a day is no matter of one person's ways any more.
pub const MAX_RULE_SECONDS: u64 = 86_400;
/// A telephone that rings more often is switched off.
pub const MIN_REPEAT_SECONDS: u64 = 30;

/// Of what a rule is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// CRITICAL, and hosts that cannot be reached.
    Critical,
    #[default]
    Any,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Any => "any",
        }
    }

    fn is_of(self, state: State) -> bool {
        self == Severity::Any || matches!(state, State::Critical | State::Down | State::Unreachable)
    }
}

/// `[[contact.rule]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReachRule {
    pub severity: Severity,
    /// In the order of their times; the first is at once.
    pub steps: Vec<ReachStep>,
    /// The last way again and again, until somebody has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_every: Option<HumanDuration>,
}

/// `{ after = "2m", channel = "sms" }`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReachStep {
    /// Since the person was told.
    pub after: HumanDuration,
    pub channel: String,
}

/// The rule for what is so bad: one of its own goes before that of anything.
pub fn rule_for(rules: &[ReachRule], state: State) -> Option<&ReachRule> {
    rules.iter().filter(|rule| rule.severity.is_of(state)).min_by_key(|rule| rule.severity)
}

/// What is wrong with the rules of somebody who has these channels, as (key below the rules, what and how to mend it).
pub fn problems(rules: &[ReachRule], channels: &[String]) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        if rules[..index].iter().any(|other| other.severity == rule.severity) {
            let why = format!(
                "there are two rules for \"{}\": write one for \"critical\" and one for \"any\" at most",
                rule.severity.word()
            );
            problems.push((format!("{index}.severity"), why));
        }
        problems
            .extend(rule.problems(channels).into_iter().map(|(key, why)| (format!("{index}.{key}"), why)));
    }
    problems
}

impl ReachRule {
    fn problems(&self, channels: &[String]) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let seconds = |duration: HumanDuration| duration.0.as_secs();
        if self.steps.is_empty() {
            let why = "a rule needs a step: write steps = [{ after = \"0s\", channel = \"…\" }]";
            problems.push(("steps".to_owned(), why.to_owned()));
        }
        if self.steps.len() > MAX_RULE_STEPS {
            problems.push(("steps".into(), format!("a rule has {MAX_RULE_STEPS} steps at most")));
        }
        let mut before = None;
        for (index, step) in self.steps.iter().enumerate() {
            let mut add = |key: &str, why: String| problems.push((format!("steps.{index}.{key}"), why));
            if !channels.contains(&step.channel) {
                let own = channels.join("`, `");
                add(
                    "channel",
                    format!("`{}` is no channel of this contact: its channels are `{own}`", step.channel),
                );
            }
            if before.is_none() && seconds(step.after) > 0 {
                add("after", "the first step is at once: write after = \"0s\"".to_owned());
            }
            if before.is_some_and(|before| step.after < before) {
                add(
                    "after",
                    "it lies before the step above it: write steps in the order of their times".to_owned(),
                );
            }
            if seconds(step.after) > MAX_RULE_SECONDS {
                add(
                    "after",
                    "a step comes within a day: leave it to the escalation policy to reach others".to_owned(),
                );
            }
            before = Some(step.after);
        }
        let repeat = self.repeat_every.map(seconds);
        if repeat.is_some_and(|repeat| !(MIN_REPEAT_SECONDS..=MAX_RULE_SECONDS).contains(&repeat)) {
            let why =
                format!("it repeats every {MIN_REPEAT_SECONDS}s at the soonest, and once a day at least");
            problems.push(("repeat_every".into(), why));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(severity: Severity, steps: &[(&str, &str)], repeat: Option<&str>) -> ReachRule {
        let step = |(after, channel): &(&str, &str)| ReachStep {
            after: after.parse().unwrap(),
            channel: (*channel).to_owned(),
        };
        let repeat_every = repeat.map(|repeat| repeat.parse().unwrap());
        ReachRule { severity, steps: steps.iter().map(step).collect(), repeat_every }
    }

    #[test]
    fn c105_a_rule_says_what_is_wrong_with_it() {
        let channels = ["push".to_owned(), "sms".to_owned()];
        let check = |rules: &[ReachRule], wanted: &[&str]| {
            let found: Vec<String> = problems(rules, &channels).into_iter().map(|(key, _)| key).collect();
            assert_eq!(found, wanted);
        };
        let fine = rule(Severity::Critical, &[("0s", "push"), ("2m", "sms")], Some("1m"));
        check(std::slice::from_ref(&fine), &[]);
        check(&[fine.clone(), rule(Severity::Any, &[("0s", "push")], None)], &[]);
        check(&[fine.clone(), fine], &["1.severity"]);
        check(&[rule(Severity::Any, &[], None)], &["0.steps"]);
        let late = rule(Severity::Any, &[("1m", "push"), ("30s", "fax"), ("2d", "sms")], Some("5s"));
        check(
            &[late],
            &["0.steps.0.after", "0.steps.1.channel", "0.steps.1.after", "0.steps.2.after", "0.repeat_every"],
        );
    }

    #[test]
    fn c084_how_bad_it_is_decides_how_somebody_is_reached() {
        let rules =
            [rule(Severity::Any, &[("0s", "mail")], None), rule(Severity::Critical, &[("0s", "push")], None)];
        let way = |state| rule_for(&rules, state).map(|rule| rule.steps[0].channel.as_str());
        assert_eq!((way(State::Critical), way(State::Down)), (Some("push"), Some("push")));
        assert_eq!((way(State::Warning), way(State::Unknown)), (Some("mail"), Some("mail")));
        assert!(rule_for(&rules[1..], State::Warning).is_none());
    }
}
