//! `bellwether import relay-rules|aggregation-rules|rewrite-rules|blacklist|whitelist FILE`.

use std::path::Path;

use formats::carbon_conf::Problem;
use formats::carbon_rules;
use formats::python_regex::Pattern;
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::import::{print_rules, read, report};
use crate::failure::Failure;

fn told(file: &Path, problems: &[Problem]) -> Result<(), Failure> {
    report(file, problems.iter().map(|problem| (problem.line, problem.message.as_str())))
}

pub fn relay_rules(file: &Path) -> Result<(), Failure> {
    let check = |pattern: &str| {
        Pattern::ignoring_case(pattern).map(|_| ()).map_err(|why| format!("`{pattern}`: {why}"))
    };
    let found = carbon_rules::relay_rules(&read(file)?, &check);
    let mut rules = ArrayOfTables::new();
    for rule in &found.rules {
        let mut table = Table::new();
        table["name"] = value(&rule.name);
        match &rule.pattern {
            Some(pattern) => table["pattern"] = value(pattern),
            None => table["default"] = value(true),
        }
        table["destinations"] = value(rule.destinations.iter().map(ToString::to_string).collect::<Array>());
        if rule.goes_on {
            table["continue"] = value(true);
        }
        rules.push(table);
    }
    let mut relay = Table::new();
    relay["method"] = value("rules");
    // carbon-relay keeps nothing.
    relay["store"] = value(false);
    relay.insert("rule", Item::ArrayOfTables(rules));
    let mut document = DocumentMut::new();
    document.insert("relay", Item::Table(relay));
    super::print(document.to_string())?;
    told(file, &found.problems)
}

pub fn aggregation_rules(file: &Path) -> Result<(), Failure> {
    let found = carbon_rules::aggregation_rules(&read(file)?);
    let mut rules = ArrayOfTables::new();
    for rule in &found.rules {
        let mut table = Table::new();
        table["output"] = value(&rule.output);
        table["frequency"] = value(format!("{}s", rule.frequency_seconds));
        table["method"] = value(rule.method.to_string());
        table["input"] = value(&rule.input);
        rules.push(table);
    }
    print_rules("relay", "aggregation", rules)?;
    told(file, &found.problems)
}

pub fn rewrite_rules(file: &Path) -> Result<(), Failure> {
    let found = carbon_rules::rewrite_rules(&read(file)?);
    let mut rules = ArrayOfTables::new();
    for rule in &found.rules {
        let mut table = Table::new();
        table["stage"] = value(rule.stage.to_string());
        table["pattern"] = value(&rule.pattern);
        table["replacement"] = value(&rule.replacement);
        rules.push(table);
    }
    print_rules("relay", "rewrite", rules)?;
    told(file, &found.problems)
}

pub fn pattern_list(key: &str, file: &Path) -> Result<(), Failure> {
    let found = carbon_rules::pattern_list(&read(file)?);
    let mut list = Array::new();
    for listed in &found.rules {
        let mut pattern = Value::from(&listed.pattern);
        pattern.decor_mut().set_prefix("\n    ");
        list.push_formatted(pattern);
    }
    list.set_trailing("\n");
    list.set_trailing_comma(!list.is_empty());
    let mut document = DocumentMut::new();
    document["carbon"][key] = value(list);
    if let Some(carbon) = document["carbon"].as_inline_table().cloned() {
        document["carbon"] = Item::Table(carbon.into_table());
    }
    super::print(document.to_string())?;
    told(file, &found.problems)
}
