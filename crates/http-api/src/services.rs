//! What the handlers work with. The binary puts it together; nothing here knows which store or which
//! sockets stand behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use error_tracking::symbols::Artifacts;
use error_tracking::{ErrorsConfig, Projects, Quota, Spikes, Symbols, Tracker};
use formats::sentry::Category;
use incidents::Desk;
use jiff::tz::TimeZone;
use monitors::Monitors;
use monitors::kinds::heartbeat::Heartbeats;
use state_store::StateStore;
use tokio::sync::Semaphore;
use vocabulary::ports::{EventLog, QueryLimits};
use vocabulary::{Clock, LiveTail, PointSink, SeriesSource};

use crate::acknowledge::Reach;
use crate::agents::Agents;
use crate::alerts_in::ends::Ends;
use crate::answer::{Answer, Problem};
use crate::answers::Answers;
use crate::api_v1::availability::Availabilities;
use crate::api_v1::reports::monthly::ReportsConfig;
use crate::attempts::Attempts;
use crate::bodies::OpenBodies;
use crate::config::{AuthConfig, AuthMode, HttpConfig};
use crate::control::Control;
use crate::emergency::{Door, Pace};
use crate::groups::Groups;
use crate::inventory::Inventories;
use crate::pictures::Pictures;
use crate::proofs::Proofs;
use crate::sentry::ErrorIntake;
use crate::sentry::room::Room;
use crate::sentry::senders::Senders;
use crate::sentry::tee::Tee;
use crate::sentry::timings::Timings;
use crate::sign_in::{Provider, TakenNames};
use crate::status_page::StatusPageConfig;
use crate::status_page::mail::Mailing;
use crate::stream::Hub;

/// The parts of the configuration that may change while requests are served.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub http: HttpConfig,
    pub auth: AuthConfig,
    /// Those of the files.
    pub teams: Vec<accounts::TeamConfig>,
    pub emergencies: Vec<Door>,
    pub status_page: StatusPageConfig,
    pub reports: ReportsConfig,
    pub errors: ErrorsConfig,
}

impl Settings {
    pub fn auth_mode(&self) -> AuthMode {
        self.http.mode(&self.auth)
    }
}

/// Plain counters of this room.
#[derive(Debug, Default)]
pub struct Counters {
    pub requests: AtomicU64,
    /// Turned away before any handler: wrong host, other site, wrong credentials.
    pub refused: AtomicU64,
    /// Of these: somebody who is no trusted proxy said who they are as only that may.
    pub refused_headers: AtomicU64,
    /// Bodies for which there was no room among those of others who show no sign-in either.
    pub refused_bodies: AtomicU64,
    pub queries: AtomicU64,
    pub queries_failed: AtomicU64,
    /// Given up because nobody waited for the answer any more.
    pub queries_cancelled: AtomicU64,
    pub query_microseconds: AtomicU64,
    pub streams: AtomicU64,
    /// Streams closed because their reader was too slow.
    pub streams_lagging: AtomicU64,
}

pub struct Services {
    pub source: Arc<dyn SeriesSource>,
    pub sink: Arc<dyn PointSink>,
    pub live: Arc<dyn LiveTail>,
    pub state: Arc<StateStore>,
    pub monitors: Arc<Monitors>,
    pub heartbeats: Arc<Heartbeats>,
    pub desk: Arc<Desk>,
    pub projects: Arc<Projects>,
    pub tracker: Arc<Tracker>,
    pub event_log: Arc<dyn EventLog>,
    /// Where events are kept.
    pub errors: Arc<dyn ErrorIntake>,
    pub symbols: Arc<dyn Symbols + Send + Sync>,
    /// What builds uploaded: source maps.
    pub artifacts: Arc<Artifacts>,
    pub quota: Quota,
    /// The same of keys that have their own limit.
    pub key_quota: Quota<String>,
    /// What is far more than usual of a project.
    pub spikes: Spikes,
    /// The same of what is counted apart from events: bytes of attachments, transactions, items of sessions.
    pub category_quota: Quota<(u64, Category)>,
    /// The same for heartbeats that check-ins make or change.
    pub defined: Quota,
    /// Where copies go of what comes for projects that are on their way here.
    pub tee: Arc<dyn Tee>,
    /// What each project's clients sent.
    pub senders: Arc<Senders>,
    /// How long the work of programs takes.
    pub timings: Arc<Timings>,
    /// Bodies that strangers send.
    pub room: Arc<Room>,
    /// Those that are unpacked and digested at the same time; others wait.
    pub digest_permits: Arc<Semaphore>,
    pub clock: Arc<dyn Clock>,
    pub control: Arc<dyn Control>,
    pub settings: ArcSwap<Settings>,
    pub attempts: Attempts,
    pub provider: Provider,
    /// Of people who came by another's word.
    pub taken_names: TakenNames,
    pub emergency_pace: Pace,
    /// To readers of the status page.
    pub mailing: Mailing,
    pub counters: Counters,
    pub open_bodies: OpenBodies,
    pub hub: Hub,
    pub groups: Groups,
    pub inventories: Inventories,
    pub availabilities: Availabilities,
    pub answers: Answers,
    pub agents: Agents,
    /// Whether the links in pages lead here.
    pub reach: Arc<Reach>,
    /// The proof of the pager that is being made.
    pub proofs: Arc<Proofs>,
    /// When alerts that others post end.
    pub alert_ends: Ends,
    /// Somebody waits for the next of them.
    pub sweeping_alerts: AtomicBool,
    /// Looks and typefaces of pictures.
    pub pictures: ArcSwap<Pictures>,
    /// The zone of the server, for times without one.
    pub zone: TimeZone,
    /// Queries that are computed at the same time; others wait their turn within their deadline.
    pub query_permits: Arc<Semaphore>,
}

impl Services {
    /// Run a query off the async threads: at most so many at once, within the deadline, and given up when
    /// nobody waits for the answer any more.
    pub async fn query<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Services, &QueryLimits) -> T + Send + 'static,
    ) -> Answer<T> {
        let http = &self.settings.load().http;
        let started = Instant::now();
        let deadline = started + http.query_timeout.0;
        let cancelled = Arc::new(AtomicBool::new(false));
        let limits = QueryLimits {
            max_series: http.max_query_series,
            max_points: http.max_query_points,
            max_bytes: http.max_query_bytes,
            deadline: Some(deadline),
            cancelled: cancelled.clone(),
        };
        let permit = tokio::time::timeout(http.query_timeout.0, self.query_permits.clone().acquire_owned());
        let busy = || {
            Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "too many queries are waiting")
                .hint("ask again later, or narrow the queries")
        };
        let permit = permit.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let mut cancel_on_drop = CancelOnDrop { cancelled, services: self, answered: false };
        let services = self.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&services, &limits)
        });
        let answer = answer.await.map_err(|error| Problem::internal(format!("the query failed: {error}")));
        cancel_on_drop.answered = true;
        self.counters.queries.fetch_add(1, Ordering::Relaxed);
        self.counters.query_microseconds.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
        if answer.is_err() {
            self.counters.queries_failed.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }
}

/// When the request goes away its future is dropped, and with it this.
struct CancelOnDrop<'s> {
    cancelled: Arc<AtomicBool>,
    services: &'s Services,
    answered: bool,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        if !self.answered {
            self.services.counters.queries_cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}
