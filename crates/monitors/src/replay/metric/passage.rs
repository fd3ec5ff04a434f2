//! What one instance goes through, from one end of the window to the other.

use std::sync::Arc;

use vocabulary::Timestamp;

use super::super::doubt::{self, Doubt};
use super::Past;
use crate::kinds::metric::feed::{Until, feed, step_of};
use crate::kinds::metric::source::Slots;
use crate::kinds::metric::track::FINE;
use crate::kinds::metric::{Rule, Standing, Track, telling};

/// What one instance went through.
pub(super) struct Passage {
    pub name: Arc<str>,
    pub track: Track,
    cursor: i64,
    pub standings: Vec<(i64, Standing)>,
    /// Of each standing: what would have been said.
    pub texts: Vec<(String, Option<f64>)>,
    pub doubts: Vec<Doubt>,
    pub known_from: Option<i64>,
    pub slots: u64,
}

impl Passage {
    pub fn new(rule: &Rule, name: &Arc<str>, past: &Past) -> Passage {
        Passage::beginning(rule, name, past.from.0 - rule.memory(), past)
    }

    pub fn beginning(rule: &Rule, name: &Arc<str>, from: i64, past: &Past) -> Passage {
        Passage {
            name: Arc::clone(name),
            track: Track::new(rule, Timestamp(from), Arc::clone(&past.blind)),
            cursor: from,
            standings: vec![(past.from.0, FINE)],
            texts: vec![(String::new(), None)],
            doubts: Vec::new(),
            known_from: None,
            slots: 0,
        }
    }

    pub fn feed(&mut self, rule: &Rule, rows: &[Option<Slots>], until: i64, past: &Past) {
        let coarsest = rows.iter().flatten().max_by_key(|row| row.step);
        let doubt = coarsest.and_then(|row| Some((row.step, doubt::of_step(rule, row.step, row.weight)?)));
        let before = self.cursor;
        if let (None, Some(input), Some(Some(row))) = (self.known_from, rule.inputs.first(), rows.first()) {
            self.known_from = first_point(row, before - input.earlier, until - input.earlier);
        }
        if let Some((step, (cannot_tell, reason))) = doubt {
            let from = before.max(past.from.0);
            if from < until {
                doubt::add(&mut self.doubts, Doubt { from, until, step, cannot_tell, reason });
            }
            if cannot_tell {
                self.begin_anew(rule, until, past);
                return;
            }
        }
        let (standings, texts) = (&mut self.standings, &mut self.texts);
        self.cursor = feed(
            &mut self.track,
            rule,
            rows,
            before,
            Until { last: until, over: i64::MAX },
            |track, at, standing| {
                let outcome = telling::outcome(rule, track, standing, at);
                if at < past.from {
                    // What was so before the window began is so at its beginning.
                    (standings[0].1, texts[0]) = (standing, (outcome.output, outcome.value));
                } else {
                    standings.push((at.0, standing));
                    texts.push((outcome.output, outcome.value));
                }
            },
        );
        self.slots += ((self.cursor - before) / step_of(rule, rows)).max(0) as u64;
    }

    /// Of what lies before `from` nothing is known.
    fn begin_anew(&mut self, rule: &Rule, from: i64, past: &Past) {
        self.cursor = from;
        self.track = Track::new(rule, Timestamp(from), Arc::clone(&past.blind));
        if self.standings.last().is_some_and(|(_, standing)| *standing != FINE) {
            self.standings.push((from.max(past.from.0), FINE));
            self.texts.push((String::new(), None));
        }
    }
}

/// The first point of a row between the two. Rows that are fed slot by slot are not looked through anew for each.
fn first_point(row: &Slots, from: i64, until: i64) -> Option<i64> {
    let slots_before = |at: i64| usize::try_from((at - row.start).div_euclid(row.step)).unwrap_or(0);
    let (first, last) = (slots_before(from), (slots_before(until) + 1).min(row.values.len()));
    let known = row.values.get(first..last)?.iter().position(|value| !value.is_nan())?;
    Some(row.start + (first + known) as i64 * row.step)
}
