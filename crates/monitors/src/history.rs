//! Every result, kept compactly: equal ones that follow each other are one run.
//!
//! A run is of one status at one attempt; texts that differ in their digits only (`load 0.31`, `load 0.28`) are equal,
//! as the numbers themselves are series. So ribbons of states can be drawn and checks replayed, and a check that
//! is fine for a year takes a handful of rows.

use serde::{Deserialize, Serialize};
use vocabulary::state::{State, StateType};

use crate::limits::MAX_KEPT_TEXT;

/// Results of one status that followed each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When the first and the last of them were looked for.
    pub began: i64,
    pub ended: i64,
    pub count: u64,
    pub status: u8,
    pub state: State,
    pub state_type: StateType,
    /// Of the last of them.
    pub attempt: u32,
    /// Run by us, not sent to us.
    pub active: bool,
    /// As the first said it.
    pub text: String,
    pub value: Option<f64>,
}

/// One result, and what the machine made of it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'r> {
    pub at: i64,
    pub status: u8,
    pub state: State,
    pub state_type: StateType,
    pub attempt: u32,
    pub active: bool,
    pub text: &'r str,
    pub value: Option<f64>,
}

impl Run {
    pub fn new(seen: Seen<'_>) -> Run {
        Run {
            began: seen.at,
            ended: seen.at,
            count: 1,
            status: seen.status,
            state: seen.state,
            state_type: seen.state_type,
            attempt: seen.attempt,
            active: seen.active,
            text: cut(seen.text).to_owned(),
            value: seen.value,
        }
    }

    /// Takes the result in, unless it says something else: then another run begins.
    pub fn take(&mut self, seen: Seen<'_>) -> bool {
        let same = (self.status, self.state, self.state_type, self.attempt, self.active)
            == (seen.status, seen.state, seen.state_type, seen.attempt, seen.active);
        // A result from before, or from after the clock went back, is a run of its own.
        if !same || seen.at < self.ended || !says_the_same(&self.text, cut(seen.text)) {
            return false;
        }
        self.ended = seen.at;
        self.count += 1;
        self.value = seen.value;
        true
    }
}

/// Equal but for numbers, digit by digit or not.
fn says_the_same(a: &str, b: &str) -> bool {
    let is_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a, b) {
            ([], []) => return true,
            ([x, ..], [y, ..]) if is_number(*x) && is_number(*y) => {
                a = after(a, is_number);
                b = after(b, is_number);
            }
            ([x, rest_a @ ..], [y, rest_b @ ..]) if x == y => (a, b) = (rest_a, rest_b),
            _ => return false,
        }
    }
}

fn after(text: &[u8], is: impl Fn(u8) -> bool) -> &[u8] {
    let length = text.iter().take_while(|byte| is(**byte)).count();
    &text[length..]
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_KEPT_TEXT)]
}

/// A stretch of one state, for ribbons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stretch {
    pub from: i64,
    pub until: i64,
    pub state: State,
    pub state_type: StateType,
}

/// The states of a window, out of its runs in order: a state holds until the next result says otherwise.
pub fn ribbon(runs: &[Run], from: i64, until: i64) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let end = runs.get(index + 1).map_or(until, |next| next.began).min(until);
        let begin = run.began.max(from);
        if end <= begin {
            continue;
        }
        match stretches.last_mut() {
            Some(last) if last.state == run.state && last.state_type == run.state_type => last.until = end,
            _ => stretches.push(Stretch {
                from: begin,
                until: end,
                state: run.state,
                state_type: run.state_type,
            }),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: i64, status: u8, text: &str) -> Seen<'_> {
        let state = State::of_status(status);
        Seen { at, status, state, state_type: StateType::Hard, attempt: 1, active: true, text, value: None }
    }

    #[test]
    fn equal_results_are_one_run() {
        let mut run = Run::new(seen(100, 0, "OK - load 0.31, 12 users"));
        assert!(run.take(seen(160, 0, "OK - load 10.2, 9 users")));
        assert!(run.take(seen(220, 0, "OK - load 3, 9 users")));
        assert_eq!((run.began, run.ended, run.count), (100, 220, 3));
        assert_eq!(run.text, "OK - load 0.31, 12 users");
        for other in [
            seen(280, 1, "OK - load 3, 9 users"),
            seen(280, 0, "OK - load 3, 9 user"),
            seen(280, 0, "OK"),
            seen(200, 0, "OK - load 3, 9 users"),
            Seen { attempt: 2, ..seen(280, 0, "OK - load 3, 9 users") },
            Seen { active: false, ..seen(280, 0, "OK - load 3, 9 users") },
        ] {
            assert!(!run.take(other), "{other:?}");
        }
        assert_eq!(run.count, 3);
    }

    #[test]
    fn a_ribbon_has_no_holes_and_stays_in_its_window() {
        let runs: Vec<Run> = [(100, 0), (200, 2), (260, 2), (300, 0)]
            .map(|(at, status)| Run::new(seen(at, status, "")))
            .into();
        let told: Vec<_> = ribbon(&runs, 150, 400)
            .into_iter()
            .map(|stretch| (stretch.from, stretch.until, stretch.state))
            .collect();
        assert_eq!(told, [(150, 200, State::Ok), (200, 300, State::Critical), (300, 400, State::Ok)]);
        assert_eq!(ribbon(&runs, 0, 50), []);
        assert_eq!(ribbon(&[], 0, 50), []);
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let text = "ä".repeat(MAX_KEPT_TEXT);
        let run = Run::new(seen(1, 0, &text));
        assert!(run.text.len() <= MAX_KEPT_TEXT && run.text.starts_with("ää"));
        assert!(run.clone().take(seen(2, 0, &text)));
    }
}
