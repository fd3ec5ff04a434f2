//! `bellwether serve`: everything in one process. Read [`run`] from top to bottom: parts are started in the
//! order of the data's way and stopped in the reverse one. What is connected to what, `wiring.rs` says.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Common;
use crate::commands;
use crate::config::Origin;
use crate::failure::Failure;
use crate::logging;
use crate::reload::Watcher;
use crate::wiring::{Front, Parts};

pub fn run(common: &Common) -> Result<(), Failure> {
    let origin = Origin::from_process(common.config.clone(), common.data_dir.clone());
    let config = commands::load_config(common)?;
    let log = logging::start(config.log.level);
    make_private(&config.data_dir.0)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("http").build();
    let runtime = runtime.map_err(Failure::doing("start"))?;
    let front = Front::bind(&config, &runtime)?;
    let parts = match Parts::start(config, &log, &front, &runtime) {
        Ok(parts) => Arc::new(parts),
        Err(failure) => {
            front.stop(&runtime);
            return Err(failure);
        }
    };
    // Whoever closed stdout does not want to know, and has a server all the same.
    let _ = writeln!(std::io::stdout(), "{}", front.url());
    let watcher = Watcher::start(origin, parts.clone()).map_err(Failure::doing("watch the configuration"))?;
    runtime.block_on(until_stopped(&log, &watcher)).map_err(Failure::doing("listen to signals"))?;
    tracing::info!("stopping");
    watcher.stop();
    parts.stop(front, &runtime);
    tracing::info!("stopped");
    Ok(())
}

/// Nobody but the owner reads what is kept.
fn make_private(directory: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(Failure::doing(format!("create the data directory {}", directory.display())))
}

/// SIGHUP reloads, SIGUSR1 and SIGUSR2 make the log louder and quieter, SIGTERM and SIGINT end.
async fn until_stopped(log: &logging::LogControl, watcher: &Watcher) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut louder = signal(SignalKind::user_defined1())?;
    let mut quieter = signal(SignalKind::user_defined2())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = hangup.recv() => watcher.reload_now(),
            _ = louder.recv() => log.louder(),
            _ = quieter.recv() => log.quieter(),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}
