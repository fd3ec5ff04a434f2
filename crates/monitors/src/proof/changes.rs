//! What might be changed about a rule, the gentlest first. Each is a whole definition, ready to be replayed and reviewed.

use std::time::Duration;

use serde::Serialize;
use vocabulary::time::HumanDuration;

use crate::config::{CheckConfig, DependencyConfig, HostConfig, MonitorConfig};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It must last longer.
    For,
    Threshold,
    /// Troubles that follow each other closely are one.
    Grouping,
    /// Told once, not again and again.
    Repeats,
    /// Nobody is told while what it depends on is bad.
    Dependency,
    /// Evaluated and recorded, tells nobody.
    Delete,
}

/// A rule as it might be.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<T> {
    pub kind: Kind,
    /// One line of plain words.
    pub what: String,
    pub new: T,
}

const LONGER_SECONDS: [u64; 5] = [60, 120, 300, 600, 900];
const FACTORS: [f64; 4] = [1.1, 1.25, 1.5, 2.0];
const GROUPING_SECONDS: u64 = 900;
const ATTEMPTS: [u32; 3] = [3, 5, 10];

fn seconds(seconds: u64) -> HumanDuration {
    HumanDuration(Duration::from_secs(seconds))
}

/// Of a metric monitor.
pub fn of_monitor(rule: &MonitorConfig) -> Vec<Change<MonitorConfig>> {
    let longer = LONGER_SECONDS.into_iter().filter_map(|wanted| lasting(rule, wanted));
    let thresholds: Vec<_> = FACTORS.into_iter().filter_map(|factor| threshold(rule, factor)).collect();
    let grouped = grouping(rule);
    let both = grouped.as_ref().and_then(|grouped| {
        let longer = lasting(&grouped.new, 300)?;
        Some(Change { what: format!("{}, and {}", longer.what, grouped.what), ..longer })
    });
    // What asks for a little comes before what asks for much.
    let mut changes: Vec<_> = longer.collect();
    changes.splice(2.min(changes.len())..2.min(changes.len()), thresholds);
    changes.extend(grouped);
    changes.extend(both);
    changes.push(Change {
        kind: Kind::Delete,
        what: "keep it in shadow: it is recorded, and wakes nobody".to_owned(),
        new: MonitorConfig { shadow: true, ..rule.clone() },
    });
    changes
}

fn lasting(rule: &MonitorConfig, wanted: u64) -> Option<Change<MonitorConfig>> {
    let now = rule.lasting.map_or(0, |lasting| lasting.0.as_secs());
    (wanted > now && rule.objective.is_none()).then(|| Change {
        kind: Kind::For,
        what: format!("for = \"{}\" instead of \"{}\"", seconds(wanted), seconds(now)),
        new: MonitorConfig { lasting: Some(seconds(wanted)), ..rule.clone() },
    })
}

fn grouping(rule: &MonitorConfig) -> Option<Change<MonitorConfig>> {
    let now = rule.recover_for.map_or(0, |time| time.0.as_secs());
    (GROUPING_SECONDS > now && rule.objective.is_none()).then(|| Change {
        kind: Kind::Grouping,
        what: format!(
            "over only after {} of calm (recover_for), so that what comes back is one incident",
            seconds(GROUPING_SECONDS)
        ),
        new: MonitorConfig { recover_for: Some(seconds(GROUPING_SECONDS)), ..rule.clone() },
    })
}

/// Only a plain comparison is understood; others are for people.
fn threshold(rule: &MonitorConfig, factor: f64) -> Option<Change<MonitorConfig>> {
    let moved = |condition: &Option<String>| match condition {
        None => Some(None),
        Some(condition) => farther(condition, factor).map(Some),
    };
    let new =
        MonitorConfig { warning: moved(&rule.warning)?, critical: moved(&rule.critical)?, ..rule.clone() };
    let (now, then) =
        (rule.critical.as_ref().or(rule.warning.as_ref())?, new.critical.as_ref().or(new.warning.as_ref())?);
    let what = format!("the threshold at {then} instead of {now}");
    (rule.critical_recover.is_none() && rule.warning_recover.is_none()).then_some(Change {
        kind: Kind::Threshold,
        what,
        new,
    })
}

/// `> 300` by 1.1 is `> 330`, `< 50` is `< 45`. Nothing: it is no plain comparison with a number other than 0.
fn farther(condition: &str, factor: f64) -> Option<String> {
    let text = condition.trim();
    let length = text.find(|c: char| !matches!(c, '<' | '>' | '='))?;
    let (operator, number) = text.split_at(length);
    let value: f64 = number.trim().parse().ok().filter(|value: &f64| value.is_finite() && *value != 0.0)?;
    let up = match operator {
        ">" | ">=" => value > 0.0,
        "<" | "<=" => value < 0.0,
        _ => return None,
    };
    let moved = if up { value * factor } else { value / factor };
    Some(format!("{operator} {}", rounded(moved)))
}

/// As a person would write it.
fn rounded(value: f64) -> String {
    let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// What can be asked of many checks at once, as each is judged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfMany {
    Attempts(u32),
    Delay(u64),
    Once,
    AttemptsAndOnce(u32),
    Silent,
}

pub fn of_many() -> Vec<OfMany> {
    let attempts = ATTEMPTS.into_iter().map(OfMany::Attempts);
    let delays = [300, 900, 1_800].into_iter().map(OfMany::Delay);
    let both = ATTEMPTS.into_iter().map(OfMany::AttemptsAndOnce);
    [OfMany::Once].into_iter().chain(attempts).chain(delays).chain(both).chain([OfMany::Silent]).collect()
}

/// The keys that checks and hosts have in common.
trait Object: Clone {
    fn attempts(&mut self) -> &mut Option<u32>;
    fn delay(&mut self) -> &mut Option<HumanDuration>;
    fn repeats(&mut self) -> &mut Option<HumanDuration>;
    fn enabled(&mut self) -> &mut Option<bool>;
}

macro_rules! object {
    ($config:ty) => {
        impl Object for $config {
            fn attempts(&mut self) -> &mut Option<u32> {
                &mut self.max_check_attempts
            }

            fn delay(&mut self) -> &mut Option<HumanDuration> {
                &mut self.first_notification_delay
            }

            fn repeats(&mut self) -> &mut Option<HumanDuration> {
                &mut self.notification_interval
            }

            fn enabled(&mut self) -> &mut Option<bool> {
                &mut self.notifications_enabled
            }
        }
    };
}

object!(CheckConfig);
object!(HostConfig);

pub fn of_check(check: &CheckConfig, how: OfMany) -> Option<Change<CheckConfig>> {
    of_object(check, how)
}

pub fn of_host(host: &HostConfig, how: OfMany) -> Option<Change<HostConfig>> {
    of_object(host, how)
}

/// Nothing: it is so already.
fn of_object<T: Object>(object: &T, how: OfMany) -> Option<Change<T>> {
    let mut new = object.clone();
    let (kind, what) = match how {
        OfMany::Attempts(wanted) => (Kind::For, attempts(&mut new, wanted)?),
        OfMany::Delay(wanted) => (Kind::For, delay(&mut new, wanted)?),
        OfMany::Once => (Kind::Repeats, once(&mut new)?),
        OfMany::AttemptsAndOnce(wanted) => {
            let (attempts, once) = (attempts(&mut new, wanted)?, once(&mut new)?);
            (Kind::For, format!("{attempts}, and {once}"))
        }
        OfMany::Silent => {
            *new.enabled() = Some(false);
            (Kind::Delete, "notifications_enabled = false: it is recorded, and wakes nobody".to_owned())
        }
    };
    Some(Change { kind, what, new })
}

fn attempts<T: Object>(new: &mut T, wanted: u32) -> Option<String> {
    let now = new.attempts().unwrap_or(1);
    *new.attempts() = Some(wanted);
    (wanted > now).then(|| format!("max_check_attempts = {wanted} instead of {now}"))
}

fn delay<T: Object>(new: &mut T, wanted: u64) -> Option<String> {
    let now = new.delay().map_or(0, |delay| delay.0.as_secs());
    *new.delay() = Some(seconds(wanted));
    (wanted > now).then(|| {
        format!("first_notification_delay = \"{}\" instead of \"{}\"", seconds(wanted), seconds(now))
    })
}

fn once<T: Object>(new: &mut T) -> Option<String> {
    let now = new.repeats().replace(seconds(0));
    (now != Some(seconds(0)))
        .then(|| "notification_interval = \"0s\": told once, until it is over".to_owned())
}

pub fn dependency(master: &str, dependent: &str) -> Change<DependencyConfig> {
    let new = DependencyConfig {
        check: Some(master.to_owned()),
        dependent_check: Some(dependent.to_owned()),
        notification_failure: vec!["c".into(), "u".into()],
        ..DependencyConfig::default()
    };
    Change {
        kind: Kind::Dependency,
        what: format!("nobody is told while `{master}` is bad, on which it depends"),
        new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_move_away_from_what_is_usual() {
        let moved = |condition: &str| farther(condition, 1.25).unwrap_or_default();
        assert_eq!(moved("> 300"), "> 375");
        assert_eq!(moved(">=0.004"), ">= 0.005");
        assert_eq!(moved("< 50"), "< 40");
        assert_eq!(moved("> -10"), "> -8");
        assert_eq!(moved("< -10"), "< -12.5");
        for other in ["> 0", "top 1 and > 300", "> 3 * usual", "= 5", "", "> "] {
            assert_eq!(moved(other), "", "{other}");
        }
    }

    #[test]
    fn a_monitor_is_changed_by_little_first() {
        let rule: MonitorConfig =
            toml::from_str("name = \"m\"\ntarget = \"a\"\ncritical = \"> 300\"\nfor = \"2min\"").unwrap();
        let changes = of_monitor(&rule);
        let kinds: Vec<Kind> = changes.iter().map(|change| change.kind).collect();
        assert_eq!(
            kinds[..6],
            [Kind::For, Kind::For, Kind::Threshold, Kind::Threshold, Kind::Threshold, Kind::Threshold]
        );
        assert_eq!(changes[0].what, "for = \"5min\" instead of \"2min\"");
        assert_eq!(changes[2].new.critical.as_deref(), Some("> 330"));
        assert!(changes.last().is_some_and(|last| last.kind == Kind::Delete && last.new.shadow));
        assert!(changes.iter().all(|change| change.new != rule && !change.what.is_empty()));
    }

    #[test]
    fn what_is_so_already_is_no_change() {
        let check: CheckConfig =
            toml::from_str("name = \"c\"\nmax_check_attempts = 5\nnotification_interval = \"0s\"").unwrap();
        let changed = |how| of_check(&check, how).map(|change| change.what);
        assert_eq!((changed(OfMany::Attempts(5)), changed(OfMany::Once)), (None, None));
        assert_eq!(changed(OfMany::Attempts(10)).as_deref(), Some("max_check_attempts = 10 instead of 5"));
        assert!(of_many().into_iter().filter_map(changed).count() > 3);
    }
}
