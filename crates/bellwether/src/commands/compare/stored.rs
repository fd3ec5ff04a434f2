//! Every stored point of every series, archive by archive, a batch of series at a time.

use std::collections::{BTreeMap, HashMap};

use super::archives::{self, Archive, Shape};
use super::names::{self, Alike, Held};
use super::original::Trouble;
use super::points::{self, Found, Pair, What};
use super::raw::Row;
use super::report::{Difference, Kind};
use super::sides::{Which, Window};
use super::{Comparison, now};

/// Series of one batch: so many small files graphite-web opens in a second or two.
pub const BATCH: usize = 100;
/// Values of one answer: some 4 MB of text.
const MOST_VALUES: i64 = 400_000;

/// Found in slots so new that both may not have got everything yet: looked at again later.
pub struct Pending {
    pub names: Vec<String>,
    pub until: i64,
    /// When to look again, epoch seconds.
    pub due: i64,
}

impl Comparison {
    /// `until` is when it was looked at before: what is found now stands. Without it the newest differences wait.
    pub async fn batch(&mut self, names: &[&str], until: Option<i64>) -> Result<(), Trouble> {
        let begun = now();
        let hints: Vec<Shape> = Vec::new();
        self.ours.learn(&mut self.sides, Which::Ours, names, &hints, begun).await?;
        let hints: Vec<Shape> = names.first().and_then(|name| self.ours.of(name)).into_iter().collect();
        self.theirs.learn(&mut self.sides, Which::Theirs, names, &hints, begun).await?;
        let mut alike: HashMap<(Option<Shape>, Option<Shape>), Vec<&str>> = HashMap::new();
        for name in names {
            alike.entry((self.theirs.of(name), self.ours.of(name))).or_default().push(name);
        }
        for ((theirs, ours), names) in alike {
            let Some(shape) = theirs.clone().or(ours.clone()) else { continue };
            let ours = ours.unwrap_or_else(|| shape.clone());
            if shape != ours {
                names.iter().for_each(|name| self.retention(name, &shape, &ours));
            }
            let archives: Vec<(Archive, Archive)> =
                shape.iter().filter_map(|a| Some((*a, *ours.iter().find(|b| b.step == a.step)?))).collect();
            let longest = archives.iter().map(|(a, b)| a.reach.max(b.reach) / a.step).max().unwrap_or(1);
            let together = (MOST_VALUES / longest.max(1)).clamp(1, BATCH as i64) as usize;
            for names in names.chunks(together) {
                self.compare(names, &archives, until).await?;
            }
        }
        Ok(())
    }

    async fn compare(
        &mut self,
        names: &[&str],
        archives: &[(Archive, Archive)],
        until: Option<i64>,
    ) -> Result<(), Trouble> {
        let now_asked = now();
        let settled = until.unwrap_or(now_asked - self.settle);
        let mut pairs: BTreeMap<&str, Vec<Pair>> = names.iter().map(|name| (*name, Vec::new())).collect();
        for (theirs, ours) in archives {
            if now_asked - theirs.reach.min(ours.reach) >= settled {
                continue;
            }
            let window = |archive: &Archive| Window {
                from: now_asked - archive.reach,
                until: settled,
                now: now_asked,
            };
            let mut there = self.sides.raw(Which::Theirs, names, window(theirs)).await?;
            let mut here = self.sides.raw(Which::Ours, names, window(ours)).await?;
            self.round.queries += 1;
            // What both still have now that the answers are there: a ring forgets a slot for each new one.
            let kept = now() - theirs.reach.min(ours.reach) + theirs.step;
            for (name, text) in &there.refused {
                self.see(Difference {
                    expected: true,
                    ..Difference::about(name, Kind::NotAnsweredThere, text)
                })?;
            }
            for (name, text) in &here.refused {
                self.see(Difference::about(name, Kind::NotAnsweredHere, text))?;
            }
            let refused =
                |name: &str| there.refused.iter().chain(&here.refused).any(|(refused, _)| refused == name);
            for name in names.iter().filter(|name| !refused(name)).copied().collect::<Vec<_>>() {
                let rows = (there.rows.remove(name), here.rows.remove(name));
                let resized = |row: &Option<Row>| row.as_ref().is_some_and(|row| row.step != theirs.step);
                if resized(&rows.0) || resized(&rows.1) {
                    self.theirs.forget(name);
                    self.ours.forget(name);
                    continue;
                }
                if let Some(pairs) = pairs.get_mut(name) {
                    let window = kept..settled - theirs.step + 1;
                    pairs.push(Pair { step: theirs.step, theirs: rows.0, ours: rows.1, window });
                }
            }
        }
        let mut again = Vec::new();
        for (name, pairs) in pairs {
            let compared = points::compare(&pairs);
            self.round.points += compared.points;
            let newest = compared.found.iter().map(|found| found.last + found.step).max();
            if until.is_none() && newest.is_some_and(|newest| newest > now_asked - self.recent()) {
                again.push(name.to_owned());
                continue;
            }
            for found in compared.found {
                self.see(difference(name, found))?;
            }
        }
        if !again.is_empty() {
            self.pending.push(Pending { names: again, until: settled, due: now() + self.settle });
        }
        Ok(())
    }

    fn retention(&mut self, name: &str, theirs: &Shape, ours: &Shape) {
        let cause = "kept in other archives: only those with the same step are compared";
        let difference = Difference {
            theirs: archives::text(theirs).into(),
            ours: archives::text(ours).into(),
            ..Difference::about(name, Kind::Retention, cause)
        };
        // Printing a line may fail when nobody reads any more; the next one will tell.
        let _ = self.see(difference);
    }

    /// Series that only graphite-web has: whether anything is in them tells whether that matters.
    pub async fn only_there(&mut self, names: &[&str], alike: &Alike) -> Result<(), Trouble> {
        let now = now();
        let coarsest = self.held(names, Window { from: 1, until: now, now }).await?;
        let empty: Vec<&str> = names.iter().copied().filter(|name| !coarsest.contains_key(*name)).collect();
        // Too few points for a coarse slot leave that empty.
        let mut finer = HashMap::new();
        if !empty.is_empty() {
            self.theirs.learn(&mut self.sides, Which::Theirs, &empty, &[], now).await?;
            let mut alike: HashMap<Shape, Vec<&str>> = HashMap::new();
            for name in empty {
                if let Some(shape) = self.theirs.of(name) {
                    alike.entry(shape).or_default().push(name);
                }
            }
            for (shape, names) in alike {
                finer
                    .extend(self.held(&names, Window { from: now - shape[0].reach, until: now, now }).await?);
            }
        }
        for name in names {
            let held = coarsest.get(*name).or(finer.get(*name));
            self.see(names::only_there(name, held.copied(), alike))?;
        }
        Ok(())
    }

    /// How many points graphite-web has of each, and the times of the first and the last, if it has any.
    async fn held(&mut self, names: &[&str], window: Window) -> Result<HashMap<String, Held>, Trouble> {
        let rows = self.sides.raw(Which::Theirs, names, window).await?;
        for (name, text) in &rows.refused {
            self.see(Difference { expected: true, ..Difference::about(name, Kind::NotAnsweredThere, text) })?;
        }
        let held = rows.rows.into_iter().filter_map(|(name, row)| {
            let points = row.values.iter().filter(|value| !value.is_nan()).count() as u64;
            Some((name, Held { points, first: row.first()?, last: row.last()? }))
        });
        Ok(held.collect())
    }
}

fn difference(name: &str, found: Found) -> Difference {
    let kind = match found.what {
        What::MissingHere => Kind::PointsMissingHere,
        What::MissingThere => Kind::PointsMissingThere,
        What::Differs => Kind::Value,
    };
    let value = |value: Option<f64>| match value {
        // JSON has no infinity.
        Some(value) if value.is_infinite() => value.to_string().into(),
        value => value.into(),
    };
    Difference {
        step: found.step,
        points: found.points,
        times: Some((found.first, found.last)),
        theirs: value(found.example.theirs),
        ours: value(found.example.ours),
        also: found.also,
        ..Difference::about(name, kind, found.cause)
    }
}
