//! `/a/<token>`: what a link in a page leads to. Whoever has the link may acknowledge in the contact's name.
//!
//! Looking does nothing, since mail servers and chat programs look at every link; the button does.

use std::sync::Arc;

use ::incidents::{Deed, Incident, Phase};
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::answer::{Answer, Problem};
use crate::api_v1::{incidents, off_thread};
use crate::services::Services;

/// What is below it asks for no sign-in.
pub const PREFIX: &str = "/a/";

pub async fn show(State(services): State<Arc<Services>>, Path(token): Path<String>) -> Response {
    answer(off_thread(&services, move |services| look(services, &token)).await)
}

pub async fn acknowledge(State(services): State<Arc<Services>>, Path(token): Path<String>) -> Response {
    let done = off_thread(&services, move |services| {
        let (incident, contact) = read(services, &token)?;
        if incident.phase == Phase::Open {
            let deed = Deed::Acknowledge { comment: String::new() };
            incidents::do_it(services, incident.id, &contact, &deed)?;
        }
        look(services, &token)
    });
    answer(done.await)
}

fn read(services: &Services, token: &str) -> Answer<(Incident, String)> {
    let unknown =
        || Problem::not_found("this link is not one of ours, or its incident was forgotten long ago");
    let (id, contact) = services.desk.read_token(token).ok_or_else(unknown)?;
    let found = services.desk.one(id)?.ok_or_else(unknown)?;
    Ok((found.incident, contact))
}

fn look(services: &Services, token: &str) -> Answer<String> {
    let (incident, contact) = read(services, token)?;
    let detail = &incident.detail;
    let zone = jiff::tz::TimeZone::system();
    let clock = |at: i64| {
        let at = Timestamp::from_second(at).unwrap_or_default().to_zoned(zone.clone());
        at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    };
    let standing = match (incident.phase, &detail.acknowledged) {
        (Phase::Resolved, _) => format!("It is over since {}.", clock(incident.closed.map_or(0, |at| at.0))),
        (Phase::Acknowledged, Some(by)) => {
            format!("{} has it, since {}.", escape(&by.by), clock(by.at))
        }
        _ => format!(
            "<form method=post><button style=\"font-size:1.4em;padding:.6em 1.2em\">{} has it</button></form>",
            escape(&contact)
        ),
    };
    let texts: Vec<String> = incident
        .bad()
        .take(10)
        .map(|(key, trouble)| {
            format!("<li>{} is {}: {}</li>", escape(&key.to_string()), trouble.state, escape(&trouble.text))
        })
        .map(|line| line.replace('\n', "<br>"))
        .collect();
    Ok(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><body style=\"font-family:sans-serif;max-width:40em;margin:1em auto;padding:0 1em\">\
         <h1 style=\"font-size:1.4em\">{state}: {title}</h1><p>Since {since}.</p><ul>{texts}</ul>\
         <p>{standing}</p><p><a href=\"../incidents/{id}\">All about it</a></p></body></html>\n",
        title = escape(&incident.title),
        state = detail.severity,
        since = clock(incident.opened.0),
        texts = texts.concat(),
        id = incident.id,
    ))
}

fn answer(page: Answer<String>) -> Response {
    let (status, page) = match page {
        Ok(page) => (StatusCode::OK, page),
        Err(problem) => return problem.into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        ),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (status, headers, page).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
