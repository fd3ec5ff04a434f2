//! Is somebody on call? Warned of a day ahead, while there is time to find somebody.

use http_api::control::{Part, State};
use incidents::oncall::Gap;
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
    let gaps = house.desk.gaps_ahead(now);
    let (state, text) = standing(roster.schedules.len(), &gaps, now, &TimeZone::system());
    Some(Part { state, text, ..part("oncall", "evaluator", "On call") })
}

/// The first of each schedule, of those that begin within a day.
fn standing(schedules: usize, gaps: &[Gap], now: Timestamp, zone: &TimeZone) -> (State, String) {
    let mut soon: Vec<&Gap> = Vec::new();
    for gap in gaps.iter().filter(|gap| gap.start < now.plus(AHEAD_SECONDS)) {
        if soon.iter().all(|other| other.schedule != gap.schedule) {
            soon.push(gap);
        }
    }
    if soon.is_empty() {
        return (State::Ok, format!("{schedules} schedules, each with somebody for a day"));
    }
    let named: Vec<String> = soon.iter().take(NAMED).map(|gap| words(gap, now, zone)).collect();
    let more = match soon.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let mend = "find somebody (POST /api/v1/overrides), or write `may_be_empty = true`";
    (State::Warning, format!("nobody is on call for {}{more}: {mend}", named.join(", ")))
}

fn words(gap: &Gap, now: Timestamp, zone: &TimeZone) -> String {
    let Gap { start, end, schedule: name } = gap;
    let clock = |at: Timestamp| match jiff::Timestamp::from_second(at.0) {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%a %H:%M").to_string(),
        Err(_) => at.0.to_string(),
    };
    let begins = if *start <= now { "now".to_owned() } else { clock(*start) };
    match *end < now.plus(AHEAD_SECONDS) {
        true => format!("`{name}` from {begins} to {}", clock(*end)),
        false => format!("`{name}` from {begins} on"),
    }
}
