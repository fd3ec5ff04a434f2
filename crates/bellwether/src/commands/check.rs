//! `bellwether check run NAME` and `bellwether check run -- PROGRAM ARGUMENT…`: one run now, and what was made of it.
//!
//! What stands in the files here is run here and as this user. A check of a server elsewhere, and one that was made in
//! the UI, is run by the server.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use monitors::kinds::check::executor;
use monitors::kinds::check::perfdata::shown;
use monitors::kinds::check::plugin::PluginRun;
use monitors::kinds::check::{Asker, Blank, Checks, Finished, Job, Start, Subject, Work};
use serde::Deserialize;
use serde_json::{Value, json};
use vocabulary::Clock;
use vocabulary::state::State;

use crate::cli::{CheckRunOptions, Common};
use crate::client::Server;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::Failure;

pub fn run(common: &Common, options: &CheckRunOptions) -> Result<(), Failure> {
    let told = match (&options.name, super::remote(common)?) {
        (Some(name), Some(server)) => by_server(&server, name)?,
        (None, Some(_)) => {
            return Err(Failure::usage(
                "commands that a server runs come from its files: leave out --url and BELLWETHER_URL to try one here",
            ));
        }
        (_, None) => here(common, options)?,
    };
    if common.json {
        return super::say(told);
    }
    super::print(as_text(serde_json::from_value(told).map_err(Failure::doing("understand the answer"))?))
}

fn here(common: &Common, options: &CheckRunOptions) -> Result<Value, Failure> {
    let config = super::load_config(common)?;
    let job = match &options.name {
        Some(name) => match (named(&config, name), super::local(&config)) {
            (Err(_), Some(server)) if !stands_in_files(&config, name) => return by_server(&server, name),
            (job, _) => job?,
        },
        None => trial(&config, options)?,
    };
    let command = match &job.work {
        Work::Plugin(run) => Some(run.command.clone()),
        Work::Ask { .. } => None,
    };
    let finished = super::block_on(async { Ok(executor::run(job).await) })?;
    Ok(as_json(&finished, command))
}

/// It runs the check as its own user; nothing comes of that there either.
fn by_server(server: &Server, name: &str) -> Result<Value, Failure> {
    let body = json!({ "name": name });
    let answer = super::block_on(server.send_json(Method::POST, "/api/v1/trial", &body))?;
    let mut told: Value = serde_json::from_slice(&answer).map_err(Failure::doing("understand the answer"))?;
    told["name"] = name.into();
    Ok(told)
}

fn stands_in_files(config: &Config, name: &str) -> bool {
    config.check.iter().any(|check| check.name == name) || config.host.iter().any(|host| host.name == name)
}

/// A check, or a host with a command of its own.
fn named(config: &Config, name: &str) -> Result<Job, Failure> {
    let definitions = config.definitions();
    let zone = jiff::tz::TimeZone::system();
    let mut checks = Checks::new(
        config.checks.clone(),
        zone,
        Arc::new(Asker::new(Arc::new(outbound::Egress::new(&config.egress)))),
    );
    checks.set(&definitions, config.checks.clone(), Duration::ZERO, |_| None);
    let check = definitions.checks.iter().find(|check| check.name == name);
    let host = definitions.hosts.iter().find(|host| host.name == name);
    let subject = match (check, host) {
        (Some(check), _)
            if check.command.is_empty() && check.kind == monitors::config::CheckType::Passive =>
        {
            return Err(Failure::usage(format!(
                "`{name}` is passive: its results are sent to it, there is nothing to run"
            )));
        }
        (Some(_), _) => Subject::Check(name.into()),
        (None, Some(host)) if host.command.is_empty() => {
            return Err(Failure::usage(format!("host `{name}` has no command: there is nothing to run")));
        }
        (None, Some(_)) => Subject::Host(name.into()),
        (None, None) => return Err(unknown(name, &definitions)),
    };
    let job = checks.once(&subject, SystemClock.now(), &Blank);
    job.ok_or_else(|| unknown(name, &definitions))
}

fn unknown(name: &str, definitions: &monitors::Definitions) -> Failure {
    let checks = definitions.checks.iter().map(|check| check.name.as_str());
    let names = checks.chain(definitions.hosts.iter().map(|host| host.name.as_str()));
    let near = names.max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
    let cure = match near {
        Some(near) if strsim::jaro(near, name) > 0.7 => format!("did you mean `{near}`?"),
        Some(_) => "write a name of a [[check]] or [[host]]".to_owned(),
        None => {
            "the configuration has none; to try a plugin write `bellwether check run -- PROGRAM ARGUMENT…`"
                .to_owned()
        }
    };
    Failure::usage(format!("there is no check or host `{name}`: {cure}"))
}

/// A program that is not configured, as a check of nothing.
fn trial(config: &Config, options: &CheckRunOptions) -> Result<Job, Failure> {
    if options.command.is_empty() {
        return Err(Failure::usage("write the name of a check, or `--` and a command"));
    }
    let run = PluginRun {
        command: options.command.clone(),
        timeout: options.timeout.unwrap_or(config.checks.timeout).0,
        path: config.checks.path.as_str().into(),
        environment: Vec::new(),
    };
    let subject = Subject::Check("trial".into());
    let start = Start { subject, due: Duration::ZERO, latency: Duration::ZERO, forced: true };
    let (host, service) = ("localhost".into(), "trial".into());
    Ok(Job { start, host, service, at: SystemClock.now(), work: Work::Plugin(run) })
}

fn state(finished: &Finished) -> State {
    match (&finished.subject, finished.outcome.status) {
        (Subject::Check(_), status) => State::of_status(status),
        // Of a plugin 1 is a warning, and the host is there.
        (Subject::Host(_), 0 | 1) => State::Up,
        (Subject::Host(_), _) => State::Down,
    }
}

fn as_json(finished: &Finished, command: Option<Vec<String>>) -> Value {
    let outcome = &finished.outcome;
    let (perfdata, skipped) = shown(&outcome.perfdata);
    let part = |part: &monitors::Part| {
        let state = State::of_status(part.outcome.status);
        json!({ "name": part.name, "state": state, "output": part.outcome.output })
    };
    json!({
        "name": finished.subject.to_string(),
        "state": state(finished),
        "status": outcome.status,
        "output": outcome.output,
        "long_output": outcome.long_output,
        "perfdata": perfdata,
        "perfdata_skipped": skipped,
        "parts": outcome.parts.iter().map(part).collect::<Vec<_>>(),
        "output_bytes_cut": finished.cut,
        "timed_out": finished.timed_out,
        "seconds": outcome.seconds,
        "command": command,
    })
}

#[derive(Deserialize)]
struct Told {
    name: String,
    state: String,
    output: String,
    long_output: String,
    perfdata: Vec<Number>,
    perfdata_skipped: Vec<String>,
    parts: Vec<Part>,
    output_bytes_cut: u64,
    seconds: f64,
    /// Of what was run here.
    #[serde(default)]
    command: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Number {
    label: String,
    value: Option<f64>,
    uom: String,
    warn: Option<String>,
    crit: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
    breach: String,
}

#[derive(Deserialize)]
struct Part {
    name: String,
    state: String,
    output: String,
}

fn as_text(told: Told) -> String {
    let mut text = format!("{}  {} in {:.3} s\n{}\n", told.state, told.name, told.seconds, told.output);
    if !told.long_output.is_empty() {
        text += &format!("{}\n", told.long_output);
    }
    if let Some(command) = told.command {
        text += &format!("\ncommand: {}\n", Value::from(command));
    }
    if !told.perfdata.is_empty() {
        text += &format!("\n{}", super::table(&rows(&told.perfdata)));
    }
    if !told.parts.is_empty() {
        let head = ["sub-check", "state", "says"].map(str::to_owned).to_vec();
        let row = |part: Part| vec![part.name, part.state, part.output];
        let rows: Vec<_> = std::iter::once(head).chain(told.parts.into_iter().map(row)).collect();
        text += &format!("\n{}", super::table(&rows));
    }
    for part in told.perfdata_skipped {
        text += &format!("not performance data, passed over: {part}\n");
    }
    if told.output_bytes_cut > 0 {
        text += &format!("the last {} bytes of its output were cut off\n", told.output_bytes_cut);
    }
    text
}

fn rows(items: &[Number]) -> Vec<Vec<String>> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let head = ["label", "value", "unit", "warn", "crit", "min", "max", "breach"].map(str::to_owned).to_vec();
    let row = |item: &Number| {
        let value = item.value.map_or("U".to_owned(), |value| value.to_string());
        vec![
            item.label.clone(),
            value,
            item.uom.clone(),
            text(&item.warn),
            text(&item.crit),
            number(item.min),
            number(item.max),
            item.breach.clone(),
        ]
    };
    std::iter::once(head).chain(items.iter().map(row)).collect()
}
