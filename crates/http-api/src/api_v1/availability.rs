//! What each service attained, beside its objective.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::{Extension, Json};
use monitors::look::Summary;
use monitors::machine::ObjectName;
use monitors::planned::{self, Spans};
use monitors::services::Objective;
use monitors::services::availability::{Attained, Past, attained};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::services::{ObjectiveItem, objective};
use super::status::off_thread;
use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::estate::Estate;
use crate::services::Services;

/// Where no objective says over how long.
const USUAL_SECONDS: i64 = 30 * 86_400;
/// An answer about the usual windows is given again for so long, and for as many times as long as it took.
const KEPT: Duration = Duration::from_secs(20);
const KEPT_TIMES: u32 = 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Seconds since 1970. Default: as long ago as the objective is for, 30 days where there is none.
    from: Option<i64>,
    until: Option<i64>,
}

#[derive(Clone, Serialize, ToSchema)]
pub struct AvailabilityAnswer {
    now: i64,
    /// Those that missed their objective first, then by name.
    services: Vec<AvailabilityItem>,
    /// Of ours, those that were not given one.
    without_objective: Vec<String>,
}

#[derive(Clone, Serialize, ToSchema)]
struct AvailabilityItem {
    name: String,
    external: bool,
    from: i64,
    until: i64,
    objective: Option<ObjectiveItem>,
    /// Of the known time that was not planned downtime; null: nothing is known.
    #[schema(example = 99.95)]
    attained_percent: Option<f64>,
    /// Null where there is no objective, or nothing is known.
    meets: Option<bool>,
    available_seconds: i64,
    /// Something that watches it was confirmed CRITICAL, DOWN or UNREACHABLE.
    in_trouble_seconds: i64,
    /// The same in planned downtime: it counts neither way.
    planned_seconds: i64,
    unknown_seconds: i64,
    outages: usize,
    /// How much longer it may be in trouble within this window; below zero: too long already.
    budget_left_seconds: Option<f64>,
    causes: Vec<CauseItem>,
}

#[derive(Clone, Serialize, ToSchema)]
struct CauseItem {
    name: String,
    seconds: i64,
}

/// The last answer about the usual windows.
#[derive(Default)]
pub struct Availabilities {
    kept: Mutex<Option<(Instant, AvailabilityAnswer)>>,
}

/// How much of the time each service was available, what that is made of, and whether it was enough.
#[utoipa::path(get, path = "/availability", params(Window), responses((status = 200, body = AvailabilityAnswer), (status = 400, body = Problem)))]
pub async fn availability(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(window): Params<Window>,
) -> Answer<Json<AvailabilityAnswer>> {
    // It tells of checks and hosts.
    super::watched::sees(&caller)?;
    let now = services.clock.now();
    let until = window.until.unwrap_or(now.0).clamp(0, now.0.max(0));
    // Nothing is known of the time before 1970.
    let from = window.from.map(|from| from.max(0));
    if from.is_some_and(|from| from >= until) {
        return Err(Problem::bad_request("`from` is not before `until`, or lies in the future")
            .hint("both are seconds since 1970; left out, they are the time of the objective, up to now"));
    }
    off_thread(&services, move |services| {
        if from.is_some() || window.until.is_some() {
            return told(services, from, until).map(Json);
        }
        // Held while it is worked out: who asks meanwhile waits for the same answer.
        let mut kept = services.availabilities.kept.lock();
        if let Some((_, answer)) = kept.as_ref().filter(|(good_until, _)| Instant::now() < *good_until) {
            return Ok(Json(answer.clone()));
        }
        let began = Instant::now();
        let answer = told(services, None, until)?;
        *kept = Some((Instant::now() + KEPT.max(began.elapsed() * KEPT_TIMES), answer.clone()));
        Ok(Json(answer))
    })
    .await
}

fn told(services: &Services, from: Option<i64>, until: i64) -> Answer<AvailabilityAnswer> {
    let estate = Estate::of(services);
    let members = estate.members();
    let all = &estate.services.all;
    let mut items = Vec::with_capacity(all.len());
    for (service, members) in all.iter().zip(members) {
        let wanted: Option<Objective> = service.objective.as_deref().and_then(|text| text.parse().ok());
        let over = wanted.map_or(USUAL_SECONDS, |wanted| wanted.over.0.as_secs() as i64);
        let from = from.unwrap_or(until - over);
        let attained = of_service(services, &members, (from, until))?;
        items.push(item(&service.name, service.external, wanted, (from, until), attained));
    }
    items.sort_by(|a, b| (a.meets != Some(false), &a.name).cmp(&(b.meets != Some(false), &b.name)));
    let ours = all.iter().filter(|service| !service.external && service.objective.is_none());
    Ok(AvailabilityAnswer {
        now: services.clock.now().0,
        services: items,
        without_objective: ours.map(|service| service.name.clone()).collect(),
    })
}

/// What a service attained, by what watches it.
pub fn of_service(services: &Services, members: &[&Summary], (from, until): (i64, i64)) -> Answer<Attained> {
    let planned = planned::between(&services.state, from, until).map_err(Problem::internal)?;
    let mut pasts = Vec::new();
    for member in members {
        pasts_of(services, member, &planned, (from, until), &mut pasts)?;
    }
    Ok(attained(&pasts, from, until))
}

fn item(
    name: &str,
    external: bool,
    wanted: Option<Objective>,
    (from, until): (i64, i64),
    attained: Attained,
) -> AvailabilityItem {
    let percent = attained.percent();
    // Of the window asked for, which may be another than the objective's own.
    let allowed = |wanted: Objective| (until - from) as f64 * (100.0 - wanted.percent) / 100.0;
    AvailabilityItem {
        name: name.to_owned(),
        external,
        from,
        until,
        attained_percent: percent,
        meets: wanted.and_then(|wanted| Some(percent? >= wanted.percent)),
        available_seconds: attained.available,
        in_trouble_seconds: attained.in_trouble,
        planned_seconds: attained.planned,
        unknown_seconds: attained.unknown,
        outages: attained.outages,
        // Where nothing is known, nothing is known to be left.
        budget_left_seconds: percent
            .and(wanted)
            .map(|wanted| (allowed(wanted) - attained.in_trouble as f64).round()),
        causes: attained.causes.into_iter().map(|(name, seconds)| CauseItem { name, seconds }).collect(),
        objective: wanted.map(objective),
    }
}

/// How a check, a host, or each instance of a monitor was.
fn pasts_of(
    services: &Services,
    member: &Summary,
    planned: &Spans,
    (from, until): (i64, i64),
    pasts: &mut Vec<Past>,
) -> Answer<()> {
    let spans = |of: &ObjectName| planned.get(of).cloned().unwrap_or_default();
    let names = match member.kind {
        "host" => vec![ObjectName::Host(member.name.clone())],
        "check" | "passive" => vec![ObjectName::Check(member.name.clone())],
        _ => {
            let instances = services.monitors.known_instances(&member.name);
            instances.iter().map(|one| ObjectName::Instance(member.name.clone(), one.to_string())).collect()
        }
    };
    for of in names {
        let (runs, _) = services.monitors.history(&of, from, until, Some(usize::MAX))?;
        let mut planned = spans(&of);
        if let (ObjectName::Check(_), Some(host)) = (&of, &member.host) {
            planned.extend(spans(&ObjectName::Host(host.clone())));
        }
        let ribbon = monitors::history::ribbon(&runs, from, until);
        let name = match of {
            ObjectName::Instance(name, instance) if !instance.is_empty() => format!("{name}: {instance}"),
            _ => member.name.clone(),
        };
        pasts.push(Past { name, ribbon, planned });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_attained_stands_beside_what_was_promised() {
        let wanted: Objective = "99 % over 1d".parse().unwrap();
        let attained = |available, in_trouble| Attained {
            available,
            in_trouble,
            unknown: 86_400 - available - in_trouble,
            ..Attained::default()
        };
        let day = (0, 86_400);
        let good = item("shop", false, Some(wanted), day, attained(86_000, 400));
        assert_eq!((good.meets, good.budget_left_seconds), (Some(true), Some(464.0)));
        let bad = item("shop", false, Some(wanted), day, attained(80_000, 1_000));
        assert_eq!((bad.meets, bad.budget_left_seconds), (Some(false), Some(-136.0)));
        let unknown = item("shop", false, Some(wanted), day, attained(0, 0));
        assert_eq!(
            (unknown.meets, unknown.attained_percent, unknown.budget_left_seconds),
            (None, None, None)
        );
        let free = item("shop", false, None, day, attained(100, 0));
        assert_eq!((free.meets, free.attained_percent, free.budget_left_seconds), (None, Some(100.0), None));
        // A shorter window has a smaller budget.
        let hour = item("shop", false, Some(wanted), (0, 3_600), attained(3_590, 10));
        assert_eq!(hour.budget_left_seconds, Some(26.0));
    }
}
