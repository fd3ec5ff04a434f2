//! `bellwether serve`: everything in one process. Read [`run`] from top to bottom: parts are started in the
//! order of the data's way and stopped in the reverse one. What is connected to what, `wiring.rs` says.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Common;
use crate::commands;
use crate::config::Origin;
use crate::failure::Failure;
use crate::logging;
use crate::reload::{self, Watcher};
use crate::wiring::{Front, Parts};

pub fn run(common: &Common) -> Result<(), Failure> {
    let origin = Origin::from_process(common.config.clone(), common.data_dir.clone());
    // Before they are read: what changes while the store opens is seen as a change.
    let seen = reload::look(&origin);
    let config = commands::load_config(common)?;
    let log = logging::start(config.log.level);
    if config.agent.is_set() {
        tracing::warn!(
            "agent.server is set, but a server sends nothing there: that is what `bellwether agent` does"
        );
    }
    make_private(&config.data_dir.0)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("http").build();
    let runtime = runtime.map_err(Failure::doing("start"))?;
    let signals = Signals::listen(&runtime).map_err(Failure::doing("listen to signals"))?;
    let front = Front::bind(&config, &runtime)?;
    let parts = match Parts::start(config, &origin, &log, &front, &runtime) {
        Ok(parts) => Arc::new(parts),
        Err(failure) => {
            front.stop(&runtime);
            return Err(failure);
        }
    };
    // Whoever closed stdout does not want to know, and has a server all the same.
    let _ = writeln!(std::io::stdout(), "{}", front.url());
    let watcher = Watcher::start(origin, seen, parts.clone());
    let watcher = watcher.map_err(Failure::doing("watch the configuration"))?;
    runtime.block_on(signals.until_stopped(&log, &watcher));
    tracing::info!("stopping");
    watcher.stop();
    parts.stop(front, &runtime);
    tracing::info!("stopped");
    Ok(())
}

/// Nobody but the owner reads what is kept.
pub fn make_private(directory: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(Failure::doing(format!("create the data directory {}", directory.display())))
}

/// SIGHUP reloads, SIGUSR1 and SIGUSR2 make the log louder and quieter, SIGTERM and SIGINT end.
pub struct Signals {
    hangup: Signal,
    louder: Signal,
    quieter: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on no signal kills; those that come during the start are heeded when it is done.
    pub fn listen(runtime: &Runtime) -> std::io::Result<Signals> {
        let _inside = runtime.enter();
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            louder: signal(SignalKind::user_defined1())?,
            quieter: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub async fn until_stopped(mut self, log: &logging::LogControl, watcher: &Watcher) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => watcher.reload_now(),
                _ = self.louder.recv() => log.louder(),
                _ = self.quieter.recv() => log.quieter(),
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
            }
        }
    }
}
