//! Whose night a moment of the past lies in, by the hours of quiet hours and the clocks of those who live there: the one
//! answer that reports and the proof of the pager count by.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::desk::Desk;
use crate::night::Night;
use crate::oncall::wall::Zone;

/// What a policy's steps tell directly is a room, as in `channel:chat`.
const CHANNEL: &str = "channel:";

/// When each contact sleeps, as it is known now.
#[derive(Clone, Debug)]
pub struct Nights {
    /// None: there is none.
    night: Option<Night>,
    /// Of those whose zone is known.
    zones: BTreeMap<String, Zone>,
    /// Who is told in rooms only: nobody sleeps there.
    rooms: BTreeSet<String>,
    /// Of everybody else, and of those who are gone.
    otherwise: Zone,
}

impl Nights {
    /// The same for everybody.
    pub fn everywhere(night: Option<Night>, zone: TimeZone) -> Nights {
        Nights { night, zones: BTreeMap::new(), rooms: BTreeSet::new(), otherwise: Zone(zone) }
    }

    /// … at other hours.
    pub fn at(self, night: Night) -> Nights {
        Nights { night: Some(night), ..self }
    }

    /// … with this zone for those whose own is not known.
    pub fn elsewhere(self, zone: TimeZone) -> Nights {
        Nights { otherwise: Zone(zone), ..self }
    }

    pub fn zone(&self, contact: &str) -> &TimeZone {
        &self.clock(contact).0
    }

    /// The day on which this contact's night began that the moment lies in; none: it is day, or nobody sleeps.
    pub fn of(&self, contact: &str, at: i64) -> Option<Date> {
        let night = self.night.filter(|_| self.sleeps(contact))?;
        night.began(self.clock(contact), Timestamp(at))
    }

    /// Nights of this contact of which some of the time lies in it.
    pub fn count(&self, contact: &str, from: i64, until: i64) -> u64 {
        let night = self.night.filter(|_| self.sleeps(contact));
        night.map_or(0, |night| night.count(self.clock(contact), Timestamp(from), Timestamp(until)))
    }

    fn sleeps(&self, contact: &str) -> bool {
        !contact.starts_with(CHANNEL) && !self.rooms.contains(contact)
    }

    fn clock(&self, contact: &str) -> &Zone {
        self.zones.get(contact).unwrap_or(&self.otherwise)
    }
}

impl Desk {
    pub fn nights(&self, now: Timestamp) -> Nights {
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        let (incidents, book) = (&inner.incidents, &inner.incidents.book);
        let zone = |name: &str| Some((name.to_owned(), Zone(incidents.own_zone_of(name)?)));
        let in_rooms = book.contacts.iter().filter(|(_, known)| !book.reaches(&known.channels));
        Nights {
            night: book.night(),
            zones: book.contacts.keys().filter_map(|name| zone(name)).collect(),
            rooms: in_rooms.map(|(name, _)| name.to_string()).collect(),
            otherwise: Zone(book.zone.clone().unwrap_or(TimeZone::UTC)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use state_store::StateStore;

    use super::*;
    use crate::book::{Book, Contact};

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    fn usual(zone: &str) -> Nights {
        Nights::everywhere(Night::read("22:00-07:00").unwrap(), TimeZone::get(zone).unwrap())
    }

    #[test]
    fn a_night_is_that_of_the_person() {
        let check = |moment: &str, zone: &str, wanted: Option<&str>| {
            let found = usual(zone).of("ana", at(moment)).map(|date| date.to_string());
            assert_eq!(found.as_deref(), wanted, "{moment} in {zone}");
        };
        check("2026-01-15T21:59:59Z", "UTC", None);
        check("2026-01-15T22:00:00Z", "UTC", Some("2026-01-15"));
        check("2026-01-16T06:59:59Z", "UTC", Some("2026-01-15"));
        check("2026-01-16T07:00:00Z", "UTC", None);
        // 21:30 in London is half past ten in Berlin, and the morning in Auckland.
        check("2026-01-15T21:30:00Z", "Europe/Berlin", Some("2026-01-15"));
        check("2026-01-15T21:30:00Z", "Pacific/Auckland", None);
        // On the day of the change to summer time 05:30 UTC is 07:30 in Berlin; the day before it was 06:30.
        check("2026-03-29T05:30:00Z", "Europe/Berlin", None);
        check("2026-03-28T05:30:00Z", "Europe/Berlin", Some("2026-03-27"));
    }

    #[test]
    fn nights_are_counted_of_which_some_is_there() {
        let nights = usual("Europe/Berlin");
        // 21:30 of the day before the clocks go forth, and seven on the next morning.
        let (evening, morning) = (at("2026-03-28T20:30:00Z"), at("2026-03-29T05:00:00Z"));
        assert_eq!(nights.count("ana", evening, morning), 1);
        assert_eq!(nights.count("ana", evening - 30 * 86_400, morning), 31);
        assert_eq!(nights.count("ana", morning, morning + 3_600), 0);
        assert_eq!(nights.count("ana", morning, morning), 0);
        let nap = usual("UTC").at(Night::read("13:10-13:20").unwrap().unwrap());
        assert_eq!(nap.count("ana", at("2026-01-15T00:00:00Z"), at("2026-01-18T00:00:00Z")), 3);
        assert_eq!(
            nap.of("ana", at("2026-01-15T13:19:59Z")).map(|date| date.to_string()).as_deref(),
            Some("2026-01-15")
        );
        let none = Nights::everywhere(None, TimeZone::UTC);
        assert_eq!((none.of("ana", 0), none.count("ana", 0, 86_400)), (None, 0));
    }

    #[test]
    fn everybody_sleeps_at_home_and_rooms_never_do() {
        let directory = tempfile::tempdir().unwrap();
        let migrations = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
        let store = StateStore::open(&directory.path().join("state.db"), &migrations).unwrap();
        let mut book = Book { rooms: ["chat".into()].into_iter().collect(), ..Book::default() };
        let contact = |channel: &str, zone: Option<&str>| Contact {
            channels: vec![channel.into()],
            time_zone: zone.map(ToOwned::to_owned),
            ..Contact::default()
        };
        book.contacts.insert("ana".into(), contact("mail", Some("Pacific/Auckland")));
        book.contacts.insert("ben".into(), contact("mail", None));
        book.contacts.insert("team".into(), contact("chat", None));
        let desk = Desk::open(Arc::new(store), book, b"secret").unwrap();
        let nights = desk.nights(Timestamp(0)).elsewhere(TimeZone::get("Europe/Berlin").unwrap());
        let late = at("2026-01-15T21:30:00Z");
        let sleeping = |name: &str| nights.of(name, late).is_some();
        let all = ["ana", "ben", "team", "channel:chat", "gone", ""].map(sleeping);
        assert_eq!(all, [false, true, false, false, true, true], "who is gone slept here");
        assert_eq!(nights.zone("ana").iana_name(), Some("Pacific/Auckland"));
        assert_eq!(nights.zone("ben").iana_name(), Some("Europe/Berlin"));
    }
}
