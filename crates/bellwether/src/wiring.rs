//! What is connected to what: every queue, every thread, the order of start and stop.
//!
//! | thread | does | falls behind |
//! |---|---|---|
//! | `statsd.udp-N`, `carbon.udp-0`, `collectd.udp-0`, ... | read datagrams, many with one call | the kernel drops, counted |
//! | ingest's TCP workers | read Carbon, StatsD and admin connections | senders wait |
//! | ingest's relay thread, one for each server that points go on to | tell aggregates; send | the oldest are dropped, counted |
//! | ingest's flush and journal threads | end StatsD's intervals; keep its journal | flushes wait for each other |
//! | `store-log`, `store-sync`, `store-upkeep` | write the log out, sync it, flush and merge | counted, shown, alarmed |
//! | collectors | look at the host each second | a second without points |
//! | `checks` | starts checks that are due, takes what came of them | checks start later, counted |
//! | `heartbeats` | writes pings together, tells what they mean | who pings waits; with 10,000 waiting: 429 |
//! | `error-rules` | looks for spikes of errors each second, ends what is calm or resolved | spikes and ends are told later |
//! | tasks of `notify`, one for each channel | send pages | pages wait on the disk, shown and told by other channels |
//! | a task of `calendars` | people's own calendars and those of shifts, each hour | who is away, and whose turn it is by them, is as it was known before |
//! | a task of `watcher` | the heartbeat to the outside, own parts in trouble | a heartbeat comes late, or not at all: somebody outside is told |
//! | `errors` | keeps events of errors together, counts them in their groups; `errors-upkeep` takes out what is kept long enough | senders wait; with 2,000 waiting: 503 |
//! | a task of `errors::tee` | sends copies to the Sentry that a project comes from | they wait on the disk: the oldest of 512 MiB go, counted |
//! | `metrics` | judges metric monitors each second | the next look takes what has gathered |
//! | `monitors` | writes what monitors say in one transaction a batch, carries it on to incidents | senders of results wait |
//! | `sent`, `command-pipe` | hand on results and commands of NSCA and the command pipe | a queue of 10,000: results of NSCA are dropped, counted; the pipe's writers wait |
//! | `ticker` | own numbers, the tick of each second | ticks are skipped |
//! | `stream` | evaluates what live streams watch | slow targets less often; slow readers are closed |
//! | `config` | looks at the configuration files | - |
//! | `proof` | proves the pager on its past, one proof at a time, for ten minutes at most | another one that is asked for is refused |
//! | `http` | requests, asynchronously; queries on a bounded pool of blocking threads | queries wait, then 503 |

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::Router;
use http_api::server::{self, Crowd, Door, Tls};
use ingest::{BindError, Flushed, Ingest, Ports, Settings};
use monitors::kinds::check::Asker;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle as Task;
use vocabulary::{Clock, Timestamp};

use crate::clock::SystemClock;
use crate::collecting::Collecting;
use crate::commands;
use crate::config::{Config, Origin};
use crate::error_rules::ErrorWatch;
use crate::errors::Keeping;
use crate::errors::upkeep::Upkeep;
use crate::failure::Failure;
use crate::heartbeats::Beating;
use crate::house::{House, Phase, Reloads};
use crate::logging::LogControl;
use crate::metric_watch::MetricWatch;
use crate::process;
use crate::sent::{self, Inbox};
use crate::telling;
use crate::ticker::Ticker;
use crate::watcher::Watcher;
use crate::watching::Running;

/// Requests that are open at the stop get this long in all; the doors themselves wait less.
const HTTP_STOP_TIMEOUT: Duration = Duration::from_secs(4);
/// Some ten milliseconds of work for each gigabyte, after which a flush has left nothing behind.
const TRIM_SECONDS: i64 = 10;

/// HTTP's listeners. They are bound first, so that a health check gets an answer from the beginning.
pub struct Front {
    listeners: Mutex<Vec<TcpListener>>,
    router: Arc<OnceLock<Router>>,
    tls: Tls,
    crowd: Arc<Crowd>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<Task<()>>>,
    url: String,
}

impl Front {
    pub fn bind(config: &Config, runtime: &Runtime) -> Result<Front, Failure> {
        let mut listeners = Vec::new();
        for address in config.http.listen.iter().filter_map(|listen| listen.address()) {
            let listener = TcpListener::bind(address)
                .and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
            let failed = |error| BindError { listener: "http.listen", address: address.to_string(), error };
            listeners.push(listener.map_err(failed).map_err(Failure::new)?);
        }
        let acceptor = server::tls(&config.http).map_err(Failure::new)?;
        let front = Front {
            url: url(config, &listeners),
            listeners: Mutex::new(listeners),
            router: Arc::default(),
            tls: Arc::new(ArcSwapOption::new(acceptor)),
            crowd: Arc::new(Crowd::new(config.http.max_connections, config.auth.trusted_proxies.clone())),
            stop: watch::channel(false).0,
            tasks: Mutex::default(),
        };
        front.open_doors(config, runtime)?;
        Ok(front)
    }

    fn open_doors(&self, config: &Config, runtime: &Runtime) -> Result<(), Failure> {
        let _inside = runtime.enter();
        for listener in self.listeners.lock().drain(..) {
            let listener =
                tokio::net::TcpListener::from_std(listener).map_err(Failure::doing("http.listen"))?;
            self.open(Door::Tcp { listener, tls: self.tls.clone() }, config, runtime);
        }
        Ok(())
    }

    fn open(&self, door: Door, config: &Config, runtime: &Runtime) {
        let router = server::front(self.router.clone());
        let most = config.http.max_connections;
        let serving = server::serve(door, router, most, self.crowd.clone(), self.stop.subscribe());
        self.tasks.lock().push(runtime.spawn(serving));
    }

    /// The control socket is opened once the data directory is known to be ours.
    fn open_control(&self, config: &Config, runtime: &Runtime) -> Result<(), Failure> {
        let path = commands::control_socket(config);
        let doing = format!("control socket {}", path.display());
        let listener = server::bind_control_socket(&path).map_err(Failure::doing(&doing))?;
        let _inside = runtime.enter();
        let listener = tokio::net::UnixListener::from_std(listener).map_err(Failure::doing(&doing))?;
        self.open(Door::Control(listener), config, runtime);
        Ok(())
    }

    /// From here on requests are answered by what stands behind.
    fn ready(&self, router: Router) {
        // Set once, by the one start that there is.
        let _ = self.router.set(router);
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn stop(&self, runtime: &Runtime) {
        self.stop.send_replace(true);
        let tasks: Vec<_> = self.tasks.lock().drain(..).collect();
        runtime.block_on(async {
            let all = async {
                for task in tasks {
                    // A door that panicked has said so.
                    let _ = task.await;
                }
            };
            if tokio::time::timeout(HTTP_STOP_TIMEOUT, all).await.is_err() {
                tracing::warn!("some HTTP connections did not end in time");
            }
        });
    }
}

/// What to open in a browser.
fn url(config: &Config, listeners: &[TcpListener]) -> String {
    if !config.http.public_url.is_empty() {
        return config.http.public_url.clone();
    }
    let scheme = if config.http.uses_tls() { "https" } else { "http" };
    let address = listeners.first().and_then(|listener| listener.local_addr().ok());
    match address {
        Some(address) if address.ip().is_unspecified() => format!("{scheme}://localhost:{}/", address.port()),
        Some(address) => format!("{scheme}://{address}/"),
        None => "no HTTP listener is open".into(),
    }
}

/// A thread from its start to its end.
type Thread = Mutex<Option<JoinHandle<()>>>;

/// Everything that runs.
pub struct Parts {
    house: Arc<House>,
    ticker: Arc<Ticker>,
    ticking: Thread,
    stop_stream: Arc<AtomicBool>,
    stream: Thread,
    watching: Mutex<Option<Running>>,
    beating: Mutex<Option<Beating>>,
    error_watch: Mutex<Option<ErrorWatch>>,
    keeping: Mutex<Option<(Keeping, Upkeep)>>,
    sender: Mutex<Option<notify::Sender>>,
    inbox: Inbox,
    sent: Mutex<Option<sent::Running>>,
    metric_watch: Mutex<Option<MetricWatch>>,
    watcher: Mutex<Option<Watcher>>,
    background: Mutex<Option<series_store::Background>>,
    tls: Tls,
    url: String,
}

impl Parts {
    pub fn start(
        config: Config,
        origin: &Origin,
        log: &LogControl,
        front: &Front,
        runtime: &Runtime,
    ) -> Result<Parts, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let house = Arc::new(House::open(config, clock, Some(log.clone()))?);
        // Set once, by the one start that there is.
        let _ = house.origin.set(origin.clone());
        let _ = house.crowd.set(front.crowd.clone());
        tell_recovery(&house);
        let background =
            series_store::spawn_background(&house.store).map_err(Failure::doing("start the store"))?;
        let ticker = Ticker::new();
        let (inbox, queue) = Inbox::open(house.monitors.clone());
        let parts = Parts {
            ticker: ticker.clone(),
            ticking: Thread::default(),
            stop_stream: Arc::default(),
            stream: Thread::default(),
            watching: Mutex::default(),
            beating: Mutex::default(),
            error_watch: Mutex::default(),
            keeping: Mutex::default(),
            sender: Mutex::default(),
            inbox,
            sent: Mutex::default(),
            metric_watch: Mutex::default(),
            watcher: Mutex::default(),
            background: Mutex::new(Some(background)),
            tls: front.tls.clone(),
            url: front.url().to_owned(),
            house,
        };
        if let Err(failure) = parts.open(front, runtime, queue) {
            parts.stop_threads();
            parts.stop_watching();
            parts.close_store();
            return Err(failure);
        }
        Ok(parts)
    }

    /// The data's way from its end: who reads first, then who writes.
    fn open(&self, front: &Front, runtime: &Runtime, queue: Receiver<sent::Sent>) -> Result<(), Failure> {
        let house = &self.house;
        let config = house.config.load_full();
        let services = house.services();
        tell_of_incidents(&services);
        tell_ends_of_alerts(&services, runtime);
        *self.keeping.lock() = Some((Keeping::start(house)?, Upkeep::start(house)?));
        front.ready(http_api::router(services.clone()));
        front.open_control(&config, runtime)?;
        self.start_stream(services)?;
        self.start_ticker()?;
        let ingest = Ingest::start(ingest_settings(&config), self.ingest_ports()).map_err(Failure::new)?;
        house.alive.listening(house.clock.now(), config.flush_seconds());
        tell_replay(&ingest);
        *house.ingest.write() = Some(ingest);
        *house.host.lock() = self.collecting(&config)?;
        *self.watching.lock() = Some(Running::start(
            house,
            runtime.handle().clone(),
            Arc::new(Asker::new(house.egress.clone())),
        )?);
        *self.beating.lock() = Some(Beating::start(house)?);
        *self.error_watch.lock() = Some(ErrorWatch::start(house)?);
        // Set once, by the one start that there is.
        let _ = house.url.set(front.url().to_owned());
        *self.sender.lock() = Some(telling::start(house, front.url(), runtime.handle()));
        let pipe = config.checks.command_pipe.as_deref();
        *self.sent.lock() = Some(sent::Running::start(house, &self.inbox, queue, pipe)?);
        *house.sent.lock() = Some(self.inbox.stats.clone());
        *self.metric_watch.lock() = Some(MetricWatch::start(house)?);
        *self.watcher.lock() = Some(Watcher::start(house, runtime.handle()));
        *house.phase.lock() = Phase::Running;
        Ok(())
    }

    fn ingest_ports(&self) -> Ports {
        let (ticker, house) = (self.ticker.clone(), self.house.clone());
        Ports {
            sink: house.store.clone(),
            clock: house.clock.clone(),
            aggregator: house.aggregator.clone(),
            data_dir: Some(house.config.load().data_dir.0.clone()),
            after_flush: Arc::new(move |flushed: Flushed| {
                ticker.flushed(flushed.time);
                house.flushed.store(flushed.time.0, Ordering::Relaxed);
                crate::events::keep(&house, flushed);
            }),
            results: {
                let inbox = self.inbox.clone();
                Arc::new(move |sent| inbox.result(sent))
            },
        }
    }

    fn start_stream(&self, services: Arc<http_api::Services>) -> Result<(), Failure> {
        let stop = self.stop_stream.clone();
        let thread = std::thread::Builder::new().name("stream".into());
        let thread =
            thread.spawn(move || http_api::stream::run(&services, &stop)).map_err(Failure::doing("start"))?;
        *self.stream.lock() = Some(thread);
        Ok(())
    }

    fn start_ticker(&self) -> Result<(), Failure> {
        let (due, noting, ticking) = (self.house.clone(), self.house.clone(), self.house.clone());
        let flush_due = move |now: Timestamp| {
            let interval = due.config.load().flush_seconds();
            due.ingest.read().as_ref().is_some_and(Ingest::is_flushing) && now.0 % interval == 0
        };
        let thread = self.ticker.clone().run(
            self.house.clock.clone(),
            flush_due,
            move |now| noting.note_second(now),
            move |now| {
                ticking.store.publish_tick(now);
                // Behind the tick, so that nobody waits for it.
                if now.0 % TRIM_SECONDS == 0 {
                    process::give_free_memory_back();
                }
            },
        );
        *self.ticking.lock() = Some(thread.map_err(Failure::doing("start"))?);
        Ok(())
    }

    /// The host collector, if it is wanted.
    fn collecting(&self, config: &Config) -> Result<Option<Collecting>, Failure> {
        let start =
            || Collecting::start(&config.collectors, self.house.store.clone(), self.house.clock.clone());
        let started = config.collectors.host.then(start).transpose();
        started.map_err(Failure::doing("start the host collector"))
    }

    /// Take another configuration over, or nothing of it. Returns the keys that wait for the next start.
    pub fn reconfigure(&self, mut config: Config) -> Result<Vec<&'static str>, String> {
        let house = &self.house;
        let before = house.config.load_full();
        let mut waiting = keep_until_restart(&before, &mut config);
        // Listeners that others reach stay until then, so asking for a sign-in has to stay too.
        if let Some((key, why)) = config.http.problems(&config.auth).first() {
            return Err(format!("{key}: {why}; restart to take both over"));
        }
        // What can fail goes first.
        let tls = server::tls(&config.http)?;
        let collectors_changed = config.collectors != before.collectors;
        let collecting = collectors_changed.then(|| self.collecting(&config)).transpose();
        let collecting = collecting.map_err(|failure| failure.message)?;
        if let Some(ingest) = house.ingest.write().as_mut() {
            waiting.extend(ingest.reload(ingest_settings(&config)).map_err(|error| error.to_string())?);
        }
        // Whoever sees the new definitions sees the new settings too: else it would tell by the old ones from now on.
        let config = Arc::new(config);
        house.config.store(config.clone());
        // Its problems were found when it was read, so that this does not fail any more.
        if let Err(problems) = house.monitors.reload(config.files(), house.clock.now()) {
            house.config.store(before);
            return Err(listed(problems));
        }
        crate::house::warn_of_left_out(&house.monitors);
        // Before what takes its time: who reads the new configuration may sign in by it.
        if let Some(services) = house.services.load().as_ref() {
            services.settings.store(Arc::new(config.http_settings()));
            if config.team != before.team || config.auth != before.auth {
                // Who may see what is another than when these were opened.
                services.hub.close_of(None);
            }
            services.pictures.store(Arc::new(http_api::Pictures::load(&config.pictures)));
        }
        house.renew_book();
        house.heartbeats.reload(&house.monitors.definitions(), &config.heartbeats);
        if let Some(sender) = self.sender.lock().as_ref() {
            sender.reconfigure(telling::settings(house, &config, &self.url));
        }
        house.egress.set(&config.egress);
        if let Some(watching) = house.watching.load().as_ref() {
            watching.schedule(&config);
        }
        self.tls.store(tls);
        if let Some(crowd) = house.crowd.get() {
            crowd.trust(config.auth.trusted_proxies.clone());
        }
        house.store.set_config(config.storage.clone());
        if let Some(log) = house.log.as_ref().filter(|_| config.log != before.log) {
            log.set(config.log.level);
        }
        // The one before ends only now: a second seen by both is stored once.
        if let Some(collecting) = collecting {
            *house.host.lock() = collecting;
        }
        crate::audited::reload(house, &before, &config);
        Ok(waiting)
    }

    pub fn note_reload(&self, outcome: Result<Vec<&'static str>, Vec<String>>) {
        *self.house.reloads.lock() = match outcome {
            Ok(waiting) => Reloads { failed: None, waiting },
            Err(problems) => Reloads { failed: Some(problems.join("; ")), waiting: Vec::new() },
        };
    }

    /// Nothing new comes in, by any door; then what is in is written.
    pub fn stop(&self, front: Front, runtime: &Runtime) {
        *self.house.phase.lock() = Phase::Stopping;
        // StatsD's last flush comes before its time: nobody judges what is only a part.
        if let Some(metrics) = self.metric_watch.lock().as_ref() {
            metrics.stop_soon();
        }
        drop(self.house.host.lock().take());
        let ingest = self.house.ingest.write().take();
        if let Some(ingest) = ingest {
            ingest.stop();
        }
        if let Some(sent) = self.sent.lock().take() {
            sent.stop();
        }
        self.stop_threads();
        front.stop(runtime);
        // Whoever still had a result to send has got an answer.
        self.stop_watching();
        self.close_store();
        let socket = commands::control_socket(&self.house.config.load());
        // It may be gone already; whoever connects next finds nobody either way.
        let _ = std::fs::remove_file(socket);
    }

    /// Ends the live streams too, so that no door waits for their readers.
    fn stop_threads(&self) {
        self.stop_stream.store(true, Ordering::Relaxed);
        // Later than any second: whoever waits for the next one wakes, and sees that there is none.
        self.house.store.publish_tick(Timestamp(i64::MAX));
        join(&self.stream);
        self.ticker.stop();
        join(&self.ticking);
    }

    /// Pings and metrics first, for what they mean is still written; what is not sent by then waits on the disk.
    fn stop_watching(&self) {
        if let Some((keeping, upkeep)) = self.keeping.lock().take() {
            upkeep.stop();
            keeping.stop();
        }
        if let Some(watcher) = self.watcher.lock().take() {
            watcher.stop();
        }
        if let Some(beating) = self.beating.lock().take() {
            beating.stop();
        }
        if let Some(errors) = self.error_watch.lock().take() {
            errors.stop();
        }
        if let Some(metrics) = self.metric_watch.lock().take() {
            metrics.stop();
        }
        if let Some(running) = self.watching.lock().take() {
            running.stop();
        }
        if let Some(sender) = self.sender.lock().take() {
            sender.stop();
        }
    }

    fn close_store(&self) {
        if let Some(background) = self.background.lock().take()
            && let Err(error) = background.stop()
        {
            tracing::error!(%error, "the store could not write everything out; its log has the rest");
        }
    }
}

fn listed(problems: Vec<monitors::machine::Problem>) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn join(thread: &Thread) {
    if let Some(thread) = thread.lock().take() {
        // A thread that panicked has said so.
        let _ = thread.join();
    }
}

pub fn ingest_settings(config: &Config) -> Settings {
    Settings {
        carbon: config.carbon.clone(),
        relay: config.relay.clone(),
        statsd: config.statsd.clone(),
        collectd: config.collectd.clone(),
        nsca: config.nsca.clone(),
    }
}

/// One key of those: its name, if it has changed.
pub fn keep<T: Clone + PartialEq>(key: &'static str, before: &T, now: &mut T) -> Option<&'static str> {
    let waits = before != now;
    *now = before.clone();
    waits.then_some(key)
}

/// What takes effect at the next start only stays as it is until then; tells the keys that wait.
fn keep_until_restart(before: &Config, now: &mut Config) -> Vec<&'static str> {
    let (http, old) = (&mut now.http, &before.http);
    let kept = [
        keep("data_dir", &before.data_dir, &mut now.data_dir),
        keep("http.listen", &old.listen, &mut http.listen),
        keep("http.max_connections", &old.max_connections, &mut http.max_connections),
        keep("http.max_body_bytes", &old.max_body_bytes, &mut http.max_body_bytes),
        keep("checks.command_pipe", &before.checks.command_pipe, &mut now.checks.command_pipe),
    ];
    kept.into_iter().flatten().collect()
}

/// What happens to an incident is on every screen at once.
fn tell_of_incidents(services: &Arc<http_api::Services>) {
    let listening = Arc::downgrade(services);
    services.desk.set_listener(move |seen| {
        if let Some(services) = listening.upgrade() {
            services.hub.tell_incidents(seen);
        }
    });
}

/// Alerts that resolved while we were away are heard of no more.
fn tell_ends_of_alerts(services: &Arc<http_api::Services>, runtime: &Runtime) {
    let _entered = runtime.enter();
    if let Err(error) = http_api::alerts_in::alertmanager::resume(services) {
        tracing::warn!(%error, "alerts that were bad before the start stay so until they are heard of");
    }
}

fn tell_recovery(house: &House) {
    let recovery = &house.recovery;
    if recovery.new {
        tracing::info!(directory = %house.config.load().data_dir.0.display(), "made a new data directory");
        return;
    }
    tracing::info!(
        series = recovery.series,
        replayed_points = recovery.replayed_points,
        clean = recovery.clean,
        seconds = format!("{:.2}", recovery.seconds),
        "opened the store"
    );
    if let Some((from, until)) = house.alive.gap {
        tracing::warn!(seconds = until - from, "was not running; nothing was stored in that time");
    }
    for gap in &recovery.gaps {
        tracing::warn!(lost_bytes = gap.lost_bytes, "missing: {}", gap.what);
    }
}

pub fn tell_replay(ingest: &Ingest) {
    let recovered = ingest.recovered();
    if recovered.records > 0 || recovered.gauges > 0 {
        tracing::info!(
            gauges = recovered.gauges,
            packets = recovered.records,
            lost_bytes = recovered.lost_bytes,
            "StatsD goes on where it was"
        );
    }
    for path in &recovered.unreadable {
        tracing::warn!(path = %path.display(), "a file of the StatsD journal cannot be read; it was left where it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_restart_stays_as_it_is() {
        let before = Config::default();
        let mut now = before.clone();
        now.data_dir = crate::config::DataDir("elsewhere".into());
        now.http.max_body_bytes = 1;
        now.http.query_timeout = vocabulary::time::HumanDuration::from_secs(5);
        // However often it is looked at.
        for _ in 0..2 {
            let mut taken = now.clone();
            assert_eq!(keep_until_restart(&before, &mut taken), ["data_dir", "http.max_body_bytes"]);
            assert_eq!((&taken.data_dir, taken.http.max_body_bytes), (&before.data_dir, 16 << 20));
            assert_eq!(taken.http.query_timeout, now.http.query_timeout);
        }
    }
}
