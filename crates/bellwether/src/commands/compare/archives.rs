//! Which archives a series has, found out by asking: graphite-web tells nobody, but chooses the archive by how far
//! back a question reaches, and says the step of what it answers. Few series differ from their neighbours, so one
//! is searched, and the others are asked whether they are like it.

use std::collections::HashMap;
use std::sync::Arc;

use super::original::Trouble;
use super::sides::{Sides, Which, Window};

/// Times that carbon's documentation and most configurations use: tried before a search by halves.
const USUAL_REACHES: [i64; 10] = [
    3_600,
    6 * 3_600,
    12 * 3_600,
    86_400,
    2 * 86_400,
    7 * 86_400,
    14 * 86_400,
    30 * 86_400,
    60 * 86_400,
    90 * 86_400,
];

/// A search by halves takes some thirty questions, a guess two for each archive.
const MOST_GUESSES: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Archive {
    pub step: i64,
    /// Seconds that it reaches back.
    pub reach: i64,
}

/// The archives of a series, finest first.
pub type Shape = Arc<[Archive]>;

pub fn text(shape: &[Archive]) -> String {
    let archives: Vec<String> =
        shape.iter().map(|archive| format!("{}:{}", seconds(archive.step), seconds(archive.reach))).collect();
    archives.join(",")
}

/// As retentions are written: the largest unit that divides it.
pub fn seconds(seconds: i64) -> String {
    let unit = [(365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "m")];
    match unit.into_iter().find(|(unit, _)| seconds % unit == 0) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// What is known of one side's series.
#[derive(Default)]
pub struct Archives {
    shapes: Vec<Shape>,
    of: HashMap<Box<str>, u32>,
}

/// One little question: at this depth, what do these series answer?
struct Probe {
    depth: i64,
    /// `None`: nothing, since no archive reaches so far.
    expected: Option<i64>,
}

impl Archives {
    pub fn of(&self, name: &str) -> Option<Shape> {
        self.of.get(name).map(|&index| self.shapes[index as usize].clone())
    }

    /// It answered with another step than it should have: somebody has resized it.
    pub fn forget(&mut self, name: &str) {
        self.of.remove(name);
    }

    /// Find out about those that nothing is known of. Series without any points may stay unknown.
    pub async fn learn(
        &mut self,
        sides: &mut Sides,
        which: Which,
        names: &[&str],
        hints: &[Shape],
        now: i64,
    ) -> Result<(), Trouble> {
        let mut unknown: Vec<&str> =
            names.iter().copied().filter(|name| !self.of.contains_key(*name)).collect();
        while let Some(&one) = unknown.first() {
            let Some(shape) = self.search(sides, which, one, hints, now).await? else {
                unknown.remove(0);
                continue;
            };
            let alike = conforming(sides, which, &unknown, &shape, now).await?;
            let index = self.index(shape);
            self.of.insert(one.into(), index);
            self.of.extend(alike.iter().map(|name| (Box::from(*name), index)));
            unknown.retain(|name| !self.of.contains_key(*name));
        }
        Ok(())
    }

    fn index(&mut self, shape: Shape) -> u32 {
        let at = self.shapes.iter().position(|known| *known == shape).unwrap_or_else(|| {
            self.shapes.push(shape);
            self.shapes.len() - 1
        });
        at as u32
    }

    async fn search(
        &self,
        sides: &mut Sides,
        which: Which,
        name: &str,
        hints: &[Shape],
        now: i64,
    ) -> Result<Option<Shape>, Trouble> {
        let everything = sides.raw(which, &[name], Window { from: 1, until: now, now }).await?;
        let Some(row) = everything.rows.get(name) else { return Ok(None) };
        // Its oldest slot begins within a step after the end of the archive.
        let last = Archive { step: row.step, reach: ((now - row.start) / row.step + 1) * row.step };
        let likely = hints.iter().chain(self.shapes.iter().rev());
        for shape in likely.filter(|shape| shape.last() == Some(&last)).take(MOST_GUESSES) {
            if !conforming(sides, which, &[name], shape, now).await?.is_empty() {
                return Ok(Some(shape.clone()));
            }
        }
        Search { sides, which, name, now }.archives(last).await.map(Some)
    }
}

/// Those of the series that have exactly these archives.
async fn conforming<'n>(
    sides: &mut Sides,
    which: Which,
    names: &[&'n str],
    shape: &Shape,
    now: i64,
) -> Result<Vec<&'n str>, Trouble> {
    let mut alike = names.to_vec();
    for probe in probes(shape) {
        if alike.is_empty() {
            break;
        }
        let steps = steps_at(sides, which, &alike, probe.depth, now).await?;
        alike.retain(|name| steps.get(*name).copied() == probe.expected);
    }
    Ok(alike)
}

/// At the end of each archive, and a second behind it.
fn probes(shape: &Shape) -> Vec<Probe> {
    let mut probes = Vec::new();
    for (index, archive) in shape.iter().enumerate() {
        probes.push(Probe { depth: archive.reach, expected: Some(archive.step) });
        match shape.get(index + 1) {
            Some(next) => probes.push(Probe { depth: archive.reach + 1, expected: Some(next.step) }),
            None => probes.push(Probe { depth: archive.reach + 2 * archive.step, expected: None }),
        }
    }
    probes
}

/// The step of what each series answers for a moment so far back.
async fn steps_at(
    sides: &mut Sides,
    which: Which,
    names: &[&str],
    depth: i64,
    now: i64,
) -> Result<HashMap<String, i64>, Trouble> {
    let window = Window { from: now - depth, until: now - depth + 1, now };
    let rows = sides.raw(which, names, window).await?.rows;
    Ok(rows.into_iter().map(|(name, row)| (name, row.step)).collect())
}

struct Search<'s> {
    sides: &'s mut Sides,
    which: Which,
    name: &'s str,
    now: i64,
}

impl Search<'_> {
    /// From the finest archive to the last one, which is known.
    async fn archives(mut self, last: Archive) -> Result<Shape, Trouble> {
        let mut archives = Vec::new();
        let mut depth = 1;
        loop {
            let step = self.step(depth).await?.unwrap_or(last.step);
            if step >= last.step || depth >= last.reach {
                archives.push(last);
                return Ok(archives.into());
            }
            let reach = self.reach(step, depth, last.reach).await?;
            archives.push(Archive { step, reach });
            depth = reach + 1;
        }
    }

    /// The furthest depth that is answered with this step: `near` is, `far` is not.
    async fn reach(&mut self, step: i64, mut near: i64, mut far: i64) -> Result<i64, Trouble> {
        for usual in USUAL_REACHES {
            if near < usual && usual < far {
                match self.step(usual).await? == Some(step) {
                    true => near = usual,
                    false => {
                        far = usual;
                        break;
                    }
                }
            }
        }
        if near + 1 < far && self.step(near + 1).await? != Some(step) {
            return Ok(near);
        }
        while near + 1 < far {
            let middle = near + (far - near) / 2;
            match self.step(middle).await? == Some(step) {
                true => near = middle,
                false => far = middle,
            }
        }
        Ok(near)
    }

    async fn step(&mut self, depth: i64) -> Result<Option<i64>, Trouble> {
        Ok(steps_at(self.sides, self.which, &[self.name], depth, self.now).await?.remove(self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_written_as_retentions() {
        let shape = [
            Archive { step: 10, reach: 6 * 3_600 },
            Archive { step: 60, reach: 7 * 86_400 },
            Archive { step: 86_400, reach: 5 * 365 * 86_400 },
        ];
        assert_eq!(text(&shape), "10s:6h,1m:7d,1d:5y");
        assert_eq!(seconds(90), "90s");
    }
}
