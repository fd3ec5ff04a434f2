//! `bellwether upgrade check NEW_BINARY`: can the new binary take over what the present one keeps, and what
//! will it change? The new binary itself is asked; nothing is changed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::cli::Common;
use crate::failure::Failure;

/// A binary that answers no simple question in this time is none of ours.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which forms of stored data a version reads and writes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Formats {
    pub version: String,
    pub store: (u32, u32),
    /// Room -> form of its records.
    pub state: BTreeMap<String, u32>,
}

impl Formats {
    fn own() -> Formats {
        Formats {
            version: env!("CARGO_PKG_VERSION").into(),
            store: (series_store::FORMAT_MAJOR, series_store::FORMAT_MINOR),
            state: crate::house::migrations()
                .iter()
                .map(|room| (room.room.to_owned(), room.steps.len() as u32))
                .collect(),
        }
    }
}

/// What a version answers to the one before it.
pub fn formats() -> Result<(), Failure> {
    super::say(serde_json::to_string(&Formats::own()).map_err(Failure::new)?)
}

pub fn check(common: &Common, new_binary: &Path) -> Result<(), Failure> {
    let config = super::load_config(common)?;
    let answer = ask(new_binary, &["upgrade", "formats"], common)?.stdout;
    let new: Formats = serde_json::from_slice(&answer)
        .map_err(Failure::doing(format!("{} does not answer as a Bellwether does", new_binary.display())))?;
    let data_dir = &config.data_dir.0;
    let mut says = vec![format!("{} -> {}", env!("CARGO_PKG_VERSION"), new.version)];
    let mut hindrances = Vec::new();
    let checked = ask_status(new_binary, &["config", "check"], common)?;
    if checked.status.success() {
        says.push("configuration: no problem".into());
    } else {
        hindrances.push(format!("configuration:\n{}", String::from_utf8_lossy(&checked.stdout).trim_end()));
    }
    match series_store::stored_format(data_dir).map_err(Failure::doing(data_dir.display()))? {
        None => says.push("points: there are none yet".into()),
        Some(have) => compare_store(have, new.store, &mut says, &mut hindrances),
    }
    let forms = state_store::forms(&data_dir.join("state/state.db")).map_err(Failure::new)?;
    compare_state(&forms, &new.state, &mut says, &mut hindrances);
    if common.json {
        super::say(json!({"says": says, "hindrances": hindrances}))?;
    } else {
        says.iter().try_for_each(super::say)?;
    }
    match hindrances.len() {
        0 => Ok(()),
        _ => Err(Failure::new(hindrances.join("\n"))),
    }
}

fn compare_store(have: (u32, u32), reads: (u32, u32), says: &mut Vec<String>, hindrances: &mut Vec<String>) {
    let (have_text, reads_text) = (format!("{}.{}", have.0, have.1), format!("{}.{}", reads.0, reads.1));
    if have.0 != reads.0 || have.1 > reads.1 {
        hindrances.push(format!("points: stored in format {have_text}; the new binary reads {reads_text}"));
    } else if have.1 < reads.1 {
        says.push(format!("points: format {have_text} is read; new files are written in {reads_text}"));
    } else {
        says.push(format!("points: the same format {have_text}"));
    }
}

fn compare_state(
    have: &[(String, u32)],
    reads: &BTreeMap<String, u32>,
    says: &mut Vec<String>,
    hindrances: &mut Vec<String>,
) {
    let mut changes = 0;
    for (room, form) in have {
        match reads.get(room) {
            Some(known) if known < form => {
                hindrances
                    .push(format!("state: records of {room} have form {form}; the new binary knows {known}"));
            }
            Some(known) if known > form => {
                changes += 1;
                says.push(format!(
                    "state: records of {room} go from form {form} to {known}; a copy is made before"
                ));
            }
            _ => {}
        }
    }
    if changes == 0 && hindrances.is_empty() {
        says.push("state: nothing to change".into());
    }
}

fn ask(binary: &Path, arguments: &[&str], common: &Common) -> Result<Output, Failure> {
    let output = ask_status(binary, arguments, common)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Failure::new(format!(
        "{} {} ended with {}: {}",
        binary.display(),
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

fn ask_status(binary: &Path, arguments: &[&str], common: &Common) -> Result<Output, Failure> {
    let doing = format!("run {}", binary.display());
    let mut command = Command::new(binary);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(file) = &common.config {
        command.arg("--config").arg(file);
    }
    if let Some(directory) = &common.data_dir {
        command.arg("--data-dir").arg(directory);
    }
    let mut child = command.spawn().map_err(Failure::doing(&doing))?;
    let started = Instant::now();
    while child.try_wait().map_err(Failure::doing(&doing))?.is_none() {
        if started.elapsed() > PATIENCE {
            // It may have ended just now.
            let _ = child.kill();
            return Err(Failure::new(format!("{doing}: no answer within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().map_err(Failure::doing(doing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_forms_are_hindrances_and_older_ones_are_told() {
        let check = |have: u32, reads: u32| {
            let (mut says, mut hindrances) = (Vec::new(), Vec::new());
            let reads = BTreeMap::from([("accounts".to_owned(), reads)]);
            compare_state(&[("accounts".into(), have)], &reads, &mut says, &mut hindrances);
            (says.join(" "), hindrances.join(" "))
        };
        assert!(check(1, 1).0.contains("nothing to change"));
        assert!(check(1, 2).0.contains("a copy is made before"));
        assert!(check(2, 1).1.contains("knows 1"));
        let (mut says, mut hindrances) = (Vec::new(), Vec::new());
        compare_store((1, 2), (1, 1), &mut says, &mut hindrances);
        assert!(says.is_empty() && hindrances[0].contains("reads 1.1"));
    }
}
