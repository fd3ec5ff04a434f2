//! Alerts of Grafana's own alerting, as its webhook sends them: each is a part of one passive check, so that it has a
//! state, a history, an incident and people to be told like everything else.
//!
//! Two forms are understood: that of unified alerting (Grafana 8 and later), which sends a group of alerts at a time,
//! and the older one of a single rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::monitors::machine::ObjectName;
use ::monitors::{Outcome, Part};
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::state::State as Standing;

use super::watched::{change, may};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::services::Services;

const USUAL_CHECK: &str = "grafana";
/// Of one message; Grafana's own limit is optional and far below.
const MAX_ALERTS: usize = 1_000;
/// A name is shown on telephones.
const MAX_NAME: usize = 256;

#[derive(Deserialize, IntoParams)]
pub struct Which {
    /// The passive check whose parts the alerts are; default `grafana`.
    check: Option<String>,
}

/// What Grafana sends; whatever else is in it is not needed here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Of unified alerting.
    alerts: Option<Vec<Alert>>,
    /// Of the older form.
    #[serde(rename = "ruleName")]
    rule_name: Option<String>,
    state: Option<String>,
    title: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Alert {
    /// firing, resolved
    status: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    values: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Taken {
    check: String,
    /// Alerts that were understood.
    taken: usize,
    /// How many of all that are known are in trouble now.
    bad: usize,
}

/// Alerts from Grafana's webhook.
#[utoipa::path(post, path = "/grafana/alerts", params(Which),
    request_body(content = Object, description = "as a contact point of type Webhook sends it"),
    responses((status = 200, body = Taken), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn take(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
    Body(message): Body<Message>,
) -> Answer<Json<Taken>> {
    may(&caller, Role::Editor)?;
    let check = which.check.unwrap_or_else(|| USUAL_CHECK.to_owned());
    let now = services.clock.now();
    let told = parts(message)?;
    let name = ObjectName::Check(check.clone());
    if services.monitors.look(&name, now).is_err() {
        return Err(Problem::not_found(format!("there is no check `{check}` for Grafana's alerts")).hint(
            "define it: [[check]] name = \"grafana\", type = \"passive\", max_check_attempts = 1; or name another with ?check=",
        ));
    }
    change(&services, move |monitors| {
        let taken = told.len();
        let outcome = whole(told, &monitors.instances(&check, now), now);
        let bad = outcome.parts.iter().filter(|part| part.outcome.status != 0).count();
        let ticket = monitors.result(&name, &outcome, now)?;
        Ok((Json(Taken { check, taken, bad }), ticket))
    })
    .await
}

fn parts(message: Message) -> Answer<Vec<Part>> {
    match (message.alerts, message.rule_name, message.state) {
        (Some(alerts), ..) if alerts.len() > MAX_ALERTS => Err(Problem::bad_request(format!(
            "{} alerts in one message; {MAX_ALERTS} at most are taken",
            alerts.len()
        ))
        .hint("set the webhook's `Max Alerts`")),
        (Some(alerts), ..) => alerts.into_iter().enumerate().map(of_alert).collect(),
        (None, Some(rule), Some(state)) => Ok(of_rule(rule, &state, message.message, message.title)),
        _ => Err(Problem::bad_request(
            "this is no message of Grafana's alerting: it has neither `alerts` nor `ruleName` and `state`",
        )
        .hint("send it from a contact point of type Webhook")),
    }
}

fn of_alert((index, alert): (usize, Alert)) -> Answer<Part> {
    let wrong = |what: &str| Err(Problem::bad_request(format!("alerts[{index}]: {what}")));
    let Some(rule) = alert.labels.get("alertname").filter(|name| !name.trim().is_empty()) else {
        return wrong("the label `alertname` is missing");
    };
    let status = match alert.status.as_str() {
        "resolved" => 0,
        "firing" => severity(&alert),
        other => return wrong(&format!("`status` is `{other}`: it is `firing` or `resolved`")),
    };
    // As names of tagged series are written, so that a label `env` says what is production.
    let own = alert.labels.iter().filter(|(key, _)| !matches!(key.as_str(), "alertname" | "grafana_folder"));
    let tags: String = own.map(|(key, value)| format!(";{key}={value}")).collect();
    let text = ["summary", "description", "message"].iter().find_map(|key| alert.annotations.get(*key));
    let words = if status == 0 { "resolved" } else { "fires" };
    let output = text.map_or_else(|| format!("{rule} {words}"), Clone::clone);
    let value = alert.values.iter().flatten().find_map(|(_, value)| value.as_f64());
    let outcome = Outcome {
        status,
        output: one_line(&output),
        long_output: alert.generator_url.unwrap_or_default(),
        value,
        ..Outcome::default()
    };
    Ok(Part { name: cut(format!("{rule}{tags}")), outcome })
}

/// Without a severity Grafana says no more than that something is wrong. What it could not measure is UNKNOWN.
fn severity(alert: &Alert) -> u8 {
    let reason = alert.annotations.get("grafana_state_reason").map_or("", String::as_str);
    let rule = alert.labels.get("alertname").map_or("", String::as_str);
    if matches!(rule, "DatasourceNoData" | "DatasourceError") || matches!(reason, "NoData" | "Error") {
        return 3;
    }
    match alert.labels.get("severity").map(|word| word.to_ascii_lowercase()).as_deref() {
        Some("warning" | "warn" | "minor" | "low" | "info" | "notice") => 1,
        _ => 2,
    }
}

fn of_rule(rule: String, state: &str, message: Option<String>, title: Option<String>) -> Vec<Part> {
    let status = match state {
        "ok" => 0,
        "alerting" => 2,
        "no_data" => 3,
        // Paused and pending say nothing about what is watched.
        _ => return Vec::new(),
    };
    let output = message.filter(|text| !text.trim().is_empty()).or(title).unwrap_or_else(|| rule.clone());
    let outcome = Outcome { status, output: one_line(&output), ..Outcome::default() };
    vec![Part { name: cut(rule), outcome }]
}

/// A message tells of some alerts only: what is known of the others stays, and the check is as bad as the worst.
fn whole(told: Vec<Part>, known: &[::monitors::look::Found], now: Timestamp) -> Outcome {
    let names: BTreeSet<&str> = told.iter().map(|part| part.name.as_str()).collect();
    let others = known.iter().filter(|one| {
        let name = &*one.status.id.instance;
        !name.is_empty() && !names.contains(name)
    });
    let others: Vec<Part> = others.filter_map(as_it_was).collect();
    let mut parts: Vec<Part> = told.into_iter().chain(others).collect();
    for part in &mut parts {
        part.outcome.at = now;
    }
    let bad: Vec<&Part> = parts.iter().filter(|part| part.outcome.status != 0).collect();
    let worst = bad.iter().max_by_key(|part| Standing::of_status(part.outcome.status).badness());
    let output = match bad.as_slice() {
        [] => "no alert fires".to_owned(),
        [one] => format!("{}: {}", one.name, one.outcome.output),
        [first, ..] => format!("{} alerts fire, {} among them", bad.len(), first.name),
    };
    let status = worst.map_or(0, |part| part.outcome.status);
    Outcome { status, output, at: now, parts, ..Outcome::default() }
}

fn as_it_was(found: &::monitors::look::Found) -> Option<Part> {
    let status = match found.status.state? {
        Standing::Ok | Standing::Up => 0,
        Standing::Warning => 1,
        Standing::Unknown => 3,
        _ => 2,
    };
    let outcome = Outcome { status, output: found.status.output.to_string(), ..Outcome::default() };
    Some(Part { name: found.status.id.instance.to_string(), outcome })
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("fires").to_owned()
}

fn cut(name: String) -> String {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => name[..end].to_owned(),
        None => name,
    }
}
