//! Is somebody on call? Warned of a day ahead, while there is time to find somebody.

use http_api::control::{Part, State};
use incidents::oncall::Roster;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::health::part;
use crate::house::House;

const AHEAD_SECONDS: i64 = 86_400;
/// So many are named; the rest is a number.
const NAMED: usize = 3;

/// None: there are no schedules.
pub fn oncall_part(house: &House) -> Option<Part> {
    let now = house.clock.now();
    let roster = house.desk.roster(now);
    if roster.schedules.is_empty() {
        return None;
    }
    let (state, text) = standing(&roster, now, &TimeZone::system());
    Some(Part { state, text, ..part("oncall", "evaluator", "On call") })
}

/// Where nobody is meant to be on call at times nothing is told.
fn standing(roster: &Roster, now: Timestamp, zone: &TimeZone) -> (State, String) {
    let meant = roster.schedules.iter().filter(|(_, known)| !known.config.may_be_empty);
    let gap = |known: &incidents::oncall::roster::Known| {
        known.schedule.gaps(now, now.plus(AHEAD_SECONDS)).into_iter().next()
    };
    let mut gaps: Vec<_> = meant.filter_map(|(name, known)| Some((gap(known)?, name))).collect();
    if gaps.is_empty() {
        return (State::Ok, format!("{} schedules, each with somebody for a day", roster.schedules.len()));
    }
    gaps.sort();
    let named: Vec<String> =
        gaps.iter().take(NAMED).map(|(gap, name)| words(name, *gap, now, zone)).collect();
    let more = match gaps.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let mend = "find somebody (POST /api/v1/overrides), or write `may_be_empty = true`";
    (State::Warning, format!("nobody is on call for {}{more}: {mend}", named.join(", ")))
}

fn words(name: &str, (start, end): (Timestamp, Timestamp), now: Timestamp, zone: &TimeZone) -> String {
    let clock = |at: Timestamp| match jiff::Timestamp::from_second(at.0) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%a %H:%M").to_string(),
        Err(_) => at.0.to_string(),
    };
    let begins = if start <= now { "now".to_owned() } else { clock(start) };
    match end < now.plus(AHEAD_SECONDS) {
        true => format!("`{name}` from {begins} to {}", clock(end)),
        false => format!("`{name}` from {begins} on"),
    }
}
