//! Our own log: lines on stderr, with a level that can be changed while running (API, SIGUSR1, SIGUSR2).

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::LogLevel;

/// Changes the level.
#[derive(Clone)]
pub struct LogControl(reload::Handle<LevelFilter, Registry>);

const LEVELS: [(LogLevel, LevelFilter); 5] = [
    (LogLevel::Error, LevelFilter::ERROR),
    (LogLevel::Warn, LevelFilter::WARN),
    (LogLevel::Info, LevelFilter::INFO),
    (LogLevel::Debug, LevelFilter::DEBUG),
    (LogLevel::Trace, LevelFilter::TRACE),
];

fn filter(level: LogLevel) -> LevelFilter {
    LEVELS.into_iter().find(|(name, _)| *name == level).map_or(LevelFilter::INFO, |(_, filter)| filter)
}

pub fn start(level: LogLevel) -> LogControl {
    let (level, handle) = reload::Layer::new(filter(level));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    // A second start in one process happens in tests only, and then the first one's log goes on.
    let _ = tracing_subscriber::registry().with(level).with(lines).try_init();
    LogControl(handle)
}

impl LogControl {
    pub fn set(&self, level: LogLevel) {
        self.change(filter(level));
    }

    pub fn set_named(&self, name: &str) -> Result<(), String> {
        let known = LEVELS.into_iter().find(|(_, filter)| filter.to_string() == name);
        let (_, filter) =
            known.ok_or_else(|| format!("`{name}` is not one of error, warn, info, debug, trace"))?;
        self.change(filter);
        Ok(())
    }

    pub fn louder(&self) {
        self.step(1);
    }

    pub fn quieter(&self) {
        self.step(-1);
    }

    fn step(&self, by: isize) {
        let now = self.0.clone_current().unwrap_or(LevelFilter::INFO);
        let place = LEVELS.iter().position(|(_, filter)| *filter == now).unwrap_or(2);
        let place = place.saturating_add_signed(by).min(LEVELS.len() - 1);
        self.change(LEVELS[place].1);
    }

    fn change(&self, filter: LevelFilter) {
        // Fails only when the log itself is gone, at the very end of the process.
        if self.0.modify(|level| *level = filter).is_ok() {
            tracing::info!(level = %filter, "log level changed");
        }
    }
}
