//! On which days an event comes again. Plain calendar arithmetic: what time it is there is for whoever asks.

use formats::ical::{Frequency, Rule};
use jiff::Span;
use jiff::civil::Date;

/// The calendar wants more to be worked out than a calendar of people does.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

pub fn plus(day: Date, days: i64) -> Option<Date> {
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// In order, from the first on, as long as they are not over. `room`: so many steps are left for the whole calendar.
pub fn days(
    rule: &Rule,
    first: Date,
    is_over: impl Fn(Date) -> bool,
    room: &mut usize,
) -> Result<Vec<Date>, TooMany> {
    let mut found = Vec::new();
    let most = rule.count.map_or(usize::MAX, |count| count as usize);
    let periods = (0..).map_while(|number| begin(rule, first, number));
    for begin in periods.take_while(|begin| !is_over(*begin)) {
        let days = picked(rule, of_period(rule, first, begin));
        *room = room.checked_sub(1 + days.len()).ok_or(TooMany)?;
        for day in days.into_iter().filter(|day| first <= *day) {
            if found.len() == most || is_over(day) {
                return Ok(found);
            }
            found.push(day);
        }
    }
    Ok(found)
}

/// Where the period of this number begins: a day, a week, a month, a year.
fn begin(rule: &Rule, first: Date, number: i64) -> Option<Date> {
    let steps = number.checked_mul(i64::from(rule.interval))?;
    let month = |months: i64| {
        let year = i16::try_from(months.div_euclid(12)).ok()?;
        Date::new(year, i8::try_from(months.rem_euclid(12) + 1).ok()?, 1).ok()
    };
    let year = i64::from(first.year());
    match rule.frequency {
        Frequency::Daily => plus(first, steps),
        Frequency::Weekly => {
            let into = (weekday(first) - rule.week_start).rem_euclid(7);
            plus(first, steps.checked_mul(7)? - i64::from(into))
        }
        Frequency::Monthly => month(year * 12 + i64::from(first.month()) - 1 + steps),
        Frequency::Yearly => month((year + steps).checked_mul(12)?),
    }
}

/// All days of a period on which the rule lets it come. What a rule leaves open is as it is on the first day.
fn of_period(rule: &Rule, first: Date, begin: Date) -> Vec<Date> {
    let is_open = rule.days.is_empty() && rule.days_of_month.is_empty();
    let same_day = |day: &Date| !is_open || day.day() == first.day();
    let mut days: Vec<Date> = match rule.frequency {
        Frequency::Daily => vec![begin],
        Frequency::Weekly => {
            let same_day = |day: &Date| !is_open || day.weekday() == first.weekday();
            (0..7).filter_map(|into| plus(begin, into)).filter(same_day).collect()
        }
        Frequency::Monthly => of_month(begin).filter(same_day).collect(),
        Frequency::Yearly => {
            let one = is_open && rule.months.is_empty();
            let months = (1..=12).filter(|month| !one || *month == first.month());
            let months = months.filter(|month| rule.months.is_empty() || rule.months.contains(month));
            let months = months.filter_map(|month| Date::new(begin.year(), month, 1).ok());
            months.flat_map(of_month).filter(same_day).collect()
        }
    };
    days.retain(|day| fits(rule, *day));
    days
}

fn of_month(begin: Date) -> impl Iterator<Item = Date> {
    (1..=begin.days_in_month()).filter_map(move |day| Date::new(begin.year(), begin.month(), day).ok())
}

fn fits(rule: &Rule, day: Date) -> bool {
    let (number, length) = (day.day(), day.days_in_month());
    let in_month = rule.days_of_month.iter().any(|of| [number, number - length - 1].contains(of));
    let (nth, nth_last) = ((number - 1) / 7 + 1, -((length - number) / 7 + 1));
    let in_week = rule.days.iter().any(|of| of.day == weekday(day) && [0, nth, nth_last].contains(&of.which));
    (rule.months.is_empty() || rule.months.contains(&day.month()))
        && (rule.days_of_month.is_empty() || in_month)
        && (rule.days.is_empty() || in_week)
}

fn weekday(day: Date) -> i8 {
    day.weekday().to_monday_zero_offset()
}

/// Of all days of a period those at the places that the rule names.
fn picked(rule: &Rule, days: Vec<Date>) -> Vec<Date> {
    if rule.positions.is_empty() {
        return days;
    }
    let last = days.len() as i64;
    let at = |place: usize| {
        let place = place as i64;
        rule.positions.iter().any(|wanted| [place + 1, place - last].contains(&i64::from(*wanted)))
    };
    days.into_iter().enumerate().filter(|(place, _)| at(*place)).map(|(_, day)| day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first few, up to the end of 2027.
    fn few(rule: &str, first: &str, count: usize) -> String {
        let rule = Rule::read(rule).unwrap();
        let end: Date = "2028-01-01".parse().unwrap();
        let days = days(&rule, first.parse().unwrap(), |day| day >= end, &mut 10_000).unwrap();
        let text: Vec<String> = days.iter().take(count).map(ToString::to_string).collect();
        format!("{} of {}", text.join(" "), days.len())
    }

    /// Those with a star are examples of RFC 5545, moved to other years where it has them in the last century.
    #[test]
    fn rules_are_followed() {
        let check = |rule: &str, first: &str, expected: &str| {
            let count = expected.split(" of ").next().unwrap().split(' ').count();
            assert_eq!(few(rule, first, count), expected, "{rule}");
        };
        check("FREQ=DAILY;COUNT=10", "2026-02-27", "2026-02-27 2026-02-28 2026-03-01 of 10");
        check("FREQ=DAILY;INTERVAL=10;COUNT=5", "2026-09-02", "2026-09-02 2026-09-12 2026-09-22 of 5");
        check("FREQ=DAILY;BYMONTH=1;BYDAY=SA", "2026-01-01", "2026-01-03 2026-01-10 of 10");
        check("FREQ=WEEKLY;COUNT=4", "2026-01-05", "2026-01-05 2026-01-12 2026-01-19 2026-01-26 of 4");
        check("FREQ=WEEKLY;BYDAY=FR,MO;COUNT=3", "2026-01-07", "2026-01-09 2026-01-12 2026-01-16 of 3");
        // * Weeks that begin on Sundays are others than those that begin on Mondays.
        let every_other = "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=";
        check(&format!("{every_other}MO"), "1997-08-05", "1997-08-05 1997-08-10 1997-08-19 1997-08-24 of 4");
        check(&format!("{every_other}SU"), "1997-08-05", "1997-08-05 1997-08-17 1997-08-19 1997-08-31 of 4");
        // Months without a 31st are passed over.
        check("FREQ=MONTHLY;COUNT=4", "2026-01-31", "2026-01-31 2026-03-31 2026-05-31 2026-07-31 of 4");
        check("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "2026-01-31", "2026-01-31 2026-02-28 2026-03-31 of 3");
        check("FREQ=MONTHLY;BYDAY=1FR;COUNT=3", "2026-01-01", "2026-01-02 2026-02-06 2026-03-06 of 3");
        check("FREQ=MONTHLY;BYDAY=-1MO;COUNT=3", "2026-01-01", "2026-01-26 2026-02-23 2026-03-30 of 3");
        // * Friday the 13th, and the last day of work of a month.
        check("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "1997-09-02", "1998-02-13 1998-03-13 1998-11-13 of 52");
        let last_of_work = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3";
        check(last_of_work, "2026-01-01", "2026-01-30 2026-02-27 2026-03-31 of 3");
        check("FREQ=YEARLY;COUNT=3", "2020-02-29", "2020-02-29 2024-02-29 of 2");
        check("FREQ=YEARLY;INTERVAL=2;COUNT=3", "2020-12-24", "2020-12-24 2022-12-24 2024-12-24 of 3");
        check("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2025-11-01", "2025-11-27 2026-11-26 2027-11-25 of 3");
        check("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,31", "2026-01-01", "2026-12-24 2026-12-31 of 4");
        check("FREQ=YEARLY;BYMONTHDAY=1;COUNT=3", "2026-01-15", "2026-02-01 2026-03-01 2026-04-01 of 3");
    }

    #[test]
    fn what_takes_too_long_is_not_worked_out() {
        let first: Date = "0001-01-01".parse().unwrap();
        let rule = Rule::read("FREQ=DAILY").unwrap();
        assert_eq!(days(&rule, first, |_| false, &mut 1_000), Err(TooMany));
        // The end of all calendars is an end.
        let rule = Rule::read("FREQ=YEARLY;INTERVAL=5000").unwrap();
        assert_eq!(days(&rule, first, |_| false, &mut 1_000).map(|days| days.len()), Ok(2));
    }
}
