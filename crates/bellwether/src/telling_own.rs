//! How telling is: its own numbers, and each channel in the health of the server.

use std::collections::BTreeSet;
use std::sync::Arc;

use http_api::control::{Part, State};
use incidents::desk::Standing;
use incidents::incident::IncidentId;
use incidents::night::Unready;
use incidents::rooms::RoomsOnly;
use incidents::unreached::Unreached;
use incidents::untold::Untold;

use crate::health::{dropped, part};
use crate::house::House;
use crate::own::Counters;
use crate::telling;

/// Contacts that health names.
const NAMED: usize = 10;

pub fn count(house: &House, all: &mut Counters) {
    let (standing, beats) = (house.desk.standing(), house.heartbeats.counters());
    for (name, value) in [
        ("incidents.opened", standing.incidents.opened),
        ("incidents.closed", standing.incidents.closed),
        ("incidents.self_healed", standing.incidents.self_healed),
        ("incidents.untold", standing.incidents.untold),
        ("incidents.held_at_night", standing.incidents.held_at_night),
        ("pages.made", standing.incidents.pages),
        ("pages.delivered", standing.pages.delivered),
        ("pages.failures", standing.pages.failures),
        ("pages.given_up", standing.pages.given_up),
        ("pages.rerouted", standing.pages.rerouted),
        ("pages.dropped.nobody", standing.pages.reached_nobody),
        ("pages.dropped.full", standing.pages.refused),
        ("heartbeats.pings", beats.pings),
        ("heartbeats.refused", beats.refused),
        ("heartbeats.batches", beats.batches),
        ("heartbeats.batches_failed", beats.failed),
    ] {
        all.add(name, value);
    }
}

/// All pages together, and each channel: what waits for it, and why it fails.
pub fn parts(house: &House, now: f64) -> Vec<Part> {
    let standing = house.desk.standing();
    let used = telling::used(house);
    let channels = used.iter().map(|channel| channel_part(&standing, channel, now));
    let all = std::iter::once(pages_part(house, &standing)).chain(channels);
    let (unready, kept) = house.desk.unready();
    all.chain(contacts_part(&house.desk.rooms_only()))
        .chain(night_part(&unready, kept))
        .chain(ways_part(&standing.unreached, &standing.cut_off))
        .collect()
}

/// What is not fit to wake somebody, by name. A warning if it is kept from doing so.
fn night_part(unready: &[Unready], kept: bool) -> Option<Part> {
    let named: Vec<&str> = unready.iter().take(NAMED).map(|one| &*one.name).collect();
    let more = unready.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (state, so) = match kept {
        true => (State::Warning, "what they tell at night is held until the morning"),
        false => (
            State::Ok,
            "they ring at night all the same ([incidents] require_owner_and_playbook_at_night is off)",
        ),
    };
    (!named.is_empty()).then(|| Part {
        state,
        text: format!("without an owner or a playbook: {}{more}; {so}", named.join(", ")),
        ..part("night", "evaluator", "Fit for the night")
    })
}

/// Ways that lead to one person no more. Why may hold an address, which is theirs: it is in their settings.
fn ways_part(unreached: &[Unreached], cut_off: &BTreeSet<Arc<str>>) -> Option<Part> {
    let named: Vec<String> =
        unreached.iter().take(NAMED).map(|way| format!("{} by {}", way.contact, way.channel)).collect();
    let more = unreached.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let lost: Vec<&str> = cut_off.iter().take(NAMED).map(|name| &**name).collect();
    let (state, so) = match lost.is_empty() {
        true => (State::Warning, "they are told by their other ways".to_owned()),
        false => (State::Critical, format!("nothing else is left for {}", lost.join(", "))),
    };
    (!named.is_empty()).then(|| Part {
        state,
        text: format!(
            "not reached any more: {}{more}; {so}. Each mends theirs in the settings, or where it is defined",
            named.join(", ")
        ),
        ..part("ways", "forward", "People's ways")
    })
}

/// Who is told in rooms and in the log only, by name. A warning if those of last resort are no better.
fn contacts_part(known: &RoomsOnly) -> Option<Part> {
    let names: Vec<&str> = known.contacts.iter().take(NAMED).map(|name| &**name).collect();
    let more = known.contacts.len() - names.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (state, so) = match known.last_resort {
        true => (State::Ok, "what they are told, [incidents] contacts are told too"),
        false => (
            State::Warning,
            "[incidents] contacts reach nobody in another way, so what they are told may reach nobody: give one of \
             them a telephone or a mailbox",
        ),
    };
    (!names.is_empty()).then(|| Part {
        state,
        text: format!(
            "in rooms or the log only, where nobody may look, or without an address for their channels: {}{more}; {so}",
            names.join(", ")
        ),
        ..part("contacts", "forward", "Contacts")
    })
}

fn pages_part(house: &House, standing: &Standing) -> Part {
    let lost = house.history.in_last_minute("pages.dropped.nobody")
        + house.history.in_last_minute("pages.dropped.full");
    let waiting: usize = standing.waiting.values().sum();
    let text = format!("{} incidents are open, {waiting} pages wait", standing.open);
    let (state, text) = match lost > 0.0 {
        true => {
            let text = with_lost(text, lost, &house.desk.with_lost_words());
            (State::Critical, with_untold(text, &house.desk.untold()).1)
        }
        false => with_untold(text, &house.desk.untold()),
    };
    let pages = standing.pages;
    Part {
        state,
        text,
        rate: house.history.rate("pages.delivered"),
        unit: Some("pages/s"),
        dropped: vec![
            dropped(
                house,
                "pages.dropped.nobody",
                "nobody",
                pages.reached_nobody,
                "Pages that no channel delivered.",
            ),
            dropped(
                house,
                "pages.dropped.full",
                "limit",
                pages.refused,
                "Pages beyond the most that may wait.",
            ),
        ],
        ..part("pages", "queue", "Pages")
    }
}

/// Pages beyond the most that may wait are of no incident that could be named.
fn with_lost(text: String, lost: f64, of: &[IncidentId]) -> String {
    let pages = if lost > 1.0 { "pages" } else { "page" };
    let of = match of.is_empty() {
        true => String::new(),
        false => format!(" (of {}: its timeline says whose)", numbers(of)),
    };
    format!("{text}; {lost:.0} {pages} reached nobody in the last minute{of}")
}

fn numbers(ids: &[IncidentId]) -> String {
    let named: Vec<String> = ids.iter().take(NAMED).map(|id| format!("#{id}")).collect();
    match ids.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Critical for as long as something is bad that nobody was told of, a warning while that could come to be.
fn with_untold(text: String, untold: &Untold) -> (State, String) {
    let cure = "name somebody with a channel in [incidents] contacts, or an escalation_policy there";
    match (untold.incidents.is_empty(), untold.no_last_resort) {
        (false, _) => {
            let ids = numbers(&untold.incidents);
            (State::Critical, format!("{text}; nobody is told of {ids}: {cure}"))
        }
        (true, true) => (State::Warning, format!("{text}; what names no contact is told to nobody: {cure}")),
        (true, false) => (State::Ok, text),
    }
}

fn channel_part(standing: &Standing, name: &str, now: f64) -> Part {
    let waiting = standing.waiting.get(name).copied().unwrap_or(0);
    let (state, text, lag) = match standing.failing.get(name) {
        Some(failing) => {
            let state = if failing.told { State::Critical } else { State::Warning };
            let text = match failing.off {
                true => format!("switched off until it is defined in another way: {}", failing.why),
                false => {
                    format!(
                        "{} tries in a row failed, {waiting} pages wait: {}",
                        failing.in_a_row, failing.why
                    )
                }
            };
            (state, text, (now - failing.since as f64).max(0.0))
        }
        None => (State::Ok, format!("{waiting} pages wait"), 0.0),
    };
    Part {
        state,
        text,
        lag: Some(lag),
        ..part(format!("channel.{name}"), "forward", format!("Channel {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c107_who_is_in_rooms_only_is_named() {
        let known = |contacts: &[&str], last_resort| RoomsOnly {
            contacts: contacts.iter().map(|name| (*name).into()).collect(),
            last_resort,
        };
        assert!(contacts_part(&known(&[], false)).is_none());
        let part = contacts_part(&known(&["ana", "ben"], true)).unwrap();
        assert!(part.state == State::Ok && part.text.contains("ana, ben;"), "{}", part.text);
        let many: Vec<String> = (0..12).map(|n| format!("c{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let part = contacts_part(&known(&many, false)).unwrap();
        assert!(part.state == State::Warning && part.text.contains("c9 and 2 more;"), "{}", part.text);
    }

    #[test]
    fn of_which_incidents_pages_were_lost_is_said() {
        let said = |lost, of: &[i64]| with_lost("2 open".into(), lost, of);
        assert_eq!(
            said(1.0, &[7]),
            "2 open; 1 page reached nobody in the last minute (of #7: its timeline says whose)"
        );
        assert_eq!(said(3.0, &[]), "2 open; 3 pages reached nobody in the last minute");
        let many: Vec<i64> = (1..=12).collect();
        assert!(said(9.0, &many).contains("#10 and 2 more"), "{}", said(9.0, &many));
    }

    #[test]
    fn what_nobody_is_told_of_is_critical_and_that_it_could_be_is_a_warning() {
        let said = |incidents: &[i64], no_last_resort| {
            let untold = Untold { incidents: incidents.to_vec(), no_last_resort };
            with_untold("2 incidents are open".into(), &untold)
        };
        assert_eq!(said(&[], false), (State::Ok, "2 incidents are open".into()));
        let (state, text) = said(&[], true);
        assert!(state == State::Warning && text.contains("[incidents] contacts"), "{text}");
        let (state, text) = said(&[3, 7], false);
        assert!(state == State::Critical && text.contains("nobody is told of #3, #7: name"), "{text}");
    }

    #[test]
    fn whose_way_leads_nowhere_is_named_without_the_address() {
        assert!(ways_part(&[], &BTreeSet::new()).is_none());
        let way = Unreached {
            contact: "ana".into(),
            channel: "sms".into(),
            in_a_row: 2,
            since: 1,
            why: "+491701234567 is no number".into(),
            address: "+491701234567".into(),
        };
        let part = ways_part(std::slice::from_ref(&way), &BTreeSet::new()).unwrap();
        assert!(part.state == State::Warning && part.text.contains("ana by sms; they"), "{}", part.text);
        assert!(!part.text.contains("+49"), "{}", part.text);
        let part = ways_part(&[way], &BTreeSet::from(["ana".into()])).unwrap();
        assert!(
            part.state == State::Critical && part.text.contains("nothing else is left for ana"),
            "{}",
            part.text
        );
    }

    #[test]
    fn c101_what_has_no_owner_or_playbook_is_named() {
        let unready = |count: usize| -> Vec<Unready> {
            let one = |n: usize| Unready {
                host: false,
                name: format!("m{n}").into(),
                owner: true,
                playbook: false,
            };
            (0..count).map(one).collect()
        };
        assert!(night_part(&[], true).is_none());
        let part = night_part(&unready(2), false).unwrap();
        assert!(part.state == State::Ok && part.text.contains("m0, m1; they ring"), "{}", part.text);
        let part = night_part(&unready(12), true).unwrap();
        assert!(part.state == State::Warning && part.text.contains("m9 and 2 more; what"), "{}", part.text);
    }
}
