//! What a plugin's output is taken for: a line of JSON for each line of JSON on stdin. For scenarios/monitors.
use std::io::BufRead;

use formats::nagios::{perfdata, plugin_output};
use plugin_output::{Ended, Subject};
use serde_json::{Value, json};

fn main() {
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.expect("stdin is read")).expect("a line is JSON");
        let bytes = |key: &str| -> Vec<u8> {
            let bytes = asked[key].as_array().into_iter().flatten();
            bytes.map(|byte| byte.as_u64().unwrap_or_default() as u8).collect()
        };
        let (host, service) = (asked["host"].as_str().unwrap_or_default(), asked["service"].as_str());
        let subject = service.map_or(Subject::Host(host), |service| Subject::Service { host, service });
        let ended = match (asked["exit"].as_i64(), asked["signal"].as_i64()) {
            (Some(code), _) => Ended::Exit(code as i32),
            (_, Some(signal)) => Ended::Signal(signal as i32),
            _ => Ended::TimedOut(asked["timed_out"].as_f64().unwrap_or_default()),
        };
        let seen = plugin_output::result(&bytes("stdout"), &bytes("stderr"), ended, subject);
        let parsed = perfdata::parse(&seen.text.perfdata);
        let items: Vec<Value> = parsed.items.iter().map(|item| json!({"label": item.label, "value": item.value, "uom": item.uom,
            "warn": item.warn, "crit": item.crit, "min": item.min, "max": item.max, "breach": format!("{:?}", item.breach()).to_lowercase()})).collect();
        println!(
            "{}",
            json!({"status": seen.status, "output": seen.text.output, "long_output": seen.text.long_output,
                "perfdata": seen.text.perfdata, "items": items, "skipped": parsed.skipped})
        );
    }
}
