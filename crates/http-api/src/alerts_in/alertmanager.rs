//! `/api/v2/alerts`: Prometheus posts its alerts here as to an Alertmanager, again and again while they fire; amtool reads
//! them.
//!
//! An alert ends when its `endsAt` has passed, or resolve_timeout after it was last heard of without one, as there. After a
//! start each has as long to be heard of again as it had when it was heard of before.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::monitors::look::Found;
use ::monitors::silence::labels::labels;
use ::monitors::{Outcome, Part};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::Timestamp as Instant;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use state_store::StateError;
use vocabulary::state::State as Standing;

use super::filters::Filters;
use super::silences::uuid;
use super::{all_taken, cut, details, ends, one_line, readable, status_of_word, take};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::api_v1::off_thread;
use crate::api_v1::watched::may;
use crate::services::Services;

pub(crate) const USUAL_CHECK: &str = "alertmanager";
const MAX_ALERTS: usize = 10_000;
/// Beside its annotations, in what else it says.
const GENERATOR: &str = "generatorURL";
const STARTS: &str = "startsAt";
/// Alertmanager's own, of an alert that says no end.
const RESOLVE_TIMEOUT_SECONDS: i64 = 300;
/// While anything fires it is looked so often what has ended: another message may bring an end forward.
const SWEEP_SECONDS: i64 = 2;
/// What could not be ended, as the disk took nothing, is ended after so long.
const END_AGAIN_SECONDS: i64 = 30;

#[derive(Deserialize)]
pub struct Which {
    /// The passive check whose parts the alerts are; default `alertmanager`.
    check: Option<String>,
    /// Of the list: with those that fire, with those that a silence or another reason holds back; default both.
    active: Option<bool>,
    silenced: Option<bool>,
}

impl Which {
    pub(super) fn check(&self) -> &str {
        self.check.as_deref().unwrap_or(USUAL_CHECK)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Posted {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

pub async fn take_alerts(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
    Body(alerts): Body<Vec<Posted>>,
) -> Answer<StatusCode> {
    may(&caller, Role::Editor)?;
    if alerts.len() > MAX_ALERTS {
        return Err(Problem::bad_request(format!("{} alerts at once; {MAX_ALERTS} are taken", alerts.len())));
    }
    let check = which.check().to_owned();
    let now = services.clock.now().0;
    let (read, verdict) = readable(alerts.into_iter().enumerate().map(|alert| of_alert(alert, now)));
    if read.is_empty() {
        return verdict.map(|()| StatusCode::OK);
    }
    let ends: Vec<(String, i64)> = read.iter().map(|(part, end)| (part.name.clone(), *end)).collect();
    let (at_its_turn, named) = (services.clone(), check.clone());
    let told = move || {
        for (part, end) in &read {
            match *end > now {
                true => at_its_turn.alert_ends.set(&named, &part.name, *end),
                false => at_its_turn.alert_ends.ended(&named, &part.name),
            }
        }
        read.into_iter().map(|(part, _)| part).collect::<Vec<Part>>()
    };
    let merged = take(&services, &check, "Prometheus's alerts", told).await?;
    sweep_later(services.clone());
    let named = check.clone();
    off_thread(&services, move |services| {
        services.alert_ends.remember(&services.state, &named, &ends, now)?;
        let over = ends.into_iter().filter(|(_, end)| *end <= now).map(|(name, _)| (named.clone(), name));
        Ok(services.alert_ends.forget(&services.state, &over.collect::<Vec<_>>())?)
    })
    .await?;
    all_taken(&check, merged)?;
    verdict.map(|()| StatusCode::OK)
}

/// With when it ends; what has ended is well.
fn of_alert((index, alert): (usize, Posted), now: i64) -> Answer<(Part, i64)> {
    let wrong = |what: String| Problem::bad_request(format!("[{index}]: {what}"));
    let rule = alert.labels.get("alertname").map_or("", |name| name.trim());
    if !alert.labels.values().any(|value| !value.trim().is_empty()) {
        return Err(wrong("it has no label: nothing says what it is".into()));
    }
    let start = details::moment("startsAt", alert.starts_at.as_deref()).map_err(wrong)?;
    let end = details::moment("endsAt", alert.ends_at.as_deref()).map_err(wrong)?;
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        return Err(wrong("`startsAt` is after `endsAt`".into()));
    }
    let end = end.unwrap_or(now + RESOLVE_TIMEOUT_SECONDS);
    let name = name(rule, &alert.labels);
    let severity = alert.labels.get("severity").map_or("critical", String::as_str);
    let text = ["summary", "description", "message"].iter().find_map(|key| alert.annotations.get(*key));
    let output = text.map_or_else(
        || format!("{} fires", if rule.is_empty() { &name } else { rule }),
        |text| one_line(text),
    );
    let outcome = match end <= now {
        true => Outcome { output: "resolved".into(), ..Outcome::default() },
        false => Outcome {
            status: status_of_word(severity),
            of_sender: details::of_sender(&alert.annotations, start, &output, now),
            output,
            long_output: details::written(&said_of(&alert, start)),
            ..Outcome::default()
        },
    };
    Ok((Part { name, outcome }, end))
}

fn said_of(alert: &Posted, start: Option<i64>) -> BTreeMap<String, String> {
    let mut said = alert.annotations.clone();
    details::add_links(&mut said, [(GENERATOR, alert.generator_url.clone())]);
    said.remove(STARTS);
    said.extend(start.map(|at| (STARTS.to_owned(), utc(at))));
    said
}

pub(super) fn utc(at: i64) -> String {
    Instant::from_second(at).unwrap_or_default().to_string()
}

/// As names of tagged series are written, so that a label `env` says what is production.
fn name(rule: &str, labels: &BTreeMap<String, String>) -> String {
    let own = labels.iter().filter(|(key, _)| *key != "alertname");
    let tags: String = own.map(|(key, value)| format!(";{key}={value}")).collect();
    cut(one_line(&format!("{rule}{tags}")))
}

/// After a start: what resolved while nobody listened ends too.
pub fn resume(services: &Arc<Services>) -> Result<(), StateError> {
    let now = services.clock.now();
    services.alert_ends.resume(&services.state, now.0)?;
    for check in ends::take_checks(&services.state)? {
        for found in services.monitors.instances(&check, now).iter().filter(|found| is_bad_alert(found)) {
            let end = now.0 + RESOLVE_TIMEOUT_SECONDS;
            services.alert_ends.set_again(&check, &found.status.id.instance, end);
        }
    }
    sweep_later(services.clone());
    Ok(())
}

fn is_bad_alert(found: &Found) -> bool {
    let state = found.status.state;
    let is_bad = state.is_some_and(|state| !matches!(state, Standing::Ok | Standing::Up));
    is_bad && !found.status.id.instance.is_empty()
}

/// Ends what is not heard of any more. One task looks for it; when nothing is left it goes.
fn sweep_later(services: Arc<Services>) {
    use std::sync::atomic::Ordering::AcqRel;
    if services.sweeping_alerts.swap(true, AcqRel) {
        return;
    }
    tokio::spawn(async move {
        while let Some(next) = services.alert_ends.next() {
            let wait = (next - services.clock.now().0).clamp(1, SWEEP_SECONDS);
            tokio::time::sleep(std::time::Duration::from_secs(wait.unsigned_abs())).await;
            sweep(&services).await;
        }
        services.sweeping_alerts.store(false, std::sync::atomic::Ordering::Release);
        if services.alert_ends.next().is_some() {
            // It was set when nothing was left, and somebody was still sweeping.
            sweep_later(services);
        }
    });
}

async fn sweep(services: &Arc<Services>) {
    let mut by_check: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let over = services.alert_ends.over(services.clock.now().0);
    for (check, name) in over.iter().cloned() {
        by_check.entry(check).or_default().push(name);
    }
    for (check, names) in by_check {
        let (at_its_turn, named, silent) = (services.clone(), check.clone(), names.clone());
        let told = move || ended(&at_its_turn.alert_ends, &named, silent);
        let Err(problem) = take(services, &check, "Prometheus's alerts", told).await else { continue };
        tracing::warn!(check, why = problem.error, "alerts that are over could not be ended");
        if !problem.is(StatusCode::NOT_FOUND) {
            let later = services.clock.now().0 + END_AGAIN_SECONDS;
            names.iter().for_each(|name| services.alert_ends.set_again(&check, name, later));
        }
    }
    let forgotten =
        off_thread(services, move |services| Ok(services.alert_ends.forget(&services.state, &over)?));
    if let Err(problem) = forgotten.await {
        tracing::warn!(why = problem.error, "alerts that are over are known as such until a restart only");
    }
}

/// Those of which nobody has told meanwhile.
fn ended(ends: &ends::Ends, check: &str, names: Vec<String>) -> Vec<Part> {
    let end = |name| {
        let outcome = Outcome { output: "not heard of any more".into(), ..Outcome::default() };
        Part { name, outcome }
    };
    names.into_iter().filter(|name| !ends.has(check, name)).map(end).collect()
}

/// As amtool reads them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gettable {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    updated_at: String,
    fingerprint: String,
    receivers: [Receiver; 1],
    status: Status,
    #[serde(rename = "generatorURL")]
    generator_url: String,
}

#[derive(Serialize)]
pub struct Receiver {
    name: &'static str,
}

/// Who is told follows from policies and contacts, not from a tree of routes.
pub(super) const RECEIVER: Receiver = Receiver { name: "bellwether" };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: &'static str,
    silenced_by: Vec<String>,
    inhibited_by: [String; 0],
}

pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Vec<Gettable>>> {
    may(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let filters = Filters::of_query(query.as_deref().unwrap_or_default())?;
        let alerts = listed(services, &which, &filters);
        Ok(Json(alerts.into_iter().map(|(_, alert)| alert).collect()))
    })
    .await
}

/// Those that fire and are asked for, each with the name that it has here.
pub(super) fn listed(services: &Services, which: &Which, filters: &Filters) -> Vec<(Arc<str>, Gettable)> {
    let now = services.clock.now();
    let known = services.monitors.instances(which.check(), now);
    let alerts = known.iter().filter(|one| is_bad_alert(one)).map(|found| {
        let silenced_by = services.monitors.silenced_by(&found.status.id, now);
        (found.status.id.instance.clone(), gettable(found, silenced_by, now.0))
    });
    let wanted = alerts.filter(|(_, alert)| {
        let is_shown = if alert.status.state == "active" { which.active } else { which.silenced };
        is_shown.unwrap_or(true) && filters.fit(&alert.labels)
    });
    wanted.collect()
}

fn gettable(found: &Found, silenced_by: Vec<i64>, now: i64) -> Gettable {
    let name = &*found.status.id.instance;
    let mut annotations = details::read(&found.status.long_output);
    let generator_url = annotations.remove(GENERATOR).unwrap_or_default();
    let began = found.status.last_state_change.map_or(now, |at| at.0);
    let starts_at = annotations.remove(STARTS).unwrap_or_else(|| utc(began));
    annotations.entry("summary".into()).or_insert_with(|| found.status.output.to_string());
    let fingerprint: String = Sha256::digest(name)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Gettable {
        labels: labels(name),
        annotations,
        starts_at,
        ends_at: utc(now + RESOLVE_TIMEOUT_SECONDS),
        updated_at: utc(now),
        fingerprint,
        receivers: [RECEIVER],
        status: Status {
            state: if found.withheld.is_some() { "suppressed" } else { "active" },
            silenced_by: silenced_by.into_iter().map(uuid).collect(),
            inhibited_by: [],
        },
        generator_url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alert_that_cannot_be_read_takes_no_other_with_it() {
        let posted = |text: &str| serde_json::from_str::<Vec<Posted>>(text).unwrap();
        let read = |text: &str| {
            let (good, verdict) = readable(posted(text).into_iter().enumerate().map(|one| of_alert(one, 0)));
            let names: Vec<String> = good.into_iter().map(|(part, _)| part.name).collect();
            (names, verdict.err().map(|problem| problem.error))
        };
        let full = r#"{"labels":{"alertname":"DiskFull","severity":"critical"}}"#;
        let late = r#"{"labels":{"alertname":"Late"},"startsAt":"2026-03-29T02:00:00Z","endsAt":"2026-03-29T01:00:00Z"}"#;
        let nameless = r#"{"labels":{"job":"x"}}"#;
        let disk = "DiskFull;severity=critical".to_owned();
        assert_eq!(read(&format!("[{full},{nameless}]")), (vec![disk.clone(), ";job=x".into()], None));
        let (names, wrong) = read(&format!("[{late},{full},{{}}]"));
        assert_eq!(names, [disk]);
        assert_eq!(wrong.unwrap(), "[0]: `startsAt` is after `endsAt`; 2 cannot be read");
    }

    #[test]
    fn what_is_told_again_just_before_it_is_ended_goes_on() {
        let ends = ends::Ends::default();
        ["down", "slow"].iter().for_each(|name| ends.set("prometheus", name, 100));
        let over = ends.over(100).into_iter().map(|(_, name)| name).collect();
        ends.set("prometheus", "slow", 400);
        let ended: Vec<String> = ended(&ends, "prometheus", over).into_iter().map(|part| part.name).collect();
        assert_eq!(ended, ["down"]);
    }
}
