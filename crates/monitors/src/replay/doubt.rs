//! Where only coarser points are kept than a rule asks for.

use serde::Serialize;
use vocabulary::time::HumanDuration;

use crate::kinds::metric::Rule;
use crate::kinds::metric::rule::LeafKind;

/// A stretch of time of which not everything can be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doubt {
    pub from: i64,
    pub until: i64,
    /// The step of what is kept of that time, in seconds.
    pub step: i64,
    /// Nothing at all: the rule was not looked at there.
    pub cannot_tell: bool,
    pub reason: String,
}

/// What a step of this length hides from the rule; `None`: nothing, it is as fine as it came.
pub fn of_step(rule: &Rule, step: i64, weight: f64) -> Option<(bool, String)> {
    if weight <= 1.0 {
        return None;
    }
    let shown = |seconds: i64| HumanDuration::from_secs(seconds.max(0) as u64);
    match shortest(rule).filter(|(seconds, _)| *seconds < step) {
        Some((seconds, what)) => {
            let reason = format!(
                "cannot tell: {what} of {} is shorter than the {} that one kept point stands for",
                shown(seconds),
                shown(step)
            );
            Some((true, reason))
        }
        None => {
            Some((false, format!("only points of {} are kept: what is shorter is not seen", shown(step))))
        }
    }
}

/// The shortest time that the rule looks at, and what it is.
fn shortest(rule: &Rule) -> Option<(i64, &'static str)> {
    let lasting = rule.levels().map(|level| (level.lasting, "the `for`"));
    let windows = rule.windows.iter().map(|window| (window.seconds, "a window"));
    let absences = rule.leaves.iter().filter_map(|leaf| match leaf.kind {
        LeafKind::Absent { seconds, .. } => Some((seconds, "an absence")),
        _ => None,
    });
    lasting
        .filter(|(seconds, _)| *seconds > 0)
        .chain(windows)
        .chain(absences)
        .min_by_key(|(seconds, _)| *seconds)
}

/// Adds a stretch to those before it, which it may go on with.
pub fn add(doubts: &mut Vec<Doubt>, doubt: Doubt) {
    match doubts.last_mut() {
        Some(last) if last.step == doubt.step && last.until >= doubt.from => {
            last.until = last.until.max(doubt.until)
        }
        _ => doubts.push(doubt),
    }
}
