//! Rows of points -> slots of an instance, in order of time: what the real clock and a replay share.

use vocabulary::Timestamp;

use super::rule::Rule;
use super::source::Slots;
use super::track::{Standing, Track};
use super::window::Point;

/// How far rows may be fed.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// No slot begins later.
    pub last: i64,
    /// Slots that end later are not over: they are fed only if all their points are there. Of an earlier clock all
    /// are over.
    pub over: i64,
}

/// Feeds slots behind `from`, and says up to which. `told` hears of each change of standing.
pub fn feed(
    track: &mut Track,
    rule: &Rule,
    rows: &[Option<Slots>],
    from: i64,
    until: Until,
    mut told: impl FnMut(&Track, Timestamp, Standing),
) -> i64 {
    let step = step_of(rule, rows);
    track.step(step);
    let mut standing = track.standing(rule);
    let mut points = vec![None; rows.len()];
    let mut at = from - from.rem_euclid(step);
    loop {
        let next = at + step;
        if next > until.last {
            break;
        }
        if let (Some(simple), [Some(row)]) = (&rule.simple, rows)
            && track.is_calm()
        {
            match quiet_until(simple, row, next, until) {
                Quiet::Value(last) => {
                    track.pass(last);
                    at = last.at.0;
                    continue;
                }
                // The last slot without a point says the same as all before it.
                Quiet::Nothing(last) if last > next => {
                    at = last - step;
                    continue;
                }
                Quiet::Nothing(_) | Quiet::No => {}
            }
        }
        let complete = take(rule, rows, (at, next), &mut points);
        if !complete && next + step > until.over {
            break;
        }
        at = next;
        let now = track.slot(rule, Timestamp(at), &points);
        if now != standing {
            standing = now;
            told(track, Timestamp(at), now);
        }
    }
    at.max(from)
}

/// The grid: the finest of all inputs.
pub fn step_of(rule: &Rule, rows: &[Option<Slots>]) -> i64 {
    let now = rule.inputs.iter().zip(rows).filter(|(input, _)| input.earlier == 0);
    let steps = now.filter_map(|(_, row)| row.as_ref().map(|row| row.step));
    steps.min().or_else(|| rows.iter().flatten().map(|row| row.step).min()).unwrap_or(1)
}

/// The points of the slot that begins at the second time, the one before at the first. Is there one of each input
/// that should have one?
fn take(rule: &Rule, rows: &[Option<Slots>], (before, at): (i64, i64), points: &mut [Option<Point>]) -> bool {
    let mut complete = true;
    for ((input, row), point) in rule.inputs.iter().zip(rows).zip(points) {
        let slot = row.as_ref().and_then(|row| row.beginning(before - input.earlier, at - input.earlier));
        *point = slot.flatten().map(|point| Point { at: Timestamp(at), ..point });
        let due = row.as_ref().is_none_or(|row| at.rem_euclid(row.step) == 0);
        // What is looked at by an earlier clock was over long ago.
        complete &= point.is_some() || !due || input.earlier > 0;
    }
    complete
}

/// How the next slots are.
enum Quiet {
    /// They change nothing, up to the one of this value: slots without a point between them do not matter to a rule
    /// that looks at nothing but values.
    Value(Point),
    /// Up to the one that begins here there is no point at all. Not looked for again in each of them: a row of a day
    /// has 86,400.
    Nothing(i64),
    No,
}

fn quiet_until(simple: &super::rule::Simple, row: &Slots, next: i64, until: Until) -> Quiet {
    if (next - row.start) % row.step != 0 {
        return Quiet::No;
    }
    let slot = |at: i64| usize::try_from((at - row.start) / row.step).ok();
    let first = slot(next);
    let over = slot(until.last.min(until.over - row.step) + row.step);
    let values = match (first, over) {
        (Some(first), Some(over)) => row.values.get(first..over.min(row.values.len())),
        _ => None,
    };
    let quiet = values.map_or(&[][..], |values| {
        let count = values.iter().position(|value| !simple.quiet(*value)).unwrap_or(values.len());
        &values[..count]
    });
    let at = |index: usize| next + index as i64 * row.step;
    match quiet.iter().rposition(|value| !value.is_nan()) {
        Some(last) => Quiet::Value(Point { at: Timestamp(at(last)), value: quiet[last], weight: row.weight }),
        None if quiet.is_empty() => Quiet::No,
        None => Quiet::Nothing(at(quiet.len() - 1)),
    }
}
