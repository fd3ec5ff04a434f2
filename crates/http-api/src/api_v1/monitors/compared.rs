//! What is in effect beside what the files say.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::told;
use crate::answer::{Answer, Problem};
use crate::control::SettingDifference;
use crate::services::Services;

/// What is in effect and what the files say, where they differ.
#[derive(Serialize, ToSchema)]
pub struct Differences {
    pub differences: Vec<Difference>,
    /// What is wrong with the files as they are; then they cannot be compared.
    pub problems: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Difference {
    /// `monitor`, `check`, `host`, …; empty for a setting.
    table: String,
    /// Of a setting its key, such as `statsd.flush_interval`.
    name: String,
    /// running, file, differs
    #[schema(example = "running")]
    only_in: &'static str,
    origin: Option<String>,
    #[schema(value_type = Option<Object>)]
    running: Option<Value>,
    #[schema(value_type = Option<Object>)]
    file: Option<Value>,
}

pub fn of_setting(one: SettingDifference) -> Difference {
    Difference {
        table: String::new(),
        name: one.key,
        only_in: "differs",
        origin: None,
        running: Some(one.running),
        file: Some(one.file),
    }
}

/// What is made in the UI stands in no file.
pub fn of_ui((table, name): (String, String), running: Value) -> Difference {
    Difference {
        table,
        name,
        only_in: "running",
        origin: Some("ui".to_owned()),
        running: Some(running),
        file: None,
    }
}

pub type Tables = std::collections::BTreeMap<(String, String), Value>;

/// By table and name; what has no name goes by its place.
pub fn tables(all: &impl Serialize) -> Answer<Tables> {
    let all = serde_json::to_value(all).map_err(Problem::internal)?;
    let mut tables = Tables::new();
    for (table, list) in all.as_object().into_iter().flatten() {
        for (index, one) in list.as_array().into_iter().flatten().enumerate() {
            let name = one
                .get("name")
                .and_then(Value::as_str)
                .map_or_else(|| format!("{}", index + 1), str::to_owned);
            tables.insert((table.clone(), name), one.clone());
        }
    }
    Ok(tables)
}

pub fn compare(services: &Services, running: Tables, mut files: Tables) -> Vec<Difference> {
    let mut differences = Vec::new();
    for ((table, name), one) in running {
        let file = files.remove(&(table.clone(), name.clone()));
        if file.as_ref() == Some(&one) {
            continue;
        }
        let only_in = if file.is_some() { "differs" } else { "running" };
        let origin =
            matches!(table.as_str(), "monitor" | "check").then(|| told(services.monitors.origin(&name)));
        differences.push(Difference { table, name, only_in, origin, running: Some(one), file });
    }
    let only_in_files = files.into_iter().map(|((table, name), one)| Difference {
        table,
        name,
        only_in: "file",
        origin: None,
        running: None,
        file: Some(one),
    });
    differences.extend(only_in_files);
    differences
}
