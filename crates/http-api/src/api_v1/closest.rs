//! What is closest to its limit: numbers of checks beside their maximum or threshold, and values of metric monitors
//! beside theirs.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use formats::nagios::range::Range;
use monitors::Outcome;
use monitors::config::{Definitions, MonitorKind};
use monitors::kinds::check::perfdata::{self, Shown};
use monitors::machine::ObjectName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::status::off_thread;
use super::watched;
use crate::accounts::Caller;
use crate::answer::{Answer, Params};
use crate::services::Services;

const USUAL_LISTED: usize = 20;
const MOST_LISTED: usize = 1_000;
/// Each is looked through from its first instance to its last; what is beyond is counted.
const MOST_MONITORS: usize = 200;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct HowMany {
    /// At most so many; default 20.
    limit: Option<usize>,
    /// Only of these series, one on each line.
    series: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Closest {
    now: i64,
    /// The closest first.
    closest: Vec<Near>,
    /// Numbers that have a limit.
    looked_at: usize,
    /// Metric monitors that were not looked at, as there are too many.
    left_out: usize,
}

/// One number and what it must not reach.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Near {
    /// `check`, `host` or `monitor`.
    pub kind: &'static str,
    pub name: String,
    /// The label of a check's number, the instance of a monitor.
    pub label: String,
    value: f64,
    unit: String,
    limit: f64,
    /// What kind of limit it is: `max`, `critical` or `warning`.
    pub of: &'static str,
    /// 1: it is there.
    pub share: f64,
    /// Where its past is drawn from.
    pub series: String,
    /// The limit as that series would show it: a line on its graph.
    level: f64,
    /// Where it begins, as that series would show it.
    #[serde(skip)]
    least: f64,
}

impl Near {
    /// (limit, where it begins): its series is in base units, so the limit is too.
    pub fn bound(&self) -> (f64, f64) {
        (self.level, self.least)
    }

    /// Is it to stay below its limit? Of what has reached it the share says so, of the rest too.
    pub fn is_above(&self) -> bool {
        (self.share > 1.0) == (self.value > self.limit)
    }
}

#[utoipa::path(get, path = "/closest", params(HowMany), responses((status = 200, body = Closest)))]
pub async fn closest(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(wanted): Params<HowMany>,
) -> Answer<Json<Closest>> {
    watched::sees(&caller)?;
    let limit = wanted.limit.unwrap_or(USUAL_LISTED).min(MOST_LISTED);
    off_thread(&services, move |services| {
        let (mut closest, left_out) = all(services);
        let looked_at = closest.len();
        if let Some(series) = &wanted.series {
            let named: HashSet<&str> = series.lines().collect();
            closest.retain(|near| named.contains(&*near.series));
        }
        closest.truncate(limit);
        Ok(Json(Closest { now: services.clock.now().0, closest, looked_at, left_out }))
    })
    .await
}

/// The closest first, and how many monitors were not looked at.
pub fn all(services: &Services) -> (Vec<Near>, usize) {
    let definitions = services.monitors.definitions();
    let mut all = Vec::new();
    for check in &definitions.checks {
        let service = check.service.as_deref().unwrap_or(&check.name);
        let name = ObjectName::Check(check.name.clone());
        of_perfdata(services, ("check", &name, &check.name), (&check.host, service), &mut all);
    }
    for host in &definitions.hosts {
        let name = ObjectName::Host(host.name.clone());
        of_perfdata(services, ("host", &name, &host.name), (&host.name, ""), &mut all);
    }
    let left_out = of_monitors(services, &definitions, &mut all);
    all.sort_by(|a: &Near, b| b.share.total_cmp(&a.share).then_with(|| a.name.cmp(&b.name)));
    (all, left_out)
}

fn of_perfdata(
    services: &Services,
    (kind, name, called): (&'static str, &ObjectName, &str),
    (host, service): (&str, &str),
    all: &mut Vec<Near>,
) {
    let Ok(found) = services.monitors.look(name, services.clock.now()) else { return };
    let perfdata = found.status.perfdata.to_string();
    if perfdata.is_empty() {
        return;
    }
    let (items, _) = perfdata::shown(&perfdata);
    let points = perfdata::points(host, service, &Outcome { perfdata, ..Outcome::default() }, 0.0);
    // The first one is the state; what could not be measured has none.
    let measured = items.into_iter().filter(|item| item.value.is_some());
    for (item, (series, point)) in measured.zip(points.into_iter().skip(1)) {
        let Some((share, limit, of)) = nearest(&item) else { continue };
        let value = item.value.unwrap_or_default();
        let times = if value == 0.0 { 1.0 } else { point / value };
        let least = if of == "max" { item.min.unwrap_or(0.0) } else { 0.0 };
        let (level, least) = (limit * times, least * times);
        let (name, label, unit) = (called.to_owned(), item.label, item.uom);
        all.push(Near { kind, name, label, value, unit, limit, of, share, series, level, least });
    }
}

/// Of its limits the one that it is closest to.
fn nearest(item: &Shown) -> Option<(f64, f64, &'static str)> {
    let value = item.value?;
    let least = item.min.unwrap_or(0.0);
    let max = item.max.filter(|max| *max > least).map(|max| ((value - least) / (max - least), max, "max"));
    let bound = |text: &Option<String>, of| {
        let (share, limit) = of_range(value, Range::parse(text.as_deref()?)?)?;
        Some((share, limit, of))
    };
    let all = [max, bound(&item.crit, "critical"), bound(&item.warn, "warning")];
    // Of a warning only where there is nothing worse to reach.
    let worse = all[..2].iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0));
    worse.or(all[2].as_ref()).copied()
}

fn of_range(value: f64, range: Range) -> Option<(f64, f64)> {
    let Range { start, end, inside } = range;
    match () {
        () if inside => None,
        () if end.is_finite() && end > 0.0 => Some((value / end, end)),
        () if !end.is_finite() && start > 0.0 && value > 0.0 => Some((start / value, start)),
        () => None,
    }
}

fn of_monitors(services: &Services, definitions: &Definitions, all: &mut Vec<Near>) -> usize {
    let metric = definitions.monitors.iter().filter(|monitor| monitor.kind == MonitorKind::Metric);
    let bounded = metric.filter_map(|monitor| {
        let of = |text: &Option<String>, of| Some((bound(text.as_deref()?)?, of));
        let (bound, of) = of(&monitor.critical, "critical").or_else(|| of(&monitor.warning, "warning"))?;
        Some((monitor, bound, of))
    });
    let bounded: Vec<_> = bounded.collect();
    for (monitor, (above, limit), of) in bounded.iter().take(MOST_MONITORS) {
        for found in services.monitors.instances(&monitor.name, services.clock.now()) {
            let Some(value) = found.status.value.filter(|value| value.is_finite()) else { continue };
            let share = if *above { value / limit } else { limit / value };
            if !share.is_finite() || share < 0.0 {
                continue;
            }
            let instance = found.status.id.instance.to_string();
            all.push(Near {
                kind: "monitor",
                name: monitor.name.clone(),
                label: instance.clone(),
                value,
                unit: String::new(),
                limit: *limit,
                of,
                share,
                series: instance,
                level: *limit,
                least: 0.0,
            });
        }
    }
    bounded.len().saturating_sub(MOST_MONITORS)
}

/// `> 800`, `<= 5`: (is it above that it must not be, than what). Anything else has no single limit.
fn bound(condition: &str) -> Option<(bool, f64)> {
    let condition = condition.trim();
    let (above, rest) = match condition.strip_prefix('>') {
        Some(rest) => (true, rest),
        None => (false, condition.strip_prefix('<')?),
    };
    let limit: f64 = rest.strip_prefix('=').unwrap_or(rest).trim().parse().ok()?;
    (limit.is_finite() && limit > 0.0).then_some((above, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_measured_against_the_limit_that_it_is_closest_to() {
        let check = |perfdata: &str, wanted: Option<(f64, f64, &str)>| {
            let (items, skipped) = perfdata::shown(perfdata);
            assert!(skipped.is_empty(), "{perfdata}");
            let found = nearest(&items[0]).map(|(share, limit, of)| ((share * 1e3).round() / 1e3, limit, of));
            assert_eq!(found, wanted, "{perfdata}");
        };
        check("connections=97;80;95;0;100", Some((1.021, 95.0, "critical")));
        check("connections=90;;;0;100", Some((0.9, 100.0, "max")));
        check("connections=90;;;;", None);
        check("load=2;5;;", Some((0.4, 5.0, "warning")));
        check("load=2;5;10;", Some((0.2, 10.0, "critical")));
        check("free=20%;20:;10:;0;100", Some((0.5, 10.0, "critical")));
        check("x=5;;@3:7;", None);
        check("x=5;;;10;10", None);
        check("x=15;;;10;20", Some((0.5, 20.0, "max")));
    }

    #[test]
    fn one_bound_is_a_limit() {
        for (condition, wanted) in [
            ("> 800", Some((true, 800.0))),
            (" >=5", Some((true, 5.0))),
            ("< 3", Some((false, 3.0))),
            ("> 5%", None),
            ("avg over 5m > 3", None),
            ("> -1", None),
            ("outside 1..2", None),
            ("", None),
        ] {
            assert_eq!(bound(condition), wanted, "{condition}");
        }
    }
}
