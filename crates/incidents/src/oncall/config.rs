//! `[[schedule]]`: who is on call when, as people write it, and what is wrong with it.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use vocabulary::secret::{HIDDEN, Secret};

use super::restriction;
use super::wall::{DAY, WEEK, Wall};
use crate::limits::{MAX_LAYER_PEOPLE, MAX_LAYERS, MAX_RESTRICTIONS, MAX_ROTATION_HOURS};

/// `[[schedule]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    pub name: String,
    /// Of all its times, such as `Europe/Berlin`; empty: this machine's.
    pub time_zone: String,
    /// It is fine that nobody is on call at times.
    pub may_be_empty: bool,
    /// The topmost first: it goes before those below it.
    pub layer: Vec<LayerConfig>,
}

/// `[[schedule.layer]]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// In the order of their turns.
    pub people: Vec<String>,
    /// How long a turn is: `daily`, `weekly`, `8h`, `2 weeks`.
    pub rotation: String,
    /// When the first turn begins: a date, or a date and a time.
    pub start: String,
    /// When turns change: `09:00`, or `monday 09:00`.
    pub handoff: String,
    /// The parts of a week in which it has somebody; empty: always.
    pub restrictions: Vec<String>,
    pub advance: Advance,
    /// If it is another than the schedule's: of those who live elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Where its turns stand, in the place of a rotation: the address of a calendar (iCalendar), or a file with its whole
    /// path. Its events name people of the layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Secret>,
}

/// What a turn is counted by, in a layer with restrictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Advance {
    /// Turns go by whether or not anybody works in them, as PagerDuty's do.
    #[default]
    Calendar,
    /// Only turns in which somebody works are given to somebody.
    Worked,
}

/// A layer's words, understood. The times are those of clocks on the wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turns {
    pub seconds: i64,
    /// Where the turn begins that the start lies in.
    pub anchor: Wall,
    pub start: Wall,
    pub end: Option<Wall>,
}

const HOUR: i64 = 3_600;
const USUAL_HANDOFF: i64 = 9 * HOUR;

pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| format!("`{name}` is no time zone that is known: write one such as \"Europe/Berlin\""))
}

/// The length of a turn in seconds of the wall clock.
pub(crate) fn rotation(text: &str) -> Result<i64, String> {
    let wrong =
        || format!("`{text}` is no length of a turn: write \"daily\", \"weekly\", \"8h\" or \"2 weeks\"");
    let word = text.trim().to_ascii_lowercase();
    let split = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (count, unit) = (word[..split].trim(), word[split..].trim());
    let seconds = match (count.is_empty(), unit) {
        (true, "hourly") | (false, "h" | "hour" | "hours") => HOUR,
        (true, "daily") | (false, "d" | "day" | "days") => DAY,
        (true, "weekly") | (false, "w" | "week" | "weeks") => WEEK,
        _ => return Err(wrong()),
    };
    let count = if count.is_empty() { 1 } else { count.parse::<i64>().map_err(|_| wrong())? };
    match count.checked_mul(seconds / HOUR) {
        Some(hours) if (1..=MAX_ROTATION_HOURS).contains(&hours) => Ok(hours * HOUR),
        _ => Err(format!("a turn lasts from one hour to {} weeks", MAX_ROTATION_HOURS / 168)),
    }
}

/// (day of the week, time)
fn handoff(text: &str) -> Result<(Option<i64>, i64), String> {
    let wrong = || format!("`{text}` is no time of a handoff: write \"09:00\" or \"monday 09:00\"");
    let text = text.trim();
    if text.is_empty() {
        return Ok((None, USUAL_HANDOFF));
    }
    let (day, time) = match text.split_once(char::is_whitespace) {
        Some((day, time)) => (Some(restriction::day(day).ok_or_else(wrong)?), time),
        None => (None, text),
    };
    let time = restriction::time(time).filter(|time| *time < DAY).ok_or_else(wrong)?;
    Ok((day, time))
}

/// A date alone is meant at the time of the handoff.
fn moment(text: &str, handoff: i64) -> Result<Wall, String> {
    let text = text.trim();
    if let Ok(date) = text.parse::<Date>()
        && text.len() <= 10
    {
        return Ok(Wall::of(date.to_datetime(jiff::civil::Time::midnight())).plus(handoff));
    }
    let read = text.replacen(' ', "T", 1).parse::<DateTime>();
    read.map(Wall::of)
        .map_err(|_| format!("`{text}` is no date: write \"2026-01-05\" or \"2026-01-05 09:00\""))
}

impl LayerConfig {
    pub(crate) fn turns(&self) -> Result<Turns, (&'static str, String)> {
        let seconds = rotation(&self.rotation).map_err(|why| ("rotation", why))?;
        let (day, time) = handoff(&self.handoff).map_err(|why| ("handoff", why))?;
        if day.is_some() && seconds % WEEK != 0 {
            let why = "a handoff on a day of the week is for turns of whole weeks: write the time alone";
            return Err(("handoff", why.into()));
        }
        let start = moment(&self.start, time).map_err(|why| ("start", why))?;
        let end = self.end.as_deref().map(|end| moment(end, time)).transpose().map_err(|why| ("end", why))?;
        if end.is_some_and(|end| end <= start) {
            return Err(("end", "it lies before the start".into()));
        }
        Ok(Turns { seconds, anchor: anchor(start, day, time, seconds), start, end })
    }

    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = match self.calendar {
            Some(_) => self.problems_beside_a_calendar(),
            None => self.turns().err().map(|(key, why)| (key.to_owned(), why)).into_iter().collect(),
        };
        if self.people.is_empty() {
            problems.push(("people".into(), "a layer needs people: name one at least".into()));
        }
        if self.people.len() > MAX_LAYER_PEOPLE {
            problems.push(("people".into(), format!("a layer has {MAX_LAYER_PEOPLE} turns at most")));
        }
        if self.people.iter().any(|name| name.trim().is_empty()) {
            problems.push(("people".into(), "a name is empty".into()));
        }
        if self.restrictions.len() > MAX_RESTRICTIONS {
            problems.push(("restrictions".into(), format!("there are {MAX_RESTRICTIONS} at most")));
        }
        let lines = self.restrictions.iter().enumerate();
        let wrong = lines.filter_map(|(line, text)| Some((line, restriction::read(text).err()?)));
        problems.extend(wrong.map(|(line, why)| (format!("restrictions.{line}"), why)));
        problems.extend(
            self.time_zone.as_deref().and_then(|name| zone(name).err()).map(|why| ("time_zone".into(), why)),
        );
        problems
    }

    /// The calendar says when whose turn it is, and nothing else does.
    fn problems_beside_a_calendar(&self) -> Vec<(String, String)> {
        let written = [
            ("rotation", !self.rotation.is_empty()),
            ("start", !self.start.is_empty()),
            ("handoff", !self.handoff.is_empty()),
            ("end", self.end.is_some()),
            ("restrictions", !self.restrictions.is_empty()),
            ("advance", self.advance != Advance::default()),
        ];
        let why = "says what the events of its `calendar` say: leave one of them out";
        let mut problems: Vec<(String, String)> = written
            .into_iter()
            .filter(|(_, is_written)| *is_written)
            .map(|(key, _)| (key.to_owned(), why.to_owned()))
            .collect();
        if self.name.trim().is_empty() {
            let why = "a layer with a `calendar` needs a name, by which its turns are kept";
            problems.push(("name".into(), why.into()));
        }
        problems
    }
}

/// The last handoff until the start.
fn anchor(start: Wall, day: Option<i64>, time: i64, seconds: i64) -> Wall {
    let (step, phase) = match day {
        Some(day) => (WEEK, super::wall::FIRST_MONDAY + day * DAY + time),
        None => (seconds.min(DAY), start.0 - start.0.rem_euclid(DAY) + time),
    };
    Wall(phase + (start.0 - phase).div_euclid(step) * step)
}

impl ScheduleConfig {
    /// As (key below the table, what is wrong and how to mend it).
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push(("name".to_owned(), "a schedule needs a name, such as \"web\"".to_owned()));
        }
        if self.name.len() > crate::limits::MAX_ONCALL_NAME || self.name.contains(['/', ':', '\n']) {
            let bound = crate::limits::MAX_ONCALL_NAME;
            problems
                .push(("name".into(), format!("a name has {bound} bytes at most, and no `/` and `:` in it")));
        }
        if !self.time_zone.is_empty() {
            problems.extend(zone(&self.time_zone).err().map(|why| ("time_zone".into(), why)));
        }
        if self.layer.is_empty() {
            problems.push(("name".into(), "a schedule needs a layer: write a [[schedule.layer]]".into()));
        }
        if self.layer.len() > MAX_LAYERS {
            problems.push(("layer".into(), format!("a schedule has {MAX_LAYERS} layers at most")));
        }
        for (index, layer) in self.layer.iter().enumerate() {
            let found = layer.problems().into_iter();
            problems.extend(found.map(|(key, why)| (format!("layer.{index}.{key}"), why)));
        }
        let (places, names): (Vec<usize>, Vec<&str>) =
            self.with_calendars().map(|(index, layer)| (index, layer.name.as_str())).unzip();
        let twice = twice(names.into_iter()).into_iter();
        problems.extend(twice.map(|(place, why)| (format!("layer.{}.name", places[place]), why)));
        problems
    }

    /// Layers whose turns stand in a calendar.
    pub fn with_calendars(&self) -> impl Iterator<Item = (usize, &LayerConfig)> {
        self.layer.iter().enumerate().filter(|(_, layer)| layer.calendar.is_some())
    }

    /// Where calendars stand is a secret, which whoever fetches them needs, and nobody else: it is in no version that is kept,
    /// and another address is no other version.
    pub fn without_addresses(mut self) -> ScheduleConfig {
        for place in self.layer.iter_mut().filter_map(|layer| layer.calendar.as_mut()) {
            *place = Secret(HIDDEN.to_owned());
        }
        self
    }
}

/// A key with the place that people count: `layer.0.restrictions.1 (layer 1 `nights`, line 2)`.
pub(super) fn place_of<'n>(key: &str, name: impl Fn(usize) -> Option<&'n str>) -> String {
    let mut parts = key.split('.');
    let number = |part: &str| part.parse::<usize>().ok();
    let (Some(list), Some(index)) = (parts.next(), parts.next().and_then(number)) else {
        return key.to_owned();
    };
    let name =
        name(index).filter(|name| !name.is_empty()).map(|name| format!(" `{name}`")).unwrap_or_default();
    let line =
        parts.next_back().and_then(number).map(|line| format!(", line {}", line + 1)).unwrap_or_default();
    format!("{key} ({list} {}{name}{line})", index + 1)
}

impl ScheduleConfig {
    pub(super) fn place_of(&self, key: &str) -> String {
        place_of(key, |index| self.layer.get(index).map(|layer| layer.name.as_str()))
    }
}

/// Two of one name.
pub fn twice<'n>(names: impl Iterator<Item = &'n str>) -> Vec<(usize, String)> {
    let mut seen = std::collections::HashSet::new();
    let second = names.enumerate().filter(|(_, name)| !name.is_empty() && !seen.insert(name.to_owned()));
    second
        .map(|(index, name)| (index, format!("`{name}` is defined twice: give each its own name")))
        .collect()
}
