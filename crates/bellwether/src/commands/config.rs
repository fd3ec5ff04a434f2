//! `bellwether config check | show`

use std::path::PathBuf;

use crate::cli::Common;
use crate::config::{DEFAULTS, Origin, show};
use crate::failure::Failure;

pub fn check(common: &Common, file: Option<PathBuf>) -> Result<(), Failure> {
    let origin = Origin::from_process(file.or_else(|| common.config.clone()), common.data_dir.clone());
    let problems = match origin.load() {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    };
    if common.json {
        let list: Vec<_> = problems
            .iter()
            .map(|problem| serde_json::json!({"place": problem.place, "message": problem.message}))
            .collect();
        super::say(serde_json::json!({ "problems": list }))?;
    }
    if problems.is_empty() {
        if !common.json {
            let files: Vec<String> = origin.files().iter().map(|path| path.display().to_string()).collect();
            let read = if files.is_empty() { "the defaults".into() } else { files.join(", ") };
            super::say(format_args!("{read}: no problem found"))?;
        }
        return Ok(());
    }
    let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let count = if problems.len() == 1 { "1 problem".into() } else { format!("{} problems", problems.len()) };
    if !common.json {
        super::say(listed.join("\n"))?;
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
