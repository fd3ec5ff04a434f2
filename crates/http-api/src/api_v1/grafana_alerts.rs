//! Alerts of Grafana's own alerting, as its webhook sends them: each is a part of one passive check, so that it has a
//! state, a history, an incident and people to be told like everything else.
//!
//! Two forms are understood: that of unified alerting (Grafana 8 and later), which sends a group of alerts at a time,
//! and the older one of a single rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::monitors::{Outcome, Part};
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::watched::may;
use crate::accounts::{Caller, Role};
use crate::alerts_in::{all_taken, cut, details, one_line, readable, status_of_word, take as take_parts};
use crate::answer::{Answer, Body, Params, Problem};
use crate::services::Services;

pub(crate) const USUAL_CHECK: &str = "grafana";
/// Of one message; Grafana's own limit is optional and far below.
const MAX_ALERTS: usize = 1_000;

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
    #[serde(rename = "startsAt")]
    starts_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    #[serde(rename = "dashboardURL")]
    dashboard_url: Option<String>,
    #[serde(rename = "panelURL")]
    panel_url: Option<String>,
    #[serde(rename = "valueString")]
    value_string: Option<String>,
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
    responses((status = 200, body = Taken), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 429, body = Problem)))]
pub async fn take(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
    Body(message): Body<Message>,
) -> Answer<Json<Taken>> {
    may(&caller, Role::Editor)?;
    let check = which.check.unwrap_or_else(|| USUAL_CHECK.to_owned());
    let (told, verdict) = parts(message, services.clock.now().0)?;
    let taken = told.len();
    let bad = all_taken(&check, take_parts(&services, &check, "Grafana's alerts", || told).await?)?;
    verdict.map(|()| Json(Taken { check, taken, bad }))
}

fn parts(message: Message, now: i64) -> Answer<(Vec<Part>, Answer<()>)> {
    match (message.alerts, message.rule_name, message.state) {
        (Some(alerts), ..) if alerts.len() > MAX_ALERTS => Err(Problem::bad_request(format!(
            "{} alerts in one message; {MAX_ALERTS} at most are taken",
            alerts.len()
        ))
        .hint("set the webhook's `Max Alerts`")),
        (Some(alerts), ..) => Ok(readable(alerts.into_iter().enumerate().map(|alert| of_alert(alert, now)))),
        (None, Some(rule), Some(state)) => {
            Ok((of_rule(rule, &state, message.message, message.title), Ok(())))
        }
        _ => Err(Problem::bad_request(
            "this is no message of Grafana's alerting: it has neither `alerts` nor `ruleName` and `state`",
        )
        .hint("send it from a contact point of type Webhook")),
    }
}

fn of_alert((index, alert): (usize, Alert), now: i64) -> Answer<Part> {
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
    let output = one_line(&text.map_or_else(|| format!("{rule} {words}"), Clone::clone));
    // An alert is taken though nobody can read since when it fires.
    let start = details::moment("startsAt", alert.starts_at.as_deref()).ok().flatten();
    let of_sender = match status {
        0 => None,
        _ => details::of_sender(&alert.annotations, start, &output, now),
    };
    let links = [
        ("generatorURL", alert.generator_url),
        ("dashboardURL", alert.dashboard_url),
        ("panelURL", alert.panel_url),
    ];
    let mut said = alert.annotations;
    details::add_links(&mut said, links);
    said.extend(alert.value_string.map(|values| ("values".to_owned(), values)));
    let value = alert.values.iter().flatten().find_map(|(_, value)| value.as_f64());
    let outcome = Outcome {
        status,
        output,
        long_output: details::written(&said),
        value,
        of_sender,
        ..Outcome::default()
    };
    Ok(Part { name: cut(one_line(&format!("{rule}{tags}"))), outcome })
}

/// Without a severity Grafana says no more than that something is wrong. What it could not measure is UNKNOWN.
fn severity(alert: &Alert) -> u8 {
    let reason = alert.annotations.get("grafana_state_reason").map_or("", String::as_str);
    let rule = alert.labels.get("alertname").map_or("", String::as_str);
    if matches!(rule, "DatasourceNoData" | "DatasourceError") || matches!(reason, "NoData" | "Error") {
        return 3;
    }
    alert.labels.get("severity").map_or(2, |word| status_of_word(word))
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
