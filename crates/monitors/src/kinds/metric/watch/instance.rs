//! One instance under the real clock: when it is read, how long late points are waited for, what it tells.

use std::sync::Arc;

use vocabulary::Timestamp;

use super::super::feed::{Until, feed, step_of};
use super::super::rule::Rule;
use super::super::source::{Slots, Stored};
use super::super::telling::{self, Voice};
use super::super::track::{Standing, Track};
use super::{Told, WatchStats};
use crate::limits::{CATCH_UP_SECONDS, LONGEST_LAG_SECONDS};

#[derive(Debug)]
pub(super) struct Instance {
    pub name: Arc<str>,
    pub key: Arc<str>,
    pub track: Track,
    /// Stored series, one for each target.
    pub stored: Vec<Option<Stored>>,
    /// The newest slot that was fed.
    pub cursor: i64,
    pub step: i64,
    /// Seconds that late points take.
    pub lag: i64,
    /// Until then the lag is what the newest point's age was when it was found: late, or the last of all?
    pub lag_guessed_until: i64,
    /// Slots that were judged without a point, newest last.
    pub missed: u64,
    pub caught_up: bool,
    pub voice: Voice,
    pub found_at: i64,
}

/// Late points are looked for so often, in seconds.
const LATE_LOOK_EVERY: i64 = 10;

/// Before anything was measured: the points of a second are there two seconds later.
pub(super) const FIRST_LAG_SECONDS: i64 = 2;

/// A lag that is not needed any more falls by a second each so many.
const LAG_FALLS_EVERY: i64 = 600;

impl Instance {
    /// Up to where it should be read now, if at all.
    pub fn due(&self, now: i64, budget: &mut i64) -> Option<i64> {
        if now < self.cursor + self.step {
            return None;
        }
        if now - self.cursor > LONGEST_LAG_SECONDS + 2 * self.step {
            // Filling windows from the past may take several turns.
            if *budget <= 0 {
                return None;
            }
            *budget -= (now - self.cursor).min(CATCH_UP_SECONDS) / self.step;
        }
        Some(now.min(self.cursor + CATCH_UP_SECONDS))
    }

    /// Its points come as they should: it is worth another look within the second.
    pub fn is_lively(&self) -> bool {
        self.caught_up && self.missed & 1 == 0
    }

    /// It was just found, and its newest point is of this time.
    pub fn guess_lag(&mut self, now: i64, newest: i64) {
        let age = now - newest - self.step + 1;
        if (FIRST_LAG_SECONDS..=LONGEST_LAG_SECONDS).contains(&age) {
            (self.lag, self.lag_guessed_until) = (age, now + LONGEST_LAG_SECONDS);
        }
    }

    /// The next point tells; one that does not come was the last.
    fn settle_lag(&mut self, rows: &[Option<Slots>], before: i64, now: i64) {
        let came = self.cursor > before && self.missed & 1 == 0 && rows.iter().any(Option::is_some);
        if self.lag_guessed_until == 0 || !(came && self.caught_up || now >= self.lag_guessed_until) {
            return;
        }
        let lag = if came { now - self.cursor - self.step + 1 } else { 0 };
        (self.lag, self.lag_guessed_until) = (lag.clamp(FIRST_LAG_SECONDS, LONGEST_LAG_SECONDS), 0);
    }

    pub fn wait(&self, rule: &Rule, measured: bool) -> i64 {
        match rule.lag {
            Some(lag) => lag,
            None if measured => self.lag.clamp(1, LONGEST_LAG_SECONDS),
            None => self.lag.clamp(FIRST_LAG_SECONDS, LONGEST_LAG_SECONDS),
        }
    }

    /// `whole`: a point that is there is all there will be; what functions make of several series may be not.
    pub fn feed(
        &mut self,
        rule: &Rule,
        rows: &[Option<Slots>],
        until: i64,
        now: i64,
        whole: bool,
        stats: &mut WatchStats,
    ) {
        self.measure(rule, rows, now, stats);
        let over = now - self.wait(rule, whole);
        let last = if whole { until } else { until.min(over - self.step) };
        let before = self.cursor;
        self.cursor = feed(&mut self.track, rule, rows, before, Until { last, over }, |_, _, _| {});
        self.step = step_of(rule, rows).max(1);
        stats.slots += ((self.cursor - before) / self.step) as u64;
        self.note_missed(rows, before);
        self.settle_lag(rows, before, now);
        // As far as it can be: the next slot is not over.
        self.caught_up |= self.cursor + self.step > over - self.step;
    }

    /// How many slots that were judged are read again, to see points that came after that.
    pub fn look_back(&self, turn: i64) -> i64 {
        match self.missed {
            0 => 0,
            _ if turn % LATE_LOOK_EVERY == 0 => 64,
            missed if missed & 0xff != 0 => 8,
            _ => 0,
        }
    }

    /// How late are points? Slots that were judged without one tell it when they fill up.
    fn measure(&mut self, rule: &Rule, rows: &[Option<Slots>], now: i64, stats: &mut WatchStats) {
        let Some(Some(row)) = rows.first() else { return };
        if rule.inputs[0].earlier != 0 || !self.caught_up {
            return;
        }
        for back in 0..64 {
            let at = self.cursor - back * self.step;
            if self.missed >> back & 1 == 1 && matches!(row.beginning(at - 1, at), Some(Some(_))) {
                self.missed &= !(1 << back);
                // Of those further back it is not known when in the last seconds they came.
                let lag = if back < 8 { now - at - self.step + 1 } else { self.lag + 1 };
                self.lag = self.lag.max(lag).min(LONGEST_LAG_SECONDS);
                stats.late += 1;
            }
        }
        // What was needed once is forgotten by a second each ten minutes.
        if now % LAG_FALLS_EVERY == 0 && self.lag > FIRST_LAG_SECONDS {
            self.lag -= 1;
        }
    }

    fn note_missed(&mut self, rows: &[Option<Slots>], before: i64) {
        let Some(Some(row)) = rows.first() else { return };
        let mut at = before + self.step;
        while at <= self.cursor {
            let missed = matches!(row.beginning(at - 1, at), Some(None) | None);
            self.missed = self.missed << 1 | u64::from(missed);
            at += self.step;
        }
    }

    pub fn tell(&mut self, rule: &Rule, standing: Standing, now: i64, told: &mut Vec<Told>) {
        self.voice.learn(self.track.found(), now);
        let times = self.voice.say(rule, standing, now);
        if times == 0 {
            return;
        }
        let outcome = telling::outcome(rule, &self.track, standing, Timestamp(now));
        for _ in 0..times {
            told.push(Told {
                monitor: Arc::clone(&rule.name),
                instance: Arc::clone(&self.name),
                outcome: outcome.clone(),
            });
        }
    }
}
