//! How the calendars are: for health, and for the page of who is on call.

use http_api::control::{Part, State};
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::kinds::Of;
use super::{Look, Looks};
use crate::health::part;
use crate::house::House;

/// So many are named in health.
const NAMED: usize = 3;

/// None of those that nobody has.
pub fn parts(house: &House) -> Vec<Part> {
    let looks = house.calendars.lock().clone();
    let (absences, shifts): (Looks, Looks) =
        looks.into_iter().partition(|(of, _)| matches!(of, Of::Absences(_)));
    let zone = TimeZone::system();
    let mut parts = Vec::new();
    if !absences.is_empty() {
        let (state, text) = of_absences(&absences, &zone);
        parts.push(Part { state, text, ..part("calendars", "forward", "Calendars of absences") });
    }
    if !shifts.is_empty() {
        let (state, text) = of_shifts(&shifts, &zone);
        parts.push(Part { state, text, ..part("shifts", "forward", "Calendars of shifts") });
    }
    parts
}

fn of_absences(looks: &Looks, zone: &TimeZone) -> (State, String) {
    let failed = looks.iter().filter_map(|(of, look)| Some((of, look, look.failed.as_ref()?)));
    let failed: Vec<String> =
        failed.map(|(of, look, why)| format!("{of}: {why}; {}", what_holds(look, zone))).collect();
    if !failed.is_empty() {
        let begin = if failed.len() == 1 { "a calendar cannot" } else { "calendars cannot" };
        return (State::Warning, format!("{begin} be read: {}", some_of(&failed)));
    }
    let ahead: usize = looks.values().map(|look| look.ahead).sum();
    let text = format!("calendars: {}, absences ahead: {ahead}", looks.len());
    let unread: Vec<String> = looks
        .iter()
        .flat_map(|(of, look)| look.unread.iter().map(move |what| format!("{of}: {what}")))
        .collect();
    match unread.is_empty() {
        true => (State::Ok, text),
        false => (
            State::Warning,
            format!(
                "{text}; not understood, so that of a rule the first time alone is known and of a zone the person's \
                 own is taken: {}",
                some_of(&unread)
            ),
        ),
    }
}

fn of_shifts(looks: &Looks, zone: &TimeZone) -> (State, String) {
    let mut text = format!("calendars: {}", looks.len());
    // Of one that cannot be read nobody has counted.
    if looks.values().all(|look| look.failed.is_none()) {
        let ahead: usize = looks.values().map(|look| look.ahead).sum();
        text += &format!(", turns ahead: {ahead}");
    }
    let doubts: Vec<String> = looks
        .iter()
        .flat_map(|(of, look)| doubts(look, zone).into_iter().map(move |one| format!("{of}: {one}")))
        .collect();
    match doubts.is_empty() {
        true => (State::Ok, text),
        false => (State::Warning, format!("{text}; {}", some_of(&doubts))),
    }
}

/// What is wrong with a calendar of shifts.
pub fn doubts(look: &Look, zone: &TimeZone) -> Vec<String> {
    let mut doubts = Vec::new();
    if let Some(why) = &look.failed {
        doubts.push(format!("its calendar cannot be read: {why}; {}", what_holds(look, zone)));
    }
    if !look.strangers.is_empty() {
        let times: usize = look.strangers.values().sum();
        let named: Vec<String> = look.strangers.keys().map(|name| format!("`{name}`")).collect();
        doubts.push(format!(
            "its calendar names who is none of its `people` (times: {times}), which puts nobody on call: {}",
            some_of(&named)
        ));
    }
    if !look.unread.is_empty() {
        let unread: Vec<String> = look.unread.iter().cloned().collect();
        doubts.push(format!(
            "of its calendar is not understood, so that of a rule the first time alone is known and of a zone the \
             layer's own is taken: {}",
            some_of(&unread)
        ));
    }
    doubts
}

fn what_holds(look: &Look, zone: &TimeZone) -> String {
    match look.read {
        Some(at) => format!("what was known {} holds", clock(at, zone)),
        None => "nothing is known of it".to_owned(),
    }
}

fn some_of(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

fn clock(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_second(at.0) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%a %d %b %H:%M").to_string(),
        Err(_) => at.0.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use incidents::oncall::planned::LayerName;

    use super::*;

    #[test]
    fn health_says_what_cannot_be_read_and_since_when() {
        let said = |look: Look| of_absences(&[(Of::Absences("ana".into()), look)].into(), &TimeZone::UTC);
        let fine = Look { ahead: 3, read: Some(Timestamp(0)), ..Look::default() };
        assert_eq!(said(fine.clone()), (State::Ok, "calendars: 1, absences ahead: 3".to_owned()));
        let failed = Look { failed: Some("it is no calendar".into()), ..fine.clone() };
        let (state, text) = said(failed.clone());
        let known = "what was known Thu 01 Jan 00:00 holds";
        assert_eq!(state, State::Warning);
        assert_eq!(text, format!("a calendar cannot be read: ana: it is no calendar; {known}"));
        let (_, text) = said(Look { read: None, ..failed });
        assert!(text.ends_with("nothing is known of it"), "{text}");
        let rules = ["a", "b", "c", "d"].map(str::to_owned);
        let (state, text) = said(Look { unread: rules.into(), ..fine });
        assert_eq!(state, State::Warning);
        assert!(text.ends_with("ana: a, ana: b, ana: c, and 1 more"), "{text}");
    }

    #[test]
    fn health_says_whom_calendars_of_shifts_name_that_nobody_knows() {
        let layer = LayerName { schedule: "web".into(), layer: "shop".into() };
        let said = |look: Look| of_shifts(&[(Of::Shifts(layer.clone()), look)].into(), &TimeZone::UTC);
        let fine = Look { ahead: 3, read: Some(Timestamp(0)), ..Look::default() };
        assert_eq!(said(fine.clone()), (State::Ok, "calendars: 1, turns ahead: 3".to_owned()));
        let strangers = [("Bob".to_owned(), 2), ("Zoe".to_owned(), 1)];
        let (state, text) = said(Look { strangers: strangers.into(), ..fine.clone() });
        assert_eq!(state, State::Warning);
        let begin =
            "calendars: 1, turns ahead: 3; schedule `web`, layer `shop`: its calendar names who is none";
        assert!(
            text.starts_with(begin) && text.ends_with("(times: 3), which puts nobody on call: `Bob`, `Zoe`"),
            "{text}"
        );
        let (_, text) = said(Look { failed: Some("it is no calendar".into()), ..fine });
        assert!(
            text.ends_with("cannot be read: it is no calendar; what was known Thu 01 Jan 00:00 holds"),
            "{text}"
        );
    }
}
