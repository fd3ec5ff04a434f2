//! Is somebody on call? Warned of a day ahead, while there is time to find somebody.

use http_api::control::{Part, State};
use incidents::oncall::Gap;
use incidents::oncall::leave::Clash;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::health::part;
use crate::house::House;

const AHEAD_SECONDS: i64 = 86_400;
/// So many are named; the rest is a number.
const NAMED: usize = 3;

/// None: there are no schedules, and nothing names one or a policy.
pub fn oncall_part(house: &House) -> Option<Part> {
    let now = house.clock.now();
    let roster = house.desk.roster(now);
    if roster.schedules.is_empty() && roster.leads_nowhere.is_empty() {
        return None;
    }
    let gaps = house.desk.gaps_ahead(now);
    let (state, text) = standing(roster.schedules.len(), &gaps, now, &TimeZone::system());
    let state = if roster.leads_nowhere.is_empty() { state } else { State::Warning };
    let text = format!(
        "{text}{}{}",
        of_clashes(&house.desk.clashes_ahead(now), now),
        of_lost(&roster.leads_nowhere)
    );
    Some(Part { state, text, ..part("oncall", "evaluator", "On call") })
}

/// The first of each schedule, of those that begin within a day.
fn standing(schedules: usize, gaps: &[Gap], now: Timestamp, zone: &TimeZone) -> (State, String) {
    if schedules == 0 {
        return (State::Ok, "no schedules".to_owned());
    }
    let mut soon: Vec<&Gap> = Vec::new();
    for gap in gaps.iter().filter(|gap| gap.start < now.plus(AHEAD_SECONDS)) {
        if soon.iter().all(|other| other.schedule != gap.schedule) {
            soon.push(gap);
        }
    }
    if soon.is_empty() {
        let text = match schedules {
            1 => "1 schedule, with somebody for a day".to_owned(),
            _ => format!("{schedules} schedules, each with somebody for a day"),
        };
        return (State::Ok, text);
    }
    let named: Vec<String> = soon.iter().take(NAMED).map(|gap| words(gap, now, zone)).collect();
    let more = match soon.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let mend = "find somebody (POST /api/v1/overrides), or write `may_be_empty = true`";
    (State::Warning, format!("nobody is on call for {}{more}: {mend}", named.join(", ")))
}

/// Turns of who is away, and who has them; where nobody has them there is a gap, which is told as one.
fn of_clashes(clashes: &[Clash], now: Timestamp) -> String {
    let soon = clashes.iter().filter(|clash| clash.start < now.plus(AHEAD_SECONDS));
    let named: Vec<String> = soon
        .take(NAMED)
        .map(|Clash { person, schedule, stand_ins, has_gap, .. }| {
            let mut has: Vec<&str> = stand_ins.iter().map(|name| &**name).collect();
            if *has_gap {
                has.push("nobody else, so that they are called all the same");
            }
            format!("; {person} is away: `{schedule}` has {}", has.join(", "))
        })
        .collect();
    named.concat()
}

/// What names somebody or something that is not there.
fn of_lost(lost: &[String]) -> String {
    let named: String = lost.iter().take(NAMED).map(|one| format!("; {one}")).collect();
    match lost.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}; and {more} more such"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_nobody_is_said() {
        let lost: Vec<String> =
            (0..5).map(|number| format!("policy `p{number}`: there is no `ben`")).collect();
        assert_eq!(of_lost(&lost[..1]), "; policy `p0`: there is no `ben`");
        assert!(of_lost(&lost).ends_with("`p2`: there is no `ben`; and 2 more such"), "{}", of_lost(&lost));
        assert_eq!(of_lost(&[]), "");
    }

    #[test]
    fn who_stands_in_within_a_day_is_said() {
        let clash = |start: i64, stand_ins: &[&str]| Clash {
            start: Timestamp(start),
            end: Timestamp(start + 100),
            schedule: "web".into(),
            person: "ana".into(),
            stand_ins: stand_ins.iter().map(|name| (*name).into()).collect(),
            has_gap: stand_ins.is_empty(),
        };
        let now = Timestamp(1_000);
        assert_eq!(of_clashes(&[clash(2_000, &["ben", "cyd"])], now), "; ana is away: `web` has ben, cyd");
        let nobody = "; ana is away: `web` has nobody else, so that they are called all the same";
        assert_eq!(of_clashes(&[clash(2_000, &[]), clash(100_000, &["ben"])], now), nobody);
    }
}
