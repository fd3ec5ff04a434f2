//! `bellwether check run NAME` and `bellwether check run -- PROGRAM ARGUMENT…`: one run now, and what was made of it.

use std::sync::Arc;
use std::time::Duration;

use monitors::kinds::check::executor;
use monitors::kinds::check::perfdata::{Shown, shown};
use monitors::kinds::check::plugin::PluginRun;
use monitors::kinds::check::{Asker, Blank, Checks, Finished, Job, Start, Subject, Work};
use serde_json::json;
use vocabulary::Clock;
use vocabulary::state::State;

use crate::cli::{CheckRunOptions, Common};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::Failure;

pub fn run(common: &Common, options: &CheckRunOptions) -> Result<(), Failure> {
    let config = super::load_config(common)?;
    let job = match &options.name {
        Some(name) => named(&config, name)?,
        None => trial(&config, options)?,
    };
    let command = match &job.work {
        Work::Plugin(run) => Some(run.command.clone()),
        Work::Ask { .. } => None,
    };
    let finished = super::block_on(async { Ok(executor::run(job).await) })?;
    let (items, skipped) = shown(&finished.outcome.perfdata);
    if common.json {
        return super::say(as_json(&finished, command, &items, &skipped));
    }
    super::print(as_text(&finished, command, &items, &skipped))
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

fn as_json(
    finished: &Finished,
    command: Option<Vec<String>>,
    items: &[Shown],
    skipped: &[String],
) -> serde_json::Value {
    let outcome = &finished.outcome;
    json!({
        "name": finished.subject.to_string(),
        "state": state(finished),
        "status": outcome.status,
        "output": outcome.output,
        "long_output": outcome.long_output,
        "perfdata": items,
        "perfdata_skipped": skipped,
        "output_bytes_cut": finished.cut,
        "timed_out": finished.timed_out,
        "seconds": outcome.seconds,
        "command": command,
    })
}

fn as_text(finished: &Finished, command: Option<Vec<String>>, items: &[Shown], skipped: &[String]) -> String {
    let outcome = &finished.outcome;
    let mut text = format!(
        "{}  {} in {:.3} s\n{}\n",
        state(finished),
        finished.subject.name(),
        outcome.seconds,
        outcome.output
    );
    if !outcome.long_output.is_empty() {
        text += &format!("{}\n", outcome.long_output);
    }
    if let Some(command) = command {
        text += &format!("\ncommand: {}\n", serde_json::Value::from(command));
    }
    if !items.is_empty() {
        text += &format!("\n{}", super::table(&rows(items)));
    }
    for part in skipped {
        text += &format!("not performance data, passed over: {part}\n");
    }
    if finished.cut > 0 {
        text += &format!("the last {} bytes of its output were cut off\n", finished.cut);
    }
    text
}

fn rows(items: &[Shown]) -> Vec<Vec<String>> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let head = ["label", "value", "unit", "warn", "crit", "min", "max", "breach"].map(str::to_owned).to_vec();
    let row = |item: &Shown| {
        let value = item.value.map_or("U".to_owned(), |value| value.to_string());
        vec![
            item.label.clone(),
            value,
            item.uom.clone(),
            text(&item.warn),
            text(&item.crit),
            number(item.min),
            number(item.max),
            item.breach.to_owned(),
        ]
    };
    std::iter::once(head).chain(items.iter().map(row)).collect()
}
