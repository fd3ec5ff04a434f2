//! Commands beside no server: the data directory is opened by this process and asked through the same paths.

use std::sync::Arc;

use axum::Router;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::Failure;
use crate::house::{House, Phase};

pub fn open(config: &Config) -> Result<Router, Failure> {
    let directory = &config.data_dir.0;
    if !directory.exists() {
        return Err(Failure::new(format!(
            "no server answers, and there is no data directory {} (name a server with --url, or a directory with --data-dir)",
            directory.display()
        )));
    }
    let house = Arc::new(House::open(config.clone(), Arc::new(SystemClock), None)?);
    *house.phase.lock() = Phase::Running;
    Ok(http_api::router(house.services()))
}
