//! Dates and times of day that match, in local time and beyond its jumps. What cron expressions and OnCalendar share.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp as Instant, ToSpan};

/// A set of small numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits(pub u64);

impl Bits {
    pub fn of(numbers: impl IntoIterator<Item = u32>) -> Bits {
        Bits(numbers.into_iter().fold(0, |bits, number| bits | 1 << number))
    }

    pub fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| number < 64 && self.0 >> number & 1 == 1)
    }

    pub fn union(self, other: Bits) -> Bits {
        Bits(self.0 | other.0)
    }

    /// The smallest that is not below this.
    pub fn from(self, number: i8) -> Option<i8> {
        let above = self.0.checked_shr(u32::try_from(number).ok()?)?;
        (above != 0).then(|| number + above.trailing_zeros() as i8)
    }
}

/// Hours, minutes and seconds at which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimesOfDay {
    pub hours: Bits,
    pub minutes: Bits,
    pub seconds: Bits,
}

impl TimesOfDay {
    /// The first that is not before this time, on the same day.
    fn from(&self, time: Time) -> Option<Time> {
        let at = |hour: i8, minute: i8, second: i8| Time::new(hour, minute, second, 0).ok();
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        if self.hours.has(hour) {
            if self.minutes.has(minute)
                && let Some(second) = self.seconds.from(second)
            {
                return at(hour, minute, second);
            }
            if let Some(minute) = self.minutes.from(minute + 1).filter(|_| minute < 59) {
                return at(hour, minute, self.seconds.from(0)?);
            }
        }
        let hour = self.hours.from(hour + 1).filter(|_| hour < 23)?;
        at(hour, self.minutes.from(0)?, self.seconds.from(0)?)
    }
}

/// The first matching date and time after this one, none from `end` on.
pub fn next(
    after: DateTime,
    end: i16,
    times: &TimesOfDay,
    mut next_date: impl FnMut(Date) -> Option<Date>,
) -> Option<DateTime> {
    let from = after.checked_add(1.second()).ok()?;
    let mut date = next_date(from.date())?;
    let mut time = if date == from.date() { from.time() } else { Time::midnight() };
    loop {
        if date.year() >= end {
            return None;
        }
        if let Some(time) = times.from(time) {
            return Some(date.to_datetime(time));
        }
        date = next_date(date.tomorrow().ok()?)?;
        time = Time::midnight();
    }
}

pub fn local(zone: &TimeZone, seconds: i64) -> Option<DateTime> {
    Some(zone.to_datetime(Instant::from_second(seconds).ok()?))
}

/// When a local time is: of one that comes twice the first, of one that is left out nothing but the end of its gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    At(i64),
    /// Left out; the clocks show a later time from this moment on.
    Gap(i64),
}

pub fn moment(zone: &TimeZone, time: DateTime) -> Option<Moment> {
    let instant = |offset: jiff::tz::Offset| offset.to_timestamp(time).ok();
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some(Moment::At(instant(offset)?.as_second())),
        AmbiguousOffset::Fold { before, .. } => Some(Moment::At(instant(before)?.as_second())),
        AmbiguousOffset::Gap { after, .. } => {
            let jump = zone.following(instant(after)?).next()?;
            Some(Moment::Gap(jump.timestamp().as_second()))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    #[test]
    fn times_of_day_follow_each_other() {
        let times =
            TimesOfDay { hours: Bits::of([2, 23]), minutes: Bits::of([0, 59]), seconds: Bits::of([0, 30]) };
        let check = |from: Time, wanted: Option<Time>| assert_eq!(times.from(from), wanted, "{from}");
        check(time(0, 0, 0, 0), Some(time(2, 0, 0, 0)));
        check(time(2, 0, 1, 0), Some(time(2, 0, 30, 0)));
        check(time(2, 0, 31, 0), Some(time(2, 59, 0, 0)));
        check(time(2, 59, 31, 0), Some(time(23, 0, 0, 0)));
        check(time(23, 59, 30, 0), Some(time(23, 59, 30, 0)));
        check(time(23, 59, 31, 0), None);
    }

    #[test]
    fn jumps_of_the_clock() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at =
            |month: i8, day: i8, hour: i8| moment(&zone, date(2026, month, day).at(hour, 30, 0, 0)).unwrap();
        assert_eq!(at(3, 29, 2), Moment::Gap(1_774_746_000));
        assert_eq!(at(3, 29, 3), Moment::At(1_774_747_800));
        assert_eq!(at(10, 25, 2), Moment::At(1_792_888_200), "the first of two");
    }
}
