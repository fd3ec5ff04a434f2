//! `[[monitor]] kind = "heartbeat"`, and `[heartbeats]`.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use vocabulary::settings::Secret;
use vocabulary::time::HumanDuration;

use super::ask::{is_slug, is_uuid};
use super::heart::Rule;
use super::limits::{DEFAULT_GRACE_MS, DEFAULT_PERIOD_MS, MAX_MS, MIN_MS};
use super::schedule::Schedule;
use crate::config::{MonitorConfig, MonitorKind, keys_of_metrics, misplaced};

/// `[heartbeats]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeartbeatsConfig {
    /// What stands in `/ping/<key>/<slug>`; empty: heartbeats are pinged by their UUIDs only. Whoever knows it can ping.
    pub ping_key: Secret,
}

impl HeartbeatsConfig {
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let key = self.ping_key.reveal();
        match key.is_empty() || (is_slug(key) && key.len() >= 16) {
            true => Vec::new(),
            false => vec![(
                "ping_key",
                "a ping key has 16 to 100 letters, digits, `-` and `_`, since whoever knows it can ping: make one with `openssl rand -hex 16`".into(),
            )],
        }
    }
}

/// The keys that a heartbeat may have, those that others have and it may not, and whether they can be read.
pub fn problems(monitor: &MonitorConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if monitor.kind != MonitorKind::Heartbeat {
        let keys = [
            ("schedule", monitor.schedule.is_some()),
            ("period", monitor.period.is_some()),
            ("grace", monitor.grace.is_some()),
            ("time_zone", monitor.time_zone.is_some()),
            ("slug", monitor.slug.is_some()),
            ("uuid", monitor.uuid.is_some()),
        ];
        problems.extend(misplaced(&keys, "heartbeat"));
        return problems;
    }
    problems.extend(misplaced(&keys_of_metrics(monitor), "metric"));
    if monitor.schedule.is_some() && monitor.period.is_some() {
        problems.push(("period", "a heartbeat has a period or a schedule: leave one of them out".into()));
    }
    if monitor.schedule.is_none() && monitor.time_zone.is_some() {
        problems.push((
            "time_zone",
            "a period is the same in every zone: write a schedule, or leave this out".into(),
        ));
    }
    for (key, duration) in [("period", monitor.period), ("grace", monitor.grace)] {
        let ms = duration.map(|duration| duration.0.as_millis());
        if ms.is_some_and(|ms| ms < MIN_MS as u128 || ms > MAX_MS as u128) {
            problems.push((key, "write a time from \"1s\" to \"366d\"".into()));
        }
    }
    if monitor.slug.as_deref().is_some_and(|slug| !is_slug(slug)) {
        problems.push(("slug", "a slug is part of a path: up to 100 letters, digits, `-` and `_`".into()));
    }
    if monitor.uuid.as_deref().is_some_and(|uuid| !is_uuid(uuid)) {
        let cure =
            "write it as 8-4-4-4-12 hex digits, such as `uuidgen` prints, or leave it out: then one is made";
        problems.push(("uuid", cure.into()));
    }
    match zone(monitor) {
        Err(why) => problems.push(("time_zone", why)),
        Ok(zone) => {
            let schedule = monitor.schedule.as_deref().map(|text| Schedule::parse(text, zone));
            problems.extend(schedule.and_then(Result::err).map(|why| ("schedule", why)));
        }
    }
    problems
}

fn zone(monitor: &MonitorConfig) -> Result<TimeZone, String> {
    let Some(name) = &monitor.time_zone else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| {
        format!("`{name}` is not a time zone: write a name such as \"Europe/Berlin\" or \"UTC\"")
    })
}

/// The rule of a definition that has no problems.
pub fn rule(monitor: &MonitorConfig) -> Result<Rule, String> {
    let ms = |duration: HumanDuration| i64::try_from(duration.0.as_millis()).unwrap_or(MAX_MS);
    let schedule = match &monitor.schedule {
        Some(text) => Schedule::parse(text, zone(monitor)?)?,
        None => Schedule::Period(monitor.period.map_or(DEFAULT_PERIOD_MS, ms)),
    };
    Ok(Rule { schedule, grace_ms: monitor.grace.map_or(DEFAULT_GRACE_MS, ms) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef";

    fn with_key(key: &str) -> HeartbeatsConfig {
        HeartbeatsConfig { ping_key: Secret::new(key) }
    }

    #[test]
    fn a_ping_key_is_not_guessed() {
        for wrong in ["short", "(hidden)", "0123456789abcde/", &"a".repeat(101)] {
            let problems = with_key(wrong).problems();
            let [(key, why)] = problems.as_slice() else { panic!("{wrong}: {problems:?}") };
            assert!(*key == "ping_key" && why.contains("openssl rand") && !why.contains(wrong), "{why}");
        }
        assert!(with_key("").problems().is_empty() && with_key(KEY).problems().is_empty());
    }

    #[test]
    fn a_ping_key_is_not_shown() {
        let shown = |key| serde_json::to_string(&with_key(key)).unwrap();
        assert_eq!(shown(KEY), r#"{"ping_key":"(hidden)"}"#);
        assert_eq!(shown(""), r#"{"ping_key":""}"#, "that there is none is no secret");
        assert!(!format!("{:?}", with_key(KEY)).contains(KEY));
    }
}
