//! One line of a time period, such as `monday 09:00-17:00` or `2026-12-24 - 2026-12-31 / 2 00:00-24:00`.

use jiff::civil::{Date, Weekday};

use super::{Day, Exception, Span};

#[derive(Clone, Debug)]
pub enum Line {
    Weekday(Weekday, Vec<Span>),
    Exception(Exception),
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("sunday", Weekday::Sunday),
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const FORMS: &str = "write a day (`monday`, `2026-12-24`, `december 24`, `day -1`, `monday 3`, `monday 3 may`, two of \
                     them with ` - ` between), perhaps ` / 2` for each second day, then times such as `09:00-17:00,18:00-24:00`";

pub fn read_line(line: &str) -> Result<Line, String> {
    let wrong = |what: &str| format!("`{line}`: {what}; {FORMS}");
    let text = line.trim().to_ascii_lowercase();
    let (days, times) = split_times(&text).ok_or_else(|| wrong("the times are missing"))?;
    let spans = read_spans(times).map_err(|problem| wrong(&problem))?;
    let (days, skip) = match days.split_once('/') {
        Some((days, skip)) => (
            days,
            skip.trim()
                .parse()
                .ok()
                .filter(|skip| *skip > 0)
                .ok_or_else(|| wrong("a positive number belongs behind the `/`"))?,
        ),
        None => (days, 0),
    };
    if let Some(weekday) = weekday(days.trim()) {
        if skip != 0 {
            return Err(wrong("a plain weekday takes no `/`"));
        }
        return Ok(Line::Weekday(weekday, spans));
    }
    let (first, last) = read_days(days).ok_or_else(|| wrong("the day is not understood"))?;
    Ok(Line::Exception(Exception { first, last, skip, spans }))
}

/// The times begin with the word that holds the first colon.
fn split_times(text: &str) -> Option<(&str, &str)> {
    let colon = text.find(':')?;
    let digits = text[..colon].bytes().rev().take_while(u8::is_ascii_digit).count();
    let (days, times) = text.split_at(colon - digits);
    (!days.is_empty()).then_some((days, times))
}

fn read_spans(text: &str) -> Result<Vec<Span>, String> {
    let mut spans = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (start, end) = part.split_once('-').ok_or_else(|| format!("`{part}` has no end"))?;
        let (start, end) = (read_time(start)?, read_time(end)?);
        if end < start {
            return Err(format!(
                "`{part}` ends before it begins: write it as two, up to 24:00 and from 00:00"
            ));
        }
        // `00:00-00:00` takes the day out.
        if end > 0 {
            spans.push(Span { start, end });
        }
    }
    Ok(spans)
}

fn read_time(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{}` is not a time of day from 00:00 to 24:00", text.trim());
    let (hours, minutes) = text.trim().split_once(':').ok_or_else(wrong)?;
    // A third part, seconds, is not looked at by Nagios.
    let minutes = minutes.split(':').next().unwrap_or(minutes);
    let (hours, minutes): (u32, u32) =
        (hours.parse().map_err(|_| wrong())?, minutes.parse().map_err(|_| wrong())?);
    if hours > 24 || minutes > 59 || (hours == 24 && minutes > 0) {
        return Err(wrong());
    }
    Ok(i64::from(hours * 3600 + minutes * 60))
}

fn read_days(text: &str) -> Option<(Day, Day)> {
    let Some((first, last)) = text.split_once(" - ") else {
        let day = read_day(text.trim())?;
        return Some((day, day));
    };
    let first = read_day(first.trim())?;
    let last = last.trim();
    // `february 3 - 5` leaves out the word of the second.
    let last = match (first, last.parse::<i32>()) {
        (Day::OfYear(month, _), Ok(day)) => Day::OfYear(month, day),
        (Day::OfMonth(_), Ok(day)) => Day::OfMonth(day),
        (Day::WeekdayOfMonth(weekday, _), Ok(nth)) => Day::WeekdayOfMonth(weekday, nth),
        (_, Ok(_)) => return None,
        (_, Err(_)) => read_day(last)?,
    };
    (std::mem::discriminant(&first) == std::mem::discriminant(&last)).then_some((first, last))
}

fn read_day(text: &str) -> Option<Day> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        [date] => read_date(date).map(Day::Date),
        ["day", number] => number.parse().ok().map(Day::OfMonth),
        [word, number] => {
            let number = number.parse().ok()?;
            match (weekday(word), month(word)) {
                (Some(weekday), _) => Some(Day::WeekdayOfMonth(weekday, number)),
                (None, Some(month)) => Some(Day::OfYear(month, number)),
                (None, None) => None,
            }
        }
        [word, number, of] => Some(Day::WeekdayOfYear(month(of)?, weekday(word)?, number.parse().ok()?)),
        _ => None,
    }
}

fn read_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year: i16 = parts.next()?.parse().ok().filter(|year| *year > 0)?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Date::new(year, month, day).ok()
}

fn weekday(word: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(name, _)| *name == word).map(|(_, day)| *day)
}

fn month(word: &str) -> Option<i8> {
    MONTHS.iter().position(|name| *name == word).map(|index| index as i8 + 1)
}
