//! Agents on other machines, as the Data page and the own series tell of them.

use http_api::agents::AgentStatus;
use http_api::control::{Dropped, Part, State};

use crate::health::{dropped, part};
use crate::house::House;
use crate::own::Counters;

/// Silence is told after so many intervals of the agent's,
const SILENT_INTERVALS: f64 = 5.0;
/// but not before it had time to notice that a connection is gone and to make another.
const SILENT_SECONDS: f64 = 15.0;
/// The store takes points that are a minute ahead; long before that somebody should know.
const SKEW_TOLD_SECONDS: f64 = 10.0;

pub fn statuses(house: &House) -> Vec<AgentStatus> {
    let now = house.clock.since_epoch().as_secs_f64();
    house.services.load().as_ref().as_ref().map_or_else(Vec::new, |services| services.agents.statuses(now))
}

/// `agent.web1.server`: beside what the agent tells of itself.
fn series(agent: &AgentStatus) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    format!("agent.{}.at_server", agent.name.chars().map(plain).collect::<String>())
}

pub fn count(house: &House, all: &mut Counters) {
    for agent in statuses(house) {
        let name = series(&agent);
        let totals = &agent.totals;
        all.add(&format!("{name}.stored"), totals.stored);
        all.add(&format!("{name}.batches"), agent.batches);
        all.add(&format!("{name}.repeated_batches"), totals.repeated);
        for (what, count) in refusals(&agent) {
            if count > 0 {
                all.add(&format!("{name}.refused.{}", what.replace(' ', "_")), count);
            }
        }
        if agent.dropped_points > 0 {
            all.add(&format!("{name}.dropped.spool"), agent.dropped_points);
        }
    }
}

/// How long ago each was heard, and what waits there.
pub fn gauges(house: &House, add: &mut impl FnMut(&str, f64)) {
    let now = house.clock.since_epoch().as_secs_f64();
    for agent in statuses(house) {
        let name = series(&agent);
        add(&format!("{name}.silent_seconds"), (now - agent.last_heard).max(0.0));
        add(&format!("{name}.waiting_points"), agent.waiting_points as f64);
        add(&format!("{name}.waiting_bytes"), agent.waiting_bytes as f64);
    }
}

fn refusals(agent: &AgentStatus) -> [(&'static str, u64); 6] {
    let totals = &agent.totals;
    [
        ("limit", totals.refused_limit),
        ("name", totals.refused_name),
        ("token", totals.outside),
        ("too old", totals.too_old),
        ("future", totals.in_future),
        ("no value", totals.no_value),
    ]
}

pub fn parts(house: &House, now: f64) -> Vec<Part> {
    statuses(house).iter().map(|agent| agent_part(house, agent, now)).collect()
}

fn agent_part(house: &House, agent: &AgentStatus, now: f64) -> Part {
    let name = series(agent);
    let list = losses(house, agent, &name);
    let lost_lately = list.iter().any(|entry| entry.last_minute > 0 && entry.cause != "token");
    let silent = now - agent.last_heard;
    let rate = house.history.rate(&format!("{name}.stored"));
    let (state, text) = if silent > SILENT_SECONDS.max(SILENT_INTERVALS * agent.interval_seconds) {
        (State::Warning, format!("silent for {}; it spools while it cannot send", words(silent)))
    } else if agent.has_twin {
        let why = "another machine calls itself the same, and their series write over each other: give each its own";
        (State::Warning, format!("{why} collectors.host_name"))
    } else if agent.skew_seconds.abs() > SKEW_TOLD_SECONDS {
        let direction = if agent.skew_seconds > 0.0 { "ahead of" } else { "behind" };
        let seconds = agent.skew_seconds.abs();
        (State::Warning, format!("its clock is {seconds:.0} s {direction} this server's: set both by NTP"))
    } else if lost_lately {
        (State::Warning, "some of what it sent was lost or refused in the last minute".into())
    } else if agent.waiting_points > 0 {
        (State::Ok, format!("catching up: {} points wait in its spool", agent.waiting_points))
    } else {
        (State::Ok, format!("{:.0} points/s, nothing waits", rate.unwrap_or(0.0)))
    };
    Part {
        state,
        text,
        rate,
        unit: Some("points/s"),
        lag: agent.newest.map(|newest| (now - newest.0 as f64).max(0.0)),
        last_success: Some(agent.last_heard),
        dropped: list,
        ..part(format!("agent.{}", agent.name), "collector", format!("Agent {}", agent.name))
    }
}

fn losses(house: &House, agent: &AgentStatus, name: &str) -> Vec<Dropped> {
    let mut list: Vec<Dropped> = refusals(agent)
        .into_iter()
        .filter(|(_, total)| *total > 0)
        .map(|(cause, total)| {
            let counter = format!("{name}.refused.{}", cause.replace(' ', "_"));
            dropped(house, &counter, cause, total, REFUSED_HELP)
        })
        .collect();
    if agent.dropped_points > 0 {
        let counter = format!("{name}.dropped.spool");
        list.push(dropped(house, &counter, "spool", agent.dropped_points, SPOOL_HELP));
    }
    list
}

const REFUSED_HELP: &str = "Sent by the agent and refused here: names that cannot be series or are beyond the limits or the \
                            token's prefixes, times that nothing is kept for. The agent's log has an example.";
const SPOOL_HELP: &str = "Given up by the agent since its start: its spool was full or damaged while this server was away. \
                          Raise agent.spool_bytes there.";

fn words(seconds: f64) -> String {
    match seconds as u64 {
        0..120 => format!("{seconds:.0} s"),
        120..7_200 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3_600.0),
    }
}
