//! What providers do, and what the rules say, counted in seconds.

use super::super::policies::Random;

/// What a provider does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fine,
    /// 429: come back later.
    Busy,
    /// The connection is reset before anything was taken.
    Cuts,
    /// It was taken, and the answer comes too late.
    Late,
    /// It is refused for good.
    Refuses,
    /// It wants no more pages, for ever.
    Gone,
}

/// What a policy says, in seconds.
#[derive(Clone, Debug)]
pub struct Steps {
    pub name: &'static str,
    pub steps: Vec<(Vec<&'static str>, i64)>,
    pub repeat: i64,
}

impl Steps {
    /// Some that nobody is reached by are among them.
    pub fn some(name: &'static str, random: &mut Random) -> Steps {
        let mut steps = Vec::new();
        for _ in 0..1 + random.below(3) {
            let named: Vec<&str> =
                ["ana", "ben", "cyd"].into_iter().filter(|_| random.below(3) == 0).collect();
            steps.push((named, 1 + random.below(40)));
        }
        Steps { name, steps, repeat: random.below(3) }
    }
}

/// How far an incident is in it.
#[derive(Clone, Debug)]
pub struct Course {
    pub of: Steps,
    next: usize,
    rounds: i64,
    reached: bool,
    due: Option<i64>,
}

impl Course {
    pub fn begin(of: &Steps, now: i64) -> Course {
        Course { of: of.clone(), next: 0, rounds: 0, reached: false, due: Some(now) }
    }

    pub fn is_over(&self) -> bool {
        self.due.is_none()
    }

    /// Whom it tells now.
    pub fn told(&mut self, now: i64) -> Vec<&'static str> {
        let Some(due) = self.due.filter(|due| *due <= now) else { return Vec::new() };
        // What had to wait for long has all of its time anew.
        let base = if now - due <= 5 { due } else { now };
        loop {
            if self.next == self.of.steps.len() {
                if !self.reached || self.rounds == self.of.repeat {
                    self.due = None;
                    return vec!["default"];
                }
                (self.next, self.rounds, self.reached) = (0, self.rounds + 1, false);
            }
            let (people, wait) = &self.of.steps[self.next];
            self.next += 1;
            if !people.is_empty() {
                (self.due, self.reached) = (Some(base + wait), true);
                return people.clone();
            }
        }
    }
}

/// An incident as the rules say that it is.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub owner: Option<&'static str>,
    pub snoozed_until: Option<i64>,
    pub course: Option<Course>,
}
