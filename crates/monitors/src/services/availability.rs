//! How much of a time a service was available, from the states that are kept.
//!
//! It was **not** while any of what watches it was confirmed CRITICAL, DOWN or UNREACHABLE. A warning comes before
//! that, and UNKNOWN says nothing. What lay in planned downtime is counted apart, and so is what nobody knows.

use vocabulary::state::{State, StateType};

use crate::history::Stretch;

/// What watches a service, and how it was; without gaps from its first result on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    pub name: String,
    pub ribbon: Vec<Stretch>,
    /// Its own planned times and its host's.
    pub planned: Vec<(i64, i64)>,
}

/// In seconds; those of one window add up to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attained {
    pub available: i64,
    pub in_trouble: i64,
    /// In trouble, and planned to be: it counts neither way.
    pub planned: i64,
    pub unknown: i64,
    /// How often it became so.
    pub outages: usize,
    /// Whose trouble it was, and for how long; the longest first.
    pub causes: Vec<(String, i64)>,
}

/// Causes that are named.
const MOST_CAUSES: usize = 5;

impl Attained {
    /// Of the known time that was not planned; nothing is claimed of no time.
    pub fn percent(&self) -> Option<f64> {
        let counted = self.available + self.in_trouble;
        (counted > 0).then(|| 100.0 * self.available as f64 / counted as f64)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Available,
    InTrouble,
    Planned,
}

const KINDS: usize = 3;

/// What all of them together come to between two moments.
pub fn attained(members: &[Past], from: i64, until: i64) -> Attained {
    let mut edges: Vec<(i64, Kind, i32)> = Vec::new();
    let mut causes: Vec<(String, i64)> = Vec::new();
    for member in members {
        let pieces = pieces(member, from, until);
        let troubled = pieces.iter().filter(|(_, _, kind)| *kind == Kind::InTrouble);
        let seconds: i64 = troubled.map(|(begin, end, _)| end - begin).sum();
        causes.extend((seconds > 0).then(|| (member.name.clone(), seconds)));
        edges.extend(pieces.iter().flat_map(|(begin, end, kind)| [(*begin, *kind, 1), (*end, *kind, -1)]));
    }
    causes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    causes.truncate(MOST_CAUSES);
    edges.sort_by_key(|(at, ..)| *at);
    Attained { causes, ..sweep(&edges, from, until) }
}

/// The worst of what holds at each moment.
fn sweep(edges: &[(i64, Kind, i32)], from: i64, until: i64) -> Attained {
    let mut all = Attained::default();
    let mut open = [0_i32; KINDS];
    let mut through = from;
    let mut was_in_trouble = false;
    for moment in edges.chunk_by(|a, b| a.0 == b.0) {
        all.add(&open, moment[0].0 - through);
        through = moment[0].0;
        moment.iter().for_each(|(_, kind, by)| open[*kind as usize] += by);
        let in_trouble = open[Kind::InTrouble as usize] > 0;
        all.outages += usize::from(in_trouble && !was_in_trouble);
        was_in_trouble = in_trouble;
    }
    all.add(&open, until - through);
    all
}

impl Attained {
    fn add(&mut self, open: &[i32; KINDS], seconds: i64) {
        let is = |kind: Kind| open[kind as usize] > 0;
        let sum = match () {
            () if is(Kind::InTrouble) => &mut self.in_trouble,
            () if is(Kind::Planned) => &mut self.planned,
            () if is(Kind::Available) => &mut self.available,
            () => &mut self.unknown,
        };
        *sum += seconds.max(0);
    }
}

/// The window of one member in pieces; what is not known of it has none.
fn pieces(member: &Past, from: i64, until: i64) -> Vec<(i64, i64, Kind)> {
    let mut planned = member.planned.clone();
    planned.sort_unstable();
    let mut pieces = Vec::new();
    for stretch in &member.ribbon {
        let (begin, end) = (stretch.from.max(from), stretch.until.min(until));
        if begin >= end {
            continue;
        }
        match (stretch.state_type, stretch.state) {
            (StateType::Hard, State::Critical | State::Down | State::Unreachable) => {
                split(begin, end, &planned, &mut pieces);
            }
            (StateType::Hard, State::Unknown) => {}
            _ => pieces.push((begin, end, Kind::Available)),
        }
    }
    pieces
}

/// Trouble, by whether it was planned.
fn split(begin: i64, end: i64, planned: &[(i64, i64)], pieces: &mut Vec<(i64, i64, Kind)>) {
    let mut through = begin;
    for (start, stop) in planned {
        let (start, stop) = ((*start).clamp(through, end), (*stop).min(end));
        if stop <= start {
            continue;
        }
        pieces.extend((start > through).then_some((through, start, Kind::InTrouble)));
        pieces.push((start, stop, Kind::Planned));
        through = stop;
    }
    pieces.extend((through < end).then_some((through, end, Kind::InTrouble)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(name: &str, states: &[(i64, i64, State)], planned: &[(i64, i64)]) -> Past {
        let stretch = |(from, until, state): &(i64, i64, State)| Stretch {
            from: *from,
            until: *until,
            state: *state,
            state_type: StateType::Hard,
        };
        Past { name: name.into(), ribbon: states.iter().map(stretch).collect(), planned: planned.to_vec() }
    }

    fn told(members: &[Past]) -> (i64, i64, i64, i64, usize) {
        let all = attained(members, 0, 1_000);
        assert_eq!(all.available + all.in_trouble + all.planned + all.unknown, 1_000, "they add up");
        (all.available, all.in_trouble, all.planned, all.unknown, all.outages)
    }

    #[test]
    fn one_that_fails_is_enough_and_trouble_at_the_same_time_counts_once() {
        let http =
            past("http", &[(0, 400, State::Ok), (400, 500, State::Critical), (500, 1_000, State::Ok)], &[]);
        let host =
            past("web1", &[(0, 450, State::Up), (450, 600, State::Down), (600, 1_000, State::Up)], &[]);
        assert_eq!(told(&[http.clone(), host.clone()]), (800, 200, 0, 0, 1));
        let all = attained(&[http, host], 0, 1_000);
        assert_eq!(all.percent(), Some(80.0));
        assert_eq!(all.causes, [("web1".to_owned(), 150), ("http".to_owned(), 100)]);
    }

    #[test]
    fn planned_trouble_counts_neither_way() {
        let critical = [(0, 200, State::Ok), (200, 600, State::Critical), (600, 1_000, State::Ok)];
        let disk = past("disk", &critical, &[(300, 400), (100, 250), (380, 420)]);
        assert_eq!(told(std::slice::from_ref(&disk)), (600, 230, 170, 0, 2));
        // Planned of one is not planned of the other.
        let other =
            past("other", &[(0, 320, State::Ok), (320, 340, State::Critical), (340, 1_000, State::Ok)], &[]);
        assert_eq!(told(&[disk, other]), (600, 250, 150, 0, 3));
        let calm = past("calm", &[(0, 1_000, State::Ok)], &[(0, 1_000)]);
        assert_eq!(told(&[calm]), (1_000, 0, 0, 0, 0), "calm in a downtime is calm");
    }

    #[test]
    fn what_nobody_knows_is_no_time() {
        let late = past("late", &[(600, 700, State::Unknown), (700, 1_000, State::Ok)], &[]);
        assert_eq!(told(&[late]), (300, 0, 0, 700, 0));
        assert_eq!(told(&[]), (0, 0, 0, 1_000, 0));
        assert_eq!(attained(&[], 0, 1_000).percent(), None);
        let warning = past("warning", &[(0, 1_000, State::Warning)], &[]);
        assert_eq!(told(&[warning]), (1_000, 0, 0, 0, 0));
        let mut soft = past("soft", &[(0, 1_000, State::Critical)], &[]);
        soft.ribbon[0].state_type = StateType::Soft;
        assert_eq!(told(&[soft]), (1_000, 0, 0, 0, 0), "not confirmed");
        let outside =
            past("outside", &[(-500, 100, State::Critical), (100, 2_000, State::Ok)], &[(-100, 50)]);
        assert_eq!(told(&[outside]), (900, 50, 50, 0, 1));
    }

    #[test]
    fn it_equals_a_count_second_by_second() {
        let mut seed = 7_u64;
        let mut random = move |below: i64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((seed >> 33) as i64) % below
        };
        let states = [State::Ok, State::Warning, State::Critical, State::Unknown];
        for _ in 0..200 {
            let members: Vec<Past> = (0..random(4))
                .map(|index| {
                    let mut at = random(300);
                    let mut ribbon = Vec::new();
                    while at < 1_000 {
                        let end = at + 1 + random(250);
                        ribbon.push((at, end, states[random(4) as usize]));
                        at = end;
                    }
                    let planned: Vec<_> = (0..random(4))
                        .map(|_| {
                            let at = random(1_000);
                            (at, at + random(200))
                        })
                        .collect();
                    past(&index.to_string(), &ribbon, &planned)
                })
                .collect();
            assert_eq!(told(&members), slowly(&members));
        }
    }

    fn slowly(members: &[Past]) -> (i64, i64, i64, i64, usize) {
        let (mut all, mut was) = ((0, 0, 0, 0, 0), false);
        for second in 0..1_000 {
            let holds = |from: i64, until: i64| from <= second && second < until;
            let (mut bad, mut planned, mut known) = (false, false, false);
            for member in members {
                let now = member.ribbon.iter().find(|stretch| holds(stretch.from, stretch.until));
                let is_planned = member.planned.iter().any(|(from, until)| holds(*from, *until));
                match now.map(|stretch| stretch.state) {
                    Some(State::Critical) if is_planned => planned = true,
                    Some(State::Critical) => bad = true,
                    Some(State::Ok | State::Warning) => known = true,
                    _ => {}
                }
            }
            match (bad, planned, known) {
                (true, ..) => all.1 += 1,
                (_, true, _) => all.2 += 1,
                (_, _, true) => all.0 += 1,
                _ => all.3 += 1,
            }
            all.4 += usize::from(bad && !was);
            was = bad;
        }
        all
    }
}
