//! Every URL: Graphite's paths, the JSON API, the live stream, the web UI.
//!
//! Comes in: HTTP requests. Goes out: answers made from the ports (series, points, ticks), the state
//! database, and [`control::Control`], which the binary implements. What never happens here: knowing which
//! store, which sockets or which threads stand behind those.
//!
//! | module | holds |
//! |---|---|
//! | `server` | accepting connections (TCP, TLS, control socket) |
//! | `guard`, `cross_origin` | who may ask at all, and as whom; every request passes it |
//! | `bodies` | how much of a body is taken, and for how long it is waited for |
//! | `sign_in/` | `/signin/…`: signing in with a provider |
//! | `attempts`, `audit` | guessing made slow; changes written down |
//! | `graphite_web/` | graphite-web's paths, as it answers them |
//! | `api_v1/` | Bellwether's own JSON API (docs/http-api.md) |
//! | `acknowledge` | `/a/…`, what a link in a page leads to |
//! | `published`, `plain_page` | `/post-mortems/…`: what is shown to people outside |
//! | `emergency/` | `/911/…`, where people outside call for help |
//! | `status_page/` | `/status`: what is said to people outside |
//! | `providers` | `/in/…`, where the providers of channels say what people did there |
//! | `ping` | `/ping/…`, where jobs say that they have run |
//! | `stream/` | live points as server-sent events |
//! | `sentry/` | Sentry's paths: what SDKs send; its API (`api_0/`), as sentry-cli uses it |
//! | `agents` | agents on other machines: their batches, and how each is |
//! | `answers` | recent answers of `/render`, never stale |
//! | `annotations`, `levels`, `guess`, `groups`, `inventory` | marks in time; level, unit, origin of series, and which belong together |
//! | `ui` | the embedded web UI |

mod acknowledge;
pub mod agents;
pub mod alerts_in;
mod allowance;
pub mod annotations;
mod answer;
mod answers;
mod api_v1;
mod attempts;
mod audit;
mod bodies;
mod config;
pub mod control;
mod cross_origin;
pub mod emergency;
mod estate;
mod evaluate;
mod flags;
mod graphite_web;
mod groups;
mod guard;
mod guess;
mod inventory;
mod levels;
mod marks;
mod parameters;
mod pictures;
mod ping;
mod plain_page;
mod proofs;
mod providers;
mod published;
pub mod sentry;
pub mod server;
mod services;
mod sign_in;
mod sources;
mod status_page;
pub mod stream;
mod ui;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use state_store::Migrations;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::answer::Problem;

pub use ::accounts;
pub use acknowledge::draw as draw_incident;
pub use acknowledge::picture_path as graph_of_incident;
pub use acknowledge::{Links, Reach};
pub use agents::Agents;
pub use answers::Answers;
pub use api_v1::availability::Availabilities;
pub use api_v1::errors::tell as tell_errors;
pub use api_v1::incidents::{Undone, act_on as act_on_incident};
pub use api_v1::reports::monthly::{ReportsConfig, mail as mail_report};
pub use attempts::Attempts;
pub use bodies::OpenBodies;
pub use config::{AuthConfig, AuthMode, HttpConfig};
pub use emergency::EmergencyConfig;
pub use evaluate::{StateEvents, mistake_of_form};
pub use groups::Groups;
pub use guess::source as source_of;
pub use inventory::{Inventories, place};
pub use pictures::{Pictures, PicturesConfig};
pub use proofs::Proofs;
pub use services::{Counters, Services, Settings};
pub use sign_in::{Provider, TakenNames, look_after_people};
pub use status_page::StatusPageConfig;
pub use status_page::mail::{Mailing, mail as mail_news};

/// The records that this room keeps.
pub const MIGRATIONS: [Migrations; 10] = [
    accounts::MIGRATIONS,
    agents::MIGRATIONS,
    alerts_in::ends::MIGRATIONS,
    annotations::MIGRATIONS,
    flags::MIGRATIONS,
    levels::MIGRATIONS,
    proofs::MIGRATIONS,
    sentry::kept::MIGRATIONS,
    status_page::MIGRATIONS,
    graphite_web::kept::MIGRATIONS,
];

/// Everything behind the guard.
pub fn router(services: Arc<Services>) -> Router {
    let max_body = services.settings.load().http.max_body_bytes;
    // Streams are written as they come; a compressor would hold their messages back.
    let compressible = DefaultPredicate::new().and(NotForContentType::new("text/event-stream"));
    Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .nest("/api/v1", api_v1::router())
        .route("/ping/{*path}", any(ping::ping))
        .route("/a/{token}", get(acknowledge::show).post(acknowledge::act))
        .route("/a/{token}/graph.png", get(acknowledge::graph))
        .route(sign_in::BEGIN, get(sign_in::begin))
        .route(sign_in::BACK, get(sign_in::finish))
        .route("/post-mortems/{token}", get(published::show))
        .route("/a/{token}/keys", post(acknowledge::keys))
        .route("/a/reach/{question}", get(acknowledge::reach))
        .route("/a/graph/{name}", get(acknowledge::picture))
        .route("/in/{channel}", post(providers::take))
        .route("/911/{key}", get(emergency::show).post(emergency::call))
        .route(status_page::PATHS[0], get(status_page::show))
        .route(status_page::PATHS[1], get(status_page::feed))
        .route("/status/mail", get(status_page::mail::show_form).post(status_page::mail::ask))
        .route("/status/mail/{token}", get(status_page::mail::show).post(status_page::mail::decide))
        .route(alerts_in::pagerduty::PATH, post(alerts_in::pagerduty::enqueue))
        .route(
            "/api/v2/alerts",
            get(alerts_in::alertmanager::list).post(alerts_in::alertmanager::take_alerts),
        )
        .route("/api/v2/alerts/groups", get(alerts_in::about::groups))
        .route("/api/v2/silences", get(alerts_in::silences::list).post(alerts_in::silences::create))
        .route("/api/v2/silence/{id}", get(alerts_in::silences::one).delete(alerts_in::silences::end))
        .route("/api/v2/receivers", get(alerts_in::about::receivers))
        .route("/api/v2/status", get(alerts_in::about::status))
        .route("/api/v2/{*path}", any(alerts_in::about::not_here))
        .merge(sentry::router())
        .merge(sentry::api_0::router())
        .method_not_allowed_fallback(not_so)
        .merge(graphite_web::router())
        .fallback(ui::page_or_asset)
        .layer(middleware::from_fn_with_state(services.clone(), bodies::read_open))
        .layer(DefaultBodyLimit::max(max_body))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            bodies::refuse_long(max_body, request, next)
        }))
        .layer(CompressionLayer::new().compress_when(compressible))
        .layer(middleware::from_fn_with_state(services.clone(), audit::record))
        .layer(middleware::from_fn_with_state(services.clone(), guard::guard))
        .layer(middleware::from_fn_with_state(services.clone(), count))
        .with_state(services)
}

async fn count(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    services.counters.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    next.run(request).await
}

async fn not_so(method: Method, uri: Uri) -> Problem {
    Problem::wrong_method(&method, uri.path())
}

/// Is it alive, with all listeners bound and all stored data readable?
async fn healthy(State(services): State<Arc<Services>>) -> (StatusCode, String) {
    match services.control.readiness() {
        control::Readiness::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n".into()),
        _ => (StatusCode::OK, "ok\n".into()),
    }
}

/// Should it be sent work?
async fn ready(State(services): State<Arc<Services>>) -> (StatusCode, String) {
    match services.control.readiness() {
        control::Readiness::Ready => (StatusCode::OK, "ready\n".into()),
        control::Readiness::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n".into()),
        control::Readiness::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".into()),
        control::Readiness::Impaired(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}
