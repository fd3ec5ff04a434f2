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
        println!("{}", serde_json::json!({ "problems": list }));
    }
    if problems.is_empty() {
        if !common.json {
            let files: Vec<String> = origin.files().iter().map(|path| path.display().to_string()).collect();
            println!(
                "{}: no problem found",
                if files.is_empty() { "the defaults".into() } else { files.join(", ") }
            );
        }
        return Ok(());
    }
    let listed: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let count = if problems.len() == 1 { "1 problem".into() } else { format!("{} problems", problems.len()) };
    Err(Failure::usage(format!("{}\n{count}", listed.join("\n"))))
}

pub fn show_config(common: &Common, defaults: bool) -> Result<(), Failure> {
    if defaults {
        print!("{DEFAULTS}");
        return Ok(());
    }
    let config = super::load_config(common)?;
    if common.json {
        println!("{}", serde_json::to_string_pretty(&config).map_err(Failure::new)?);
    } else {
        print!("{}", show(&config).map_err(Failure::new)?);
    }
    Ok(())
}
