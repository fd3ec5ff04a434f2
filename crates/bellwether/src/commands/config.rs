//! `bellwether config check | show | diff | export`

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::cli::Common;
use crate::config::{DEFAULTS, Origin, Problem, show, told};
use crate::failure::Failure;

/// The longest name of a file on the file systems that we meet, without its ending.
const LONGEST_NAME: usize = 200;

pub fn check(common: &Common, file: Option<PathBuf>) -> Result<(), Failure> {
    let origin = Origin::from_process(file.or_else(|| common.config.clone()), common.data_dir.clone());
    let (problems, doubts) = match origin.load() {
        Ok(config) => {
            let of_made = crate::made_own::doubts(&config);
            (Vec::new(), config.doubts.into_iter().chain(of_made).collect())
        }
        Err(problems) => (problems, Vec::new()),
    };
    if common.json {
        let list = |all: &[Problem]| -> Vec<Value> {
            let one = |one: &Problem| serde_json::json!({"place": one.place, "message": one.message});
            all.iter().map(one).collect()
        };
        super::say(serde_json::json!({ "problems": list(&problems), "warnings": list(&doubts) }))?;
    }
    if problems.is_empty() {
        if !common.json {
            let files: Vec<String> = origin.files().iter().map(|path| path.display().to_string()).collect();
            let read = if files.is_empty() { "the defaults".into() } else { files.join(", ") };
            if !doubts.is_empty() {
                super::say(format_args!("These can be read, and are hardly meant:\n{}", told(&doubts)))?;
            }
            super::say(format_args!("{read}: no problem found"))?;
        }
        return Ok(());
    }
    let count = if problems.len() == 1 { "1 problem".into() } else { format!("{} problems", problems.len()) };
    if !common.json {
        super::say(told(&problems))?;
    }
    Err(Failure::usage(count))
}

pub fn show_config(common: &Common, defaults: bool) -> Result<(), Failure> {
    if defaults {
        return super::print(DEFAULTS);
    }
    let config = super::load_config(common)?;
    if common.json {
        super::say(serde_json::to_string_pretty(&config).map_err(Failure::new)?)
    } else {
        super::print(show(&config).map_err(Failure::new)?)
    }
}

#[derive(Deserialize)]
struct Answer {
    differences: Vec<Difference>,
    problems: Vec<String>,
}

#[derive(Deserialize)]
struct Difference {
    table: String,
    name: String,
    only_in: String,
    running: Option<Value>,
    file: Option<Value>,
}

pub fn diff(common: &Common) -> Result<(), Failure> {
    let server = super::running_server(common)?;
    let answer = super::block_on(async { server.get("/api/v1/monitors/diff").await })?;
    if common.json {
        super::print(&answer)?;
        super::say("")?;
    }
    let Answer { differences, problems } = crate::client::parse(&answer)?;
    if !problems.is_empty() {
        let told = problems.join("\n");
        return Err(Failure::new(format!(
            "the files have problems, so that they cannot be compared:\n{told}"
        )));
    }
    if !common.json {
        let lines: Vec<String> = differences.iter().map(line).collect();
        let said = if lines.is_empty() { "no difference".into() } else { lines.join("\n") };
        super::say(said)?;
        super::say("not compared: passwords, tokens and keys, which are told to nobody")?;
    }
    match differences.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 difference")),
        many => Err(Failure::new(format!("{many} differences"))),
    }
}

/// `+` is in effect only, `-` in the files only, `~` in both and not the same.
fn line(one: &Difference) -> String {
    let place =
        if one.table.is_empty() { one.name.clone() } else { format!("[[{}]] {}", one.table, one.name) };
    match one.only_in.as_str() {
        "running" => format!("+ {place}: in effect, and in no file"),
        "file" => format!("- {place}: in a file, and not in effect"),
        _ => format!("~ {place}: {}", keys(&one.running, &one.file)),
    }
}

fn keys(running: &Option<Value>, file: &Option<Value>) -> String {
    let (Some(Value::Object(running)), Some(Value::Object(file))) = (running, file) else {
        let spell = |value: &Option<Value>| value.as_ref().map_or("nothing".into(), Value::to_string);
        return format!("{} in effect, {} in the file", spell(running), spell(file));
    };
    let mut names: Vec<&String> = running.keys().chain(file.keys()).collect();
    names.sort();
    names.dedup();
    let spell = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
    let differing = names.into_iter().filter(|name| running.get(*name) != file.get(*name));
    let told: Vec<String> = differing
        .map(|name| {
            format!("{name} is {} in effect, {} in the file", spell(running.get(name)), spell(file.get(name)))
        })
        .collect();
    told.join("; ")
}

pub fn export(common: &Common, directory: Option<&Path>) -> Result<(), Failure> {
    let server = super::server(common)?;
    // Of no table there is one in both.
    let text = super::block_on(async {
        let watched = server.get("/api/v1/monitors/export").await?;
        let on_call = server.get("/api/v1/oncall/export").await?;
        Ok([&*watched, b"\n", &*on_call].concat())
    })?;
    let text = std::str::from_utf8(&text).map_err(Failure::new)?.trim_start();
    let Some(directory) = directory else { return super::print(text) };
    let tables: toml::Table = text.parse().map_err(Failure::new)?;
    let mut written = Vec::new();
    for (table, list) in tables {
        for one in list.as_array().into_iter().flatten() {
            let name = one.get("name").and_then(toml::Value::as_str).unwrap_or_default();
            let path = directory.join(format!("{}.toml", file_of(&table, name)));
            let alone = toml::Table::from_iter([(table.clone(), toml::Value::Array(vec![one.clone()]))]);
            let text = toml::to_string(&alone).map_err(Failure::new)?;
            written.extend(write_new(&path, &text)?.then(|| path.display().to_string()));
        }
    }
    let said = match written.is_empty() {
        true => "nothing new to write".to_owned(),
        false => format!(
            "{}\nwhat is in a file wins, so from the next reload on they are changed there",
            written.join("\n")
        ),
    };
    super::say(said)
}

/// False: it stands there already, just so. Another file of this name is somebody's work, and stays.
fn write_new(path: &Path, text: &str) -> Result<bool, Failure> {
    match crate::config::read_bounded(path) {
        Ok(before) if before == text => return Ok(false),
        Ok(_) => {
            return Err(Failure::new(format!(
                "{} is there already, and says something else",
                path.display()
            )));
        }
        Err(_) if path.exists() => {
            return Err(Failure::new(format!("{} is there already, and cannot be read", path.display())));
        }
        Err(_) => {}
    }
    // Under a name that no configuration is read from, until it is whole.
    let half = path.with_extension("toml.new");
    std::fs::write(&half, text)
        .and_then(|()| std::fs::rename(&half, path))
        .map_err(Failure::doing(format!("write {}", path.display())))?;
    Ok(true)
}

/// A schedule may be called as a monitor is.
fn file_of(table: &str, name: &str) -> String {
    match table {
        "monitor" | "check" => file_name(name),
        other => file_name(&format!("{other}-{name}")),
    }
}

/// Names of monitors hold whatever people like, names of files do not.
fn file_name(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        match letter {
            letter if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_') => out.push(letter),
            '.' if !out.is_empty() => out.push('.'),
            letter => letter.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out += &format!("%{byte:02x}")),
        }
    }
    out.truncate(LONGEST_NAME);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_file_of_its_own_in_the_directory() {
        for (name, file) in [
            ("api-latency", "api-latency"),
            ("web1/http", "web1%2fhttp"),
            ("..", "%2e."),
            ("Größe", "Gr%c3%b6%c3%9fe"),
        ] {
            assert_eq!(file_name(name), file);
        }
    }

    #[test]
    fn what_is_called_alike_has_files_of_its_own() {
        assert_eq!(file_of("monitor", "web"), "web");
        assert_eq!(file_of("schedule", "web"), "schedule-web");
        assert_eq!(file_of("escalation_policy", "web"), "escalation_policy-web");
    }
}
