//! `type = "systemd"`: a unit is active, and is not started again and again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::limits::{CRASH_LOOP_WINDOW, HISTORIES_MAX};
use super::process::tell_restarts;
use super::seen::{CRITICAL, Seen, UNKNOWN, WARNING};
use super::{Asked, Probe, Trouble, text};
use crate::config::{CheckConfig, CheckType};
use crate::kinds::check::plugin::{self, Ending, PluginRun};

pub const PROBE: Probe = Probe {
    kind: CheckType::Systemd,
    name: "systemd",
    keys: &["unit"],
    required: &["unit"],
    main: "active",
    problems,
    look: |asked| Box::pin(look(asked)),
};

const PROPERTIES: &str = "Id,LoadState,ActiveState,SubState,Result,Type,NRestarts,ExecMainStatus,\
                          ActiveEnterTimestampMonotonic,MemoryCurrent,TasksCurrent,UnitFileState,RemainAfterExit";

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let unit = asked.check.unit.as_deref().unwrap_or_default();
    let run = PluginRun {
        command: ["systemctl", "show", "--property", PROPERTIES, "--", unit].map(str::to_owned).to_vec(),
        timeout: asked.deadline.left(),
        path: "/usr/bin:/bin:/usr/local/bin".into(),
        environment: vec![("SYSTEMD_PAGER".into(), String::new())],
    };
    let ended = plugin::run(&run).await;
    let said = String::from_utf8_lossy(&ended.output);
    match ended.ending {
        Ending::Exit(0) => Ok(seen(&asked.check.name, unit, &said, asked.now.0)),
        Ending::NotFound => Err(Trouble::unknown("there is no systemctl on this machine")),
        Ending::TimedOut => Err(Trouble::unknown("systemd does not answer")),
        _ => Err(Trouble::unknown(format!("systemctl show: {}", text::excerpt(&ended.error_output)))),
    }
}

fn seen(check: &str, unit: &str, said: &str, now: i64) -> Seen {
    let properties: HashMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let of = |name: &str| properties.get(name).copied().unwrap_or_default();
    let number = |name: &str| of(name).parse::<f64>().ok().filter(|number| *number < 1e18);
    let (active, sub, result) = (of("ActiveState"), of("SubState"), of("Result"));
    let mut seen = Seen::new(format!("{unit} is {active} ({sub})"));
    // A job that has run to its end, and says so by having ended well.
    let is_done = of("Type") == "oneshot" && active == "inactive" && result == "success";
    match active {
        _ if of("LoadState") == "not-found" => seen.problem(CRITICAL, format!("there is no unit {unit}")),
        _ if of("LoadState") == "masked" => seen.problem(WARNING, format!("{unit} is masked")),
        "active" | "reloading" | "refreshing" => {}
        "activating" if sub == "auto-restart" => {
            seen.problem(
                CRITICAL,
                format!(
                    "{unit} has ended ({}) and waits to be started again",
                    ended(result, of("ExecMainStatus"))
                ),
            );
        }
        "activating" | "deactivating" => seen.problem(WARNING, format!("{unit} is {active}")),
        "inactive" if is_done => {}
        "failed" if result == "start-limit-hit" => {
            seen.problem(CRITICAL, format!("{unit} ended so often that systemd has given it up"));
        }
        "failed" => {
            seen.problem(CRITICAL, format!("{unit} has failed ({})", ended(result, of("ExecMainStatus"))))
        }
        "inactive" => seen.problem(CRITICAL, format!("{unit} does not run")),
        other => seen.problem(UNKNOWN, format!("systemd says `{other}` of {unit}")),
    }
    seen.value("active", f64::from(u8::from(active == "active")), "");
    for (label, name, unit) in [("memory", "MemoryCurrent", "B"), ("tasks", "TasksCurrent", "")] {
        if let Some(number) = number(name) {
            seen.value(label, number, unit);
        }
    }
    if let Some(restarts) = number("NRestarts") {
        seen.value("restarts_total", restarts, "c");
        if let Some(recent) = recent_restarts(check, restarts, now) {
            tell_restarts(recent, &mut seen);
        }
    }
    seen
}

fn ended(result: &str, status: &str) -> String {
    match (result, status) {
        ("exit-code", status) => format!("exit status {status}"),
        ("oom-kill", _) => "killed for want of memory".into(),
        (result, _) => result.replace('-', " "),
    }
}

/// systemd counts from the unit's first start on; the crash loop is in how fast that rises.
static COUNTS: Mutex<Option<HashMap<String, Counts>>> = Mutex::new(None);

/// When the count became which, the oldest that matters first.
type Counts = Vec<(i64, f64)>;

fn recent_restarts(check: &str, total: f64, now: i64) -> Option<f64> {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = counts.get_or_insert_default();
    if counts.len() >= HISTORIES_MAX && !counts.contains_key(check) {
        return None;
    }
    let seen = counts.entry(check.to_owned()).or_default();
    // It begins anew when somebody starts the unit by hand.
    if seen.last().is_some_and(|(_, last)| *last > total) {
        seen.clear();
    }
    // The first look cannot tell how old its count is; only changes are kept.
    if seen.last().is_none_or(|(_, last)| *last != total) {
        seen.push((now, total));
    }
    let window = CRASH_LOOP_WINDOW.as_secs() as i64;
    while seen.len() > 1 && now - seen[1].0 > window {
        seen.remove(0);
    }
    Some(total - seen.first().map_or(total, |(_, first)| *first))
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let bad = check
        .unit
        .as_ref()
        .filter(|unit| unit.is_empty() || unit.starts_with('-') || unit.contains(['/', ' ']));
    bad.map(|unit| ("unit", format!("`{unit}` is no name of a unit such as \"nginx.service\"")))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::probe::of;

    /// As `systemctl show` of systemd 252 says it.
    fn check(name: &str, said: &str, status: u8, part: &str) {
        let outcome = seen(name, "x.service", said, 1_000)
            .judge(of(CheckType::Systemd).unwrap(), &CheckConfig::default());
        assert_eq!(outcome.status, status, "{said}: {}", outcome.output);
        assert!(outcome.output.contains(part), "{said}: {}", outcome.output);
    }

    #[test]
    fn states_of_units() {
        check(
            "a",
            "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=0\nMemoryCurrent=1024",
            0,
            "active (running)",
        );
        check(
            "b",
            "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainStatus=3\nNRestarts=7",
            2,
            "exit status 3",
        );
        check(
            "c",
            "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=start-limit-hit",
            2,
            "given it up",
        );
        check(
            "d",
            "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=oom-kill",
            2,
            "want of memory",
        );
        check(
            "e",
            "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nType=simple",
            2,
            "does not run",
        );
        check(
            "f",
            "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nType=oneshot",
            0,
            "inactive",
        );
        check("g", "LoadState=not-found\nActiveState=inactive\nSubState=dead", 2, "there is no unit");
        check(
            "h",
            "LoadState=loaded\nActiveState=active\nSubState=running\nMemoryCurrent=[not set]\nTasksCurrent=18446744073709551615",
            0,
            "running",
        );
    }

    #[test]
    fn a_count_that_rises_fast_is_a_crash_loop() {
        assert_eq!(recent_restarts("loop", 40.0, 0), Some(0.0), "of long ago, for all we know");
        assert_eq!(recent_restarts("loop", 43.0, 60), Some(3.0));
        assert_eq!(recent_restarts("loop", 46.0, 120), Some(6.0));
        assert_eq!(recent_restarts("loop", 46.0, 8_000), Some(0.0));
        assert_eq!(recent_restarts("loop", 1.0, 8_060), Some(0.0), "started by hand");
        assert_eq!(recent_restarts("loop", 2.0, 8_120), Some(1.0));
    }
}
