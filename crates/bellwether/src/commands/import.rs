//! `bellwether import …`. A whisper tree is a matter of its own (`whisper.rs`). Else: what other programs' files say, as TOML on stdout, ready for `conf.d`. What could
//! not be carried over is told on stderr, line by line, and ends with status 1.

use std::path::Path;

use formats::carbon_conf;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::{import_relay, import_sentry};
use crate::cli::{Common, ImportCommand};
use crate::failure::Failure;

pub fn run(common: &Common, command: &ImportCommand) -> Result<(), Failure> {
    match command {
        ImportCommand::Whisper(options) => super::whisper::import(common, options),
        ImportCommand::Grafana { files } => super::import_grafana::run(common, files),
        ImportCommand::StorageSchemas { file } => storage_schemas(file),
        ImportCommand::StorageAggregation { file } => storage_aggregation(file),
        ImportCommand::RelayRules { file } => import_relay::relay_rules(file),
        ImportCommand::AggregationRules { file } => import_relay::aggregation_rules(file),
        ImportCommand::RewriteRules { file } => import_relay::rewrite_rules(file),
        ImportCommand::Blacklist { file } => import_relay::pattern_list("blacklist", file),
        ImportCommand::Whitelist { file } => import_relay::pattern_list("whitelist", file),
        ImportCommand::Statsd { file } => statsd(file),
        ImportCommand::Sentry(options) => import_sentry::run(common, options),
        ImportCommand::Nagios(options) => super::nagios::run(common, options),
        ImportCommand::NagiosArchive(options) => super::nagios::archive::run(common, options),
    }
}

pub fn read(file: &Path) -> Result<String, Failure> {
    crate::config::read_bounded(file).map_err(Failure::doing(file.display()))
}

/// Patterns must work here too; ours and Python's differ in rarely used corners.
fn check_pattern(pattern: &str) -> Result<(), String> {
    pattern.parse::<series_store::config::Pattern>().map(|_| ())
}

fn storage_schemas(file: &Path) -> Result<(), Failure> {
    let found = carbon_conf::storage_schemas(&read(file)?, &check_pattern);
    let mut rules = ArrayOfTables::new();
    for rule in &found.rules {
        let mut table = Table::new();
        table["name"] = value(&rule.name);
        table["pattern"] = value(&rule.pattern);
        table["archives"] =
            value(rule.archives.as_slice().iter().map(ToString::to_string).collect::<toml_edit::Array>());
        rules.push(table);
    }
    // Carbon keeps what no section matches like this, not as our own default does.
    if !found.rules.iter().any(|rule| rule.pattern == ".*") {
        let mut table = Table::new();
        table["name"] = value("carbon-default");
        table["pattern"] = value(".*");
        table["archives"] = value([carbon_conf::DEFAULT_RETENTION].into_iter().collect::<toml_edit::Array>());
        rules.push(table);
    }
    print_rules("storage", "retention", rules)?;
    report(file, found.problems.iter().map(|problem| (problem.line, problem.message.as_str())))
}

fn storage_aggregation(file: &Path) -> Result<(), Failure> {
    let found = carbon_conf::storage_aggregation(&read(file)?, &check_pattern);
    let mut rules = ArrayOfTables::new();
    for rule in &found.rules {
        let mut table = Table::new();
        table["name"] = value(&rule.name);
        table["pattern"] = value(&rule.pattern);
        if let Some(method) = rule.method {
            let text = serde_json::to_value(method).map_err(Failure::new)?;
            table["method"] = value(text.as_str().unwrap_or("average"));
        }
        if let Some(factor) = rule.x_files_factor {
            // Through its shortest text: 0.1 stays 0.1.
            table["x_files_factor"] = value(factor.to_string().parse::<f64>().unwrap_or(0.5));
        }
        rules.push(table);
    }
    print_rules("storage", "aggregation", rules)?;
    report(file, found.problems.iter().map(|problem| (problem.line, problem.message.as_str())))
}

pub fn print_rules(section: &str, kind: &str, rules: ArrayOfTables) -> Result<(), Failure> {
    let mut document = DocumentMut::new();
    let mut table = Table::new();
    table.set_implicit(true);
    table.insert(kind, Item::ArrayOfTables(rules));
    document.insert(section, Item::Table(table));
    super::print(document.to_string())
}

fn statsd(file: &Path) -> Result<(), Failure> {
    let converted = formats::statsd_config::convert(&read(file)?).map_err(Failure::doing(file.display()))?;
    super::print(&converted.toml)?;
    report(file, converted.problems.iter().map(|problem| (problem.line, problem.message.as_str())))
}

pub fn report<'a>(file: &Path, problems: impl Iterator<Item = (usize, &'a str)>) -> Result<(), Failure> {
    let lines: Vec<String> =
        problems.map(|(line, message)| format!("{}:{line}: {message}", file.display())).collect();
    match lines.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{}\n{count} not carried over", lines.join("\n")))),
    }
}
