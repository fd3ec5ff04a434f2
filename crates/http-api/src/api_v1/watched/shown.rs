//! How a check or a host is.

use axum::Json;
use formats::nagios::perfdata::{self, Breach};
use monitors::kinds::check::perfdata::names;
use monitors::look::{Found, Planned};
use monitors::machine::ObjectName;
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::{StateType, Withheld};

use super::word;
use crate::answer::Answer;
use crate::services::Services;

/// How a check or a host is.
#[derive(Serialize, ToSchema)]
pub struct Watched {
    name: String,
    /// Of a check: the host that it is on.
    host: Option<String>,
    /// PENDING before the first result.
    #[schema(example = "CRITICAL")]
    state: &'static str,
    #[schema(value_type = String, example = "HARD")]
    state_type: StateType,
    attempt: u32,
    max_check_attempts: u32,
    /// Since when the state holds.
    since: Option<i64>,
    flapping: bool,
    /// Of the last results, in per cent.
    percent_state_change: f64,
    in_downtime: bool,
    acknowledged: bool,
    acknowledgement: Option<Acknowledged>,
    /// Why nobody would be told now.
    #[schema(value_type = Option<String>, example = "downtime")]
    withheld: Option<Withheld>,
    /// What is before it: of a check its host, of a host its parents; those that the caller sees.
    parents: Vec<Parent>,
    last_output: String,
    long_output: String,
    perfdata: Vec<PerfdataItem>,
    /// Of each of them, in the same order.
    perfdata_series: Vec<NumberSeries>,
    value: Option<f64>,
    /// When it was looked last, and when next if we do it.
    last_check: Option<i64>,
    next_check: Option<f64>,
    execution_seconds: f64,
    /// Problem notices since it is bad.
    notification_number: u32,
    last_notification: Option<i64>,
    next_notification: Option<i64>,
    notifications_enabled: bool,
    active_checks_enabled: bool,
    passive_results_enabled: bool,
    downtimes: Vec<Downtime>,
    comments: Vec<Comment>,
}

#[derive(Serialize, ToSchema)]
struct Parent {
    host: String,
    #[schema(example = "UP")]
    state: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Acknowledged {
    author: String,
    comment: String,
    at: i64,
    sticky: bool,
    expires: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct PerfdataItem {
    pub(in crate::api_v1) label: String,
    /// null for `U`: it could not be measured.
    value: Option<f64>,
    uom: String,
    /// As written: ranges such as `@10:20`.
    pub(in crate::api_v1) warn: Option<String>,
    pub(in crate::api_v1) crit: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
    #[schema(example = "none")]
    pub(in crate::api_v1) breach: &'static str,
}

/// Where a number of the result is stored, in the base unit: seconds, bytes, per cent.
#[derive(Serialize, ToSchema)]
pub struct NumberSeries {
    label: String,
    #[schema(example = "checks.web1.http.time_seconds")]
    pub(in crate::api_v1) series: String,
    /// What is stored is so many times the value; the thresholds' numbers as well.
    pub(in crate::api_v1) scale: f64,
}

#[derive(Serialize, ToSchema)]
pub struct Downtime {
    id: u64,
    check: Option<String>,
    host: Option<String>,
    monitor: Option<String>,
    instance: Option<String>,
    start: i64,
    end: i64,
    fixed: bool,
    duration: i64,
    author: String,
    comment: String,
    in_effect: bool,
    /// The `[[downtime]]` that it comes from.
    recurring: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Comment {
    id: u64,
    at: i64,
    author: String,
    comment: String,
}

pub fn perfdata_items(text: &str) -> Vec<PerfdataItem> {
    let item = |item: perfdata::Item| PerfdataItem {
        breach: match item.breach() {
            Breach::None => "none",
            Breach::Warning => "warning",
            Breach::Critical => "critical",
        },
        label: item.label,
        value: item.value,
        uom: item.uom,
        warn: item.warn,
        crit: item.crit,
        min: item.min,
        max: item.max,
    };
    perfdata::parse(text).items.into_iter().map(item).collect()
}

fn series_of(host: &str, service: &str, text: &str) -> Vec<NumberSeries> {
    let items = perfdata::parse(text).items;
    let names = names(host, service, &items);
    let of = |(item, series): (perfdata::Item, String)| {
        let scale = item.base_unit().1;
        NumberSeries { label: item.label, series, scale }
    };
    items.into_iter().zip(names).map(of).collect()
}

impl From<&Planned> for Downtime {
    fn from(planned: &Planned) -> Downtime {
        let (mut check, mut host, mut monitor, mut instance) = (None, None, None, None);
        match planned.of.clone() {
            ObjectName::Check(name) => check = Some(name),
            ObjectName::Host(name) => host = Some(name),
            ObjectName::Instance(name, of) => (monitor, instance) = (Some(name), Some(of)),
        }
        let downtime = &planned.downtime;
        Downtime {
            id: downtime.id,
            check,
            host,
            monitor,
            instance,
            start: downtime.start,
            end: downtime.end,
            fixed: downtime.fixed,
            duration: downtime.duration,
            author: downtime.author.to_string(),
            comment: downtime.comment.to_string(),
            in_effect: downtime.in_effect,
            recurring: downtime.recurring.as_deref().map(str::to_owned),
        }
    }
}

impl Watched {
    /// Its numbers, each with where it is stored.
    pub(in crate::api_v1) fn numbers(&self) -> Vec<(&PerfdataItem, &NumberSeries)> {
        self.perfdata.iter().zip(&self.perfdata_series).collect()
    }

    fn of(services: &Services, scope: &Scope, name: &ObjectName, found: Found) -> Watched {
        let status = found.status;
        let host = match name {
            ObjectName::Host(name) => name.as_str(),
            _ => status.host.as_deref().unwrap_or_default(),
        };
        let service = found.service.as_deref().unwrap_or_default();
        let at = |at: Option<Timestamp>| at.map(|at| at.0);
        Watched {
            name: found.name,
            host: status.host.as_deref().map(str::to_owned),
            state: word(status.state),
            state_type: status.state_type,
            attempt: status.attempt,
            max_check_attempts: status.max_attempts,
            since: at(status.last_state_change),
            flapping: status.flapping,
            percent_state_change: status.percent_state_change,
            in_downtime: status.downtime_depth > 0,
            acknowledged: status.acknowledgement.is_some(),
            acknowledgement: status.acknowledgement.map(|of| Acknowledged {
                author: of.author.to_string(),
                comment: of.comment.to_string(),
                at: of.at,
                sticky: of.sticky,
                expires: of.expires,
            }),
            withheld: found.withheld,
            parents: found
                .parents
                .into_iter()
                .filter(|(host, _)| scope.sees(host))
                .map(|(host, state)| Parent { host, state: word(state) })
                .collect(),
            last_output: status.output.to_string(),
            long_output: status.long_output.to_string(),
            perfdata: perfdata_items(&status.perfdata),
            perfdata_series: series_of(host, service, &status.perfdata),
            value: status.value,
            last_check: at(status.last_check),
            next_check: services.control.next_check(name),
            execution_seconds: status.seconds,
            notification_number: status.notification_number,
            last_notification: at(status.last_notification),
            next_notification: at(status.next_notification),
            notifications_enabled: status.notifications_enabled,
            active_checks_enabled: status.active_checks_enabled,
            passive_results_enabled: status.passive_results_enabled,
            downtimes: found.downtimes.iter().map(Downtime::from).collect(),
            comments: found
                .comments
                .iter()
                .map(|comment| Comment {
                    id: comment.id,
                    at: comment.at,
                    author: comment.author.to_string(),
                    comment: comment.comment.to_string(),
                })
                .collect(),
        }
    }
}

/// Without how hosts before it are that are not in this scope.
pub fn show(services: &Services, scope: &Scope, name: &ObjectName) -> Answer<Json<Watched>> {
    let found = services.monitors.look(name, services.clock.now())?;
    Ok(Json(Watched::of(services, scope, name, found)))
}
