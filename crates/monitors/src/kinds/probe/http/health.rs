//! Reports of sub-checks, as services give them of themselves.
//!
//! ```text
//! healthz and kin        {"status": "…", "checks": {"db": {"status": "…"}, "cache": "ok"}}
//! application/health+json {"status": "pass", "checks": {"db:time": [{"status": "warn", "output": "…"}]}}
//! Spring's actuator      {"status": "UP", "components": {"db": {"status": "UP", "components": {…}}}}   (also "details")
//! hospital (Python)      {"status": "fail", "summary": {…}, "details": [{"test": "…", "status": "error", "context": "…"}]}
//! healthz (Go)           {"Root": {"OverallHealth": 3, "Subcomponents": [{"Name": "…", "OverallHealth": …}]}}
//! ```
//!
//! pyramid_health and others say all in the status and a word (`OK`, `ERROR`, `MAINTENANCE`), which needs nothing here.

use serde_json::{Map, Value};

use crate::kinds::probe::limits::PARTS_MAX;
use crate::kinds::probe::seen::{CRITICAL, OK, UNKNOWN, WARNING, worse};

#[derive(Debug, PartialEq)]
pub struct Report {
    pub status: u8,
    pub word: String,
    pub checks: Vec<(String, Sub)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sub {
    pub status: u8,
    pub word: String,
    pub text: String,
}

/// Components within components; deeper ones are not of people.
const DEPTH_MAX: usize = 8;

/// Where sub-checks stand.
const LISTS: [&str; 10] = [
    "checks",
    "components",
    "details",
    "results",
    "entries",
    "subchecks",
    "sub_checks",
    "dependencies",
    "services",
    "Subcomponents",
];
const STATUSES: [&str; 8] =
    ["status", "state", "result", "healthy", "ok", "health", "OverallHealth", "status_code"];
const TEXTS: [&str; 8] =
    ["output", "message", "error", "description", "reason", "context", "detail", "details"];

/// None: it is no report. A body with only a status is none: whoever wants that writes a condition.
pub fn read(body: &[u8]) -> Option<Report> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let object = value.get("Root").unwrap_or(&value).as_object()?;
    let mut checks = Vec::new();
    collect(object, "", 0, &mut checks);
    if checks.is_empty() {
        return None;
    }
    let own = own_status(object);
    let worst = checks.iter().fold(OK, |worst, (_, sub)| worse(worst, sub.status));
    let (status, word) = own.unwrap_or((worst, String::new()));
    Some(Report { status, word, checks })
}

fn collect(object: &Map<String, Value>, above: &str, depth: usize, checks: &mut Vec<(String, Sub)>) {
    if depth == DEPTH_MAX {
        return;
    }
    for (key, list) in LISTS.iter().filter_map(|key| Some((*key, object.get(*key)?))) {
        // Spring's `details` may be sub-checks, or what there is to say about one.
        let is_check = |sub: &Value| key != "details" || sub.as_object().and_then(own_status).is_some();
        match list {
            Value::Object(named) => named
                .iter()
                .filter(|(_, sub)| is_check(sub))
                .for_each(|(name, sub)| add(sub, above, name, depth, checks)),
            Value::Array(list) => list.iter().for_each(|sub| {
                if let Some(name) = name_of(sub) {
                    add(sub, above, &name, depth, checks);
                }
            }),
            _ => {}
        }
    }
    // Spring Boot 1: components beside the status, without a name for all of them.
    if depth == 0 && checks.is_empty() && object.contains_key("status") {
        let named = object.iter().filter(|(_, sub)| sub.get("status").is_some_and(Value::is_string));
        named.for_each(|(name, sub)| add(sub, above, name, depth, checks));
    }
}

fn add(sub: &Value, above: &str, name: &str, depth: usize, checks: &mut Vec<(String, Sub)>) {
    // Twice as many are looked at as are kept, so that bad ones can be preferred.
    if checks.len() >= 2 * PARTS_MAX {
        return;
    }
    let name = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    match sub {
        // health+json: several measurements of one thing; the worst speaks.
        Value::Array(list) => {
            let subs = list.iter().filter_map(of_value);
            if let Some(worst) = subs
                .reduce(|one, other| if worse(one.status, other.status) == one.status { one } else { other })
            {
                checks.push((name, worst));
            }
        }
        _ => {
            let own = of_value(sub);
            let before = checks.len();
            if let Some(object) = sub.as_object() {
                collect(object, &name, depth + 1, checks);
            }
            // Its parts say it already.
            let is_told = checks[before..].iter().any(|(_, sub)| sub.status != OK);
            if let Some(own) = own.filter(|_| !is_told) {
                checks.insert(before, (name, own));
            }
        }
    }
}

fn name_of(sub: &Value) -> Option<String> {
    let keys = ["name", "test", "check", "id", "component", "componentId", "Name", "service"];
    keys.iter().find_map(|key| sub.get(*key)?.as_str()).map(str::to_owned)
}

fn of_value(sub: &Value) -> Option<Sub> {
    match sub {
        Value::Object(object) => {
            let (status, word) = own_status(object)?;
            let text_of = |object: &Map<String, Value>| {
                TEXTS.iter().find_map(|key| object.get(*key)?.as_str()).unwrap_or_default().to_owned()
            };
            let mut text = text_of(object);
            if let Some(details) =
                object.get("details").and_then(Value::as_object).filter(|_| text.is_empty())
            {
                text = text_of(details);
            }
            Some(Sub { status, word, text })
        }
        Value::String(_) | Value::Bool(_) => {
            let (status, word) = status_of("status", sub)?;
            Some(Sub { status, word, text: String::new() })
        }
        _ => None,
    }
}

fn own_status(object: &Map<String, Value>) -> Option<(u8, String)> {
    STATUSES.iter().find_map(|key| status_of(key, object.get(*key)?))
}

fn status_of(key: &str, value: &Value) -> Option<(u8, String)> {
    match value {
        Value::Bool(good) => {
            Some((if *good { OK } else { CRITICAL }, if *good { "ok" } else { "failing" }.into()))
        }
        Value::String(word) => Some((of_word(word), word.clone())),
        // Go's healthz: 0 is redundant or unknown, 1 an error, 2 a warning, 3 normal; HTTP's statuses as everywhere.
        Value::Number(number) => {
            let number = number.as_u64()?;
            let status = match (key, number) {
                ("OverallHealth", 1) => CRITICAL,
                ("OverallHealth", 2) => WARNING,
                ("OverallHealth", 3..) => OK,
                ("OverallHealth", _) => UNKNOWN,
                (_, 200..=399) => OK,
                (_, 400..=599) => CRITICAL,
                _ => return None,
            };
            Some((status, number.to_string()))
        }
        _ => None,
    }
}

fn of_word(word: &str) -> u8 {
    match word.to_lowercase().replace(['-', ' '], "_").as_str() {
        "ok" | "okay" | "pass" | "passed" | "passing" | "up" | "healthy" | "success" | "good" | "green"
        | "online" | "alive" | "available" | "normal" | "running" | "ready" | "true" | "active"
        | "operational" | "expected_failure" | "skip" | "skipped" => OK,
        "warn" | "warning" | "degraded" | "yellow" | "partial" | "maintenance" => WARNING,
        "fail" | "failed" | "failing" | "failure" | "down" | "error" | "critical" | "unhealthy" | "bad"
        | "red" | "offline" | "dead" | "nok" | "out_of_service" | "unavailable" | "false"
        | "unexpected_success" | "inactive" | "not_ok" | "ko" | "stopped" => CRITICAL,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name STATUS text` of each.
    fn check(body: &str, expected: &[&str]) {
        let report = read(body.as_bytes());
        let lines: Vec<String> = report
            .iter()
            .flat_map(|report| &report.checks)
            .map(|(name, sub)| format!("{name} {} {}", sub.status, sub.text).trim_end().to_owned())
            .collect();
        assert_eq!(lines, expected, "{body}");
    }

    #[test]
    fn reports_of_all_kinds() {
        check(
            r#"{"status": "fail", "checks": {"db": {"status": "fail", "message": "no route"}, "cache": {"status": "ok"}}}"#,
            &["cache 0", "db 2 no route"],
        );
        check(
            r#"{"status": "ok", "checks": {"db": "ok", "queue": "degraded", "disk": true, "net": false}}"#,
            &["db 0", "disk 0", "net 2", "queue 1"],
        );
        check(
            r#"{"status": "warn", "checks": {"db:time": [{"status": "pass"}, {"status": "warn", "output": "slow"}], "x": [{"observedValue": 1}]}}"#,
            &["db:time 1 slow"],
        );
        check(
            r#"{"status":"DOWN","components":{"db":{"status":"DOWN","details":{"error":"refused"},"components":{"main":{"status":"DOWN","details":{"error":"refused"}}}},"ping":{"status":"UP"}}}"#,
            &["db.main 2 refused", "ping 0"],
        );
        check(
            r#"{"status":"UP","diskSpace":{"status":"UP","free":1},"db":{"status":"OUT_OF_SERVICE"}}"#,
            &["db 2", "diskSpace 0"],
        );
        check(
            r#"{"status":"fail","summary":{"total":2,"pass":1,"fail":1},"details":[{"test":"Mail is sent","status":"fail","context":"(AssertionError)"},{"test":"DNS","status":"pass"}]}"#,
            &["Mail is sent 2 (AssertionError)", "DNS 0"],
        );
        check(
            r#"{"Root":{"OverallHealth":1,"Subcomponents":[{"Name":"redis","OverallHealth":1},{"Name":"db","OverallHealth":3}]}}"#,
            &["redis 2", "db 0"],
        );
        check(
            r#"{"status":"Healthy","entries":{"sql":{"status":"Unhealthy","description":"timeout"}}}"#,
            &["sql 2 timeout"],
        );
    }

    #[test]
    fn other_bodies_are_no_reports() {
        for body in [
            "",
            "OK",
            "[]",
            "{}",
            r#"{"status":"ok"}"#,
            r#"{"checks":3}"#,
            r#"{"details":"text"}"#,
            r#"{"user":{"name":"x"}}"#,
        ] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
        let deep = format!("{}1{}", r#"{"checks":{"a":"#.repeat(100), "}}".repeat(100));
        let _ = read(deep.as_bytes());
    }
}
