//! Times as texts: `strftime` as the C library has it, in English.

use jiff::civil;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::attime;

/// Longest text that is made: none of use is longer.
const LONGEST: usize = 1_000;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A moment with the clock of a place.
#[derive(Clone, Debug)]
pub struct Clock {
    pub local: civil::DateTime,
    seconds_east: i32,
    zone: String,
}

impl Clock {
    pub fn at(time: Timestamp, zone: &TimeZone) -> Clock {
        let local = attime::civil(time, zone);
        let moment = jiff::Timestamp::from_second(time.0).unwrap_or_default();
        let offset = zone.to_offset_info(moment);
        Clock { local, seconds_east: offset.offset().seconds(), zone: offset.abbreviation().to_owned() }
    }

    /// The same clock, seconds later.
    pub fn later(&self, seconds: f64) -> Clock {
        let span = jiff::SignedDuration::from_secs(seconds as i64);
        Clock { local: self.local.checked_add(span).unwrap_or(self.local), ..self.clone() }
    }

    pub fn format(&self, format: &str) -> String {
        let mut out = String::new();
        self.push(&mut out, format);
        if let Some((end, _)) = out.char_indices().nth(LONGEST) {
            out.truncate(end);
        }
        out
    }

    fn push(&self, out: &mut String, format: &str) {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            if out.len() > 4 * LONGEST {
                return;
            }
            out.push_str(&rest[..at]);
            let Some(directive) = Directive::read(&rest[at..]) else {
                rest = &rest[at..];
                break;
            };
            match self.value(directive.letter, directive.padding) {
                Some(text) => directive.push(out, &text),
                // What is no directive stays as it is.
                None => out.push_str(&rest[at..at + directive.length]),
            }
            rest = &rest[at + directive.length..];
        }
        out.push_str(rest);
    }

    fn value(&self, letter: char, padding: Option<char>) -> Option<Text> {
        let (date, time) = (self.local.date(), self.local.time());
        let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
        let (hour, minute, second) =
            (i64::from(time.hour()), i64::from(time.minute()), i64::from(time.second()));
        let weekday = i64::from(date.weekday().to_sunday_zero_offset());
        let of_year = i64::from(date.day_of_year());
        let twelve = (hour + 11) % 12 + 1;
        let number = |value: i64, digits: usize| Some(Text::Number { value, digits, blank: false });
        let blank = |value: i64| Some(Text::Number { value, digits: 2, blank: true });
        let word = |text: &str| Some(Text::Word(text.to_owned()));
        let made = |format: &str| Some(Text::Word(self.format(format)));
        match letter {
            'a' => word(&DAYS[weekday as usize][..3]),
            'A' => word(DAYS[weekday as usize]),
            'b' | 'h' => word(&MONTHS[month as usize - 1][..3]),
            'B' => word(MONTHS[month as usize - 1]),
            'c' => made("%a %b %e %H:%M:%S %Y"),
            'C' => number(year.div_euclid(100), 2),
            'd' => number(day, 2),
            'D' | 'x' => made("%m/%d/%y"),
            'e' => blank(day),
            // Python's: a fraction of a second in six digits.
            'f' => word("000000"),
            'F' => made("%Y-%m-%d"),
            'g' => number(i64::from(date.iso_week_date().year()).rem_euclid(100), 2),
            'G' => number(i64::from(date.iso_week_date().year()), 1),
            'H' => number(hour, 2),
            'I' => number(twelve, 2),
            'j' => number(of_year, 3),
            'k' => blank(hour),
            'l' => blank(twelve),
            'm' => number(month, 2),
            'M' => number(minute, 2),
            'n' => word("\n"),
            'p' if padding != Some('#') => word(if hour < 12 { "AM" } else { "PM" }),
            'p' | 'P' => word(if hour < 12 { "am" } else { "pm" }),
            'r' => made("%I:%M:%S %p"),
            'R' => made("%H:%M"),
            // Python hands the C library the clock alone, which takes it for the server's: universal time.
            's' => number(
                self.local.duration_since(civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs(),
                1,
            ),
            'S' => number(second, 2),
            't' => word("\t"),
            'T' | 'X' => made("%H:%M:%S"),
            'u' => number(if weekday == 0 { 7 } else { weekday }, 1),
            'U' => number((of_year + 6 - weekday) / 7, 2),
            'V' => number(i64::from(date.iso_week_date().week()), 2),
            'w' => number(weekday, 1),
            'W' => number((of_year + 6 - (weekday + 6) % 7) / 7, 2),
            'y' => number(year.rem_euclid(100), 2),
            'Y' => number(year, 1),
            'z' => word(&self.offset()),
            'Z' => word(&self.zone),
            '%' => word("%"),
            _ => None,
        }
    }

    /// `+HHMM`
    fn offset(&self) -> String {
        let sign = if self.seconds_east < 0 { '-' } else { '+' };
        let minutes = self.seconds_east.abs() / 60;
        format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
    }
}

enum Text {
    Word(String),
    Number { value: i64, digits: usize, blank: bool },
}

/// `%`, flags, a width, `E` or `O`, a letter.
struct Directive {
    length: usize,
    letter: char,
    padding: Option<char>,
    upper: bool,
    width: usize,
}

impl Directive {
    fn read(text: &str) -> Option<Directive> {
        let body = text.strip_prefix('%')?;
        let flags = body.len() - body.trim_start_matches(['_', '-', '0', '^', '#']).len();
        let digits = body[flags..].bytes().take_while(u8::is_ascii_digit).count();
        let behind = &body[flags + digits..];
        let modifier = usize::from(behind.starts_with(['E', 'O']));
        let letter = behind[modifier..].chars().next()?;
        let flag = |wanted: &[char]| body[..flags].chars().rev().find(|flag| wanted.contains(flag));
        Some(Directive {
            length: 1 + flags + digits + modifier + letter.len_utf8(),
            letter,
            padding: flag(&['_', '-', '0']).or(flag(&['#'])),
            upper: flag(&['^']).is_some(),
            width: body[flags..flags + digits].parse().unwrap_or(0).min(LONGEST),
        })
    }

    fn push(&self, out: &mut String, text: &Text) {
        let (text, digits, filler) = match text {
            Text::Word(text) => (text.clone(), 0, if self.padding == Some('0') { '0' } else { ' ' }),
            Text::Number { value, digits, blank } => {
                let filler = match self.padding {
                    Some('_') => ' ',
                    Some('0') => '0',
                    _ if *blank => ' ',
                    _ => '0',
                };
                (value.to_string(), *digits, filler)
            }
        };
        let width = if self.padding == Some('-') { 0 } else { digits.max(self.width) };
        out.extend(std::iter::repeat_n(filler, width.saturating_sub(text.chars().count())));
        match self.upper {
            true => out.push_str(&text.to_uppercase()),
            false => out.push_str(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let zone = TimeZone::get("America/New_York").unwrap();
        // Monday, 2024-03-04 09:05:07 -0500
        let clock = Clock::at(Timestamp(1_709_561_107), &zone);
        let check = |format: &str, wanted: &str| assert_eq!(clock.format(format), wanted, "{format}");
        check("%H:%M:%S", "09:05:07");
        check("%a %b %e, %Y", "Mon Mar  4, 2024");
        check("%-d.%-m. %_H|%l|%k|%I%p%P", "4.3.  9| 9| 9|09AMam");
        check("%j %U %W %V %G %u %w %g", "064 09 10 10 2024 1 1 24");
        check("%D %F %T %R %r %c", "03/04/24 2024-03-04 09:05:07 09:05 09:05:07 AM Mon Mar  4 09:05:07 2024");
        check("%z %Z %% %C %y %^a %^B", "-0500 EST % 20 24 MON MARCH");
        check("%q %", "%q %");
        check("%5Y %010d %3H", "02024 0000000004 009");
        check("é%Sé", "é07é");
        assert_eq!(clock.format("%999999999d").len(), LONGEST);
        assert!(clock.format(&"%c".repeat(100_000)).len() <= LONGEST);
    }
}
