//! `bellwether backup DIR`, while the server runs or not, and `bellwether restore DIR`.

use std::path::Path;

use axum::http::Method;
use http_api::control::BackedUp;
use serde_json::json;

use crate::backup;
use crate::cli::Common;
use crate::client::parse;
use crate::failure::Failure;

pub fn run(common: &Common, directory: &Path) -> Result<(), Failure> {
    let directory = std::path::absolute(directory).map_err(Failure::doing(directory.display()))?;
    let directory = directory.to_str().ok_or_else(|| {
        Failure::usage(format!("{}: give a directory whose name is UTF-8", directory.display()))
    })?;
    let server = super::server(common)?;
    let answer = super::block_on(server.send_json(
        Method::POST,
        "/api/v1/backup",
        &json!({ "directory": directory }),
    ))?;
    let done: BackedUp = parse(&answer)?;
    if common.json {
        super::say(String::from_utf8_lossy(&answer))?;
    } else {
        super::say(format_args!(
            "backed up to {}: {} files, {}",
            done.directory,
            done.files,
            super::storage::bytes(done.bytes)
        ))?;
    }
    Ok(())
}

pub fn restore(common: &Common, directory: &Path) -> Result<(), Failure> {
    let config = super::load_config(common)?;
    if crate::client::socket_answers(&super::control_socket(&config)) {
        return Err(Failure::new(format!(
            "a server is using {}; stop it first",
            config.data_dir.0.display()
        )));
    }
    let done = backup::restore(directory, &config.data_dir.0).map_err(Failure::new)?;
    if common.json {
        super::say(json!({"files": done.files, "bytes": done.bytes, "by_length_only": done.by_length_only}))?;
    } else {
        super::say(format_args!(
            "restored {} files ({}) to {}",
            done.files,
            super::storage::bytes(done.bytes),
            config.data_dir.0.display()
        ))?;
        if done.by_length_only {
            super::say(
                "an older version made this backup, without checksums: lengths and points were checked, but not what \
                 the state records and the secret key hold",
            )?;
        }
    }
    Ok(())
}
