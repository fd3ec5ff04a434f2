//! What each calendar is for: absences of a contact, or the turns of a layer of a schedule.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use incidents::oncall::planned::LayerName;
use jiff::tz::TimeZone;
use outbound::Secret;
use state_store::StateError;
use vocabulary::Timestamp;

use super::shifts::{self, Named};
use super::{Look, absences, standing};
use crate::config::Config;
use crate::house::House;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// When this contact is away.
    Absences(Arc<str>),
    /// Whose turn it is in this layer.
    Shifts(LayerName),
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Of::Absences(name) => f.write_str(name),
            Of::Shifts(name) => name.fmt(f),
        }
    }
}

/// What is configured of one.
#[derive(Clone, PartialEq)]
pub struct Wanted {
    pub place: Secret,
    pub zone: TimeZone,
    /// Whom the events of shifts may name.
    pub people: Vec<Named>,
}

/// All that are configured.
pub fn wanted(house: &House) -> BTreeMap<Of, Wanted> {
    let config = house.config.load();
    let mut all = of_absences(house, &config);
    all.extend(of_shifts(house, &config));
    all
}

/// Whole days are where the person lives: as the contact says, a schedule with them in it, or this machine.
fn of_absences(house: &House, config: &Config) -> BTreeMap<Of, Wanted> {
    let with_calendar: Vec<_> =
        config.contact.iter().filter_map(|contact| Some((contact, contact.calendar.clone()?))).collect();
    if with_calendar.is_empty() {
        return BTreeMap::new();
    }
    let roster = house.desk.roster(house.clock.now());
    let one = |(contact, place): (&monitors::config::ContactConfig, Secret)| {
        let own = contact.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let zone = own.or_else(|| roster.zones.get(contact.name.as_str()).cloned());
        let zone = zone.unwrap_or_else(TimeZone::system);
        (Of::Absences(contact.name.as_str().into()), Wanted { place, zone, people: Vec::new() })
    };
    with_calendar.into_iter().map(one).collect()
}

/// Whole days are those of the layer, of its schedule, or of this machine.
fn of_shifts(house: &House, config: &Config) -> Vec<(Of, Wanted)> {
    let mut all = Vec::new();
    for schedule in &config.schedule {
        for (_, layer) in schedule.with_calendars() {
            let Some(place) = layer.calendar.clone() else { continue };
            let name =
                LayerName { schedule: schedule.name.as_str().into(), layer: layer.name.as_str().into() };
            let zone = TimeZone::get(layer.time_zone.as_deref().unwrap_or(&schedule.time_zone));
            let named =
                |name: &String| Named { name: name.as_str().into(), email: house.desk.email_of(name) };
            let people = layer.people.iter().map(named).collect();
            let zone = zone.unwrap_or_else(|_| TimeZone::system());
            all.push((Of::Shifts(name), Wanted { place, zone, people }));
        }
    }
    all
}

/// Of which something is known, and when they were read for the last time, by this process or one before it.
pub fn known(house: &House) -> BTreeMap<Of, Timestamp> {
    let absences = house.desk.calendars_read().into_iter().map(|(name, at)| (Of::Absences(name), at));
    let shifts = house.desk.plans_read().into_iter().map(|(name, at)| (Of::Shifts(name), at));
    absences.chain(shifts).collect()
}

/// What it says now is kept.
pub fn take(house: &House, of: &Of, wanted: &Wanted, text: &str, now: Timestamp) -> Result<Look, String> {
    let look = match of {
        Of::Absences(person) => {
            let absences::Found { leave, unread } = absences::found(text, &wanted.zone, now)?;
            let ahead = leave.len();
            house.desk.set_leave(person, leave, now).map_err(told)?;
            Look { ahead, unread, ..Look::default() }
        }
        Of::Shifts(layer) => {
            let found = shifts::found(text, &wanted.people, &wanted.zone, now)?;
            let ahead = found.turns.len();
            house.desk.set_plan(layer, found.turns, now).map_err(told)?;
            Look { ahead, unread: found.unread, strangers: found.strangers, ..Look::default() }
        }
    };
    Ok(Look { read: Some(now), ..look })
}

pub fn is_the_same(house: &House, of: &Of, now: Timestamp) -> Result<(), String> {
    let kept = match of {
        Of::Absences(person) => house.desk.leave_is_the_same(person, now),
        Of::Shifts(layer) => house.desk.plan_is_the_same(layer, now),
    };
    kept.map_err(told)
}

/// There is none any more.
pub fn forget(house: &House, of: &Of, now: Timestamp) -> Result<(), String> {
    let kept = match of {
        Of::Absences(person) => house.desk.forget_calendar(person, now),
        Of::Shifts(layer) => house.desk.forget_plan(layer, now),
    };
    kept.map_err(told)
}

/// Absences are a person's own affair; what is wrong with shifts is said where the schedule is shown.
pub fn doubt(house: &House, of: &Of, look: &Look, now: Timestamp) {
    if let Of::Shifts(layer) = of {
        house.desk.doubt_plan(layer, standing::doubts(look, &TimeZone::system()), now);
    }
}

/// That it has not been read for long, to whoever has it.
pub fn tell(house: &House, of: &Of, wanted: &Wanted, why: &str, now: Timestamp) -> Result<(), String> {
    let (whom, title, meanwhile): (Vec<Arc<str>>, _, _) = match of {
        Of::Absences(person) => (
            vec![person.clone()],
            "your calendar of absences has not been read for a day".to_owned(),
            "you are away when it said so before, and at no other times",
        ),
        Of::Shifts(LayerName { schedule, layer }) => (
            wanted.people.iter().map(|one| one.name.clone()).collect(),
            format!("the calendar of your turns in `{schedule}` (`{layer}`) has not been read for a day"),
            "you are on call when it said so before, and what has changed in it is not known",
        ),
    };
    for person in whom {
        let text = format!("{why}. Until it is mended {meanwhile}.");
        house.desk.tell_quietly(&person, title.clone(), text, now).map_err(told)?;
    }
    Ok(())
}

fn told(error: StateError) -> String {
    error.to_string()
}
