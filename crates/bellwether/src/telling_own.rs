//! How telling is: its own numbers, and each channel in the health of the server.

use http_api::control::{Part, State};
use incidents::desk::Standing;

use crate::health::{dropped, part};
use crate::house::House;
use crate::own::Counters;

pub fn count(house: &House, all: &mut Counters) {
    let (standing, beats) = (house.desk.standing(), house.heartbeats.counters());
    for (name, value) in [
        ("incidents.opened", standing.incidents.opened),
        ("incidents.closed", standing.incidents.closed),
        ("incidents.self_healed", standing.incidents.self_healed),
        ("incidents.untold", standing.incidents.untold),
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
    let config = house.config.load();
    let channels = config.channel.iter().map(|channel| channel_part(&standing, &channel.name, now));
    std::iter::once(pages_part(house, &standing)).chain(channels).collect()
}

fn pages_part(house: &House, standing: &Standing) -> Part {
    let lost = house.history.in_last_minute("pages.dropped.nobody")
        + house.history.in_last_minute("pages.dropped.full");
    let waiting: usize = standing.waiting.values().sum();
    let text = format!("{} incidents are open, {waiting} pages wait", standing.open);
    let (state, text) = match lost > 0.0 {
        true => (State::Critical, format!("{text}; {lost:.0} reached nobody in the last minute")),
        false => (State::Ok, text),
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
