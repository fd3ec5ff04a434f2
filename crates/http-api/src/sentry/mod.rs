//! What Sentry's SDKs send, on Sentry's own paths: errors, reports of browsers, words of users, check-ins, sessions.
//!
//! Comes in: requests of anybody who has a project's public key, which every page with an SDK in it shows; so all that it opens
//! is the door for events, and everything behind it is bounded. Goes out: events that are digested to [`ErrorIntake`], pings
//! of heartbeats, counts. What never happens here: anything of a project is told.
//!
//! | module | holds |
//! |---|---|
//! | [`answers`] | refusals in the SDKs' form, what other sites' pages may see |
//! | [`body`], [`room`] | bodies, read and unpacked within bounds |
//! | [`door`] | who sends |
//! | [`contents`] | what is in a request, each item of it |
//! | [`check_ins`] | jobs, as heartbeats |
//! | [`dialog`], [`words`] | what people say |
//! | [`minidump`] | crashes of native programs |
//! | [`loader`] | the script that brings Sentry's client to a page |
//! | [`intake`] | the door to what keeps events |
//! | [`kept`] | what is kept beside events |
//! | [`api_0`] | Sentry's own API, for sentry-cli and exporters: with a token |
//! | [`tee`] | copies for the Sentry that a project comes from |
//! | [`senders`], [`timings`] | what each project sent, counted; how long its work takes |

mod answers;
pub mod api_0;
mod body;
mod check_ins;
mod contents;
mod dialog;
mod door;
mod form;
pub mod intake;
pub mod kept;
mod limits;
mod loader;
mod minidump;
pub mod room;
pub mod senders;
pub mod tee;
pub mod timings;
mod words;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use formats::sentry::check_in;
use formats::sentry::dsn::Dsn;
use formats::sentry::envelope::{self, Header};
use formats::sentry::limits::{
    CHECK_IN_BYTES, ENVELOPE_BYTES, EVENT_BYTES, REQUEST_BYTES, SECURITY_REPORT_BYTES,
};
use formats::sentry::store_body::{self, Fault};
use serde_json::json;
use vocabulary::error::EventId;

use crate::api_v1;
use crate::services::Services;
use answers::{Refusal, open_to_pages, preflight, spare};
use body::Packed;
use contents::{Contents, Reading};
use door::{Asked, Sender};
use room::Held;

pub use intake::{Answered, Busy, ErrorIntake, Incoming, NotKept, Outcome};

pub fn router() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/{project}/{*rest}", any(of_project))
        .route("/api/tunnel", any(tunnel))
        .route("/api/tunnel/", any(tunnel))
        .route("/api/store", any(of_key))
        .route("/api/store/", any(of_key))
        .route("/api/embed/error-page", any(dialog::dialog))
        .route("/api/embed/error-page/", any(dialog::dialog))
        .route("/js-sdk-loader/{file}", get(loader::loader))
}

/// Other rooms of `/api/`: ours, Alertmanager's, and that of sentry-cli.
const OTHERS: [&str; 3] = ["v1", "v2", "0"];

/// What a file beside an event is called where nothing else is said.
const FILE_KIND: &str = "event.attachment";

/// Is it one of these paths? The public key says enough for them, and any page may send there.
pub fn is_ingest(path: &str) -> bool {
    if path.starts_with(loader::PREFIX) {
        return true;
    }
    let Some((first, _)) = path.strip_prefix("/api/").map(|rest| rest.split_once('/').unwrap_or((rest, "")))
    else {
        return false;
    };
    match path.matches('/').count() {
        2 => first == "store" || first == "tunnel",
        _ => !first.is_empty() && !OTHERS.contains(&first),
    }
}

/// What is done on the path of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Envelope,
    Store,
    Security,
    /// Of the network: counted, not used.
    Nel,
    Minidump,
    /// Files that belong to an event.
    Attachments(EventId),
    Cron {
        slug: String,
        key: Option<String>,
    },
}

impl Way {
    fn of(rest: &str) -> Option<Way> {
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        Some(match parts[..] {
            ["envelope"] => Way::Envelope,
            ["store"] => Way::Store,
            ["security" | "csp-report"] => Way::Security,
            ["nel"] => Way::Nel,
            ["minidump"] => Way::Minidump,
            ["events", event, "attachments"] => Way::Attachments(event.parse().ok()?),
            ["cron", slug] => Way::Cron { slug: slug.to_owned(), key: None },
            ["cron", slug, key] => Way::Cron { slug: slug.to_owned(), key: Some(key.to_owned()) },
            _ => return None,
        })
    }
}

async fn of_project(
    State(services): State<Arc<Services>>,
    Path((project, rest)): Path<(String, String)>,
    request: Request,
) -> Response {
    // No project has this name: it is what our own API does not know.
    if project == api_v1::VERSION {
        return api_v1::unknown(&format!("/{rest}")).into_response();
    }
    let answered = on_path(&services, &project, &rest, request).await;
    answer(&services, answered)
}

/// The oldest path: the key says which project.
async fn of_key(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match parts.method {
        Method::OPTIONS => Ok(preflight("POST")),
        Method::POST => store(&services, None, parts, body).await,
        _ => Err(only_post()),
    };
    answer(&services, answered)
}

fn answer(services: &Services, answered: Result<Response, Refusal>) -> Response {
    open_to_pages(answered.unwrap_or_else(|refusal| {
        services.senders.refused(refusal.status.as_u16());
        refusal.into_response()
    }))
}

fn only_post() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "send it with POST")
}

async fn on_path(
    services: &Arc<Services>,
    project: &str,
    rest: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let Some(way) = Way::of(rest) else {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("there is nothing at /api/{project}/{rest}"),
        ));
    };
    let is_cron = matches!(way, Way::Cron { .. });
    if request.method() == Method::OPTIONS {
        return Ok(preflight(if is_cron { "GET, POST" } else { "POST" }));
    }
    if request.method() != Method::POST && !(is_cron && request.method() == Method::GET) {
        return Err(only_post());
    }
    let id = project.parse();
    let id: u64 = id.map_err(|_| Refusal::bad_request(format!("`{project}` is no number of a project")))?;
    let (parts, body) = request.into_parts();
    match way {
        Way::Envelope => envelope(services, Some(id), parts, body).await,
        Way::Store => store(services, Some(id), parts, body).await,
        Way::Security => security(services, id, parts, body).await,
        Way::Nel => nel(services, id, &parts),
        Way::Minidump => minidump(services, id, parts, body).await,
        Way::Attachments(event) => attachments(services, id, event, parts, body).await,
        Way::Cron { slug, key } => cron(services, id, &slug, key.as_deref(), parts, body).await,
    }
}

/// Pages of one's own site send here what they would send to the project's path: no blocker of advertisements knows it. Whose it
/// is says the DSN in the envelope's header.
async fn tunnel(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answered = match parts.method {
        Method::OPTIONS => Ok(preflight("POST")),
        Method::POST => envelope(&services, None, parts, body).await,
        _ => Err(only_post()),
    };
    answer(&services, answered)
}

/// A header or the query may say who sends; else the envelope's own header does, and has to be read for it. `id`: None in a tunnel.
async fn envelope(
    services: &Arc<Services>,
    id: Option<u64>,
    parts: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let asked = Asked::of(services, &parts);
    match asked.sender(services, id, None) {
        Err(refusal) if refusal.status != StatusCode::UNAUTHORIZED => return Err(refusal),
        _ => {}
    }
    let mut packed = body::read(&asked.headers, body, asked.hold(services)).await?;
    let (sender, contents) = off_thread(services, move |services| {
        let copy = tee::copy(services, id, "envelope/", &asked, &mut packed)?;
        let (bytes, held) = packed.unpack(ENVELOPE_BYTES)?;
        let envelope = envelope::read(&bytes)?;
        let dsn = envelope.header.dsn.as_deref();
        let mut sender = asked.sender(services, id.or_else(|| project_of(dsn)), dsn)?;
        if let Some(sdk) = &envelope.header.sdk {
            sender.client = Some(sdk.clone());
        }
        tee::pass_on(services, &sender, copy);
        let mut reading = Reading::new(services, &sender, &asked);
        reading.envelope(&envelope);
        let contents = reading.done(held);
        Ok((sender, contents))
    })
    .await?;
    finish(services, &sender, contents).await
}

/// What cannot be read as a DSN is told where the key is looked for in it.
fn project_of(dsn: Option<&str>) -> Option<u64> {
    let dsn: Dsn = dsn?.parse().ok()?;
    Some(dsn.project)
}

async fn store(
    services: &Arc<Services>,
    id: Option<u64>,
    parts: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let asked = Asked::of(services, &parts);
    let sender = asked.sender(services, id, None)?;
    let mut packed = body::read(&asked.headers, body, asked.hold(services)).await?;
    let (sender, contents) = off_thread(services, move |services| {
        let copy = tee::copy(services, Some(sender.project.id), "store/", &asked, &mut packed)?;
        tee::pass_on(services, &sender, copy);
        // In base64 it is longer by a third.
        let (bytes, held) = packed.unpack(2 * EVENT_BYTES)?;
        let event = store_body::read(&bytes).map_err(|fault| match fault {
            Fault::Malformed(malformed) => malformed.into(),
            Fault::TooLarge => Refusal::too_large("an event", EVENT_BYTES),
        })?;
        let mut reading = Reading::new(services, &sender, &asked);
        reading.event(&Header { sent_at: sender.sent_at, ..Header::default() }, &event)?;
        let contents = reading.done(held);
        Ok((sender, contents))
    })
    .await?;
    finish(services, &sender, contents).await
}

async fn security(services: &Arc<Services>, id: u64, parts: Parts, body: Body) -> Result<Response, Refusal> {
    let asked = Asked::of(services, &parts);
    let sender = asked.sender(services, Some(id), None)?;
    let kind = asked.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or("?").to_owned());
    if let Some(kind) = kind.filter(|kind| !formats::sentry::security::is_content_type(kind)) {
        let why = format!("`{kind}` is no type of a browser's report");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    let mut packed = body::read(&asked.headers, body, asked.hold(services)).await?;
    let (sender, contents) = off_thread(services, move |services| {
        let copy = tee::copy(services, Some(id), "security/", &asked, &mut packed)?;
        tee::pass_on(services, &sender, copy);
        let (bytes, held) = packed.unpack(SECURITY_REPORT_BYTES)?;
        let query = |name: &str| {
            let mut pairs = form_urlencoded::parse(asked.query.as_bytes());
            pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
        };
        let (release, environment) = (query("sentry_release"), query("sentry_environment"));
        let mut reading = Reading::new(services, &sender, &asked);
        reading.security(&bytes, release.as_deref(), environment.as_deref())?;
        let contents = reading.done(held);
        Ok((sender, contents))
    })
    .await?;
    // Browsers read nothing of it.
    finish(services, &sender, contents).await.map(|_| StatusCode::OK.into_response())
}

fn nel(services: &Services, id: u64, parts: &Parts) -> Result<Response, Refusal> {
    let sender = Asked::of(services, parts).sender(services, Some(id), None)?;
    services.senders.note(sender.project.id, |sent| sent.unused(formats::sentry::ItemKind::Nel));
    Ok(StatusCode::OK.into_response())
}

async fn minidump(services: &Arc<Services>, id: u64, parts: Parts, body: Body) -> Result<Response, Refusal> {
    let asked = Asked::of(services, &parts);
    let sender = asked.sender(services, Some(id), None)?;
    let packed = body::read(&asked.headers, body, asked.hold(services)).await?;
    let (sender, asked, bytes, held) =
        unpacked_form(services, sender, asked, "minidump/".to_owned(), packed).await?;
    let form = minidump::read(&asked.headers, bytes).await?;
    let (sender, event, contents) = off_thread(services, move |services| {
        let mut reading = Reading::new(services, &sender, &asked);
        let kind = |file: &form::File| if minidump::is_dump(file) { minidump::KIND } else { FILE_KIND };
        for file in &form.files {
            reading.foresee(&file.name, kind(file), &file.content);
        }
        let event = reading.crash(minidump::said(&form))?;
        for file in &form.files {
            let kind = kind(file);
            reading.attach(event, &file.name, &file.content_type, kind, &file.content);
        }
        let contents = reading.done(held);
        Ok((sender, event, contents))
    })
    .await?;
    finish(services, &sender, contents).await?;
    // Crash clients look for this and nothing else.
    Ok(event.dashed().into_response())
}

/// A form with files in it, unpacked; its copy is on its way.
async fn unpacked_form(
    services: &Arc<Services>,
    sender: Sender,
    asked: Asked,
    way: String,
    mut packed: Packed,
) -> Result<(Sender, Asked, Vec<u8>, Held), Refusal> {
    off_thread(services, move |services| {
        let copy = tee::copy(services, Some(sender.project.id), &way, &asked, &mut packed)?;
        tee::pass_on(services, &sender, copy);
        let (bytes, held) = packed.unpack(REQUEST_BYTES)?;
        Ok((sender, asked, bytes, held))
    })
    .await
}

/// Files that come after their event.
async fn attachments(
    services: &Arc<Services>,
    id: u64,
    event: EventId,
    parts: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let asked = Asked::of(services, &parts);
    let sender = asked.sender(services, Some(id), None)?;
    let packed = body::read(&asked.headers, body, asked.hold(services)).await?;
    let way = format!("events/{event}/attachments/");
    let (sender, asked, bytes, held) = unpacked_form(services, sender, asked, way, packed).await?;
    let form = form::read(&asked.headers, bytes).await?;
    if form.files.is_empty() {
        return Err(Refusal::bad_request("there is no file in the form"));
    }
    let (sender, contents) = off_thread(services, move |services| {
        if !contents::is_kept(services, sender.project.id, event)? {
            let why = format!("the project has no event {event}: send it first");
            return Err(Refusal::new(StatusCode::NOT_FOUND, why));
        }
        let mut reading = Reading::new(services, &sender, &asked);
        for file in &form.files {
            if !reading.attach(event, &file.name, &file.content_type, FILE_KIND, &file.content) {
                let what = format!("the file `{}`", file.name);
                reading.contents.refuse(Refusal::too_large(&what, contents::longest(FILE_KIND)));
            }
        }
        let contents = reading.done(held);
        Ok((sender, contents))
    })
    .await?;
    finish(services, &sender, contents).await?;
    Ok((StatusCode::CREATED, Json(json!({}))).into_response())
}

/// A shell can call it. Never 429: a job that is not heard of is told to be late.
async fn cron(
    services: &Arc<Services>,
    id: u64,
    slug: &str,
    key: Option<&str>,
    parts: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let asked = Asked::of(services, &parts);
    let sender = match key {
        Some(key) => asked.sender_of_key(services, id, key)?,
        None => asked.sender(services, Some(id), None)?,
    };
    let mut packed = body::read(&asked.headers, body, asked.hold(services)).await?;
    let slug = slug.to_owned();
    let of = sender.clone();
    let check_in = off_thread(services, move |services| {
        let way = format!("cron/{}/", form_urlencoded::byte_serialize(slug.as_bytes()).collect::<String>());
        let copy = tee::copy(services, Some(id), &way, &asked, &mut packed)?;
        tee::pass_on(services, &of, copy);
        let (bytes, _held) = packed.unpack(CHECK_IN_BYTES)?;
        Ok(match bytes.trim_ascii().is_empty() {
            true => check_in::of_query(&slug, &asked.query)?,
            false => check_in::read(&bytes, Some(&slug))?,
        })
    })
    .await?;
    check_ins::take(services, &sender.project, check_in).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({}))).into_response())
}

/// What was read is kept, and then answered for.
async fn finish(services: &Arc<Services>, sender: &Sender, contents: Contents) -> Result<Response, Refusal> {
    let Contents {
        taken, check_ins, reports, attachments, event_id, has_unused, refusal, held: _held, ..
    } = contents;
    let (project, client) = (sender.project.clone(), sender.client.clone());
    let now = services.clock.now();
    services.senders.note(project.id, |sent| {
        sent.last = now;
        sent.client = client.or(sent.client.take());
    });
    kept_events(taken).await?;
    if !reports.is_empty() || !attachments.is_empty() {
        let of = project.clone();
        off_thread(services, move |services| {
            words::keep(services, &of, &reports, now)?;
            let count = kept::keep_attachments(&services.state, of.id, &attachments, now)
                .map_err(|error| Refusal::busy(error.to_string()))?;
            services.senders.note(of.id, |sent| {
                sent.attachments += count as u64;
                sent.dropped_attachments += (attachments.len() - count) as u64;
            });
            Ok(())
        })
        .await?;
    }
    let mut refusal = refusal;
    for check_in in check_ins {
        if let Err(why) = check_ins::take(services, &project, check_in).await {
            refusal.get_or_insert(why);
        }
    }
    if let Some(mut refusal) = refusal {
        if has_unused {
            refusal.spare();
        }
        return Err(refusal);
    }
    let told = event_id.map_or(json!({}), |id| json!({"id": id.to_string()}));
    let mut response = Json(told).into_response();
    if has_unused {
        spare(response.headers_mut());
    }
    Ok(response)
}

/// Waits until they are.
async fn kept_events(taken: Option<Result<Answered, Busy>>) -> Result<(), Refusal> {
    let Some(taken) = taken else { return Ok(()) };
    let answered = taken.map_err(|Busy| Refusal::busy("too many events wait"))?;
    match answered.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(NotKept(why))) => Err(Refusal::busy(why)),
        Err(_) => Err(Refusal::busy("the server stops")),
    }
}

/// Work on a body, off the threads that serve everybody, on as many of them as there are processors.
async fn off_thread<T: Send + 'static>(
    services: &Arc<Services>,
    work: impl FnOnce(&Services) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let permit = services.digest_permits.clone().acquire_owned().await;
    let permit = permit.map_err(|_| Refusal::busy("the server stops"))?;
    let services = services.clone();
    let worked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work(&services)
    });
    worked.await.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?
}

/// For an event that brings no id.
fn spare_id() -> Result<EventId, Refusal> {
    let secret = crate::accounts::random_secret().map_err(|error| Refusal::busy(error.to_string()))?;
    secret[..32].parse().map_err(|why: String| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_sdks_are_open_and_no_others() {
        for path in [
            "/api/1/envelope/",
            "/api/1/envelope",
            "/api/17/cron/nightly/0123/",
            "/api/abc/envelope/",
            "/api/store/",
            "/api/store",
            "/api/tunnel",
            "/api/tunnel/",
            "/api/embed/error-page/",
            "/js-sdk-loader/0123.min.js",
        ] {
            assert!(is_ingest(path), "{path}");
        }
        for path in [
            "/api/v1/status",
            "/api/v1/",
            "/api/v1",
            "/api/v2/alerts",
            "/api/0/organizations/",
            "/api/",
            "/api",
            "/api/17",
            "/render",
            "/",
            "/api//x",
            "/js-sdk-loader",
        ] {
            assert!(!is_ingest(path), "{path}");
        }
    }

    #[test]
    fn ways_with_and_without_the_last_slash() {
        let check = |rest: &str, way: Option<Way>| assert_eq!(Way::of(rest), way, "{rest}");
        check("envelope/", Some(Way::Envelope));
        check("envelope", Some(Way::Envelope));
        check("csp-report/", Some(Way::Security));
        check("minidump", Some(Way::Minidump));
        check("cron/nightly", Some(Way::Cron { slug: "nightly".into(), key: None }));
        check("cron/nightly/ab/", Some(Way::Cron { slug: "nightly".into(), key: Some("ab".into()) }));
        let event = "0123456789abcdef".repeat(2);
        check(&format!("events/{event}/attachments/"), Some(Way::Attachments(event.parse().unwrap())));
        check("events/17/attachments/", None);
        check("unreal/ab/", None);
        check("", None);
    }
}
