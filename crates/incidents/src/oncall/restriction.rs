//! The hours of a week in which a layer has somebody: `monday-friday 09:00-17:00`, `22:00-06:00`,
//! `friday 17:00 - monday 09:00`, `saturday, sunday`.

use vocabulary::Timestamp;

use super::wall::{DAY, FIRST_MONDAY, WEEK, Wall, Zone};

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const EXAMPLES: &str =
    "write it as \"monday-friday 09:00-17:00\", \"22:00-06:00\" or \"friday 17:00 - monday 09:00\"";

/// Comes back each week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// From Monday 00:00.
    pub start: i64,
    pub seconds: i64,
}

impl Window {
    /// What begins in this week and the two around it.
    fn near(self, wall: Wall) -> impl Iterator<Item = (Wall, Wall)> {
        let week = (wall.0 - FIRST_MONDAY - self.start).div_euclid(WEEK);
        (week - 1..=week + 1).map(move |week| {
            let start = Wall(FIRST_MONDAY + week * WEEK + self.start);
            (start, start.plus(self.seconds))
        })
    }

    pub fn holds(self, zone: &Zone, at: Timestamp) -> bool {
        let wall = zone.wall(at);
        // No zone has ever changed its clocks by more than a day, so that most need no further look.
        let mut near =
            self.near(wall).filter(|(start, end)| start.plus(-DAY) <= wall && wall <= end.plus(DAY));
        near.any(|(start, end)| zone.begins(start) <= at && at < zone.ends(end))
    }

    /// Where it begins and ends between these moments.
    pub fn borders(self, zone: &Zone, from: Timestamp, until: Timestamp, out: &mut Vec<Timestamp>) {
        let (first, last) = (zone.wall(from), zone.wall(until));
        let week = |wall: Wall| (wall.0 - FIRST_MONDAY - self.start).div_euclid(WEEK);
        for week in week(first) - 1..=week(last) + 1 {
            let start = Wall(FIRST_MONDAY + week * WEEK + self.start);
            out.push(zone.begins(start));
            out.push(zone.ends(start.plus(self.seconds)));
        }
    }

    /// By the clock on the wall: is any of it between these?
    pub fn touches(self, from: Wall, until: Wall) -> bool {
        until.0 - from.0 >= WEEK || self.near(from).any(|(start, end)| start < until && from < end)
    }
}

pub(crate) fn day(name: &str) -> Option<i64> {
    let name = name.trim().to_ascii_lowercase();
    let found = DAYS.iter().position(|day| *day == name || (name.len() == 3 && day.starts_with(&name)))?;
    i64::try_from(found).ok()
}

/// `09:00`, also `24:00`.
pub(crate) fn time(text: &str) -> Option<i64> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str| {
        text.parse::<i64>()
            .ok()
            .filter(|_| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (minutes < 60 && (hours < 24 || (hours == 24 && minutes == 0))).then_some(hours * 3_600 + minutes * 60)
}

pub(crate) fn read(line: &str) -> Result<Vec<Window>, String> {
    let wrong = || format!("`{line}` is no part of a week: {EXAMPLES}");
    if let Some((from, until)) = line.split_once(" - ")
        && let (Some(from), Some(until)) = (moment(from), moment(until))
    {
        return Ok(vec![window(from, until)]);
    }
    let (days, hours) = match line.trim().rsplit_once(char::is_whitespace) {
        Some((days, hours)) if hours.contains(':') => (days, hours),
        _ if line.contains(':') => ("monday-sunday", line),
        _ => (line, "00:00-24:00"),
    };
    let (from, until) = hours.split_once('-').ok_or_else(wrong)?;
    let (from, until) = (time(from).ok_or_else(wrong)?, time(until).ok_or_else(wrong)?);
    if from == until {
        return Err(format!("`{line}` is no time at all, as it ends where it begins: {EXAMPLES}"));
    }
    let seconds = if until > from { until - from } else { until + DAY - from };
    let days = days_of(days).ok_or_else(wrong)?;
    Ok(days.into_iter().map(|day| Window { start: day * DAY + from, seconds }).collect())
}

/// `friday 17:00`
fn moment(text: &str) -> Option<i64> {
    let (name, hour) = text.trim().split_once(char::is_whitespace)?;
    Some(day(name)? * DAY + time(hour)?)
}

fn window(from: i64, until: i64) -> Window {
    let seconds = (until - from).rem_euclid(WEEK);
    Window { start: from, seconds: if seconds == 0 { WEEK } else { seconds } }
}

/// `monday-friday`, `saturday, sunday`, `sat-mon`
fn days_of(text: &str) -> Option<Vec<i64>> {
    let mut days = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => {
                let (first, last) = (day(first)?, day(last)?);
                days.extend((0..=(last - first).rem_euclid(7)).map(|n| (first + n) % 7));
            }
            None => days.push(day(part)?),
        }
    }
    days.sort_unstable();
    days.dedup();
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_week_are_read() {
        let check = |line: &str, first: Option<(i64, i64)>, count: usize| {
            let read = read(line).unwrap_or_default();
            let hours = |window: &Window| (window.start / 3_600, window.seconds / 3_600);
            assert_eq!((read.first().map(hours), read.len()), (first, count), "{line}");
        };
        check("monday-friday 09:00-17:00", Some((9, 8)), 5);
        check("22:00-06:00", Some((22, 8)), 7);
        check("friday 17:00 - monday 09:00", Some((113, 64)), 1);
        check("sat,sun", Some((120, 24)), 2);
        check("Saturday, Sunday 8:00-24:00", Some((128, 16)), 2);
        check("sun-mon 00:00-24:00", Some((0, 24)), 2);
        for wrong in ["", "09:00", "someday", "monday 25:00-26:00", "09:00-09:00", "monday 9-17", "1:-2:00"] {
            check(wrong, None, 0);
        }
    }
}
