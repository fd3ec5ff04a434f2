//! Commands beside no server: the data directory is opened by this process and asked through the same paths.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::Failure;
use crate::house::{House, Phase};

/// The thread that writes looks so often whether the command has ended.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

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
    let keeper = Arc::downgrade(&house);
    std::thread::Builder::new()
        .name("keeper".into())
        .spawn(move || while keeper.upgrade().is_some_and(|house| keep(&house)) {})
        .map_err(Failure::doing("start a thread"))?;
    Ok(http_api::router(house.services()))
}

/// Writes what is done to checks and hosts, as the server's own thread would, until the command ends. Nobody is told of
/// anything: notices of what is done here wait in the state database like those of a server that stopped.
fn keep(house: &House) -> bool {
    house.monitors.wait_for_work(LONGEST_WAIT);
    let Some(prepared) = house.monitors.prepare() else { return true };
    let now = house.clock.now();
    let mut batch = house.desk.batch();
    batch.take(&prepared.carried.changes, &prepared.carried.notices, now);
    let written = house.state.transaction(|tx| {
        prepared.write(tx)?;
        batch.save(tx)
    });
    match written {
        Ok(()) => {
            batch.committed();
            house.monitors.committed(&prepared);
        }
        Err(error) => house.monitors.failed(error.to_string()),
    }
    true
}
