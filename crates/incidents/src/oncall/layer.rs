//! Whose turn it is in one layer: by a rotation, or as a calendar says.

use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::config::{Advance, LayerConfig, Turns};
use super::planned::Planned;
use super::restriction::{self, Window};
use super::wall::{WEEK, Zone};

#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub name: String,
    pub people: Vec<Arc<str>>,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Rotation(Rotation),
    /// In order, one at a time.
    Calendar(Arc<[Planned]>),
}

#[derive(Clone, Debug)]
struct Rotation {
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
    /// What stands in its calendar comes later.
    pub fn new(config: &LayerConfig, zone: &TimeZone) -> Result<Layer, String> {
        let source = match config.calendar {
            Some(_) => Source::Calendar(Arc::default()),
            None => Source::Rotation(Rotation::new(config, zone)?),
        };
        let people = config.people.iter().map(|name| Arc::from(name.as_str())).collect();
        Ok(Layer { name: config.name.clone(), people, source })
    }

    /// Of one with a calendar. Whom the layer does not name any more has no turns in it.
    pub fn plan(&mut self, turns: impl Fn(&str) -> Arc<[Planned]>) {
        let Source::Calendar(planned) = &mut self.source else { return };
        *planned = turns(&self.name);
        let is_listed = |name: &Arc<str>| self.people.contains(name);
        if planned.iter().flat_map(|turn| &turn.people).all(is_listed) {
            return;
        }
        let mut listed = planned.to_vec();
        listed.iter_mut().for_each(|turn| turn.people.retain(is_listed));
        *planned = listed.into();
    }

    /// Who has the turn, and behind them who has it while they are not there. Nobody: the layer has nobody.
    pub fn in_order(&self, at: Timestamp) -> impl Iterator<Item = &Arc<str>> + Clone {
        let (from, rest): (&[_], &[_]) = match &self.source {
            Source::Calendar(turns) => (planned_at(turns, at), &[]),
            Source::Rotation(rotation) => match rotation.place(at, self.people.len()) {
                Some(place) => (&self.people[place..], &self.people[..place]),
                None => (&[], &[]),
            },
        };
        from.iter().chain(rest)
    }

    /// Every moment between these at which it may have somebody else.
    pub fn borders(&self, from: Timestamp, until: Timestamp, out: &mut Vec<Timestamp>) {
        match &self.source {
            Source::Rotation(rotation) => rotation.borders(from, until, out),
            Source::Calendar(turns) => {
                let first = turns.partition_point(|turn| turn.until < from);
                let within = turns[first..].iter().take_while(|turn| turn.from <= until);
                out.extend(within.flat_map(|turn| [turn.from, turn.until]));
            }
        }
    }
}

fn planned_at(turns: &[Planned], at: Timestamp) -> &[Arc<str>] {
    let begun = turns.partition_point(|turn| turn.from <= at);
    let on = turns[..begun].last().filter(|turn| at < turn.until);
    on.map(|turn| &turn.people[..]).unwrap_or_default()
}

impl Rotation {
    fn new(config: &LayerConfig, zone: &TimeZone) -> Result<Rotation, String> {
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
        Ok(Rotation {
            begins: zone.begins(turns.start),
            ends: turns.end.map(|end| zone.ends(end)),
            worked: by_work.then(|| worked(&turns, &windows)),
            zone,
            turns,
            windows,
        })
    }

    /// Which place in a list of so many people has the turn, if anybody has.
    fn place(&self, at: Timestamp, people: usize) -> Option<usize> {
        let on = self.begins <= at && self.ends.is_none_or(|end| at < end) && people > 0;
        let open =
            on && (self.windows.is_empty() || self.windows.iter().any(|window| window.holds(&self.zone, at)));
        if !open {
            return None;
        }
        let turn = self.turn(at);
        let counted = self.worked.as_ref().map_or(turn, |worked| worked_before(worked, turn));
        usize::try_from(counted.rem_euclid(people as i64)).ok()
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

    fn borders(&self, from: Timestamp, until: Timestamp, out: &mut Vec<Timestamp>) {
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
