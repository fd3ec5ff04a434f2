//! `/a/<token>`: what a link in a page leads to. Whoever has the link may act on that incident in the contact's name,
//! and see no other.
//!
//! Looking does nothing, since mail servers and chat programs look at every link; the buttons do. It is made for a
//! phone with one bar of signal: one request says everything and takes the answer, without a script. With one, what
//! could not be sent is kept and sent later, and says so.

mod graph;
mod keys;
mod page;
mod parts;
mod reach;

use std::sync::{Arc, LazyLock};

use ::incidents::desk::Whole;
use ::incidents::{Deed, Phase};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use sha2::{Digest, Sha256};
use vocabulary::ports::Scope;
use vocabulary::time::HumanDuration;

use crate::accounts::{self, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::{incidents, off_thread};
use crate::services::Services;

pub use graph::{draw, graph, picture, picture_path, targets_of, threshold};
pub use keys::keys;
pub use reach::{Links, Reach, reach};

/// What is below it asks for no sign-in.
pub const PREFIX: &str = "/a/";

/// A form of ours has some dozen bytes.
const MAX_FORM_BYTES: usize = 4_096;
/// What a link may hold back. Who wants more signs in.
const MAX_SNOOZE_SECONDS: u64 = 24 * 3_600;
/// Between two escalations by one link: whoever has it could wake everybody again and again.
const ESCALATION_PAUSE_SECONDS: i64 = 60;

const SCRIPT: &str = include_str!("page.js");

/// Its own script runs, by what it is; nothing else does.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(SCRIPT));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Whose link it is, and what it leads to.
struct Link {
    token: String,
    contact: String,
    /// As far as it is for this contact.
    whole: Whole,
    /// Of it.
    scope: Scope,
}

pub async fn show(State(services): State<Arc<Services>>, Path(token): Path<String>) -> Response {
    respond(off_thread(&services, move |services| look(services, token)).await)
}

pub async fn act(State(services): State<Arc<Services>>, Path(token): Path<String>, form: Bytes) -> Response {
    let done = off_thread(&services, move |services| {
        let link = read(services, token)?;
        refuse_powerless(services, &link.contact)?;
        if let Some(deed) = deed(services, &link, &form)? {
            incidents::do_unless_taken(services, link.whole.incident.id, &link.contact, &deed)?;
        }
        look(services, link.token)
    });
    respond(done.await)
}

fn read(services: &Services, token: String) -> Answer<Link> {
    let unknown =
        || Problem::not_found("this link is not one of ours, or its incident was forgotten long ago");
    let (id, contact) = services.desk.read_token(&token).ok_or_else(unknown)?;
    let teams = &services.settings.load().teams;
    let scope = accounts::scope_of_contact(&services.state, teams, &contact)?;
    if let Some(whole) = services.desk.one_in(&scope, id)? {
        return Ok(Link { token, contact, whole, scope });
    }
    // Nothing of it is theirs: whoever named them wanted them told of it all the same.
    let whole = services.desk.one(id)?.ok_or_else(unknown)?;
    Ok(Link { token, contact, whole, scope: Scope::everything() })
}

/// Whoever has left keeps the links of old pages, and whoever may only look can bring it about that they are told of
/// something: theirs show what they led to, and do nothing. The answer says why.
fn powerless(services: &Services, contact: &str) -> Answer<Option<&'static str>> {
    if !services.desk.is_contact(contact) {
        return Ok(Some("is no contact here any more"));
    }
    Ok(only_looks(services, contact)?.then_some("may look here, and not act"))
}

/// An account whose role is less than acting needs. Whom the files make a contact acts by that.
pub fn only_looks(services: &Services, contact: &str) -> Answer<bool> {
    if !services.desk.is_of_account(contact) {
        return Ok(false);
    }
    let person = accounts::person(&services.state, contact)?;
    Ok(person.is_none_or(|person| person.role < Role::Responder))
}

fn refuse_powerless(services: &Services, contact: &str) -> Answer<()> {
    let Some(why) = powerless(services, contact)? else { return Ok(()) };
    Err(Problem::forbidden(format!("`{contact}` {why}, so this link does nothing")).hint(
        "sign in to act, or have an administrator make you a contact again, or a responder if you are a viewer",
    ))
}

/// What a form asks for; nothing, if it came too late to be done: the page then says how things are.
fn deed(services: &Services, link: &Link, form: &[u8]) -> Answer<Option<Deed>> {
    if form.len() > MAX_FORM_BYTES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is longer than any of ours"));
    }
    let fields: Vec<_> = form_urlencoded::parse(form).collect();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let phase = link.whole.incident.phase;
    let comment = String::new();
    match field("do").unwrap_or("acknowledge") {
        "acknowledge" => Ok((phase == Phase::Open).then_some(Deed::Acknowledge { comment })),
        "snooze" => {
            let lasting = snooze(field("for"))?;
            let until = services.clock.now().plus(lasting.0.as_secs().cast_signed());
            Ok((phase != Phase::Resolved).then_some(Deed::Snooze { until, comment }))
        }
        "escalate" => {
            let may = phase != Phase::Resolved && !has_just_escalated(link, services.clock.now().0);
            Ok(may.then_some(Deed::Escalate { to: Vec::new(), comment }))
        }
        how @ ("tick" | "untick") => {
            let number = |name: &str| {
                let given = field(name).and_then(|text| text.parse::<u32>().ok());
                given.ok_or_else(|| Problem::bad_request(format!("a {how} needs the number of a `{name}`")))
            };
            let step = (number("step")? as usize, i64::from(number("version")?));
            let id = link.whole.incident.id;
            let ticking = services.desk.ticking(&link.scope, id, step, how == "tick");
            let ticking = ticking.map_err(|failed| incidents::refusal(id, failed))?;
            Ok((phase != Phase::Resolved).then_some(ticking))
        }
        other => {
            let why = format!("`do` is `{other}`");
            Err(Problem::bad_request(why).hint("write acknowledge, escalate, snooze, tick or untick"))
        }
    }
}

/// Each escalation rings telephones: what is pressed again at once by the same link calls nobody again.
fn has_just_escalated(link: &Link, now: i64) -> bool {
    let mut entries =
        link.whole.timeline.iter().rev().take_while(|entry| now - entry.at < ESCALATION_PAUSE_SECONDS);
    entries.any(|entry| entry.kind == "escalated" && entry.who == link.contact)
}

fn snooze(lasting: Option<&str>) -> Answer<HumanDuration> {
    let hint = "write a length of up to 24 h, such as 1h";
    let lasting = lasting.ok_or_else(|| Problem::bad_request("a snooze needs `for`").hint(hint))?;
    let lasting: HumanDuration =
        lasting.parse().map_err(|why| Problem::bad_request(format!("`for`: {why}")).hint(hint))?;
    match lasting.0.as_secs() {
        1..=MAX_SNOOZE_SECONDS => Ok(lasting),
        _ => Err(Problem::bad_request("`for` is no such length").hint(hint)),
    }
}

fn look(services: &Services, token: String) -> Answer<String> {
    let link = read(services, token)?;
    let surroundings = page::Surroundings::of(services, &link);
    Ok(page::page(&link, &surroundings))
}

fn respond(page: Answer<String>) -> Response {
    let (status, page) = match page {
        Ok(page) => (StatusCode::OK, page),
        Err(problem) => (problem.status(), page::wrong(&problem)),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // The token stays here; our own forms say where they come from.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ];
    (status, headers, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_a_snooze() {
        let check = |text: Option<&str>, seconds: Option<u64>| {
            assert_eq!(snooze(text).ok().map(|lasting| lasting.0.as_secs()), seconds, "{text:?}");
        };
        check(Some("1h"), Some(3_600));
        check(Some("24h"), Some(86_400));
        check(Some("25h"), None);
        check(Some("0s"), None);
        check(Some("soon"), None);
        check(None, None);
    }

    #[test]
    fn only_its_own_script_runs() {
        let policy = POLICY.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("script-src 'unsafe-inline'"), "{policy}");
    }
}
