//! What the clocks on the wall of a zone show, and when they do.
//!
//! [`Wall`] counts the seconds that a clock would have shown since 1970 if it were never changed, so that days are
//! always 86,400 of them. Where clocks are put forward some walls never are: they stand for the moment of the change.
//! Where they are put back some are twice: what begins then begins the first time, what ends then ends the last time
//! (GoAlert settled on these rules after mistakes with others).

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use vocabulary::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wall(pub i64);

pub(crate) const DAY: i64 = 86_400;
pub(crate) const WEEK: i64 = 7 * DAY;
/// The first Monday, so that weeks begin with one.
pub(crate) const FIRST_MONDAY: i64 = 4 * DAY;

impl Wall {
    pub fn of(at: DateTime) -> Wall {
        // The last hours of the year 9999 can be written, and are no moment everywhere: they stand for the last that is.
        let ends = if at.year() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Wall(Offset::UTC.to_timestamp(at).unwrap_or(ends).as_second())
    }

    pub fn civil(self) -> DateTime {
        Offset::UTC.to_datetime(instant(self.0))
    }

    pub fn plus(self, seconds: i64) -> Wall {
        Wall(self.0.saturating_add(seconds))
    }
}

fn instant(seconds: i64) -> jiff::Timestamp {
    let bounds = (jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
    jiff::Timestamp::from_second(seconds.clamp(bounds.0, bounds.1)).unwrap_or_default()
}

#[derive(Clone, Debug)]
pub(crate) struct Zone(pub TimeZone);

impl Zone {
    pub fn wall(&self, at: Timestamp) -> Wall {
        Wall(at.0 + i64::from(self.0.to_offset(instant(at.0)).seconds()))
    }

    /// When something begins that begins at this wall.
    pub fn begins(&self, wall: Wall) -> Timestamp {
        self.shows(wall, |before, _| before)
    }

    /// When something ends that ends at this wall.
    pub fn ends(&self, wall: Wall) -> Timestamp {
        self.shows(wall, |_, after| after)
    }

    fn shows(&self, wall: Wall, which: impl Fn(Offset, Offset) -> Offset) -> Timestamp {
        let under = |offset: Offset| Timestamp(wall.0 - i64::from(offset.seconds()));
        match self.0.to_ambiguous_timestamp(wall.civil()).offset() {
            AmbiguousOffset::Unambiguous { offset } => under(offset),
            AmbiguousOffset::Fold { before, after } => under(which(before, after)),
            AmbiguousOffset::Gap { before, .. } => {
                // With the offset of before it lies behind the change, which is the last one until then.
                let behind = under(before);
                let change = self.0.preceding(instant(behind.0 + 1)).next();
                change.map_or(behind, |change| Timestamp(change.timestamp().as_second()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_begin_at_the_end_of_time_does_not_begin_in_1970() {
        let zone = Zone(TimeZone::get("Europe/Berlin").unwrap());
        for (wall, is_late) in [("9999-12-31T09:00", true), ("-009999-01-01T00:00", false)] {
            let wall = Wall::of(wall.parse().unwrap());
            assert_eq!(zone.begins(wall) > Timestamp(253_000_000_000), is_late);
            assert_eq!(zone.begins(wall) < Timestamp(0), !is_late);
        }
    }

    #[test]
    fn what_begins_does_so_the_first_time_and_what_ends_the_last() {
        let zone = Zone(TimeZone::get("Europe/Berlin").unwrap());
        let check = |wall: &str, begins: &str, ends: &str| {
            let wall = Wall::of(wall.parse().unwrap());
            let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
            assert_eq!((zone.begins(wall).0, zone.ends(wall).0), (at(begins), at(ends)), "{wall:?}");
        };
        check("2026-01-05T09:00", "2026-01-05T08:00:00Z", "2026-01-05T08:00:00Z");
        // 02:00 to 03:00 is left out.
        check("2026-03-29T02:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z");
        check("2026-03-29T02:59", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z");
        // … and is there twice.
        check("2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z");
    }
}
