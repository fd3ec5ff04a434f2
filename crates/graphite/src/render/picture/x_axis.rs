//! Which moments are marked on the time axis.

use jiff::civil;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::clock::Clock;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Marks for pictures in which a pixel is this many seconds, or more, of a range up to a length. The original
/// has the figures from rrdtool.
struct Marks {
    seconds_per_pixel: f64,
    minor: Interval,
    major: Interval,
    label: Interval,
    format: &'static str,
    longest: i64,
}

#[derive(Clone, Copy, Debug)]
struct Interval {
    unit: i64,
    count: f64,
}

const fn marks(
    seconds_per_pixel: f64,
    minor: (i64, f64),
    major: (i64, f64),
    label: (i64, f64),
    format: &'static str,
    longest: i64,
) -> Marks {
    Marks {
        seconds_per_pixel,
        minor: every(minor),
        major: every(major),
        label: every(label),
        format,
        longest,
    }
}

const fn every((unit, count): (i64, f64)) -> Interval {
    Interval { unit, count }
}

const SECONDS: &str = "%H:%M:%S";
const MINUTES: &str = "%H:%M";
const DAYS: &str = "%m/%d";
const YEARS: &str = "%m/%d %Y";
const ANY: i64 = i64::MAX;

#[rustfmt::skip]
const CHOICES: [Marks; 23] = [
    marks(0.0, (1, 5.0), (MINUTE, 1.0), (1, 5.0), SECONDS, 10 * MINUTE),
    marks(0.07, (1, 10.0), (MINUTE, 1.0), (1, 10.0), SECONDS, 20 * MINUTE),
    marks(0.14, (1, 15.0), (MINUTE, 1.0), (1, 15.0), SECONDS, 30 * MINUTE),
    marks(0.27, (1, 30.0), (MINUTE, 2.0), (MINUTE, 1.0), MINUTES, 2 * HOUR),
    marks(0.5, (MINUTE, 1.0), (MINUTE, 2.0), (MINUTE, 1.0), MINUTES, 2 * HOUR),
    marks(1.2, (MINUTE, 1.0), (MINUTE, 4.0), (MINUTE, 2.0), MINUTES, 3 * HOUR),
    marks(2.0, (MINUTE, 1.0), (MINUTE, 10.0), (MINUTE, 5.0), MINUTES, 6 * HOUR),
    marks(5.0, (MINUTE, 2.0), (MINUTE, 10.0), (MINUTE, 10.0), MINUTES, 12 * HOUR),
    marks(10.0, (MINUTE, 5.0), (MINUTE, 20.0), (MINUTE, 20.0), MINUTES, DAY),
    marks(30.0, (MINUTE, 10.0), (HOUR, 1.0), (HOUR, 1.0), MINUTES, 2 * DAY),
    marks(60.0, (MINUTE, 30.0), (HOUR, 2.0), (HOUR, 2.0), MINUTES, 2 * DAY),
    marks(100.0, (HOUR, 2.0), (HOUR, 4.0), (HOUR, 4.0), "%a %H:%M", 6 * DAY),
    marks(255.0, (HOUR, 6.0), (HOUR, 12.0), (HOUR, 12.0), "%m/%d %H:%M", 10 * DAY),
    marks(600.0, (HOUR, 6.0), (DAY, 1.0), (DAY, 1.0), DAYS, 14 * DAY),
    marks(1_000.0, (HOUR, 12.0), (DAY, 1.0), (DAY, 1.0), DAYS, 365 * DAY),
    marks(2_000.0, (DAY, 1.0), (DAY, 2.0), (DAY, 2.0), DAYS, 365 * DAY),
    marks(4_000.0, (DAY, 2.0), (DAY, 4.0), (DAY, 4.0), DAYS, 365 * DAY),
    marks(8_000.0, (DAY, 3.5), (DAY, 7.0), (DAY, 7.0), DAYS, 365 * DAY),
    marks(16_000.0, (DAY, 7.0), (DAY, 14.0), (DAY, 14.0), DAYS, 365 * DAY),
    marks(32_000.0, (DAY, 15.0), (DAY, 30.0), (DAY, 30.0), DAYS, 365 * DAY),
    marks(64_000.0, (DAY, 30.0), (DAY, 60.0), (DAY, 60.0), YEARS, ANY),
    marks(100_000.0, (DAY, 60.0), (DAY, 120.0), (DAY, 120.0), YEARS, ANY),
    marks(120_000.0, (DAY, 120.0), (DAY, 240.0), (DAY, 240.0), YEARS, ANY),
];

/// Seconds after the start of the picture.
pub type Offset = f64;

pub struct XAxis {
    pub minor: Vec<Offset>,
    pub major: Vec<Offset>,
    pub labels: Vec<(Offset, String)>,
    pub pixels_per_second: f64,
}

impl XAxis {
    /// The clock of the whole axis is that of its start: a change to summer time does not move the marks.
    pub fn new(start: Timestamp, end: Timestamp, width: f64, zone: &TimeZone, format: Option<&str>) -> XAxis {
        let range = end.0 - start.0;
        let seconds_per_pixel = range as f64 / width;
        let fits = |choice: &&Marks| choice.seconds_per_pixel <= seconds_per_pixel && choice.longest >= range;
        let choice = CHOICES.iter().rev().find(fits).unwrap_or(&CHOICES[CHOICES.len() - 1]);
        let clock = Clock::at(start, zone);
        let moments = |interval: Interval| moments(clock.local, interval, range);
        let format = format.unwrap_or(choice.format);
        let label = |offset: Offset| (offset, clock.later(offset).format(format));
        XAxis {
            minor: moments(choice.minor).collect(),
            major: moments(choice.major).collect(),
            labels: moments(choice.label).map(label).collect(),
            pixels_per_second: width / range as f64,
        }
    }
}

/// Multiples of the interval, counted within the next larger unit (days from the first midnight on), that are
/// in the range.
fn moments(start: civil::DateTime, interval: Interval, range: i64) -> impl Iterator<Item = Offset> {
    let Interval { unit, count } = interval;
    let seconds =
        i64::from(start.hour()) * HOUR + i64::from(start.minute()) * MINUTE + i64::from(start.second());
    let since = match unit {
        1 => i64::from(start.second()) % count as i64,
        MINUTE => {
            seconds % HOUR - (seconds % HOUR / MINUTE - i64::from(start.minute()) % count as i64) * MINUTE
        }
        HOUR => seconds - (seconds / HOUR - i64::from(start.hour()) % count as i64) * HOUR,
        _ => seconds,
    };
    let step = unit as f64 * count;
    let first = if since > 0 { step - since as f64 } else { 0.0 };
    // A range of hundreds of years has a few hundred marks of 120 days.
    (0..)
        .map(move |index: u32| first + f64::from(index) * step)
        .take_while(move |offset| *offset < range as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_ranges() {
        let check = |start: i64, length: i64, width: f64, zone: &str, first: &str, count: usize| {
            let zone = TimeZone::get(zone).unwrap();
            let axis = XAxis::new(Timestamp(start), Timestamp(start + length), width, &zone, None);
            assert_eq!(axis.labels[0].1, first);
            assert_eq!(axis.labels.len(), count);
        };
        check(1_700_000_000, 3_600, 300.0, "UTC", "22:20", 3);
        check(1_700_000_000, 86_400, 300.0, "UTC", "11/15 00:00", 2);
        check(1_700_000_000, 86_400, 300.0, "Asia/Kolkata", "11/15 12:00", 2);
        check(1_700_000_000, 60, 300.0, "UTC", "22:13:30", 4);
        check(1_700_000_000, 400 * 86_400, 300.0, "UTC", "03/13 2024", 3);
    }

    #[test]
    fn first_marks() {
        let check = |clock: &str, unit: i64, count: f64, wanted: f64| {
            let first = moments(clock.parse().unwrap(), Interval { unit, count }, i64::MAX).next();
            assert_eq!(first, Some(wanted), "{clock}");
        };
        check("2024-02-29T10:07:23", 1, 15.0, 7.0);
        check("2024-02-29T10:07:23", MINUTE, 5.0, 157.0);
        check("2024-02-29T10:05:00", MINUTE, 5.0, 0.0);
        check("2024-02-29T10:00:01", HOUR, 4.0, 7_199.0);
        check("2024-02-29T10:00:00", DAY, 3.5, 3.0 * 86_400.0 + 2.0 * 3_600.0);
    }
}
