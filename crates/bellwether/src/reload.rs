//! Reload of the configuration on SIGHUP and when its files change, all or nothing.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};

use crate::config::{Config, Origin, told};
use crate::wiring::Parts;

/// Looking at a handful of files costs nothing, works on every file system, and sees editors' and
/// configuration management's ways of replacing files alike.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whoever runs by the configuration.
pub trait Reloads: Send + 'static {
    /// Takes it over, or nothing of it. Returns the keys that wait for the next start.
    fn reconfigure(&self, config: Config) -> Result<Vec<&'static str>, String>;
    fn note_reload(&self, outcome: Result<Vec<&'static str>, Vec<String>>);
}

impl Reloads for Arc<Parts> {
    fn reconfigure(&self, config: Config) -> Result<Vec<&'static str>, String> {
        Parts::reconfigure(self, config)
    }

    fn note_reload(&self, outcome: Result<Vec<&'static str>, Vec<String>>) {
        Parts::note_reload(self, outcome);
    }
}

pub struct Watcher {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    reload: bool,
    stop: bool,
}

/// What tells that a file was written or replaced.
pub type Seen = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

impl Watcher {
    /// `seen`: the files as they were when the configuration in effect was read.
    pub fn start(origin: Origin, mut seen: Seen, parts: impl Reloads) -> std::io::Result<Watcher> {
        let shared = Arc::new(Shared::default());
        let watching = shared.clone();
        let thread = thread::Builder::new().name("config".into()).spawn(move || {
            while let Some(asked) = watching.wait() {
                let now = look(&origin);
                if asked || now != seen {
                    reload(&origin, &parts);
                }
                seen = now;
            }
        })?;
        Ok(Watcher { shared, thread: Mutex::new(Some(thread)) })
    }

    pub fn reload_now(&self) {
        self.shared.state.lock().reload = true;
        self.shared.changed.notify_all();
    }

    pub fn stop(&self) {
        self.shared.state.lock().stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // A watcher that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Whether a reload was asked for; `None` at the end.
    fn wait(&self) -> Option<bool> {
        let mut state = self.state.lock();
        if !state.reload && !state.stop {
            self.changed.wait_for(&mut state, LOOK_EVERY);
        }
        let asked = std::mem::take(&mut state.reload);
        (!state.stop).then_some(asked)
    }
}

pub fn look(origin: &Origin) -> Seen {
    let mark = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    origin.files().into_iter().map(|path| (path.clone(), mark(&path))).collect()
}

fn reload(origin: &Origin, parts: &impl Reloads) {
    match origin.load() {
        Err(problems) => {
            tracing::error!(
                "the configuration has problems and was not reloaded; the old one stays in effect:\n{}",
                told(&problems)
            );
            parts.note_reload(Err(problems.iter().map(ToString::to_string).collect()));
        }
        Ok(config) => match parts.reconfigure(config) {
            Ok(restart) => {
                tracing::info!("configuration reloaded");
                if !restart.is_empty() {
                    tracing::warn!(keys = restart.join(", "), "these take effect at the next start");
                }
                parts.note_reload(Ok(restart));
            }
            Err(failure) => {
                tracing::error!(failure, "the configuration was not reloaded; the old one stays in effect");
                parts.note_reload(Err(vec![failure]));
            }
        },
    }
}
