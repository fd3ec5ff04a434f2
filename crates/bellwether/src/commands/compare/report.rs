//! What was found, for people and for scripts. Equal things are folded, the worst stand first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::archives::seconds;
use super::ledger::Told;
use crate::commands::grouped;

/// Of a group so many are listed one by one; more are told as a group with these as examples.
const LISTED: usize = 3;
const MOST_GROUPS: usize = 40;

/// Worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    SeriesMissingHere,
    Value,
    PointsMissingHere,
    Answer,
    Retention,
    NotAnsweredHere,
    PointsMissingThere,
    SeriesMissingThere,
    NotAnsweredThere,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::SeriesMissingHere => "series_missing_here",
            Kind::Value => "value",
            Kind::PointsMissingHere => "points_missing_here",
            Kind::Answer => "answer",
            Kind::Retention => "retention",
            Kind::NotAnsweredHere => "not_answered_here",
            Kind::PointsMissingThere => "points_missing_there",
            Kind::SeriesMissingThere => "series_missing_there",
            Kind::NotAnsweredThere => "not_answered_there",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Kind::SeriesMissingHere => "only there",
            Kind::Value => "other values",
            Kind::PointsMissingHere => "points only there",
            Kind::Answer => "other answers",
            Kind::Retention => "other retention",
            Kind::NotAnsweredHere => "not answered here",
            Kind::PointsMissingThere => "points only here",
            Kind::SeriesMissingThere => "only here",
            Kind::NotAnsweredThere => "not answered there",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// A series or a target.
    pub subject: String,
    pub kind: Kind,
    /// Of the archive; 0 where it is not about one.
    pub step: i64,
    /// Seconds that a target was asked for; 0 where it is not about one.
    pub window: i64,
    pub points: u64,
    /// Times of the first and last slot that differ.
    pub times: Option<(i64, i64)>,
    /// At the first of them.
    pub theirs: Value,
    pub ours: Value,
    pub cause: String,
    /// Steps of coarser archives that differ because of it.
    pub also: Vec<i64>,
    /// As it should be: it is shown, but it is no difference that somebody has to look into.
    pub expected: bool,
}

impl Difference {
    pub fn about(subject: &str, kind: Kind, cause: impl Into<String>) -> Difference {
        Difference {
            subject: subject.to_owned(),
            kind,
            step: 0,
            window: 0,
            points: 0,
            times: None,
            theirs: Value::Null,
            ours: Value::Null,
            cause: cause.into(),
            also: Vec::new(),
            expected: false,
        }
    }

    pub fn json(&self, state: &str, first_seen: i64) -> Value {
        json!({
            "event": "difference", "state": state, "kind": self.kind.name(), "subject": self.subject,
            "archive": (self.step > 0).then(|| seconds(self.step)),
            "window": (self.window > 0).then(|| seconds(self.window)), "points": self.points,
            "first": self.times.map(|times| times.0), "last": self.times.map(|times| times.1),
            "theirs": self.theirs, "ours": self.ours, "cause": self.cause,
            "also_in": self.also.iter().map(|step| seconds(*step)).collect::<Vec<_>>(),
            "expected": self.expected, "first_seen": first_seen,
        })
    }

    /// One line, without the cause.
    fn line(&self) -> String {
        let mut out = self.subject.clone();
        if let Some((first, last)) = self.times {
            out.push_str(&format!("  {}", time(first)));
            if last != first {
                out.push_str(&format!(" to {}", time(last)));
            }
        }
        if self.points > 1 {
            out.push_str(&format!(" ({} points)", grouped(self.points)));
        }
        if !(self.theirs.is_null() && self.ours.is_null()) {
            out.push_str(&format!("  there {}, here {}", value(&self.theirs), value(&self.ours)));
        }
        if !self.also.is_empty() {
            let also: Vec<String> = self.also.iter().map(|step| seconds(*step)).collect();
            out.push_str(&format!("  and so in {}", also.join(", ")));
        }
        out
    }
}

/// What a round was about.
#[derive(Default)]
pub struct Round {
    pub number: u64,
    pub series: u64,
    pub targets: u64,
    pub points: u64,
    pub queries: u64,
    pub seconds: u64,
    /// What could not be compared, and why.
    pub left_out: Vec<String>,
}

impl Round {
    pub fn json(&self, new: usize, known: usize, gone: usize, not_kept: u64) -> Value {
        json!({
            "event": "round", "round": self.number, "series": self.series, "targets": self.targets, "points": self.points,
            "queries": self.queries, "seconds": self.seconds, "new": new, "known": known, "gone": gone,
            "not_kept": not_kept, "left_out": self.left_out,
        })
    }

    fn line(&self) -> String {
        let targets =
            if self.targets > 0 { format!(", {} targets", grouped(self.targets)) } else { String::new() };
        format!(
            "Round {}: {} series{targets}, {} points compared in {} s",
            self.number,
            grouped(self.series),
            grouped(self.points),
            self.seconds
        )
    }
}

/// The whole round for people.
pub fn summary(round: &Round, told: &[Told<'_>], gone: usize, not_kept: u64) -> String {
    let real = told.iter().filter(|told| !told.difference.expected).count();
    let new = told.iter().filter(|told| told.new && !told.difference.expected).count();
    let mut out = round.line();
    out.push_str(&match real {
        0 => ": no difference\n".to_owned(),
        1 => format!(": 1 difference ({new} new)\n"),
        _ => format!(": {} differences ({} new)\n", grouped(real as u64), grouped(new as u64)),
    });
    let mut groups: BTreeMap<_, Vec<&Told<'_>>> = BTreeMap::new();
    for one in told {
        let d = one.difference;
        groups.entry((d.expected, d.kind, d.step, d.window, &d.cause)).or_default().push(one);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups
        .sort_by_key(|((expected, kind, ..), members)| (*expected, *kind, std::cmp::Reverse(members.len())));
    for (_, members) in groups.iter().take(MOST_GROUPS) {
        out.push_str(&group(members));
    }
    if groups.len() > MOST_GROUPS {
        out.push_str(&format!("  and {} further kinds: --json tells all\n", groups.len() - MOST_GROUPS));
    }
    if not_kept > 0 {
        out.push_str(&format!("  and {} more that are only counted\n", grouped(not_kept)));
    }
    if gone > 0 {
        out.push_str(&format!(
            "  {} known before {} gone\n",
            grouped(gone as u64),
            if gone == 1 { "is" } else { "are" }
        ));
    }
    for left_out in &round.left_out {
        out.push_str(&format!("  not compared: {left_out}\n"));
    }
    out
}

/// What differs in the same way, for the same reason.
fn group(members: &[&Told<'_>]) -> String {
    let one = members[0].difference;
    let archive = match (one.step, one.window) {
        (0, 0) => String::new(),
        (0, window) => format!(", over {}", seconds(window)),
        (step, _) => format!(", archive {}", seconds(step)),
    };
    let expected = if one.expected { " (as expected)" } else { "" };
    let since = members.iter().map(|told| told.first_seen).min().unwrap_or(0);
    let known =
        if members.iter().all(|told| told.new) { String::new() } else { format!(", since {}", time(since)) };
    let mut out = format!("  {}{archive}{expected}{known}: {}\n", one.kind.title(), one.cause);
    if members.len() > LISTED {
        let names: Vec<&str> = members.iter().map(|told| told.difference.subject.as_str()).collect();
        let below = match common_prefix(&names) {
            Some(prefix) => format!(", all below {prefix}"),
            None => String::new(),
        };
        out.push_str(&format!("    {}{below}, such as\n", grouped(members.len() as u64)));
    }
    for told in members.iter().take(LISTED) {
        out.push_str(&format!("    {}\n", told.difference.line()));
    }
    out
}

/// The nodes that all names begin with.
fn common_prefix(names: &[&str]) -> Option<String> {
    let first = names.first()?;
    let shared = names.iter().fold(first.len(), |shared, name| {
        first.bytes().zip(name.bytes()).take(shared).take_while(|(a, b)| a == b).count()
    });
    first.get(..shared)?.rfind('.').map(|dot| first[..dot].to_owned())
}

pub fn number(value: f64) -> String {
    let text = value.to_string();
    if text.len() > 17 { format!("{value:e}") } else { text }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Number(n) => n.as_f64().map_or_else(|| n.to_string(), number),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub fn time(epoch: i64) -> String {
    jiff::Timestamp::from_second(epoch).map_or_else(|_| epoch.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_differences_are_folded_and_the_worst_stand_first() {
        let mut differences: Vec<Difference> = (0..1_200)
            .map(|n| {
                Difference::about(&format!("stats.timers.api.{n}"), Kind::PointsMissingThere, "a gap there")
            })
            .collect();
        differences.push(Difference {
            step: 10,
            points: 1,
            times: Some((1_700_000_000, 1_700_000_000)),
            theirs: json!(5.5),
            also: vec![60],
            ..Difference::about("shop.orders", Kind::Value, "altered")
        });
        let told: Vec<Told<'_>> =
            differences.iter().map(|difference| Told { difference, first_seen: 5, new: true }).collect();
        let round = Round { number: 1, series: 1_300, points: 5_000_000, seconds: 9, ..Round::default() };
        let text = summary(&round, &told, 2, 0);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "Round 1: 1,300 series, 5,000,000 points compared in 9 s: 1,201 differences (1,201 new)"
        );
        assert_eq!(lines[1], "  other values, archive 10s: altered");
        assert_eq!(lines[2], "    shop.orders  2023-11-14T22:13:20Z  there 5.5, here nothing  and so in 1m");
        assert_eq!(lines[4], "    1,200, all below stats.timers.api, such as");
        assert_eq!(lines.last(), Some(&"  2 known before are gone"));
    }
}
