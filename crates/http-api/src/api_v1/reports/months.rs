//! The months that a window touches, as clocks in a zone have them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A month, or the part of it that lies in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// `2026-10`
    pub name: String,
    pub from: i64,
    pub until: i64,
}

/// From `2026-10`: its first second and the first after it.
pub fn whole(name: &str, zone: &TimeZone) -> Option<(i64, i64)> {
    let (year, month) = name.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
    let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
    Some((begin(first, zone)?, begin(first.checked_add(1.month()).ok()?, zone)?))
}

/// Where midnight is skipped the day begins when the clock goes on.
fn begin(day: Date, zone: &TimeZone) -> Option<i64> {
    Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_second())
}

/// The month before the one that a moment lies in.
pub fn before(at: i64, zone: &TimeZone) -> Option<Month> {
    let this = Timestamp::from_second(at).ok()?.to_zoned(zone.clone()).date().first_of_month();
    let first = this.checked_sub(1.month()).ok()?;
    Some(Month { name: name(first), from: begin(first, zone)?, until: begin(this, zone)? })
}

pub fn between(from: i64, until: i64, zone: &TimeZone) -> Vec<Month> {
    let mut months = Vec::new();
    let mut at = from;
    while at < until {
        let Some((day, end)) = month_of(at, zone) else { break };
        let end = end.min(until);
        months.push(Month { name: name(day), from: at, until: end });
        at = end;
    }
    months
}

fn name(first: Date) -> String {
    format!("{:04}-{:02}", first.year(), first.month())
}

/// Its first day, and the first second after it.
fn month_of(at: i64, zone: &TimeZone) -> Option<(Date, i64)> {
    let first = Timestamp::from_second(at).ok()?.to_zoned(zone.clone()).date().first_of_month();
    let end = begin(first.checked_add(1.month()).ok()?, zone)?;
    // Else it would never end; no zone does this.
    (end > at).then_some((first, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_no_gap_and_begin_with_the_zones_day() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let (from, until) = (at("2026-01-15T12:00:00Z"), at("2026-04-02T00:00:00Z"));
        let months = between(from, until, &zone);
        let names: Vec<&str> = months.iter().map(|month| month.name.as_str()).collect();
        assert_eq!(names, ["2026-01", "2026-02", "2026-03", "2026-04"]);
        assert_eq!((months[0].from, months[3].until), (from, until));
        assert!(months.windows(2).all(|pair| pair[0].until == pair[1].from));
        assert_eq!(months[1].from, at("2026-01-31T23:00:00Z"));
        // March ends in summer time.
        assert_eq!(months[2].until, at("2026-03-31T22:00:00Z"));
        assert_eq!(months[2].until - months[2].from, 31 * 86_400 - 3_600);
        assert_eq!(between(until, from, &zone), []);
        assert_eq!(before(from, &zone).map(|month| month.name).as_deref(), Some("2025-12"));
        assert_eq!(
            before(at("2026-03-31T22:00:00Z"), &zone).as_ref().map(|month| (month.from, month.until)),
            Some((months[2].from, months[2].until))
        );
        for wrong in ["2026", "2026-1", "26-01", "2026-00", "2026-1x", ""] {
            assert_eq!(whole(wrong, &zone), None, "{wrong}");
        }
    }
}
