//! Whose turn it is in one layer.

use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::config::{Advance, LayerConfig, Turns};
use super::restriction::{self, Window};
use super::wall::{WEEK, Zone};

#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub name: String,
    pub people: Vec<Arc<str>>,
    zone: Zone,
    turns: Turns,
    begins: Timestamp,
    ends: Option<Timestamp>,
    windows: Vec<Window>,
    /// Of turns that are counted by work: how many of the first n are worked in. Weeks are alike, so that it begins
    /// again after the last.
    worked: Option<Vec<i64>>,
}

impl Layer {
    pub fn new(config: &LayerConfig, zone: &TimeZone) -> Result<Layer, String> {
        let turns = config.turns().map_err(|(key, why)| format!("{key}: {why}"))?;
        let zone = match config.time_zone.as_deref() {
            Some(name) => super::config::zone(name)?,
            None => zone.clone(),
        };
        let zone = Zone(zone);
        let mut windows = Vec::new();
        for line in &config.restrictions {
            windows.extend(restriction::read(line)?);
        }
        let by_work = config.advance == Advance::Worked && !windows.is_empty();
        Ok(Layer {
            name: config.name.clone(),
            people: config.people.iter().map(|name| Arc::from(name.as_str())).collect(),
            begins: zone.begins(turns.start),
            ends: turns.end.map(|end| zone.ends(end)),
            worked: by_work.then(|| worked(&turns, &windows)),
            zone,
            turns,
            windows,
        })
    }

    /// Which place in the list has the turn, if the layer has somebody.
    pub fn place(&self, at: Timestamp) -> Option<usize> {
        let on = self.begins <= at && self.ends.is_none_or(|end| at < end) && !self.people.is_empty();
        let open =
            on && (self.windows.is_empty() || self.windows.iter().any(|window| window.holds(&self.zone, at)));
        if !open {
            return None;
        }
        let turn = self.turn(at);
        let counted = self.worked.as_ref().map_or(turn, |worked| worked_before(worked, turn));
        usize::try_from(counted.rem_euclid(self.people.len() as i64)).ok()
    }

    fn handoff(&self, turn: i64) -> Timestamp {
        self.zone.begins(self.turns.anchor.plus(turn.saturating_mul(self.turns.seconds)))
    }

    /// The last one that has begun. Near a change of the clocks the wall alone does not tell.
    fn turn(&self, at: Timestamp) -> i64 {
        let wall = self.zone.wall(at);
        let mut turn = (wall.0 - self.turns.anchor.0).div_euclid(self.turns.seconds);
        while self.handoff(turn + 1) <= at {
            turn += 1;
        }
        while self.handoff(turn) > at {
            turn -= 1;
        }
        turn
    }

    /// Every moment between these at which it may have somebody else.
    pub fn borders(&self, from: Timestamp, until: Timestamp, out: &mut Vec<Timestamp>) {
        out.push(self.begins);
        out.extend(self.ends);
        let from = from.max(self.begins);
        let until = self.ends.map_or(until, |end| end.min(until));
        if from >= until {
            return;
        }
        out.extend((self.turn(from)..=self.turn(until)).map(|turn| self.handoff(turn)));
        self.windows.iter().for_each(|window| window.borders(&self.zone, from, until, out));
    }
}

fn worked(turns: &Turns, windows: &[Window]) -> Vec<i64> {
    let count = lcm(turns.seconds, WEEK) / turns.seconds;
    let mut sums = vec![0];
    for turn in 0..count {
        let from = turns.anchor.plus(turn * turns.seconds);
        let until = from.plus(turns.seconds);
        let some = windows.iter().any(|window| window.touches(from, until));
        sums.push(sums.last().unwrap_or(&0) + i64::from(some));
    }
    sums
}

fn worked_before(sums: &[i64], turn: i64) -> i64 {
    let count = sums.len() as i64 - 1;
    let (rounds, rest) = (turn.div_euclid(count), turn.rem_euclid(count));
    rounds * sums.last().unwrap_or(&0) + sums.get(usize::try_from(rest).unwrap_or(0)).unwrap_or(&0)
}

fn lcm(a: i64, b: i64) -> i64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}
