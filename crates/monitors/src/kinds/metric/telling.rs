//! What an instance came to, in words: the line that a page shows, and each part with its value.

use vocabulary::Timestamp;
use vocabulary::state::{State, StateType};

use super::condition::{Clause, Measure, TestKind, duration};
use super::rule::{Leaf, LeafKind, Level, Rule, Tree};
use super::track::{Found, Standing, Track};
use crate::Outcome;
use crate::limits::REPEAT_SECONDS;

/// When an instance tells the state machine how it stands.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    last: (State, StateType),
    next_repeat: i64,
    /// A value was told, or what was found had one.
    knows: bool,
}

impl Voice {
    /// `last`: what the state machine knows.
    pub fn new(last: (State, StateType), now: i64) -> Voice {
        Voice { last, next_repeat: now, knows: false }
    }

    /// How often the result is to be told now: each change, and each settled state again after a while, since the
    /// state machine's memory for flapping is made of results.
    pub fn say(&mut self, rule: &Rule, standing: Standing, now: i64) -> usize {
        let told = match standing {
            Standing { state: State::Ok, pending: Some(about) } => (about, StateType::Soft),
            Standing { state, .. } => (state, StateType::Hard),
        };
        // While it waits, a second result would confirm it.
        let waiting = (told.1, self.last.1) == (StateType::Soft, StateType::Soft);
        let repeat = now >= self.next_repeat && told.1 == StateType::Hard;
        if waiting || told == self.last && !repeat {
            return 0;
        }
        // Where a condition has to last, the second result confirms a problem; one that did not wait comes twice.
        let lasting = rule.levels().any(|level| level.lasting > 0);
        let at_once = lasting && told.1 == StateType::Hard && told.0 != State::Ok && self.last.0 == State::Ok;
        self.last = told;
        self.next_repeat = now + REPEAT_SECONDS;
        1 + usize::from(at_once)
    }

    /// A first word that came before anything was known is said again once there is a value.
    pub fn learn(&mut self, found: &[Found], now: i64) {
        if !self.knows && found.iter().any(|found| found.value.is_some()) {
            self.knows = true;
            if self.last == (State::Ok, StateType::Hard) {
                self.next_repeat = now;
            }
        }
    }

    /// Repeats up to this time would have changed nothing.
    pub fn skip_to(&mut self, time: i64) {
        self.next_repeat = self.next_repeat.max(time);
    }

    /// When the same state is told again.
    pub fn next_repeat(&self) -> i64 {
        self.next_repeat
    }
}

/// A clause with what it came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub text: String,
    pub value: Option<f64>,
    /// `None`: it cannot be told.
    pub holds: Option<bool>,
}

pub fn parts(rule: &Rule, track: &Track) -> Vec<Part> {
    let part = |(leaf, found): (&Leaf, &Found)| Part {
        text: leaf.clause.to_string(),
        value: found.value,
        holds: found.holds,
    };
    rule.leaves.iter().zip(track.found()).map(part).collect()
}

/// The result for the state machine: what is about to be bad counts as bad there, until it is confirmed.
pub fn outcome(rule: &Rule, track: &Track, standing: Standing, now: Timestamp) -> Outcome {
    let shown = standing.pending.filter(|_| standing.state == State::Ok).unwrap_or(standing.state);
    let level = match shown {
        State::Critical => rule.critical.as_ref(),
        State::Warning => rule.warning.as_ref(),
        _ => rule.levels().next(),
    };
    let deciding = level.map(|level| deciding(level, track.found())).unwrap_or_default();
    let first = deciding.first().copied().unwrap_or(0);
    let mut output: Vec<String> =
        deciding.iter().map(|leaf| sentence(&rule.leaves[*leaf], track.found()[*leaf])).collect();
    if output.is_empty() {
        output.push("nothing is known yet".to_owned());
    }
    let mut output = output.join(", ");
    if let Some(lasting) =
        level.map(|level| level.lasting).filter(|lasting| *lasting > 0 && shown != State::Ok)
    {
        let word = if standing.state == shown { "for" } else { "not yet for" };
        output.push_str(&format!(" ({word} {})", duration(lasting)));
    }
    if let Some(silent) = track.silent_for().filter(|silent| *silent >= SILENT_SECONDS) {
        output.push_str(&format!("; no point for {}", duration(silent)));
    }
    Outcome {
        status: match shown {
            State::Ok => 0,
            State::Warning => 1,
            State::Critical => 2,
            _ => 3,
        },
        output,
        long_output: long_output(rule, track),
        perfdata: perfdata(rule, track),
        at: now,
        active: true,
        value: track.found().get(first).and_then(|found| found.value).filter(|value| value.is_finite()),
        seconds: 0.0,
        of_sender: None,
        parts: Vec::new(),
    }
}

/// The last word on an instance whose monitor was changed and does not mean its series any more.
pub fn gone(now: Timestamp) -> Outcome {
    let output =
        "no longer watched: the monitor was changed, and its target does not find this series".to_owned();
    Outcome { status: 0, output, at: now, active: true, ..Outcome::default() }
}

/// Silence is mentioned from here on.
const SILENT_SECONDS: i64 = 60;

/// The leaves that make the condition hold; if it does not, all of it.
fn deciding(level: &Level, found: &[Found]) -> Vec<usize> {
    fn leaves(tree: &Tree, out: &mut Vec<usize>) {
        match tree {
            Tree::Leaf(leaf) => out.push(*leaf),
            Tree::Not(part) => leaves(part, out),
            Tree::All(parts) | Tree::Any(parts) => parts.iter().for_each(|part| leaves(part, out)),
        }
    }
    fn holding(tree: &Tree, found: &[Found], out: &mut Vec<usize>) {
        match tree {
            Tree::Any(parts) => {
                let holds = |part: &&Tree| part.holds(found, |leaf| leaf.holds) == Some(true);
                parts.iter().filter(holds).for_each(|part| holding(part, found, out));
            }
            Tree::All(parts) => parts.iter().for_each(|part| holding(part, found, out)),
            tree => leaves(tree, out),
        }
    }
    let mut out = Vec::new();
    match level.set.holds(found, |leaf| leaf.holds) {
        Some(true) => holding(&level.set, found, &mut out),
        _ => leaves(&level.set, &mut out),
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn sentence(leaf: &Leaf, found: Found) -> String {
    let value = found.value.map(number);
    match (&leaf.clause, value) {
        (Clause::Absent { of, .. }, None) => format!("no point{} was ever seen", of_name(&of.0)),
        (Clause::Absent { of, .. }, Some(_)) => {
            let silence = duration(found.value.unwrap_or_default() as i64);
            format!("the last point{} came {silence} ago", of_name(&of.0))
        }
        (Clause::Reaches { of, level, .. }, _) => {
            let name = if of.0.is_empty() { "value" } else { &of.0 };
            match found.value {
                None => format!("{name} is not known for long enough to say when it reaches {level}"),
                Some(0.0) => format!("{name} has reached {level}"),
                Some(left) if left.is_finite() => {
                    format!("{name} reaches {level} in {}", rough(left))
                }
                Some(_) => format!("{name} does not reach {level} as it goes"),
            }
        }
        (Clause::Compare { measure, .. }, None) => format!("{measure} is not known"),
        (Clause::Compare { measure, test }, Some(value)) => {
            let percent = if test.percent {
                found.value.map(|value| format!("{}%", number(value * 100.0)))
            } else {
                None
            };
            let value = percent.unwrap_or(value);
            match found.holds {
                Some(true) => format!("{measure} is {value}, {test}"),
                _ => format!("{measure} is {value}"),
            }
        }
    }
}

fn of_name(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" of {name}") }
}

/// Days are enough for days, minutes for hours.
fn rough(seconds: f64) -> String {
    let unit = match seconds {
        s if s >= 172_800.0 => 86_400,
        s if s >= 7_200.0 => 3_600,
        s if s >= 120.0 => 60,
        _ => 1,
    };
    duration((seconds as i64 / unit).max(1) * unit).to_string()
}

/// Six digits are enough for eyes.
pub fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = (5 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn long_output(rule: &Rule, track: &Track) -> String {
    if rule.leaves.len() < 2 {
        return String::new();
    }
    let line = |part: Part| {
        let word = match part.holds {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        };
        let value = part.value.map_or(String::new(), |value| format!(" ({})", number(value)));
        format!("{word}: {}{value}", part.text)
    };
    parts(rule, track).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The target's value with its thresholds, as a plugin would give it.
fn perfdata(rule: &Rule, track: &Track) -> String {
    let plain = |leaf: &&Leaf| match &leaf.clause {
        Clause::Compare { measure: Measure::Value(name), .. } => name.0.is_empty(),
        _ => false,
    };
    let Some(leaf) = rule.leaves.iter().find(plain) else { return String::new() };
    let value = rule
        .leaves
        .iter()
        .zip(track.found())
        .find(|(other, _)| *other == leaf)
        .and_then(|(_, found)| found.value);
    let Some(value) = value else { return String::new() };
    let range = |level: Option<&Level>| match level.map(|level| &level.set) {
        Some(Tree::Leaf(index)) => match &rule.leaves[*index] {
            Leaf { kind: LeafKind::Compare { test, .. }, .. } if plain(&&rule.leaves[*index]) => {
                nagios_range(*test)
            }
            _ => String::new(),
        },
        _ => String::new(),
    };
    format!("value={value};{};{}", range(rule.warning.as_ref()), range(rule.critical.as_ref()))
}

/// The range outside of which a plugin would call it bad. Whether an end belongs to it, ranges cannot say.
fn nagios_range(test: TestKind) -> String {
    match test {
        TestKind::Above(bound) | TestKind::AtLeast(bound) => format!("~:{bound}"),
        TestKind::Below(bound) | TestKind::AtMost(bound) => format!("{bound}:"),
        TestKind::Outside(low, high) => format!("{low}:{high}"),
        TestKind::Inside(low, high) => format!("@{low}:{high}"),
        TestKind::Equal(bound) => format!("@{bound}:{bound}"),
        TestKind::Other(bound) => format!("{bound}:{bound}"),
    }
}
