//! `bellwether agent`: the host collector and the listeners of this machine, sending to a server elsewhere. Read
//! [`run`] from top to bottom.
//!
//! | thread | does | falls behind |
//! |---|---|---|
//! | ingest's | read StatsD and Carbon, flush StatsD ([`crate::wiring`]) | as on a server |
//! | `host` | looks at the host | a second without points |
//! | `forward` | closes batches, sends them | they wait in the spool: bounded, the oldest dropped and counted |
//! | `config` | looks at the configuration files | - |

mod link;
mod own;
mod sending;
mod telling;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use collectors::agent::{Forwarder, Found, Identity, Outbox, StatsdNames, instance};
use formats::agent_batch::{Happened, greeting};
use ingest::{Flushed, Ingest, Ports, Settings};
use parking_lot::{Mutex, RwLock};
use statsd::Aggregator;
use statsd::config::Machine;
use vocabulary::ports::{Successor, WriteReport};
use vocabulary::{Clock, PointBatch, PointSink};

use crate::cli::Common;
use crate::clock::SystemClock;
use crate::collecting::Collecting;
use crate::config::{Config, Origin};
use crate::failure::Failure;
use crate::history::History;
use crate::logging::{self, LogControl};
use crate::reload::{self, Reloads, Watcher};
use crate::serve::{Signals, make_private};
use crate::{commands, events, wiring};
use link::Link;
use sending::{Sending, Work};

pub fn run(common: &Common) -> Result<(), Failure> {
    let origin = Origin::from_process(common.config.clone(), common.data_dir.clone());
    // Before they are read: what changes while the spool opens is seen as a change.
    let seen = reload::look(&origin);
    let config = commands::load_config(common)?;
    refuse_without_server(&config)?;
    let log = logging::start(config.log.level);
    make_private(&config.data_dir.0)?;
    let _lock = lock(&config.data_dir.0)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::doing("start"))?;
    let signals = Signals::listen(&runtime).map_err(Failure::doing("listen to signals"))?;
    let parts = AgentParts::start(config, log.clone())?;
    // Whoever closed stdout does not want to know, and has an agent all the same.
    let _ = writeln!(std::io::stdout(), "{} -> {}", parts.name, parts.config.load().agent.server);
    let watcher = Watcher::start(origin, seen, parts.clone());
    let watcher = watcher.map_err(Failure::doing("watch the configuration"))?;
    runtime.block_on(signals.until_stopped(&log, &watcher));
    tracing::info!("stopping");
    watcher.stop();
    parts.stop();
    tracing::info!("stopped");
    Ok(())
}

fn refuse_without_server(config: &Config) -> Result<(), Failure> {
    if config.nsca.listen.address().is_some() {
        return Err(Failure::usage(
            "nsca.listen: an agent takes no results of checks: point send_nsca at the server, and write listen = \"off\" here",
        ));
    }
    if config.agent.is_set() {
        return Ok(());
    }
    Err(Failure::usage(
        "agent.server: missing: write where to send, as [agent] server = \"https://metrics.example:8080\"",
    ))
}

/// As the store does: a server or a second agent in the same directory would spoil it.
fn lock(directory: &Path) -> Result<File, Failure> {
    let path = directory.join("LOCK");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(Failure::doing(format!("open {}", path.display())))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        let directory = directory.display();
        Failure::new(format!("{directory} is in use by another agent or server: give each its own data_dir"))
    })?;
    Ok(file)
}

/// Everything that runs.
pub struct AgentParts {
    /// Of this machine, as one node of a series' name.
    pub name: String,
    pub config: ArcSwap<Config>,
    pub outbox: Arc<Outbox>,
    pub aggregator: Arc<Aggregator>,
    pub ingest: RwLock<Option<Ingest>>,
    pub flush_report: Mutex<WriteReport>,
    pub history: History,
    clock: Arc<dyn Clock>,
    instance: u64,
    log: LogControl,
    host: Mutex<Option<Collecting>>,
    sending: Mutex<Option<Sending>>,
}

impl AgentParts {
    /// The data's way from its end: who sends first, then who writes.
    fn start(mut config: Config, log: LogControl) -> Result<Arc<AgentParts>, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let name = collectors::machine_name(&config.collectors);
        if !greeting::is_fine_name(&name) {
            let most = greeting::NAME_BYTES_MAX;
            return Err(Failure::usage(format!("collectors.host_name: is longer than {most} bytes")));
        }
        name_machine(&mut config, &name);
        let spool = spool_directory(&config);
        let doing = format!("open the spool {}", spool.display());
        let instance = instance::instance(&spool, &name).map_err(Failure::doing(&doing))?;
        let (outbox, found) =
            Outbox::open(&spool, config.agent.spool_bytes, clock.clone()).map_err(Failure::doing(&doing))?;
        tell_found(&found);
        let link = Link::new(&config.agent)?;
        let parts = Arc::new(AgentParts {
            name,
            outbox: Arc::new(outbox),
            aggregator: Arc::new(Aggregator::new(&config.statsd, clock.now())),
            ingest: RwLock::new(None),
            flush_report: Mutex::default(),
            history: History::default(),
            clock,
            instance,
            log,
            host: Mutex::default(),
            sending: Mutex::default(),
            config: ArcSwap::from_pointee(config),
        });
        parts.open(link)?;
        Ok(parts)
    }

    fn open(self: &Arc<Self>, link: Link) -> Result<(), Failure> {
        let config = self.config.load_full();
        let ingest = Ingest::start(ingest_settings(&config), self.ingest_ports()).map_err(Failure::new)?;
        wiring::tell_replay(&ingest);
        *self.ingest.write() = Some(ingest);
        *self.host.lock() = self.collecting(&config)?;
        *self.sending.lock() = Some(self.sending(&config, link)?);
        Ok(())
    }

    fn ingest_ports(self: &Arc<Self>) -> Ports {
        let parts = Arc::downgrade(self);
        Ports {
            sink: self.outbox.clone(),
            clock: self.clock.clone(),
            aggregator: self.aggregator.clone(),
            data_dir: Some(self.config.load().data_dir.0.clone()),
            after_flush: Arc::new(move |flushed| {
                if let Some(parts) = parts.upgrade() {
                    parts.flushed(flushed);
                }
            }),
            // Results go to the server itself.
            results: Arc::new(|_| ingest::Taken::Unknown),
        }
    }

    /// What a flush has beside points.
    fn flushed(&self, flushed: Flushed) {
        let mut report = self.flush_report.lock();
        report.add(flushed.points);
        report.add(flushed.sketches);
        drop(report);
        let happened = |(received, event)| {
            let new = events::new(received, event);
            Happened {
                at: vocabulary::Timestamp(new.at as i64),
                what: new.what,
                data: new.data,
                tags: new.tags,
            }
        };
        let happened: Vec<Happened> = flushed.events.into_iter().map(happened).collect();
        self.outbox.take_events(&happened);
        events::log_keys(flushed.key_log);
    }

    fn collecting(&self, config: &Config) -> Result<Option<Collecting>, Failure> {
        let start = || Collecting::start(&config.collectors, self.outbox.clone(), self.clock.clone());
        let started = config.collectors.host.then(start).transpose();
        started.map_err(Failure::doing("start the host collector"))
    }

    fn sending(self: &Arc<Self>, config: &Config, link: Link) -> Result<Sending, Failure> {
        let interval = config.agent.interval.0;
        let identity = Identity { name: self.name.clone(), instance: self.instance, interval };
        let parts = Arc::downgrade(self);
        let started = Sending::start(Work {
            outbox: self.outbox.clone(),
            forwarder: Forwarder::new(self.outbox.clone(), identity),
            uplink: Box::new(link),
            clock: self.clock.clone(),
            interval,
            before_close: Box::new(move |now, stats| {
                if let Some(parts) = parts.upgrade().filter(|parts| parts.config.load().own.series) {
                    let mut batch = PointBatch::default();
                    own::write(&parts, stats, now, &mut batch);
                    parts.outbox.write(&batch, &mut Successor::default());
                }
            }),
        });
        started.map_err(Failure::doing("start to send"))
    }

    /// Take another configuration over, or nothing of it. Returns the keys that wait for the next start.
    fn reconfigure(self: &Arc<Self>, mut config: Config) -> Result<Vec<&'static str>, String> {
        refuse_without_server(&config).map_err(|failure| failure.message)?;
        let before = self.config.load_full();
        let mut waiting = keep_until_restart(&before, &mut config);
        name_machine(&mut config, &self.name);
        // What can fail goes first. The token is read again, as its file is not watched.
        let link = Link::new(&config.agent).map_err(|failure| failure.message)?;
        let changed = config.collectors != before.collectors;
        let collecting = changed.then(|| self.collecting(&config)).transpose();
        let collecting = collecting.map_err(|failure| failure.message)?;
        if let Some(ingest) = self.ingest.write().as_mut() {
            waiting.extend(ingest.reload(ingest_settings(&config)).map_err(|error| error.to_string())?);
        }
        self.outbox.set_bytes_max(config.agent.spool_bytes);
        if config.log != before.log {
            self.log.set(config.log.level);
        }
        if let Some(collecting) = collecting {
            *self.host.lock() = collecting;
        }
        // The one before has ended before the next begins: batches go out once, in order.
        let mut sending = self.sending.lock();
        drop(sending.take());
        *sending = Some(self.sending(&config, link).map_err(|failure| failure.message)?);
        drop(sending);
        self.config.store(Arc::new(config));
        Ok(waiting)
    }

    /// Nothing new comes in; then what is in is sent, or waits in the spool.
    fn stop(&self) {
        drop(self.host.lock().take());
        let ingest = self.ingest.write().take();
        if let Some(ingest) = ingest {
            ingest.stop();
        }
        drop(self.sending.lock().take());
        if let Err(error) = self.outbox.sync() {
            tracing::error!(%error, "what was not sent may not survive a power cut");
        }
    }
}

impl Reloads for Arc<AgentParts> {
    fn reconfigure(&self, config: Config) -> Result<Vec<&'static str>, String> {
        AgentParts::reconfigure(self, config)
    }

    /// The log has said it.
    fn note_reload(&self, _: Result<Vec<&'static str>, Vec<String>>) {}
}

fn ingest_settings(config: &Config) -> Settings {
    // A reload may say otherwise of NSCA than the start, which refuses it.
    Settings { nsca: ingest::NscaConfig::default(), ..wiring::ingest_settings(config) }
}

fn spool_directory(config: &Config) -> PathBuf {
    config.agent.spool_dir.clone().unwrap_or_else(|| config.data_dir.0.join("spool"))
}

fn name_machine(config: &mut Config, name: &str) {
    config.statsd.machine = match config.agent.statsd_names {
        StatsdNames::Prefixed => Machine::Prefix(name.to_owned()),
        StatsdNames::Tagged => Machine::Tag(name.to_owned()),
        StatsdNames::Plain => Machine::Alone,
    };
}

/// What takes effect at the next start only stays as it is until then; tells the keys that wait.
fn keep_until_restart(before: &Config, now: &mut Config) -> Vec<&'static str> {
    use wiring::keep;
    let kept = [
        keep("data_dir", &before.data_dir, &mut now.data_dir),
        keep("agent.spool_dir", &before.agent.spool_dir, &mut now.agent.spool_dir),
        keep("collectors.host_name", &before.collectors.host_name, &mut now.collectors.host_name),
    ];
    kept.into_iter().flatten().collect()
}

fn tell_found(found: &Found) {
    if found.waiting.batches > 0 {
        let (batches, points) = (found.waiting.batches, found.waiting.points);
        tracing::info!(batches, points, "the spool holds what was not sent before");
    }
    if found.damaged_bytes > 0 {
        tracing::warn!(bytes = found.damaged_bytes, "a part of the spool was torn or damaged, and is lost");
    }
    for path in &found.set_aside {
        tracing::warn!(path = %path.display(), "a file of the spool is not readable; it was set aside");
    }
}
