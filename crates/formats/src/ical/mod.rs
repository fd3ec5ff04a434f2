//! Calendars as programs exchange them (RFC 5545), as far as absences and shifts need it: the times of events, and what they are
//! called. What a time means in which zone is for whoever has clocks.
//!
//! | module | holds |
//! |---|---|
//! | [`rule`] | by which rule an event comes again |

pub mod rule;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use rule::{Frequency, OfDay, Rule};

/// No calendar of people has more; what lies beyond is counted.
pub const MAX_EVENTS: usize = 10_000;
/// Single times that one event is left out at, or comes at besides its rule.
pub const MAX_SINGLE: usize = 1_000;
/// So much is named of what is not understood, of an event and of a calendar.
pub const MAX_UNREAD: usize = 20;
/// No zone is called by a longer name.
const MAX_ZONE: usize = 100;
/// Bytes of what an event is called: the names of many people.
const MAX_SUMMARY: usize = 1_000;
/// What follows in a longer line are pictures and the like. The most single times are shorter.
const MAX_LINE: usize = 64 << 10;

/// `DTSTART;TZID=Europe/Berlin:20260105T090000`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// `20260105`, `20260105T090000` or `20260105T080000Z`
    pub text: String,
    pub zone: Option<String>,
}

impl Moment {
    /// A day without a time.
    pub fn is_day(&self) -> bool {
        self.text.len() == 8
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The same for a series and for the times of it that were moved.
    pub uid: String,
    /// What it is called.
    pub summary: String,
    /// It stands in the place of that time of the series of its name.
    pub instead_of: Option<Moment>,
    pub start: Moment,
    pub end: Option<Moment>,
    /// Seconds, if that is said instead of an end.
    pub duration: Option<i64>,
    pub cancelled: bool,
    /// Whoever has it in their calendar is free all the same.
    pub free: bool,
    pub rule: Option<Rule>,
    /// It comes at these times too.
    pub also: Vec<Moment>,
    /// It does not come at these.
    pub left_out: Vec<Moment>,
    /// What of it is not understood, in the calendar's words.
    pub unread: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    pub events: Vec<Event>,
    /// Events without a beginning, and what is beyond the most.
    pub left_out: usize,
}

/// Why it is no calendar.
pub fn read(text: &str) -> Result<Calendar, String> {
    let mut lines = unfolded(text.trim_start_matches('\u{feff}'));
    if !lines.next().is_some_and(|line| line.trim().eq_ignore_ascii_case("BEGIN:VCALENDAR")) {
        return Err("it is no calendar: it does not begin with BEGIN:VCALENDAR".to_owned());
    }
    let mut calendar = Calendar::default();
    // Within an event there are alarms, which have times too.
    let (mut event, mut inner): (Option<Event>, usize) = (None, 0);
    let mut is_over = false;
    for line in lines {
        let Some((name, parameters, value)) = property(&line) else { continue };
        let is = |word: &str| value.trim().eq_ignore_ascii_case(word);
        match (name.as_str(), &mut event) {
            ("BEGIN", None) if is("VEVENT") => event = Some(Event::default()),
            ("BEGIN", Some(_)) => inner += 1,
            ("END", Some(_)) if inner > 0 => inner -= 1,
            ("END", Some(_)) if is("VEVENT") => {
                let done = event.take().unwrap_or_default();
                let fits = !done.start.text.is_empty() && calendar.events.len() < MAX_EVENTS;
                match fits {
                    true => calendar.events.push(done),
                    false => calendar.left_out += 1,
                }
            }
            ("END", None) if is("VCALENDAR") => is_over = true,
            (_, Some(event)) if inner == 0 => event.enter(&name, &parameters, value.trim()),
            _ => {}
        }
    }
    // Half of a calendar would say that somebody is back.
    match is_over && event.is_none() {
        true => Ok(calendar),
        false => Err("it is cut off: there is no END:VCALENDAR".to_owned()),
    }
}

impl Event {
    fn enter(&mut self, name: &str, parameters: &[(String, String)], value: &str) {
        let parameter =
            |wanted: &str| parameters.iter().find(|(key, _)| key == wanted).map(|(_, it)| it.as_str());
        // Each of its times holds it.
        let zone = parameter("TZID").filter(|zone| zone.len() <= MAX_ZONE).map(str::to_owned);
        if let Some(long) = parameter("TZID").filter(|_| zone.is_none()) {
            self.not_understood(line_of("TZID", long));
        }
        let moment = |text: &str| Moment { text: text.trim().to_owned(), zone: zone.clone() };
        let word = value.to_ascii_uppercase();
        match name {
            "UID" => value.clone_into(&mut self.uid),
            "SUMMARY" => self.summary = unescaped(within(value, MAX_SUMMARY)),
            "DTSTART" => self.start = moment(value),
            "DTEND" => self.end = Some(moment(value)),
            "DURATION" => match duration(&word) {
                Some(seconds) => self.duration = Some(seconds),
                None => self.not_understood(line_of(name, value)),
            },
            "STATUS" => self.cancelled = word == "CANCELLED",
            "TRANSP" => self.free = word == "TRANSPARENT",
            "RECURRENCE-ID" => {
                self.instead_of = Some(moment(value));
                if let Some(range) = parameter("RANGE") {
                    self.not_understood(line_of("RANGE", range));
                }
            }
            "RRULE" if self.rule.is_some() => self.not_understood(line_of("a second RRULE", value)),
            "RRULE" => match Rule::read(&word) {
                Ok(rule) => self.rule = Some(rule),
                Err(why) => self.not_understood(why),
            },
            "RDATE" | "EXDATE"
                if parameter("VALUE").is_some_and(|kind| kind.eq_ignore_ascii_case("PERIOD")) =>
            {
                self.not_understood(line_of(name, "VALUE=PERIOD"));
            }
            "EXRULE" => self.not_understood(line_of(name, value)),
            "RDATE" | "EXDATE" => {
                let all = || value.split(',').map(str::trim).filter(|text| !text.is_empty());
                if let Some(wrong) = all().find(|text| !has_length_of_moment(text)) {
                    self.not_understood(line_of(name, wrong));
                }
                let times = if name == "RDATE" { &mut self.also } else { &mut self.left_out };
                let room = MAX_SINGLE.saturating_sub(times.len());
                times.extend(all().filter(|text| has_length_of_moment(text)).take(room).map(moment));
                if all().count() > room {
                    self.not_understood(format!("{name} beyond {MAX_SINGLE} times"));
                }
            }
            _ => {}
        }
    }

    fn not_understood(&mut self, what: String) {
        if self.unread.len() < MAX_UNREAD {
            self.unread.push(what);
        }
    }
}

/// `ana\, ben`: what a comma, a semicolon or the end of a line is in a text.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next().map(|next| if matches!(next, 'n' | 'N') { ' ' } else { next })),
            _ => out.push(letter),
        }
    }
    out
}

/// From `20260105` to `20260105T080000Z`.
fn has_length_of_moment(text: &str) -> bool {
    (8..=16).contains(&text.len())
}

/// As much of a line as somebody needs to find it.
fn line_of(name: &str, value: &str) -> String {
    let short: String = value.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("{name}:{short}")
}

/// A line that begins with a blank goes on the one before it.
fn unfolded(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).peekable();
    std::iter::from_fn(move || {
        let mut line = Cow::Borrowed(within(rest.next()?, MAX_LINE));
        while let Some(more) = rest.next_if(|next| next.starts_with([' ', '\t'])) {
            let room = MAX_LINE.saturating_sub(line.len());
            line.to_mut().push_str(within(&more[1..], room));
        }
        Some(line)
    })
}

/// Its first bytes, up to the end of a letter.
fn within(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

type Property<'l> = (String, Vec<(String, String)>, &'l str);

/// `NAME;KEY=value;KEY="va:lue":value`
fn property(line: &str) -> Option<Property<'_>> {
    let mut quoted = false;
    let colon = line.find(|c: char| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })?;
    let mut parts = line[..colon].split(';');
    let name = parts.next()?.trim().to_ascii_uppercase();
    let parameter = |part: &str| {
        let (key, value) = part.split_once('=')?;
        Some((key.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned()))
    };
    Some((name, parts.filter_map(parameter).collect(), &line[colon + 1..]))
}

/// `P1D`, `P2W`, `PT8H30M`
fn duration(text: &str) -> Option<i64> {
    let text = text.strip_prefix('+').unwrap_or(text).strip_prefix('P')?;
    let (mut seconds, mut number) = (0_i64, String::new());
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            'T' => continue,
            'W' => 604_800,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(seconds)
}
