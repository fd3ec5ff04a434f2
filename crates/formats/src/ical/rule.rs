//! By which rule an event comes again: `RRULE:FREQ=WEEKLY;BYDAY=FR;UNTIL=20261231`. What is not read here is told by its
//! name: a rule that is half understood would call somebody who is away.

use super::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// `FR`: each; `1FR`: the first of the month, `-1FR`: its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfDay {
    /// 0: each of them.
    pub which: i8,
    /// From Monday, which is 0.
    pub day: i8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub frequency: Frequency,
    /// Every so many of them; 1 at least.
    pub interval: i32,
    /// So often in all, from its beginning on.
    pub count: Option<u32>,
    /// Up to then and no later.
    pub until: Option<Moment>,
    pub days: Vec<OfDay>,
    /// 1 to 31, or from the end of the month: -1 is its last.
    pub days_of_month: Vec<i8>,
    pub months: Vec<i8>,
    /// Of all in one day, week, month or year only these: 1 is the first, -1 the last.
    pub positions: Vec<i16>,
    /// The day on which weeks begin, from Monday, which is 0.
    pub week_start: i8,
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/// An event that comes again less often comes once.
const MAX_INTERVAL: i32 = 10_000;
/// A year has no more days.
const MAX_LIST: usize = 366;

impl Rule {
    /// The text in capitals. The error names what is not understood.
    pub fn read(text: &str) -> Result<Rule, String> {
        let mut rule = Rule {
            frequency: Frequency::Daily,
            interval: 1,
            count: None,
            until: None,
            days: Vec::new(),
            days_of_month: Vec::new(),
            months: Vec::new(),
            positions: Vec::new(),
            week_start: 0,
        };
        let mut frequency = None;
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let unread = || super::line_of("RRULE", part);
            let (key, value) = part.split_once('=').ok_or_else(unread)?;
            match key {
                "FREQ" => frequency = Some(frequency_of(value).ok_or_else(unread)?),
                "INTERVAL" => rule.interval = number(value, 1, MAX_INTERVAL).ok_or_else(unread)?,
                "COUNT" => rule.count = Some(number(value, 1, u32::MAX).ok_or_else(unread)?),
                "UNTIL" => rule.until = Some(Moment { text: value.to_owned(), zone: None }),
                "BYDAY" => rule.days = list(value, of_day).ok_or_else(unread)?,
                "BYMONTHDAY" => rule.days_of_month = list(value, |it| signed(it, 31)).ok_or_else(unread)?,
                "BYMONTH" => rule.months = list(value, |it| number(it, 1, 12)).ok_or_else(unread)?,
                "BYSETPOS" => rule.positions = list(value, |it| signed(it, 366)).ok_or_else(unread)?,
                "WKST" => rule.week_start = day(value).ok_or_else(unread)?,
                _ => return Err(unread()),
            }
        }
        rule.frequency = frequency.ok_or_else(|| super::line_of("RRULE", text))?;
        match rule.fits() {
            true => Ok(rule),
            false => Err(super::line_of("RRULE", text)),
        }
    }

    /// What may be written and is not worked out: the third Friday of a year, the 13th of a week.
    fn fits(&self) -> bool {
        let numbered = self.days.iter().any(|day| day.which != 0);
        match self.frequency {
            Frequency::Daily => !numbered,
            Frequency::Weekly => !numbered && self.days_of_month.is_empty(),
            Frequency::Monthly => true,
            Frequency::Yearly => self.days.is_empty() || !self.months.is_empty(),
        }
    }
}

fn frequency_of(word: &str) -> Option<Frequency> {
    match word {
        "DAILY" => Some(Frequency::Daily),
        "WEEKLY" => Some(Frequency::Weekly),
        "MONTHLY" => Some(Frequency::Monthly),
        "YEARLY" => Some(Frequency::Yearly),
        _ => None,
    }
}

fn number<N: std::str::FromStr + PartialOrd>(text: &str, least: N, most: N) -> Option<N> {
    text.trim().parse().ok().filter(|number| least <= *number && *number <= most)
}

/// From the end too, and never 0.
fn signed<N: TryFrom<i16>>(text: &str, most: i16) -> Option<N> {
    let number = number(text, -most, most).filter(|number| *number != 0)?;
    N::try_from(number).ok()
}

fn list<T>(text: &str, one: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    if text.split(',').count() > MAX_LIST {
        return None;
    }
    text.split(',').map(|part| one(part.trim())).collect()
}

fn day(word: &str) -> Option<i8> {
    let place = DAYS.iter().position(|day| *day == word)?;
    i8::try_from(place).ok()
}

fn of_day(text: &str) -> Option<OfDay> {
    let split = text.len().checked_sub(2).filter(|split| text.is_char_boundary(*split))?;
    let which = match &text[..split] {
        "" => 0,
        number => signed(number, 5)?,
    };
    Some(OfDay { which, day: day(&text[split..])? })
}
