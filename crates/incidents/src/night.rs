//! Quiet hours: at night only what is bad enough rings; the rest waits for the morning of whomever it is for, and is told
//! then if it is still bad and in nobody's hands.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::book::{Book, Subject};
use crate::config::NightPages;
use crate::core::Incidents;
use crate::desk::Desk;
use crate::incident::{Incident, Key, Trouble};
use crate::oncall::restriction::time;
use crate::oncall::wall::{DAY, Wall, Zone};

/// The hours in which people sleep, in seconds of clocks on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Night {
    begins: i64,
    ends: i64,
}

impl Night {
    /// None: there is none (`off`).
    pub fn read(text: &str) -> Result<Option<Night>, String> {
        if text == "off" {
            return Ok(None);
        }
        let clock = |text: &str| time(text).filter(|time| *time < DAY);
        let hours = text.split_once('-').and_then(|(begins, ends)| Some((clock(begins)?, clock(ends)?)));
        match hours {
            Some((begins, ends)) if begins != ends => Ok(Some(Night { begins, ends })),
            _ => Err(format!("`{text}` is no night: write \"22:00-07:00\", or \"off\" for none")),
        }
    }

    fn holds(self, zone: &Zone, at: Timestamp) -> bool {
        let clock = zone.wall(at).0.rem_euclid(DAY);
        match self.begins < self.ends {
            true => self.begins <= clock && clock < self.ends,
            false => self.begins <= clock || clock < self.ends,
        }
    }

    /// The day on which the night began that this lies in; none: it is day.
    pub(crate) fn began(self, zone: &Zone, at: Timestamp) -> Option<Date> {
        let wall = zone.wall(at);
        let in_the_morning = self.begins > self.ends && wall.0.rem_euclid(DAY) < self.ends;
        self.holds(zone, at).then(|| wall.plus(if in_the_morning { -DAY } else { 0 }).civil().date())
    }

    /// Nights of which some of the time lies in it.
    pub(crate) fn count(self, zone: &Zone, from: Timestamp, until: Timestamp) -> u64 {
        if from >= until {
            return 0;
        }
        let midnight = |at: Timestamp| zone.wall(at).0.div_euclid(DAY) * DAY;
        let (first, last) = (midnight(from) - DAY, midnight(until));
        let days = (0..).map(|day| first + day * DAY).take_while(|day| *day <= last);
        let over = if self.begins < self.ends { self.ends } else { self.ends + DAY };
        let span = |day: i64| (zone.begins(Wall(day + self.begins)), zone.ends(Wall(day + over)));
        days.map(span).filter(|(begins, ends)| *begins < until && *ends > from).count() as u64
    }

    /// When the night is over that this lies in.
    fn over(self, zone: &Zone, at: Timestamp) -> Timestamp {
        let wall = zone.wall(at).0;
        let morning = wall - wall.rem_euclid(DAY) + self.ends;
        zone.ends(Wall(if morning > wall { morning } else { morning + DAY }))
    }
}

/// Why somebody is not told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quiet {
    pub until: Timestamp,
    pub why: &'static str,
    /// What the contact's clock shows then.
    pub clock: String,
}

/// What may ring at night and lacks what C101 wants of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unready {
    pub host: bool,
    pub name: Arc<str>,
    pub owner: bool,
    pub playbook: bool,
}

impl Book {
    pub(crate) fn night(&self) -> Option<Night> {
        // What is no night has been refused by `problems`.
        Night::read(&self.config.night).ok().flatten()
    }
}

impl Desk {
    /// What has no owner or no playbook, and whether it is kept from ringing at night.
    pub fn unready(&self) -> (Vec<Unready>, bool) {
        let inner = self.inner.lock();
        let book = &inner.incidents.book;
        let kept = book.config.require_owner_and_playbook_at_night && book.night().is_some();
        (inner.incidents.unready(), kept)
    }
}

impl Incidents {
    fn lacks(&self, host: bool, name: &Arc<str>, subject: &Subject) -> Unready {
        let (owner, playbook) = (subject.owner.is_none(), !self.playbooks.has(name, subject));
        Unready { host, name: name.clone(), owner, playbook }
    }

    fn unready(&self) -> Vec<Unready> {
        let may_page = self.book.subjects.iter().filter(|(_, subject)| !subject.shadow);
        let lacks = may_page.map(|((host, name), subject)| self.lacks(*host, name, subject));
        let mut all: Vec<_> = lacks.filter(|one| one.owner || one.playbook).collect();
        all.sort();
        all
    }

    /// May this contact be told of it now: is it their time, and bad enough for the night?
    pub(crate) fn may_tell(&self, incident: &Incident, contact: &str, host: bool, now: Timestamp) -> bool {
        self.book.is_time(contact, host, now) && self.quiet(incident, contact, now).is_none()
    }

    /// … of its end? Whoever was woken by it hears of that at once, also who was called by hand for what rings for nobody.
    pub(crate) fn may_tell_end(
        &self,
        incident: &Incident,
        contact: &str,
        host: bool,
        now: Timestamp,
    ) -> bool {
        let woken = incident.detail.told.get(contact).and_then(|told| told.woken_until);
        self.book.is_time(contact, host, now)
            && (woken.is_some_and(|until| now.0 < until)
                || self.rings(incident, incident.detail.worst)
                || self.night_of(contact, now).is_none())
    }

    /// None: nothing keeps it from this contact's ears.
    pub(crate) fn quiet(&self, incident: &Incident, contact: &str, now: Timestamp) -> Option<Quiet> {
        let (until, zone) = self.night_of(contact, now)?;
        let why = self.why_quiet(incident)?;
        let clock = zone.wall(until).0.rem_euclid(DAY);
        let clock = format!("{:02}:{:02}", clock / 3_600, clock % 3_600 / 60);
        Some(Quiet { until, why, clock })
    }

    /// Until when this contact sleeps. Rooms never do, and neither does who is no contact.
    pub(crate) fn night_of(&self, contact: &str, now: Timestamp) -> Option<(Timestamp, Zone)> {
        let night = self.book.night()?;
        let known = self.book.contacts.get(contact)?;
        if !self.book.reaches(&known.channels) {
            return None;
        }
        let zone = Zone(self.zone_of(contact));
        night.holds(&zone, now).then(|| (night.over(&zone, now), zone))
    }

    /// The contact's own, that of the schedule with the contact in it, or this machine's.
    pub(crate) fn zone_of(&self, contact: &str) -> TimeZone {
        self.own_zone_of(contact).or_else(|| self.book.zone.clone()).unwrap_or(TimeZone::UTC)
    }

    pub(crate) fn own_zone_of(&self, contact: &str) -> Option<TimeZone> {
        let own = self.book.contacts.get(contact).and_then(|contact| contact.time_zone.as_deref());
        let own = own.and_then(|name| TimeZone::get(name).ok());
        own.or_else(|| self.roster.zones.get(contact).cloned())
    }

    /// None: something in it rings at any hour.
    fn why_quiet(&self, incident: &Incident) -> Option<&'static str> {
        let mut why = None;
        for (key, trouble) in incident.bad().filter(|(_, trouble)| trouble.withheld.is_none()) {
            why = Some(self.why_member_quiet(incident, key, trouble)?);
        }
        why
    }

    fn why_member_quiet(&self, incident: &Incident, key: &Key, trouble: &Trouble) -> Option<&'static str> {
        if !self.rings(incident, incident.said(trouble.state)) {
            return Some("only CRITICAL of production rings at night");
        }
        let subject = self.book.about(key);
        let required = subject.filter(|_| self.book.config.require_owner_and_playbook_at_night);
        let lacks = required.map(|subject| self.lacks(key.host, &key.monitor, subject));
        lacks
            .is_some_and(|lacks| lacks.owner || (lacks.playbook && trouble.runbook().is_none()))
            .then_some("it has no owner or no playbook, without which nothing rings at night")
    }

    fn rings(&self, incident: &Incident, severity: State) -> bool {
        let severe = matches!(severity, State::Critical | State::Down | State::Unreachable);
        self.book.config.night_pages == NightPages::All || (severe && incident.detail.production)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_is_that_of_the_clock_on_the_wall() {
        let zone = Zone(TimeZone::get("Europe/Berlin").unwrap());
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second());
        let night = Night::read("22:00-07:00").unwrap().unwrap();
        let check = |text: &str, over: Option<&str>| {
            let found = night.holds(&zone, at(text)).then(|| night.over(&zone, at(text)));
            assert_eq!(found, over.map(at), "{text}");
        };
        check("2026-01-05T20:59:59Z", None);
        check("2026-01-05T21:00:00Z", Some("2026-01-06T06:00:00Z"));
        check("2026-01-06T02:00:00Z", Some("2026-01-06T06:00:00Z"));
        check("2026-01-06T06:00:00Z", None);
        // Of ten hours, when the clocks are put back.
        check("2026-10-24T20:00:00Z", Some("2026-10-25T06:00:00Z"));
        assert_eq!(Night::read("off"), Ok(None));
        let short = Night::read("01:00-05:30").unwrap().unwrap();
        assert!(
            short.holds(&zone, at("2026-01-06T04:29:59Z")) && !short.holds(&zone, at("2026-01-06T04:30:00Z"))
        );
        for wrong in ["", "22:00", "22-7", "22:00-24:00", "07:00-07:00", "never"] {
            assert!(Night::read(wrong).unwrap_err().contains("22:00-07:00"), "{wrong}");
        }
    }
}
