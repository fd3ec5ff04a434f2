//! `bellwether storage compact | fsck | repolicy`

use axum::http::Method;
use http_api::control::{Checked, Compacted, Repolicied};
use serde_json::json;

use crate::cli::{Common, StorageCommand};
use crate::client::parse;
use crate::failure::Failure;

pub fn run(common: &Common, command: &StorageCommand) -> Result<(), Failure> {
    let server = super::server(common)?;
    let (path, body) = match command {
        StorageCommand::Compact => ("/api/v1/storage/compact", json!({})),
        StorageCommand::Fsck => ("/api/v1/storage/fsck", json!({})),
        StorageCommand::Repolicy { apply } => ("/api/v1/storage/repolicy", json!({ "apply": apply })),
    };
    let answer = super::block_on(server.send_json(Method::POST, path, &body))?;
    if common.json {
        super::say(String::from_utf8_lossy(&answer))?;
    }
    match command {
        StorageCommand::Compact => compacted(common, &parse(&answer)?),
        StorageCommand::Fsck => checked(common, &parse(&answer)?),
        StorageCommand::Repolicy { .. } => repolicied(common, &parse(&answer)?),
    }
}

fn compacted(common: &Common, done: &Compacted) -> Result<(), Failure> {
    if common.json {
        return Ok(());
    }
    let size = bytes(done.bytes);
    super::say(format_args!("compacted in {:.1} s: {} files, {size}", done.seconds, done.files))
}

fn checked(common: &Common, checked: &Checked) -> Result<(), Failure> {
    if !common.json {
        for line in &checked.damaged {
            super::say(format_args!("damaged: {line}"))?;
        }
        super::say(format_args!(
            "checked {} files with {} pages: {} damaged",
            checked.files,
            checked.pages,
            checked.damaged.len()
        ))?;
    }
    match checked.damaged.len() {
        0 => Ok(()),
        damaged => Err(Failure::new(format!("{damaged} damaged; what can be read is still served"))),
    }
}

fn repolicied(common: &Common, done: &Repolicied) -> Result<(), Failure> {
    if common.json {
        return Ok(());
    }
    for line in &done.changes {
        super::say(line)?;
    }
    let verb = if done.applied { "changed" } else { "would change" };
    let (now, then) = (bytes(done.bytes_now), bytes(done.bytes_then));
    super::say(format_args!("{} series {verb}: {now} now, {then} then", done.series))?;
    if !done.applied && done.series > 0 {
        super::say("do it with: bellwether storage repolicy --apply")?;
    }
    Ok(())
}

/// `1.5 GiB`
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
