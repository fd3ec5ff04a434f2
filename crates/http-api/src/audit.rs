//! Every change by the API is written down: who, from where, what, before and after.
//!
//! It is done around the handlers, so that a route that is new is in the log without knowing of it. What the routes of
//! [`snapshot`] change is looked at before and after, and only what differs is kept.

mod snapshot;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;
use state_store::{StateError, StateStore};

use crate::accounts::{self, Asked, AuditEntry, Caller, Change, Via};
use crate::annotations::Annotation;
use crate::answer::Answer;
use crate::api_v1::off_thread;
use crate::server::Peer;
use crate::services::Services;
use crate::{guard, marks};

const API: &str = "/api/v1/";

/// Changes nothing that anybody set, or is data; by the parts of the path, `*` being any.
const UNRECORDED: [&[&str]; 15] = [
    &["graph"],
    &["explain"],
    &["monitors", "test"],
    &["oncall", "preview"],
    &["trial"],
    &["errors", "projects", "*", "try"],
    &["points"],
    &["agent", "batch"],
    &["checks", "*", "result"],
    &["hosts", "*", "result"],
    &["heartbeats", "*", "ping"],
    &["streams", "*"],
    &["grafana", "alerts"],
    // These write down more than the path says.
    &["session"],
    &["invitations", "accept"],
];

/// What sentry-cli changes: releases, deploys, bundles.
const SENTRY: &str = "/api/0/";

/// Alertmanager's silences, which are ours.
const ALERTMANAGER: &str = "/api/v2/";

/// Graphite's own dashboards and their templates.
const DASHBOARD: &str = "/dashboard/";

/// What a request changes.
struct Changing {
    /// By which it is known, and looked at: the decoded parts of the path.
    parts: Vec<String>,
    action: &'static str,
    /// Nothing was changed unless something differs: it answers 200 whatever comes of it, as the original does, or anybody may
    /// say as often as they like how their own settings are.
    is_by_difference: bool,
}

/// If it is one that is written down.
fn changes(request: &Request) -> Option<Changing> {
    let (method, path) = (request.method(), request.uri().path());
    if let Some(path) = path.strip_prefix(API) {
        return of_api(method, path);
    }
    if let Some(path) = path.strip_prefix(ALERTMANAGER) {
        return of_alertmanager(method, path);
    }
    match path.strip_prefix(SENTRY) {
        Some(path) => of_sentry(method, path),
        None => of_dashboard(path.strip_prefix(DASHBOARD)?),
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn of_sentry(method: &Method, path: &str) -> Option<Changing> {
    let parts = path.trim_end_matches('/').split('/').map(decoded);
    let parts: Vec<String> = std::iter::once("sentry".to_owned()).chain(parts).collect();
    // Chunks are data; what they become is written down.
    let is_data = parts.last().is_some_and(|last| last == "chunk-upload");
    let is_written_down = !is_read(method) && !is_data;
    is_written_down.then_some(Changing { parts, action: verb(method), is_by_difference: false })
}

/// Known as by our own API; alerts are data.
fn of_alertmanager(method: &Method, path: &str) -> Option<Changing> {
    let kind = path.split('/').next().unwrap_or_default();
    let is_silence = !is_read(method) && ["silences", "silence"].contains(&kind);
    is_silence.then(|| Changing {
        parts: vec!["silences".into()],
        action: verb(method),
        is_by_difference: false,
    })
}

fn of_api(method: &Method, path: &str) -> Option<Changing> {
    if is_read(method) {
        return None;
    }
    let parts: Vec<String> = path.split('/').map(decoded).collect();
    let is = |pattern: &&[&str]| {
        pattern.len() == parts.len()
            && pattern.iter().zip(&parts).all(|(wanted, part)| *wanted == "*" || wanted == part)
    };
    let is_written_down = !UNRECORDED.iter().any(is);
    let is_by_difference =
        *method == Method::PUT && matches!(parts.as_slice(), [kind, _] if kind.as_str() == "people");
    is_written_down.then_some(Changing { parts, action: verb(method), is_by_difference })
}

/// Whatever the method: the original's page deletes by GET.
fn of_dashboard(path: &str) -> Option<Changing> {
    let (kind, name, action) = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["save", name] => ("dashboard", *name, "changed"),
        ["delete", name] => ("dashboard", *name, "removed"),
        ["save_template", name, _] => ("dashboard-template", *name, "changed"),
        ["delete_template", name] => ("dashboard-template", *name, "removed"),
        _ => return None,
    };
    Some(Changing { parts: vec![kind.into(), decoded(name)], action, is_by_difference: true })
}

fn decoded(part: &str) -> String {
    // The form's `+` for a blank is not one of paths.
    let text = part.replace('+', "%2B");
    form_urlencoded::parse(text.as_bytes()).next().map_or_else(String::new, |(name, _)| name.into_owned())
}

pub async fn record(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let Some(changing) = changes(&request) else { return next.run(request).await };
    let Some(caller) = request.extensions().get::<Caller>().cloned() else { return next.run(request).await };
    let peer = request.extensions().get::<Peer>().copied();
    let source = guard::source(&services, request.headers(), peer);
    let before = look(&services, &caller, &changing.parts).await;
    let response = next.run(request).await;
    if !response.status().is_success() {
        return response;
    }
    let after = look(&services, &caller, &changing.parts).await;
    let (before, after) = snapshot::differing(before, after);
    if changing.is_by_difference && before.is_none() && after.is_none() {
        return response;
    }
    let text = |value: Option<Value>| value.map(|value| value.to_string());
    let change = Change {
        via: way(caller.via),
        source: address(caller.via, source),
        who: caller.name,
        action: changing.action.into(),
        subject: changing.parts.join("/"),
        before: text(before),
        after: text(after),
        commit: None,
    };
    write(&services, change).await;
    response
}

async fn look(services: &Arc<Services>, caller: &Caller, parts: &[String]) -> Option<Value> {
    let (caller, parts) = (caller.clone(), parts.to_vec());
    let looked: Answer<Option<Value>> =
        off_thread(services, move |services| snapshot::of(services, &caller, &parts)).await;
    looked.unwrap_or_else(|problem| {
        tracing::warn!(error = problem.error, "what is changed cannot be read for the audit log");
        None
    })
}

/// A change that is done is not undone because it cannot be written down; the log of the process says so.
pub async fn write(services: &Arc<Services>, change: Change) {
    let written = off_thread(services, move |services| {
        Ok(accounts::note(&services.state, &change, services.clock.now())?)
    });
    if let Err(problem) = written.await {
        tracing::warn!(error = problem.error, "a change is not in the audit log");
    }
}

/// Somebody came in or went, or tried to.
pub async fn note_sign_in(
    services: &Arc<Services>,
    who: String,
    via: &'static str,
    source: IpAddr,
    action: &str,
) {
    let change = Change { who, via, source: source.to_string(), action: action.into(), ..Change::default() };
    write(services, change).await;
}

/// As marks on graphs, at most so many.
const MAX_MARKS: usize = 200;

/// What changed in that time, apart from what people do to incidents and checks. Their ids are below 0: no event has such.
pub fn marks(state: &StateStore, from: f64, until: f64) -> Result<Vec<Annotation>, StateError> {
    let asked = Asked {
        from: Some(from.ceil() as i64),
        until: Some(until.floor() as i64),
        settings_only: true,
        limit: MAX_MARKS,
        ..Asked::default()
    };
    let entries = accounts::audit(state, &asked)?.into_iter();
    Ok(entries.filter(|entry| !is_of_a_link(&entry.subject)).map(mark).collect())
}

/// Whose name a stranger could come under this week is for administrators to know.
fn is_of_a_link(subject: &str) -> bool {
    subject.starts_with("people/") && subject.ends_with("/link")
}

/// What everybody may read by itself, too. Of the rest, such as tokens, invitations and the files, a mark says that it
/// changed; how it was is in the log, which administrators read.
const READ_BY_ALL: [&str; 6] = ["monitors", "levels", "flags", "silences", "teams", "people"];

fn mark(entry: AuditEntry) -> Annotation {
    let read = entry.subject.split('/').next().is_some_and(|first| READ_BY_ALL.contains(&first));
    let who = if entry.who.is_empty() { "somebody" } else { &entry.who };
    let what = format!("{who} {}", said(&entry.action, &entry.subject));
    let side =
        |word: &str, text: Option<String>| text.map(|text| format!("{word}: {text}\n")).unwrap_or_default();
    Annotation {
        id: -entry.id,
        at: entry.at as f64,
        what: what.trim_end().to_owned(),
        tags: vec![marks::AUDIT.into()],
        data: side("before", entry.before.filter(|_| read))
            + &side("after", entry.after.filter(|_| read))
            + &side("commit", entry.commit),
        projects: Vec::new(),
    }
}

/// What is made by posting to its list.
const MADE: [(&str, &str); 11] = [
    ("comments", "a comment"),
    ("cover", "a request for cover"),
    ("downtimes", "a downtime"),
    ("errors/projects", "a project of errors"),
    ("invitations", "an invitation"),
    ("oncall/calendars", "a calendar"),
    ("overrides", "an override of a schedule"),
    ("people", "a person"),
    ("post-mortems", "a post-mortem"),
    ("silences", "a silence"),
    ("tokens", "a token"),
];

/// What is done by posting to a path that ends so.
const DONE: [(&str, &str); 9] = [
    ("accept", "accepted"),
    ("confirm", "confirmed"),
    ("erase", "erased events of"),
    ("merge", "merged"),
    ("pause", "paused"),
    ("publish", "published"),
    ("resume", "resumed"),
    ("split", "split"),
    ("test", "tried"),
];

/// For those who read what happened, and not how it was asked for.
fn said(action: &str, subject: &str) -> String {
    if action != "posted" {
        return format!("{action} {subject}");
    }
    if let Some((_, what)) = MADE.iter().find(|(path, _)| *path == subject) {
        return format!("made {what}");
    }
    let done = subject.rsplit_once('/').and_then(|(whose, last)| {
        let (_, done) = DONE.iter().find(|(verb, _)| *verb == last)?;
        Some(format!("{done} {whose}"))
    });
    done.unwrap_or_else(|| format!("posted to {subject}"))
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::PUT | Method::PATCH => "changed",
        Method::DELETE => "removed",
        _ => "posted",
    }
}

fn way(via: Via) -> &'static str {
    match via {
        Via::Loopback => "loopback",
        Via::ControlSocket => "control socket",
        Via::Session => "session",
        Via::Token => "token",
        Via::Proxy => "proxy",
    }
}

fn address(via: Via, source: IpAddr) -> String {
    match via {
        Via::ControlSocket => String::new(),
        _ => source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_tell_how_it_was_only_of_what_everybody_reads() {
        let data = |subject: &str| {
            let text = |text: &str| Some(text.to_owned());
            let entry = AuditEntry {
                id: 1,
                at: 10,
                who: "ana".into(),
                via: "session".into(),
                source: "192.0.2.1".into(),
                action: "posted".into(),
                subject: subject.into(),
                before: text("b"),
                after: text("a"),
                commit: None,
            };
            mark(entry).data
        };
        assert_eq!(data("monitors/api"), "before: b\nafter: a\n");
        for subject in ["tokens", "tokens/3", "invitations", "/etc/bellwether.toml", "something/new"] {
            assert_eq!(data(subject), "", "{subject}");
        }
    }

    #[test]
    fn what_was_posted_is_said_in_words() {
        let check = |action: &str, subject: &str, expected: &str| assert_eq!(said(action, subject), expected);
        check("posted", "errors/projects", "made a project of errors");
        check("posted", "heartbeats/nightly/pause", "paused heartbeats/nightly");
        check("posted", "errors/projects/web/erase", "erased events of errors/projects/web");
        check("posted", "something/new", "posted to something/new");
        check("changed", "monitors/api", "changed monitors/api");
    }

    #[test]
    fn who_may_be_joined_is_no_mark() {
        assert!(is_of_a_link("people/ana/link"));
        assert!(!is_of_a_link("people/ana/role") && !is_of_a_link("monitors/link"));
    }

    #[test]
    fn own_settings_that_stay_as_they_are_are_no_change() {
        let check = |method: &str, path: &str, by_difference: bool| {
            let request = Request::builder().method(method).uri(path);
            let changing = changes(&request.body(axum::body::Body::empty()).unwrap()).unwrap();
            assert_eq!(changing.is_by_difference, by_difference, "{method} {path}");
        };
        check("PUT", "/api/v1/people/ana", true);
        // Nothing of these is told, so that nothing differs.
        check("PUT", "/api/v1/people/ana/password", false);
        check("DELETE", "/api/v1/people/ana", false);
        check("POST", "/api/v1/people", false);
    }

    #[test]
    fn what_changes_something_is_known_by_its_path() {
        let check = |method: &str, path: &str, expected: Option<&str>| {
            let request =
                Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap();
            assert_eq!(
                changes(&request).map(|changing| changing.parts.join("|")).as_deref(),
                expected,
                "{method} {path}"
            );
        };
        check("PUT", "/api/v1/monitors/a%2Fb?x=1", Some("monitors|a/b"));
        check("PUT", "/api/v1/monitors/a+b%20c", Some("monitors|a+b c"));
        check("POST", "/api/v1/something/new", Some("something|new"));
        check("GET", "/api/v1/monitors/a", None);
        check("POST", "/api/v1/checks/a%2Fb/result", None);
        check("POST", "/api/v1/checks/a/ack", Some("checks|a|ack"));
        check("POST", "/api/v1/session", None);
        check("POST", "/render", None);
        check("POST", "/api/0/organizations/a/releases/", Some("sentry|organizations|a|releases"));
        let version = "/api/0/projects/a/web/releases/web%401.0/";
        check("DELETE", version, Some("sentry|projects|a|web|releases|web@1.0"));
        check("GET", version, None);
        check("POST", "/api/0/organizations/a/chunk-upload/", None);
        check("POST", "/api/v2/silences", Some("silences"));
        check("DELETE", "/api/v2/silence/0123", Some("silences"));
        check("GET", "/api/v2/silences", None);
        check("POST", "/api/v2/alerts", None);
        check("POST", "/dashboard/save/a%20b", Some("dashboard|a b"));
        check("GET", "/dashboard/delete/a", Some("dashboard|a"));
        check("POST", "/dashboard/save_template/a/web1", Some("dashboard-template|a"));
        check("GET", "/dashboard/delete_template/a", Some("dashboard-template|a"));
        check("GET", "/dashboard/load/a", None);
    }
}
