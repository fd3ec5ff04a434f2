//! Which rule an incident was about, by its reason.

use std::collections::HashSet;

use incidents::noise::by_hand;
use monitors::Definitions;
use monitors::config::CheckType;

/// The names that are defined now.
pub struct Reasons<'d> {
    checks: HashSet<&'d str>,
    /// Checks that others send to.
    passive: HashSet<&'d str>,
    monitors: HashSet<&'d str>,
}

impl<'d> Reasons<'d> {
    pub fn of(all: &'d Definitions) -> Reasons<'d> {
        Reasons {
            checks: all.checks.iter().map(|check| check.name.as_str()).collect(),
            passive: all
                .checks
                .iter()
                .filter(|check| check.kind == CheckType::Passive)
                .map(|check| check.name.as_str())
                .collect(),
            monitors: all.monitors.iter().map(|monitor| monitor.name.as_str()).collect(),
        }
    }

    /// `monitor:NAME`, `check:NAME`, `host:NAME`. A reason has `monitor:` before checks too, and behind an `@` which of the
    /// instances it is about: an environment, a team, the key of an alert that others sent. That may hold an `@`, as a name
    /// may: the longest name that is known is meant, else what stands before the first one. Each alert of a sender is a rule
    /// of its own: `check:NAME@KEY`.
    pub fn rule(&self, reason: &str) -> String {
        let Some(said) = reason.strip_prefix("monitor:") else { return by_hand(reason).to_owned() };
        let shorter = said.match_indices('@').rev().map(|(at, _)| &said[..at]);
        let known = |name: &&str| self.checks.contains(name) || self.monitors.contains(name);
        let first = || said.split_once('@').map_or(said, |(name, _)| name);
        let name = std::iter::once(said).chain(shorter).find(known).unwrap_or_else(first);
        if self.passive.contains(name) {
            return format!("check:{said}");
        }
        let kind = if self.checks.contains(name) { "check" } else { "monitor" };
        format!("{kind}:{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_its_rule_whatever_stands_behind_it() {
        let all: Definitions = toml::from_str(
            "[[monitor]]\nname = \"load\"\ntarget = \"a\"\ncritical = \"> 1\"\n
             [[monitor]]\nname = \"rate@5m\"\ntarget = \"a\"\ncritical = \"> 1\"\n
             [[check]]\nname = \"alertmanager\"\ntype = \"passive\"\n[[check]]\nname = \"web/disk\"\n",
        )
        .unwrap();
        let reasons = Reasons::of(&all);
        for (reason, rule) in [
            ("monitor:load", "monitor:load"),
            ("monitor:load@staging", "monitor:load"),
            ("monitor:load@team:shop", "monitor:load"),
            ("monitor:rate@5m", "monitor:rate@5m"),
            ("monitor:rate@5m@staging", "monitor:rate@5m"),
            ("monitor:web/disk", "check:web/disk"),
            (
                "monitor:alertmanager@DiskFull;instance=web:9100",
                "check:alertmanager@DiskFull;instance=web:9100",
            ),
            ("monitor:alertmanager@Mail;to=ana@example.org", "check:alertmanager@Mail;to=ana@example.org"),
            ("monitor:alertmanager", "check:alertmanager"),
            ("monitor:web/disk@staging", "check:web/disk"),
            ("declared:7", "declared"),
            ("declared:key:deploy", "declared"),
            ("declared:key:911/shop/983c49", "911"),
            ("monitor:gone", "monitor:gone"),
            ("monitor:gone@Mail;to=ana@example.org", "monitor:gone"),
            ("host:web@1", "host:web@1"),
            ("errors:shop/12", "errors:shop/12"),
        ] {
            assert_eq!(reasons.rule(reason), rule, "{reason}");
        }
    }
}
