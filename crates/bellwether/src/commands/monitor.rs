//! `bellwether monitor test FILE|NAME`: a rule over stored history: what would it have done, whom woken?

use std::path::Path;

use axum::http::Method;
use monitors::config::MonitorConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use super::query::number_text;
use crate::cli::{Common, MonitorTestOptions};
use crate::client::parse;
use crate::config::read_bounded;
use crate::failure::Failure;

#[derive(Deserialize)]
struct Answer {
    rule: String,
    sentence: String,
    #[serde(flatten)]
    replay: Replay,
    other: Option<Replay>,
    other_sentence: Option<String>,
    comparison: Option<Comparison>,
}

#[derive(Deserialize)]
struct Replay {
    from: i64,
    until: i64,
    firings: Vec<Firing>,
    firings_left_out: u64,
    instances: Vec<Instance>,
    instances_left_out: u64,
    pages: std::collections::BTreeMap<String, u64>,
    doubts: Vec<Doubt>,
    known_from: Option<i64>,
}

#[derive(Deserialize)]
struct Firing {
    instance: String,
    state: String,
    began: i64,
    fired: Option<i64>,
    ended: Option<i64>,
    told: bool,
    text: String,
    value: Option<f64>,
}

#[derive(Deserialize)]
struct Instance {
    name: String,
    fired: u64,
    self_healed: u64,
    pages: u64,
    bad_seconds: i64,
}

#[derive(Deserialize)]
struct Doubt {
    from: i64,
    until: i64,
    reason: String,
}

#[derive(Deserialize)]
struct Comparison {
    both: Vec<(Firing, Firing)>,
    only_first: Vec<Firing>,
    only_second: Vec<Firing>,
}

/// What a list shows before it says how many more there are; `--json` has all.
const SHOWN: usize = 40;
const SHOWN_INSTANCES: usize = 20;

pub fn run(common: &Common, options: &MonitorTestOptions) -> Result<(), Failure> {
    let bodies = bodies(options)?;
    let server = super::server(common)?;
    super::block_on(async {
        let mut answers: Vec<Value> = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            let answer = server.send_json(Method::POST, "/api/v1/monitors/test", body).await?;
            let answer: Value = parse(&answer)?;
            if common.json {
                answers.push(answer);
                continue;
            }
            if index > 0 {
                super::print("\n")?;
            }
            super::print(shown(&answer_of(answer)?))?;
        }
        match answers.len() {
            0 => Ok(()),
            1 => super::say(&answers[0]),
            _ => super::say(Value::Array(answers)),
        }
    })
}

fn answer_of(value: Value) -> Result<Answer, Failure> {
    serde_json::from_value(value).map_err(Failure::doing("understand the server's answer"))
}

/// One question for each rule that is to be tried.
fn bodies(options: &MonitorTestOptions) -> Result<Vec<Value>, Failure> {
    let compare = match &options.compare {
        None => None,
        Some(file) if let Some(tables) = definitions(file)? => Some(tables),
        Some(file) => match rules(file)?.as_slice() {
            [rule] => Some(rule.clone()),
            rules => {
                let why = format!(
                    "{}: {} monitors; the one that is compared must be alone in its file",
                    file.display(),
                    rules.len()
                );
                return Err(Failure::usage(why));
            }
        },
    };
    let mut base = json!({"from": options.from, "until": options.until});
    if let Some(compare) = compare {
        base["compare"] = compare;
    }
    let with = |key: &str, value: Value| {
        let mut body = base.clone();
        body[key] = value;
        body
    };
    let path = Path::new(&options.rule);
    if path.extension().is_some_and(|extension| extension == "toml") || path.is_file() {
        let tables = definitions(path)?;
        let rules = rules(path)?;
        let kinds = usize::from(tables.is_some()) + usize::from(!rules.is_empty());
        let wrong = |why: &str| Failure::usage(format!("{}: {why}", path.display()));
        if kinds == 0 {
            return Err(wrong("there is no [[monitor]] of kind \"metric\", [[check]] or [[host]] in it"));
        }
        if kinds > 1 && base.get("compare").is_some() {
            return Err(wrong(
                "monitors and checks are compared one after the other: put them in files of their own",
            ));
        }
        let of_checks = tables.into_iter().map(|tables| with("definitions", tables));
        return Ok(of_checks.chain(rules.into_iter().map(|rule| with("monitor", rule))).collect());
    }
    Ok(vec![with("name", json!(options.rule))])
}

/// What stands in a file beside its monitors and makes checks and hosts be tried.
const OF_CHECKS: [&str; 6] = ["check", "host", "contact", "time_period", "escalation", "dependency"];

/// Checks, hosts and what belongs to them, of a file that has some; they stand in the place of those of the same name.
fn definitions(path: &Path) -> Result<Option<Value>, Failure> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = read_bounded(path).map_err(|why| wrong(why.to_string()))?;
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    let tables: toml::Table = table
        .into_iter()
        .filter(|(key, value)| OF_CHECKS.contains(&key.as_str()) && value.is_array())
        .collect();
    if !tables.contains_key("check") && !tables.contains_key("host") {
        return Ok(None);
    }
    let definitions: monitors::Definitions =
        tables.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    serde_json::to_value(definitions).map(Some).map_err(|error| wrong(error.to_string()))
}

/// The metric monitors of a file, if there are any; or its keys, if it has no tables.
fn rules(path: &Path) -> Result<Vec<Value>, Failure> {
    let text = read_bounded(path).map_err(|why| Failure::usage(format!("{}: {why}", path.display())))?;
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error| Failure::usage(format!("{}: {}", path.display(), error.to_string().trim_end())))?;
    let monitors = match table.get("monitor") {
        Some(toml::Value::Array(monitors)) => monitors.clone(),
        Some(_) => {
            return Err(Failure::usage(format!("{}: write [[monitor]], with two brackets", path.display())));
        }
        None if OF_CHECKS.iter().any(|key| table.get(*key).is_some_and(toml::Value::is_array)) => Vec::new(),
        None => vec![toml::Value::Table(table)],
    };
    let is_metric =
        |monitor: &toml::Value| monitor.get("kind").is_none_or(|kind| kind.as_str() == Some("metric"));
    monitors.into_iter().filter(is_metric).map(|monitor| checked(path, monitor)).collect()
}

/// The rule as the API takes it. What is wrong with it is told here, beside the file's name.
fn checked(path: &Path, monitor: toml::Value) -> Result<Value, Failure> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let rule: MonitorConfig =
        monitor.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    let problems = monitors::kinds::metric::problems(&rule);
    if !problems.is_empty() {
        let lines: Vec<String> = problems
            .iter()
            .map(|(key, why)| format!("{}: {}: {key}: {why}", path.display(), rule.name))
            .collect();
        return Err(Failure::usage(lines.join("\n")));
    }
    serde_json::to_value(rule).map_err(|error| wrong(error.to_string()))
}

fn shown(answer: &Answer) -> String {
    let replay = &answer.replay;
    let mut out =
        format!("{}: {} to {}\n{}\n", answer.rule, time(replay.from), time(replay.until), answer.sentence);
    if let Some(known) = replay.known_from.filter(|known| *known > replay.from + 3_600) {
        out.push_str(&format!("Points are known from {} on.\n", time(known)));
    }
    for doubt in &replay.doubts {
        out.push_str(&format!("{} to {}: {}\n", time(doubt.from), time(doubt.until), doubt.reason));
    }
    if replay.pages.keys().any(|contact| !contact.is_empty()) {
        let told = replay.pages.iter().map(|(contact, pages)| format!("{contact} {pages}"));
        out.push_str(&format!("Told: {}\n", told.collect::<Vec<_>>().join(", ")));
    }
    let fired: Vec<&Firing> = replay.firings.iter().filter(|firing| firing.fired.is_some()).collect();
    if !fired.is_empty() {
        out.push('\n');
        out.push_str(&firings(&fired, replay.until));
        let more = fired.len().saturating_sub(SHOWN) as u64 + replay.firings_left_out;
        if more > 0 {
            out.push_str(&format!("and {} more: --json has them\n", super::grouped(more)));
        }
    }
    out.push_str(&instances(replay));
    if let (Some(other), Some(sentence), Some(comparison)) =
        (&answer.other, &answer.other_sentence, &answer.comparison)
    {
        out.push_str(&format!("\nThe other version: {sentence}\n"));
        out.push_str(&compared(comparison, other.until));
    }
    out
}

fn firings(list: &[&Firing], until: i64) -> String {
    let row = |firing: &&Firing| {
        let lasted = firing.ended.unwrap_or(until) - firing.began;
        let open = if firing.ended.is_none() { "+" } else { "" };
        vec![
            time(firing.fired.unwrap_or(firing.began)),
            firing.state.clone(),
            format!("{}{open}", lasting(lasted)),
            if firing.told { "page" } else { "-" }.to_owned(),
            firing.instance.clone(),
            match (firing.text.as_str(), firing.value) {
                ("", Some(value)) => number_text(value),
                (text, _) => text.to_owned(),
            },
        ]
    };
    super::table(&list.iter().take(SHOWN).map(row).collect::<Vec<_>>())
}

fn instances(replay: &Replay) -> String {
    let mut noisy: Vec<&Instance> =
        replay.instances.iter().filter(|instance| instance.fired + instance.self_healed > 0).collect();
    let quiet = replay.instances.len() - noisy.len();
    if noisy.is_empty() {
        return String::new();
    }
    noisy.sort_by_key(|instance| std::cmp::Reverse((instance.pages, instance.fired, instance.self_healed)));
    let mut rows = vec![["FIRED", "HEALED", "PAGES", "BAD FOR", "INSTANCE"].map(str::to_owned).to_vec()];
    rows.extend(noisy.iter().take(SHOWN_INSTANCES).map(|instance| {
        vec![
            instance.fired.to_string(),
            instance.self_healed.to_string(),
            instance.pages.to_string(),
            lasting(instance.bad_seconds),
            instance.name.clone(),
        ]
    }));
    let mut out = format!("\n{}", super::table(&rows));
    let more = noisy.len().saturating_sub(SHOWN_INSTANCES);
    if more > 0 {
        out.push_str(&format!("and {more} more that fired or healed\n"));
    }
    if quiet > 0 {
        out.push_str(&format!("{} were fine all the time\n", super::grouped(quiet as u64)));
    }
    if replay.instances_left_out > 0 {
        let left = super::grouped(replay.instances_left_out);
        out.push_str(&format!("{left} more series were not looked at: narrow the target\n"));
    }
    out
}

fn compared(comparison: &Comparison, until: i64) -> String {
    let mut out = format!("Both fired {} times for the same trouble.\n", comparison.both.len());
    let later: Vec<i64> =
        comparison.both.iter().filter_map(|(first, second)| Some(second.fired? - first.fired?)).collect();
    if !later.is_empty() {
        let mean = later.iter().sum::<i64>() / later.len() as i64;
        let word = if mean < 0 { "earlier" } else { "later" };
        if mean != 0 {
            out.push_str(&format!("The other one fired {} {word} on average.\n", lasting(mean.abs())));
        }
    }
    for (title, list) in
        [("Only this one:", &comparison.only_first), ("Only the other one:", &comparison.only_second)]
    {
        if !list.is_empty() {
            let shown: Vec<&Firing> = list.iter().collect();
            out.push_str(&format!("{title} {}\n{}", list.len(), firings(&shown, until)));
        }
    }
    out
}

fn time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

/// `2h 5min`: two units are enough.
fn lasting(seconds: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let Some(first) = UNITS.iter().position(|(_, length)| seconds >= *length) else { return "0s".into() };
    let (unit, length) = UNITS[first];
    let rest = seconds % length;
    match UNITS.get(first + 1).filter(|(_, length)| rest >= *length) {
        Some((smaller, of)) => format!("{}{unit} {}{smaller}", seconds / length, rest / of),
        None => format!("{}{unit}", seconds / length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "[[monitor]]\nname = \"m\"\ntarget = \"a.b\"\ncritical = \"> 1\"\n";
    const PING: &str = "[[monitor]]\nname = \"job\"\nkind = \"heartbeat\"\nperiod = \"1h\"\n";
    const CHECK: &str = "[[check]]\nname = \"c\"\ntype = \"passive\"\n";

    #[test]
    fn everything_in_a_file_that_has_a_past_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let asked = |text: &str, compare: Option<&str>| {
            let rule = write("rule.toml", text).display().to_string();
            let compare = compare.map(|text| write("other.toml", text));
            let options = MonitorTestOptions { rule, from: "-1h".into(), until: "now".into(), compare };
            let keys = |body: &Value| {
                ["definitions", "monitor"].into_iter().find(|key| body.get(key).is_some()).unwrap_or("")
            };
            bodies(&options).map(|bodies| bodies.iter().map(keys).collect::<Vec<_>>())
        };
        let check = |text: &str, wanted: &[&str]| assert_eq!(asked(text, None).unwrap(), wanted, "{text}");
        check(RULE, &["monitor"]);
        check(CHECK, &["definitions"]);
        check(&[CHECK, RULE].concat(), &["definitions", "monitor"]);
        check(&[CHECK, PING].concat(), &["definitions"]);
        check("target = \"a.b\"\ncritical = \"> 1\"", &["monitor"]);
        assert_eq!(asked(RULE, Some(RULE)).unwrap(), ["monitor"]);
        let wrong = |text: &str, compare: Option<&str>, why: &str| {
            let failure = asked(text, compare).unwrap_err();
            assert!(failure.status == 2 && failure.message.contains(why), "{text}: {}", failure.message);
        };
        wrong(PING, None, "there is no [[monitor]] of kind");
        wrong(&[RULE, "[[check]]\nname = \"c\"\ntpe = \"passive\"\n"].concat(), None, "tpe");
        wrong(
            &[CHECK, "[[monitor]]\nname = \"m\"\ntarget = \"a\"\ncritical = \"> x\"\n"].concat(),
            None,
            "m: critical",
        );
        wrong(&[CHECK, RULE].concat(), Some(RULE), "files of their own");
    }

    #[test]
    fn times_are_told_in_two_units() {
        let check = |seconds: i64, wanted: &str| assert_eq!(lasting(seconds), wanted);
        check(0, "0s");
        check(59, "59s");
        check(60, "1min");
        check(125, "2min 5s");
        check(7_205, "2h");
        check(90_061, "1d 1h");
    }
}
