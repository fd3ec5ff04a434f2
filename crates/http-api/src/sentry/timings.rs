//! How long the work of programs takes, by its name: what transactions say, gathered until the second is over.

use std::collections::BTreeMap;

use formats::sentry::transaction::Transaction;
use parking_lot::Mutex;
use vocabulary::Sketch;

use super::limits::{TIMED_AT_ONCE, TIMED_NAME_BYTES, TIMED_NAMES};

/// Where what has a name too many goes.
const OTHER: &str = "other";
const NAMELESS: &str = "unnamed";

#[derive(Debug, Default)]
pub struct Timings(Mutex<BTreeMap<u64, Project>>);

#[derive(Debug, Default)]
struct Project {
    /// Since the start, as parts of names of series: each is a few series for ever.
    names: BTreeMap<String, Timed>,
}

/// What came under one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timed {
    pub count: u64,
    pub failed: u64,
    pub milliseconds: Milliseconds,
}

/// How long each took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Milliseconds {
    pub sum: f64,
    pub upper: f64,
    /// Not in the sketch yet.
    values: Vec<f64>,
    sketch: Sketch,
}

impl Timings {
    pub fn note(&self, project: u64, transaction: &Transaction) {
        let mut projects = self.0.lock();
        let names = &mut projects.entry(project).or_default().names;
        let part = part_of_name(&transaction.name);
        let has_room = names.len() < TIMED_NAMES || names.contains_key(&part);
        let timed = names.entry(if has_room { part } else { OTHER.to_owned() }).or_default();
        timed.count += 1;
        timed.failed += u64::from(transaction.has_failed);
        timed.milliseconds.add(transaction.seconds * 1_000.0);
    }

    /// What came since the last call: project, part of the series' name, and what was gathered of it.
    pub fn take(&self) -> Vec<(u64, String, Timed)> {
        let mut taken = Vec::new();
        for (project, of) in self.0.lock().iter_mut() {
            for (name, timed) in of.names.iter_mut().filter(|(_, timed)| timed.count > 0) {
                taken.push((*project, name.clone(), std::mem::take(timed)));
            }
        }
        taken
    }
}

impl Milliseconds {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.upper = self.upper.max(value);
        self.values.push(value);
        if self.values.len() >= TIMED_AT_ONCE {
            self.gather();
        }
    }

    fn gather(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.sketch.merge(&Sketch::from_values(values.into_iter().map(|value| (value, 1.0))));
    }

    pub fn into_sketch(mut self) -> Sketch {
        self.gather();
        self.sketch
    }
}

/// `GET /basket/{number}/` is `GET_basket_number`: dots and braces mean something in names and targets.
pub fn part_of_name(name: &str) -> String {
    let mut part = String::new();
    for letter in name.chars() {
        match letter.is_ascii_alphanumeric() || letter == '-' {
            true => part.push(letter),
            false if !part.is_empty() && !part.ends_with('_') => part.push('_'),
            false => {}
        }
        if part.len() >= TIMED_NAME_BYTES {
            break;
        }
    }
    match part.trim_end_matches('_') {
        "" => NAMELESS.to_owned(),
        part => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, seconds: f64, has_failed: bool) -> Transaction {
        Transaction { name: name.into(), seconds, has_failed }
    }

    #[test]
    fn what_came_is_told_once() {
        let timings = Timings::default();
        for second in 1..=4 {
            timings.note(1, &one("/pay", f64::from(second), second == 4));
        }
        timings.note(2, &one("", 1.0, false));
        let taken = timings.take();
        let told: Vec<_> = taken.iter().map(|(id, name, timed)| (*id, name.as_str(), timed.count)).collect();
        assert_eq!(told, [(1, "pay", 4), (2, "unnamed", 1)]);
        let (_, _, pay) = taken.into_iter().next().unwrap();
        assert_eq!((pay.failed, pay.milliseconds.sum, pay.milliseconds.upper), (1, 10_000.0, 4_000.0));
        let median = pay.milliseconds.into_sketch().quantile(0.5).unwrap();
        assert!((1_900.0..=3_100.0).contains(&median), "{median}");
        assert_eq!(timings.take(), []);
    }

    #[test]
    fn names_have_an_end_and_what_is_beyond_is_other() {
        let timings = Timings::default();
        for number in 0..TIMED_NAMES + 10 {
            timings.note(1, &one(&format!("/page{number}"), 0.1, false));
        }
        let taken = timings.take();
        assert_eq!(taken.len(), TIMED_NAMES + 1);
        let other = taken.iter().find(|(_, name, _)| name == OTHER);
        assert_eq!(other.map(|(_, _, timed)| timed.count), Some(10));
    }

    #[test]
    fn many_of_a_second_are_all_in_the_sketch() {
        let timings = Timings::default();
        for _ in 0..TIMED_AT_ONCE + 5 {
            timings.note(1, &one("/pay", 0.1, false));
        }
        let (_, _, timed) = timings.take().into_iter().next().unwrap();
        assert_eq!(timed.milliseconds.into_sketch().count(), (TIMED_AT_ONCE + 5) as f64);
    }

    #[test]
    fn names_are_parts_of_series() {
        assert_eq!(part_of_name("GET /basket/{number}/"), "GET_basket_number");
        assert_eq!(part_of_name("shop.tasks.send_mail"), "shop_tasks_send_mail");
        assert_eq!(part_of_name("<< >>"), "unnamed");
        assert!(part_of_name(&"x".repeat(500)).len() <= TIMED_NAME_BYTES);
    }
}
