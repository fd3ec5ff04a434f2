//! Why points differ, as far as the points themselves tell.

use super::points::{Pair, Slot, Tally, What, same};
use super::raw::Row;

/// Fewer points than this show no pattern.
const ENOUGH: usize = 3;

type Method = fn(&[f64], usize) -> f64;

/// Whisper's, in the order in which they are named when several fit.
const METHODS: [(&str, Method); 8] = [
    ("average", |v, _| v.iter().sum::<f64>() / v.len() as f64),
    ("sum", |v, _| v.iter().sum()),
    ("last", |v, _| v[v.len() - 1]),
    ("max", |v, _| v.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
    ("min", |v, _| v.iter().copied().fold(f64::INFINITY, f64::min)),
    ("avg_zero", |v, slots| v.iter().sum::<f64>() / slots as f64),
    ("absmax", |v, _| v.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a })),
    ("absmin", |v, _| {
        v.iter().copied().fold(f64::INFINITY, |a: f64, b| if b.abs() < a.abs() { b } else { a })
    }),
];

/// `pairs[index]` is the archive in which the slots differ.
pub fn of(tally: &Tally, index: usize, pairs: &[Pair]) -> String {
    let rolled_up = index.checked_sub(1).and_then(|finer| roll_up(tally, &pairs[finer], pairs[index].step));
    if let Some(cause) = rolled_up {
        return cause;
    }
    match tally.what {
        What::Differs => values(tally),
        What::MissingHere => missing(tally, extent(index, pairs, |pair| pair.ours.as_ref()), &HERE),
        What::MissingThere => missing(tally, extent(index, pairs, |pair| pair.theirs.as_ref()), &THERE),
    }
}

/// Times of the first and last point that a side has in this archive, or, when it is empty, in any.
fn extent(index: usize, pairs: &[Pair], side: impl Fn(&Pair) -> Option<&Row>) -> Option<(i64, i64)> {
    let of = |row: &Row| Some((row.first()?, row.last()?));
    let all = || pairs.iter().filter_map(|pair| side(pair).and_then(of));
    side(&pairs[index]).and_then(of).or_else(|| all().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))))
}

struct Words {
    nothing: &'static str,
    before: &'static str,
    after: &'static str,
    between: &'static str,
}

const HERE: Words = Words {
    nothing: "Bellwether has no point of it: it was not imported, and nothing sends it here",
    before: "older than the first point here: not imported, or sent here only since then",
    after: "newer than the last point here: nothing sends it here any more (is the tee on?)",
    between: "a gap here only: Bellwether was away, or did not get them",
};
const THERE: Words = Words {
    nothing: "graphite-web has no point of it: nothing sends it there",
    before: "older than the first point there: sent there only since then",
    after: "newer than the last point there: nothing sends it there any more, or carbon still holds it in its cache",
    between: "a gap there only: carbon was away, or dropped them",
};

fn missing(tally: &Tally, extent: Option<(i64, i64)>, words: &Words) -> String {
    let cause = match extent {
        None => words.nothing,
        Some((first, _)) if tally.last() < first => words.before,
        Some((_, last)) if tally.first() > last => words.after,
        Some(_) => words.between,
    };
    cause.to_owned()
}

fn values(tally: &Tally) -> String {
    let ratios: Vec<f64> = tally.samples.iter().filter_map(ratio).collect();
    let constant = ratios.len() == tally.samples.len() && ratios.iter().all(|ratio| same(*ratio, ratios[0]));
    if constant && ratios.len() >= ENOUGH {
        let times = super::report::number(ratios[0]);
        return format!(
            "here it is {times} times what is there, at every one: sent in another unit, or counted over another interval"
        );
    }
    let shifted = tally.samples.windows(2).filter(|two| Some(two[1].ours) == Some(two[0].theirs)).count();
    if tally.samples.len() > ENOUGH && shifted + 1 == tally.samples.len() {
        return "the same values, a slot later here: the sender's times are rounded differently on the way"
            .into();
    }
    let shifted = tally.samples.windows(2).filter(|two| two[0].ours == two[1].theirs).count();
    if tally.samples.len() > ENOUGH && shifted + 1 == tally.samples.len() {
        return "the same values, a slot earlier here: the sender's times are rounded differently on the way"
            .into();
    }
    match tally.points {
        1 => "one point altered on one side, or sent twice and taken in another order".into(),
        _ => "overwritten on one side, or several senders whose points arrive in another order".into(),
    }
}

fn ratio(slot: &Slot) -> Option<f64> {
    let (theirs, ours) = (slot.theirs?, slot.ours?);
    (theirs != 0.0 && ours != 0.0).then(|| ours / theirs)
}

/// The finer points are the same, and what was made of them is not.
fn roll_up(tally: &Tally, finer: &Pair, step: i64) -> Option<String> {
    let slots = (step / finer.step) as usize;
    let mut there: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
    let mut here = there.clone();
    let mut fewest = usize::MAX;
    let mut looked_at = 0;
    for slot in &tally.samples {
        // Both have forgotten some of what it was made of.
        if slot.time < finer.window.start || slot.time + step > finer.window.end {
            continue;
        }
        let row = finer.theirs.as_ref()?;
        let known: Vec<f64> = (slot.time..slot.time + step)
            .step_by(finer.step as usize)
            .filter_map(|time| row.at(time))
            .collect();
        if known.is_empty() {
            continue;
        }
        looked_at += 1;
        fewest = fewest.min(known.len());
        let fits = |value: Option<f64>, name: &str| {
            METHODS.iter().any(|(method, make)| {
                *method == name && value.is_some_and(|value| same(value, make(&known, slots)))
            })
        };
        there.retain(|name| fits(slot.theirs, name));
        here.retain(|name| fits(slot.ours, name));
    }
    if looked_at == 0 {
        return None;
    }
    let share = || format!("of {slots} points {fewest} are known");
    Some(match tally.what {
        What::MissingHere => format!("too few for a slot here, enough there (x_files_factor): {}", share()),
        What::MissingThere => format!("too few for a slot there, enough here (xFilesFactor): {}", share()),
        What::Differs => match (there.first(), here.first()) {
            (Some(there), Some(here)) => {
                format!("made of the same finer points, by {there} there and by {here} here")
            }
            (None, Some(here)) => format!(
                "finer points are the same; here it is their {here}, there it is not made of them: altered, or rolled up by an earlier rule"
            ),
            (Some(there), None) => format!(
                "finer points are the same; there it is their {there}, here it is not made of them: imported so, or rolled up by an earlier rule"
            ),
            (None, None) => "finer points are the same, and neither is made of them".into(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::points::compare;
    use super::super::points::tests::{pair, row};

    const NO: f64 = f64::NAN;

    /// Of an archive of ten seconds, and perhaps one of thirty over it: the last cause.
    fn cause(theirs: &[f64], ours: &[f64], coarse: Option<(&[f64], &[f64])>) -> String {
        let mut pairs = vec![pair(row(0, 10, theirs), row(0, 10, ours))];
        if let Some((theirs, ours)) = coarse {
            pairs.push(pair(row(0, 30, theirs), row(0, 30, ours)));
        }
        compare(&pairs).found.pop().expect("a difference").cause
    }

    #[test]
    fn causes_are_named() {
        let check = |theirs: &[f64], ours: &[f64], words: &str| {
            let cause = cause(theirs, ours, None);
            assert!(cause.contains(words), "{cause}");
        };
        check(&[1.0, 2.0, 3.0], &[1.0, 2.5, 3.0], "one point altered");
        check(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0], "10 times");
        check(&[1.0, 2.0, 3.5, 7.0, 8.0], &[0.5, 1.0, 2.0, 3.5, 7.0], "a slot later");
        check(&[1.0, 2.0, 3.5, 7.0, 8.0], &[2.0, 3.5, 7.0, 8.0, 8.5], "a slot earlier");
        check(&[1.0, 2.0, 3.0], &[NO, NO, 3.0], "older than the first point here");
        check(&[1.0, 2.0, 3.0], &[1.0, NO, NO], "newer than the last point here");
        check(&[1.0, 2.0, 3.0], &[1.0, NO, 3.0], "a gap here");
        check(&[1.0, 2.0], &[NO, NO], "no point of it");
        check(&[1.0, NO], &[1.0, 2.0], "newer than the last point there");
    }

    #[test]
    fn roll_ups_are_told_by_what_they_make_of_the_finer_points() {
        let fine = [1.0, 2.0, 6.0];
        let check = |fine: &[f64], theirs: f64, ours: f64, words: &str| {
            let cause = cause(fine, fine, Some((&[theirs], &[ours])));
            assert!(cause.contains(words), "{cause}");
        };
        check(&fine, 9.0, 3.0, "by sum there and by average here");
        check(&fine, 7.0, 3.0, "their average, there it is not");
        check(&[1.0, NO, NO], 1.0, NO, "of 3 points 1 are known");
        check(&[NO, NO, NO], 1.0, 2.0, "one point altered");
    }
}
