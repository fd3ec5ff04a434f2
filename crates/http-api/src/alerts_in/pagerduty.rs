//! `POST /v2/enqueue`: whatever speaks PagerDuty's Events API v2 speaks to us, with one of our tokens as its routing key.
//! The answers are the original's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ::incidents::Deed;
use ::incidents::incident::Key;
use ::monitors::{Outcome, Part};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{all_taken, cut, details, one_line, status_of_word, take};
use crate::accounts::{self, Caller, Role};
use crate::answer::{Params, Problem, read};
use crate::api_v1::incidents;
use crate::api_v1::off_thread;
use crate::api_v1::watched::may;
use crate::services::Services;
use vocabulary::state::State as Standing;

/// Asks for no sign-in: the key is in the body.
pub const PATH: &str = "/v2/enqueue";
pub(crate) const USUAL_CHECK: &str = "pagerduty";
/// As there.
pub const MAX_BYTES: usize = 512 << 10;
const MAX_KEY: usize = 255;
const MAX_LINKS: usize = 20;
/// Until what has just been triggered is in an incident.
const LOOKS: usize = 50;
const LOOK_PAUSE: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
pub struct Which {
    /// The passive check whose parts the alerts are; default `pagerduty`.
    check: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    routing_key: String,
    event_action: String,
    dedup_key: Option<String>,
    payload: Payload,
    client: Option<String>,
    client_url: Option<String>,
    links: Option<Vec<Link>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Link {
    href: Option<String>,
    text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payload {
    summary: String,
    source: String,
    severity: String,
    custom_details: Option<Value>,
    /// When it began. Some write other things here than the text that is meant.
    timestamp: Option<Value>,
}

pub async fn enqueue(
    State(services): State<Arc<Services>>,
    caller: Option<Extension<Caller>>,
    Params(which): Params<Which>,
    body: Bytes,
) -> Response {
    let check = which.check.unwrap_or_else(|| USUAL_CHECK.to_owned());
    match answered(&services, caller.map(|Extension(caller)| caller), check, &body).await {
        Ok(key) => {
            let said = json!({"status": "success", "message": "Event processed", "dedup_key": key});
            (StatusCode::ACCEPTED, Json(said)).into_response()
        }
        Err(problem) => {
            let errors: Vec<&str> =
                std::iter::once(problem.error.as_str()).chain(problem.hint.as_deref()).collect();
            let said =
                json!({"status": "invalid event", "message": "Event object is invalid", "errors": errors});
            (problem.status(), Json(said)).into_response()
        }
    }
}

async fn answered(
    services: &Arc<Services>,
    caller: Option<Caller>,
    check: String,
    body: &[u8],
) -> Result<String, Problem> {
    // As the original, which has no other status for it.
    let event: Event = read(body).map_err(|wrong| wrong.with_status(StatusCode::BAD_REQUEST))?;
    let caller = match caller {
        Some(caller) => caller,
        None => by_key(services, event.routing_key.clone()).await?,
    };
    may(&caller, Role::Editor)?;
    if !matches!(event.event_action.as_str(), "trigger" | "acknowledge" | "resolve") {
        let why = format!("`event_action` is `{}`", event.event_action);
        return Err(Problem::bad_request(why).hint("it is trigger, acknowledge or resolve"));
    }
    let key = key(&event)?;
    if event.event_action == "acknowledge" {
        acknowledge(services, check, key.clone(), &caller, &event).await?;
    } else {
        let part = Part { name: key.clone(), outcome: outcome(&event, services.clock.now().0)? };
        let merged = take(services, &check, "events in PagerDuty's form", || vec![part]).await?;
        all_taken(&check, merged)?;
    }
    Ok(key)
}

/// The key is a token: whoever made the event in our name was given it.
async fn by_key(services: &Arc<Services>, key: String) -> Result<Caller, Problem> {
    let found = off_thread(services, move |services| {
        Ok(accounts::token(&services.state, &key, services.clock.now())?)
    });
    found.await?.ok_or_else(|| {
        Problem::bad_request("`routing_key` is no token of this server")
            .hint("make one with: bellwether token create NAME --role editor")
    })
}

/// By what its sender knows it. One that names none is known by what it says, so that it can be resolved too.
fn key(event: &Event) -> Result<String, Problem> {
    let own = event.dedup_key.as_deref().map(str::trim).filter(|key| !key.is_empty());
    match own {
        Some(key) if key.len() > MAX_KEY => {
            Err(Problem::bad_request(format!("`dedup_key` is longer than {MAX_KEY} bytes")))
        }
        Some(key) => Ok(cut(one_line(key))),
        None if event.event_action == "trigger" => {
            Ok(cut(one_line(&format!("{}: {}", event.payload.source, event.payload.summary))))
        }
        None => Err(Problem::bad_request("`dedup_key` is missing: which alert is it?")),
    }
}

fn outcome(event: &Event, now: i64) -> Result<Outcome, Problem> {
    if event.event_action == "resolve" {
        return Ok(Outcome { output: "resolved".into(), ..Outcome::default() });
    }
    let Payload { summary, source, severity, custom_details, timestamp } = &event.payload;
    for (name, value) in [("summary", summary), ("source", source)] {
        if value.trim().is_empty() {
            return Err(Problem::bad_request(format!("`payload.{name}` is missing")));
        }
    }
    if !matches!(severity.as_str(), "critical" | "error" | "warning" | "info") {
        return Err(Problem::bad_request(format!("`payload.severity` is `{severity}`"))
            .hint("it is critical, error, warning or info"));
    }
    let start = details::moment("timestamp", timestamp.as_ref().and_then(Value::as_str)).ok().flatten();
    let more = custom_details.as_ref().map(|details| format!("\n{details}")).unwrap_or_default();
    Ok(Outcome {
        status: status_of_word(severity),
        output: what_and_where(summary, source),
        long_output: format!("from {source}{more}{}", links(event)),
        of_sender: details::of_sender(&runbook(event), start, summary, now),
        ..Outcome::default()
    })
}

/// A telephone shows this line only, and summaries such as "disk full" are many.
fn what_and_where(summary: &str, source: &str) -> String {
    let (summary, source) = (one_line(summary), one_line(source));
    match summary.to_lowercase().contains(&source.to_lowercase()) {
        true => summary,
        false => format!("{summary} (from {source})"),
    }
}

/// The first link that says that it is one, as others write it in an annotation.
fn runbook(event: &Event) -> BTreeMap<String, String> {
    let is_one = |text: &str| ["runbook", "playbook"].iter().any(|word| text.to_lowercase().contains(word));
    let links = event.links.iter().flatten();
    let found = links.filter_map(|link| Some((link.text.as_deref()?, link.href.clone()?)));
    found.filter(|(text, _)| is_one(text)).map(|(_, href)| ("runbook_url".to_owned(), href)).take(1).collect()
}

/// A line for each that leads to a page.
fn links(event: &Event) -> String {
    let client = event.client_url.as_deref().map(|address| ("client_url", address));
    let links = event.links.iter().flatten().filter_map(|link| {
        let text = link.text.as_deref().filter(|text| !text.trim().is_empty()).unwrap_or("link");
        Some((text, link.href.as_deref()?))
    });
    let given = client.into_iter().chain(links).map(|(text, address)| (text, address.trim()));
    let given = given.filter(|(_, address)| !address.is_empty()).take(MAX_LINKS);
    let (good, others): (Vec<_>, Vec<_>) = given.partition(|(_, address)| details::is_link(address));
    let mut said: String =
        good.iter().map(|(text, address)| format!("\n{}: {address}", one_line(text))).collect();
    if !others.is_empty() {
        said.push_str(&format!("\nleft out: {} of its links, no http or https addresses", others.len()));
    }
    said
}

/// The incident that this alert is in, in the name of who sends the event. One that has just been triggered may be in none
/// yet; one that is over, or never was, is none: there nothing is left to acknowledge, and the original says yes to that too.
async fn acknowledge(
    services: &Arc<Services>,
    check: String,
    key: String,
    caller: &Caller,
    event: &Event,
) -> Result<(), Problem> {
    let client = event.client.clone().filter(|name| !name.trim().is_empty());
    let author = client.unwrap_or_else(|| caller.name.clone());
    for _ in 0..LOOKS {
        let (check, key, author) = (check.clone(), key.clone(), author.clone());
        let done = off_thread(services, move |services| {
            let alert = Key { host: false, monitor: check.as_str().into(), instance: key.as_str().into() };
            let Some(incident) = services.desk.incident_of(&alert) else {
                return Ok(!is_bad(services, &check, &key));
            };
            let deed = Deed::Acknowledge { comment: "by an event in PagerDuty's form".into() };
            incidents::do_unless_taken(services, incident, &author, &deed).map(|()| true)
        });
        if done.await? {
            break;
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Ok(())
}

fn is_bad(services: &Services, check: &str, key: &str) -> bool {
    let known = services.monitors.instances(check, services.clock.now());
    let this = known.iter().find(|one| &*one.status.id.instance == key);
    this.and_then(|one| one.status.state).is_some_and(|state| !matches!(state, Standing::Ok | Standing::Up))
}

#[cfg(test)]
mod tests {
    use vocabulary::state::OfSender;

    use super::*;

    #[test]
    fn where_it_is_is_said_once() {
        assert_eq!(what_and_where("disk full\n/srv", " web1\n"), "disk full (from web1)");
        assert_eq!(what_and_where("WEB1: disk full", "web1"), "WEB1: disk full");
    }

    #[test]
    fn what_comes_with_an_event_is_kept() {
        let event: Event = serde_json::from_value(json!({"event_action": "trigger", "client_url": "https://mon.example/7",
            "links": [{"href": "https://wiki.example/disk", "text": "Runbook"}, {"href": "https://x.example"}, {"text": "none"},
                {"href": "javascript:alert(1)"}],
            "payload": {"summary": "full", "source": "web1", "severity": "error", "custom_details": {"free": "1%"},
                "timestamp": "1970-01-02T00:00:00Z"}}))
        .unwrap();
        let found = outcome(&event, 90_000).unwrap();
        assert_eq!(found.output, "full (from web1)");
        let of_sender = OfSender {
            since: Some(86_400),
            runbook: Some("https://wiki.example/disk".into()),
            ..OfSender::default()
        };
        assert_eq!(found.of_sender.as_deref(), Some(&of_sender));
        let said = found.long_output;
        let wanted = "from web1\n{\"free\":\"1%\"}\nclient_url: https://mon.example/7\nRunbook: https://wiki.example/disk\nlink: https://x.example\nleft out: 1 of its links, no http or https addresses";
        assert_eq!(said, wanted);
    }
}
