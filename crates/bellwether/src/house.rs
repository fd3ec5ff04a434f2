//! What all parts of a running process share: stores, clock, configuration, counters. Which threads work on
//! it, `wiring.rs` says; without any of them it serves commands that run beside no server.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use http_api::accounts::oidc::AttemptKey;
use incidents::Desk;
use monitors::Monitors;
use monitors::kinds::heartbeat::{self, Heartbeats};
use parking_lot::{Mutex, RwLock};
use series_store::{Recovery, Store};
use state_store::{Migrations, StateStore};
use statsd::Aggregator;
use vocabulary::ports::{Successor, WriteReport};
use vocabulary::{Clock, PointBatch, PointSink, SketchBatch, Timestamp};

use crate::alive::{self, Alive};
use crate::arriving::{self, SeriesBySource};
use crate::collecting::Collecting;
use crate::config::{Config, Origin};
use crate::error_rules::ErrorTelling;
use crate::errors::Errors;
use crate::errors::tee::Tee;
use crate::failure::Failure;
use crate::history::History;
use crate::logging::LogControl;
use crate::metric_watch::MetricWatchStats;
use crate::sent::SentStats;
use crate::streaks::Streaks;
use crate::watcher::outside::OutsideStats;
use crate::watcher::turning::{Turning, Wheel};
use crate::watching::Watching;
use crate::{backup, book, opening, own};

pub struct House {
    pub config: ArcSwap<Config>,
    /// Where the configuration is read from, for whoever compares it with what is in effect.
    pub origin: OnceLock<Origin>,
    /// Whose connections are open at HTTP's doors.
    pub crowd: OnceLock<Arc<http_api::server::Crowd>>,
    pub clock: Arc<dyn Clock>,
    pub store: Arc<Store>,
    pub recovery: Recovery,
    pub state: Arc<StateStore>,
    pub monitors: Arc<Monitors>,
    pub desk: Arc<Desk>,
    pub heartbeats: Arc<Heartbeats>,
    /// Errors of programs: events, groups, and what waits to be kept.
    pub errors: Arc<Errors>,
    /// Copies of them for the Sentry that their project comes from.
    pub tee: Arc<Tee>,
    /// What rules say of them.
    pub error_telling: ErrorTelling,
    /// The rules of what may be called, for everything that calls.
    pub egress: Arc<outbound::Egress>,
    /// Empty before its threads run and after they have ended.
    pub watching: ArcSwap<Option<Arc<Watching>>>,
    pub sent: Mutex<Option<Arc<SentStats>>>,
    pub metric_watch: MetricWatchStats,
    /// Which threads of the pager turn.
    pub turning: Turning,
    /// What became of the heartbeat to the outside.
    pub outside: Mutex<OutsideStats>,
    /// How the last look at each calendar of absences and of shifts went.
    pub calendars: Mutex<crate::calendars::Looks>,
    /// Who has not come by the sign-in provider's word for long, or almost.
    pub unseen: Mutex<Vec<String>>,
    /// With which web push is signed.
    pub push_key: notify::config::Secret,
    /// With which what browsers keep of a sign-in that has begun is sealed.
    pub attempt_key: AttemptKey,
    /// Where this server listens, for when nobody has said where others reach it.
    pub url: OnceLock<String>,
    /// Whether the links in pages lead here.
    pub reach: Arc<http_api::Reach>,
    pub alive: Alive,
    pub aggregator: Arc<Aggregator>,
    /// Empty before the listeners are open and after they were closed.
    pub ingest: RwLock<Option<ingest::Ingest>>,
    pub host: Mutex<Option<Collecting>>,
    pub services: ArcSwap<Option<Arc<http_api::Services>>>,
    pub history: History,
    pub log: Option<LogControl>,
    pub started: f64,
    /// Seconds of the last StatsD flush; 0 before the first.
    pub flushed: AtomicI64,
    /// What became of all points that StatsD has flushed.
    pub flush_report: Mutex<WriteReport>,
    pub phase: Mutex<Phase>,
    pub reloads: Mutex<Reloads>,
    /// Held while a backup is made.
    pub backing_up: Mutex<()>,
    /// Held while a whisper tree is imported or exported.
    pub moving: Mutex<()>,
    pub series_by_source: Mutex<SeriesBySource>,
    pub streaks: Streaks,
    /// The widest prefixes, and when they were looked for.
    pub widest: Mutex<(i64, Vec<http_api::control::PrefixCount>)>,
    /// When the state of each part began, by its id.
    pub since: Mutex<crate::health::StateSince>,
    /// Of whoever makes anew who is told.
    book_turn: Mutex<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Running,
    Stopping,
}

/// What became of the last change of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Reloads {
    pub failed: Option<String>,
    /// Keys whose change waits for the next start.
    pub waiting: Vec<&'static str>,
}

impl House {
    /// Open what is kept. Fails when another process has it.
    pub fn open(config: Config, clock: Arc<dyn Clock>, log: Option<LogControl>) -> Result<House, Failure> {
        let directory = config.data_dir.0.clone();
        backup::refuse_half_restored(&directory).map_err(Failure::new)?;
        let options = series_store::Options {
            config: config.storage.clone(),
            ..series_store::Options::new(&directory, clock.clone())
        };
        let (store, recovery) =
            Store::open(options).map_err(Failure::doing(format!("open {}", directory.display())))?;
        backup::remove_left_snapshots(&directory);
        let state = Arc::new(opening::open_state(&directory, &migrations())?);
        let interval = config.flush_seconds();
        let alive = Alive::open(&directory, &state, clock.now(), interval).map_err(Failure::new)?;
        let monitors =
            Monitors::open(state.clone(), config.files(), jiff::tz::TimeZone::system(), clock.now());
        let monitors = Arc::new(monitors.map_err(Failure::doing("read what is watched"))?);
        warn_of_left_out(&monitors);
        let secret = crate::config::read_bounded(&directory.join("secret.key"))
            .map_err(Failure::doing("secret.key"))?;
        let book = book::of_watched(&monitors, &config, &state);
        let push_key = crate::push_key::load(&state, secret.trim())?;
        let attempt_key = AttemptKey::of(secret.trim().as_bytes());
        let desk = Desk::open(state.clone(), book, secret.trim().as_bytes());
        let desk = Arc::new(desk.map_err(Failure::doing("read the incidents"))?);
        let gone = alive.gap.map(|(from, _)| Timestamp(from));
        let now_ms = i64::try_from(clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
        let heartbeats =
            Heartbeats::open(state.clone(), &monitors.definitions(), &config.heartbeats, gone, now_ms);
        let heartbeats = Arc::new(heartbeats.map_err(Failure::doing("read the heartbeats"))?);
        let errors = Arc::new(Errors::open(&directory, &state, &*clock)?);
        let store = Arc::new(store);
        let tee = Tee::open(&directory, &store).map_err(Failure::doing("open the copies of errors"))?;
        let error_telling = ErrorTelling::open(
            (&state, &errors.tracker, &errors.projects),
            monitors.definitions(),
            clock.now(),
        );
        let error_telling = error_telling.map_err(Failure::doing("read what is told of errors"))?;
        let aggregator = Arc::new(Aggregator::new(&config.statsd, clock.now()));
        Ok(House {
            egress: Arc::new(outbound::Egress::new(&config.egress)),
            started: clock.since_epoch().as_secs_f64(),
            config: ArcSwap::from_pointee(config),
            origin: OnceLock::new(),
            crowd: OnceLock::new(),
            clock,
            store,
            recovery,
            state,
            monitors,
            desk,
            heartbeats,
            errors,
            tee: Arc::new(tee),
            error_telling,
            watching: ArcSwap::from_pointee(None),
            sent: Mutex::default(),
            metric_watch: MetricWatchStats::default(),
            turning: Turning::default(),
            outside: Mutex::default(),
            calendars: Mutex::default(),
            unseen: Mutex::default(),
            push_key,
            attempt_key,
            url: OnceLock::new(),
            reach: Arc::default(),
            alive,
            aggregator,
            ingest: RwLock::new(None),
            host: Mutex::new(None),
            services: ArcSwap::from_pointee(None),
            history: History::default(),
            log,
            flushed: AtomicI64::new(0),
            flush_report: Mutex::default(),
            phase: Mutex::new(Phase::Starting),
            reloads: Mutex::default(),
            backing_up: Mutex::default(),
            moving: Mutex::default(),
            series_by_source: Mutex::default(),
            streaks: Streaks::default(),
            widest: Mutex::default(),
            since: Mutex::default(),
            book_turn: Mutex::default(),
        })
    }

    /// Who is told of what, by the definitions, the configuration and the people of now. One after the other: what was read
    /// earlier must not go over what was read later, and leave somebody out who is there.
    pub fn renew_book(&self) {
        let _turn = self.book_turn.lock();
        let config = self.config.load();
        self.desk.set_book(book::of_watched(&self.monitors, &config, &self.state));
    }

    /// What the API works with.
    pub fn services(self: &Arc<Self>) -> Arc<http_api::Services> {
        let config = self.config.load();
        let settings = config.http_settings();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let services = Arc::new(http_api::Services {
            source: self.store.clone(),
            sink: self.store.clone(),
            live: self.store.clone(),
            state: self.state.clone(),
            monitors: self.monitors.clone(),
            heartbeats: self.heartbeats.clone(),
            desk: self.desk.clone(),
            projects: self.errors.projects.clone(),
            tracker: self.errors.tracker.clone(),
            event_log: self.errors.log.clone(),
            errors: self.errors.clone(),
            symbols: self.errors.artifacts.clone(),
            artifacts: self.errors.artifacts.clone(),
            quota: error_tracking::Quota::default(),
            key_quota: error_tracking::Quota::default(),
            spikes: error_tracking::Spikes::default(),
            category_quota: error_tracking::Quota::default(),
            tee: self.tee.clone(),
            defined: error_tracking::Quota::default(),
            senders: self.errors.senders.clone(),
            timings: self.errors.timings.clone(),
            room: Arc::default(),
            digest_permits: Arc::new(tokio::sync::Semaphore::new(cores)),
            clock: self.clock.clone(),
            control: self.clone(),
            settings: ArcSwap::from_pointee(settings),
            attempts: http_api::Attempts::default(),
            provider: http_api::Provider::new(self.attempt_key.clone()),
            taken_names: http_api::TakenNames::default(),
            emergency_pace: http_api::emergency::Pace::default(),
            mailing: http_api::Mailing::default(),
            counters: http_api::Counters::default(),
            open_bodies: http_api::OpenBodies::default(),
            hub: http_api::stream::Hub::default(),
            groups: http_api::Groups::default(),
            inventories: http_api::Inventories::default(),
            availabilities: http_api::Availabilities::default(),
            answers: http_api::Answers::default(),
            agents: self.agents(),
            reach: self.reach.clone(),
            proofs: Arc::default(),
            alert_ends: http_api::alerts_in::ends::Ends::default(),
            sweeping_alerts: std::sync::atomic::AtomicBool::new(false),
            pictures: ArcSwap::from_pointee(http_api::Pictures::load(&config.pictures)),
            zone: jiff::tz::TimeZone::UTC,
            // One more than the cores, so that a query that waits for the disk does not hold up the others.
            query_permits: Arc::new(tokio::sync::Semaphore::new(cores + 1)),
        });
        self.services.store(Arc::new(Some(services.clone())));
        services
    }

    /// Those that were heard before the restart; without them a batch whose answer was lost is stored twice.
    fn agents(&self) -> http_api::Agents {
        http_api::Agents::load(&self.state, self.started).unwrap_or_else(|error| {
            tracing::warn!(%error, "what agents have sent before is not known");
            http_api::Agents::default()
        })
    }

    pub fn last_flush(&self) -> Option<f64> {
        let seconds = self.flushed.load(Ordering::Relaxed);
        (seconds > 0).then_some(seconds as f64)
    }

    /// Own numbers of the second that has begun.
    pub fn note_second(&self, now: Timestamp) {
        let counters = own::counters(self);
        if self.config.load().own.series {
            let mut batch = PointBatch::default();
            own::write(self, &counters, now, &mut batch);
            self.store.write(&batch, &mut Successor::default());
        }
        let mut batch = PointBatch::default();
        let mut sketches = SketchBatch::default();
        crate::errors::seconds::write(&self.errors, now, &mut batch);
        crate::errors::seconds::write_timings(&self.errors, now, &mut batch, &mut sketches);
        self.store.write(&batch, &mut Successor::default());
        if !sketches.is_empty() {
            self.store.write_sketches(&sketches);
        }
        self.history.note(now, &counters);
        arriving::note_streaks(self);
        self.alive.note(now, self.config.load().flush_seconds());
        self.turning.note(Wheel::Ticker);
    }
}

/// What of the kept state is not in effect, at the start and at each reload.
pub fn warn_of_left_out(monitors: &Monitors) {
    for what in monitors.left_out() {
        tracing::warn!("of what was kept of monitors, this is left out: {what}");
    }
}

/// The records of all rooms, and of the binary itself.
pub fn migrations() -> Vec<Migrations> {
    let others = [
        alive::MIGRATIONS,
        crate::push_key::MIGRATIONS,
        monitors::store::MIGRATIONS,
        monitors::past::MIGRATIONS,
        incidents::MIGRATIONS,
        incidents::oncall::MIGRATIONS,
        incidents::learning::MIGRATIONS,
        heartbeat::MIGRATIONS,
        error_tracking::MIGRATIONS,
        monitors::kinds::errors::MIGRATIONS,
    ];
    http_api::MIGRATIONS.into_iter().chain(others).collect()
}
