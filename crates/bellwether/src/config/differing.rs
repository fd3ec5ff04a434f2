//! Two configurations side by side, key by key. What is watched is compared by whoever knows its names.

use http_api::control::SettingDifference;
use serde_json::Value;

use super::Config;

/// Told by name elsewhere, as they are made in the UI too.
const WATCHED: [&str; 9] =
    ["monitor", "check", "host", "contact", "time_period", "escalation", "dependency", "downtime", "service"];

/// Where the first, which is in effect, is not as the second, by keys such as `statsd.flush_interval`. Secrets look
/// alike.
pub fn differences(running: &Config, file: &Config) -> Vec<SettingDifference> {
    // Plain structs of texts and numbers: there is nothing in them that JSON has no form for.
    let tree = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let mut out = Vec::new();
    compare("", &tree(running), &tree(file), &mut out);
    out
}

fn compare(key: &str, running: &Value, file: &Value, out: &mut Vec<SettingDifference>) {
    if running == file {
        return;
    }
    let (Value::Object(now), Value::Object(then)) = (running, file) else {
        let (running, file) = (running.clone(), file.clone());
        return out.push(SettingDifference { key: key.to_owned(), running, file });
    };
    let mut names: Vec<&String> = now.keys().chain(then.keys()).collect();
    names.sort();
    names.dedup();
    for name in names.into_iter().filter(|name| !(key.is_empty() && WATCHED.contains(&name.as_str()))) {
        let below = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
        compare(&below, &of(now), &of(then), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_that_differs_is_told_and_what_is_watched_is_not() {
        let mut file = Config::default();
        file.statsd.global_prefix = "other".into();
        file.checks.event_handlers = !file.checks.event_handlers;
        file.monitor.push(monitors::config::MonitorConfig::default());
        let told = differences(&Config::default(), &file);
        let keys: Vec<&str> = told.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, ["checks.event_handlers", "statsd.global_prefix"]);
        assert_eq!(told[1].file, Value::String("other".into()));
    }
}
