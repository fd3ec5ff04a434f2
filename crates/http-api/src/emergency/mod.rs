//! `/911/KEY`: whoever has the link of an `[[emergency]]` calls for help, without signing in. A form in, an incident that
//! pages out, and its number as the answer.
//!
//! | file | holds |
//! |---|---|
//! | `config.rs` | `[[emergency]]`, and keys of which only the hash is kept |
//! | `form.rs` | what is shown, and reading what is sent |
//! | `pace.rs` | how often one address, and one key, may |

mod config;
mod form;
mod pace;

use std::sync::Arc;

use ::incidents::book::LOG_CHANNEL;
use ::incidents::desk::{Failed, Whole};
use ::incidents::limits::{MAX_TITLE, cut};
use ::incidents::{Declaration, OUTSIDE, Refusal};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vocabulary::state::State as Severity;

use crate::answer::{Answer, Problem};
use crate::api_v1::{incidents, off_thread};
use crate::server::Peer;
use crate::services::Services;
use crate::{accounts, guard, plain_page, ui};

pub use config::{Door, EmergencyConfig, Key, problems};
use form::Report;
pub use pace::{Most, Pace};

/// What is below it asks for no sign-in.
pub const PREFIX: &str = "/911/";

type Asker = Option<Extension<Peer>>;

pub async fn show(
    State(services): State<Arc<Services>>,
    Path(key): Path<String>,
    peer: Asker,
    headers: HeaderMap,
) -> Response {
    match door(&services, &key, peer, &headers) {
        Err(why) => turned_away(why, &Method::GET, &headers),
        Ok(door) => match accounts::random_secret() {
            Ok(nonce) => plain_page::form(StatusCode::OK, form::empty(&door.name, &nonce)),
            Err(error) => Problem::internal(error).into_response(),
        },
    }
}

pub async fn call(
    State(services): State<Arc<Services>>,
    Path(key): Path<String>,
    peer: Asker,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let address = address(&services, &headers, peer);
    let door = match door(&services, &key, peer, &headers) {
        Ok(door) => door,
        Err(why) => return turned_away(why, &Method::POST, &headers),
    };
    let report = match Report::read(&body) {
        Ok(report) => report,
        Err(wrong) => return plain_page::form(StatusCode::BAD_REQUEST, form::again(&door.name, &wrong)),
    };
    if !services.emergency_pace.report(address, &door.name, services.clock.now()) {
        return turned_away(Away::TooMany, &Method::POST, &headers);
    }
    let taken = off_thread(&services, move |services| take(services, &door, &report)).await;
    match taken {
        Ok((number, reached)) => plain_page::form(StatusCode::OK, form::taken(number, reached)),
        Err(problem) => {
            tracing::error!(error = problem.error, "a call for help by an [[emergency]] link was not taken");
            plain_page::form(problem.status(), form::not_taken())
        }
    }
}

/// Why nobody is let in.
enum Away {
    /// Nobody is told whether there are such links at all.
    Unknown,
    TooMany,
}

fn door(services: &Services, key: &str, peer: Asker, headers: &HeaderMap) -> Result<Door, Away> {
    let (address, now) = (address(services, headers, peer), services.clock.now());
    if !services.emergency_pace.is_open(address, now) {
        return Err(Away::TooMany);
    }
    match config::find(&services.settings.load().emergencies, key) {
        Some(door) => Ok(door.clone()),
        None => {
            services.emergency_pace.guessed(address, now);
            Err(Away::Unknown)
        }
    }
}

fn address(services: &Services, headers: &HeaderMap, peer: Asker) -> std::net::IpAddr {
    guard::source(services, headers, peer.map(|Extension(peer)| peer))
}

fn turned_away(why: Away, method: &Method, headers: &HeaderMap) -> Response {
    match why {
        Away::Unknown => ui::nothing(method, PREFIX.trim_matches('/'), headers),
        Away::TooMany => {
            let mut response = plain_page::form(StatusCode::TOO_MANY_REQUESTS, form::too_many());
            let wait = HeaderValue::from(pace::WINDOW_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, wait);
            response
        }
    }
}

/// The incident's number, and whether anybody is being told by anything but a list.
fn take(services: &Services, door: &Door, report: &Report) -> Answer<(i64, bool)> {
    let title = format!("911 {}: {}", door.name, report.headline());
    let mut declared = Declaration {
        title: cut(&title, MAX_TITLE).to_owned(),
        severity: Some(Severity::Critical),
        what: report.words(),
        // Pressed twice, it is the same call.
        key: format!("{OUTSIDE}{}/{}", door.name, report.nonce),
        contacts: door.contacts.clone(),
        ..Declaration::default()
    };
    let author = format!("911 {}", door.name);
    let now = services.clock.now();
    let mut made = services.desk.declare(&author, &declared, now);
    if let Err(Failed::Refused(Refusal::Bad(why))) = &made
        && !declared.contacts.is_empty()
    {
        // A contact that cannot be reached any more must not keep a call for help out.
        tracing::warn!(emergency = door.name, why, "a call for help goes to [incidents] contacts alone");
        declared.contacts.clear();
        made = services.desk.declare(&author, &declared, now);
    }
    let (id, _) = made.map_err(|failed| incidents::refusal(0, failed))?;
    let reached = services.desk.one(id)?.is_some_and(|whole| tells_somebody(&whole));
    Ok((id, reached))
}

fn tells_somebody(whole: &Whole) -> bool {
    let mut pages = whole.pages.iter().map(|kept| &kept.page);
    pages.any(|page| page.kind.is_problem() && &*page.channel != LOG_CHANNEL)
}
