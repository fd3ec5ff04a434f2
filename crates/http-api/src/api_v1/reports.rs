//! Are we getting better? How long it took to have and to mend what failed, how available each service was in each
//! month, whom it woke, what pages for nothing, and how close to their limits things came.

mod csv;
mod headroom;
pub mod monthly;
mod months;
mod tables;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use incidents::reports::{self, Dealing, Figures, Load, Record};
use jiff::tz::TimeZone;
use monitors::look::Summary;
use monitors::services::availability::Attained;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::ports::{QueryLimits, Scope};

use self::headroom::HeadroomItem;
use self::months::Month;
use super::{availability, watched};
use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::estate::Estate;
use crate::services::Services;

const USUAL_SECONDS: i64 = 30 * 86_400;
/// As long as the noise: older incidents of a busy site are forgotten.
const MAX_SECONDS: i64 = 400 * 86_400;
const WEEK_SECONDS: f64 = 7.0 * 86_400.0;
/// Of the noisiest and of people; what comes after says little.
const MAX_LISTED: usize = 200;

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Seconds since 1970. Default: 30 days before `until`.
    from: Option<i64>,
    /// Default: now.
    until: Option<i64>,
    /// A whole month, such as `2026-10`, in the place of `from` and `until`.
    month: Option<String>,
    /// In which months begin; default: the server's.
    tz: Option<String>,
    /// `json` (default) or `csv`.
    format: Option<String>,
    /// Of `csv`: `summary`, `services` (default), `people`, `noisiest` or `headroom`.
    table: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ReportAnswer {
    now: i64,
    pub from: i64,
    pub until: i64,
    tz: String,
    /// The oldest incident that is kept: of the time before nothing is known. Null: there never was one.
    record_begins: Option<i64>,
    #[serde(flatten)]
    pub all: DealingItem,
    pub services: Vec<ServiceItem>,
    /// Those with most disturbed nights first.
    pub people: Vec<PersonItem>,
    /// What is most worth changing first.
    pub noisiest: Vec<NoisyItem>,
    pub headroom: Vec<HeadroomItem>,
    /// Numbers with a limit that were not looked at, as there are too many.
    headroom_left_out: usize,
}

/// Of all, or of one service. docs/reports.md has each definition.
#[derive(Serialize, ToSchema)]
pub struct DealingItem {
    /// That count: neither flapped nor over before anybody was told, and of production.
    pub incidents: usize,
    pub left_out: LeftOut,
    pub paged: usize,
    pub self_healed: usize,
    pub open: usize,
    /// MTTA: from when it opened here until somebody had it, of those that paged.
    pub to_acknowledge: Option<FiguresItem>,
    /// MTTR: from its beginning to its end.
    pub to_recover: Option<FiguresItem>,
    /// MTBF: from the end of one failure to the beginning of the next.
    pub between_failures: Option<FiguresItem>,
    /// What was CRITICAL or DOWN; what overlaps is one.
    pub failures: usize,
}

#[derive(Serialize, ToSchema)]
pub struct LeftOut {
    /// Over within a minute.
    pub flapped: usize,
    /// Over before anybody was told.
    pub untold: usize,
    pub not_production: usize,
}

/// In seconds.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub struct FiguresItem {
    pub count: usize,
    pub mean: f64,
    pub median: f64,
    pub p95: f64,
}

#[derive(Serialize, ToSchema)]
pub struct ServiceItem {
    pub name: String,
    external: bool,
    #[serde(flatten)]
    pub dealing: DealingItem,
    pub months: Vec<MonthItem>,
}

/// The four kinds of seconds add up to the month's part of the window.
#[derive(Serialize, ToSchema)]
pub struct MonthItem {
    #[schema(example = "2026-10")]
    pub month: String,
    from: i64,
    until: i64,
    /// Of the known time that was not planned downtime; null: nothing is known.
    pub attained_percent: Option<f64>,
    pub available_seconds: i64,
    pub in_trouble_seconds: i64,
    /// In trouble in planned downtime: it counts neither way.
    pub planned_seconds: i64,
    pub unknown_seconds: i64,
    pub outages: usize,
    /// Available time by outages; null without one.
    pub available_seconds_per_outage: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct PersonItem {
    pub name: String,
    pub pages: u64,
    pub pages_per_week: f64,
    /// That never arrived.
    pub lost: u64,
    pub incidents: usize,
    /// Pages in the night (`[incidents] night`) in `tz`; rooms never sleep.
    pub at_night: u64,
    /// Different nights with one.
    pub nights: usize,
    /// Incidents that this person had first.
    pub acknowledged: usize,
    tz: String,
}

#[derive(Serialize, ToSchema)]
pub struct NoisyItem {
    /// Such as `monitor:api-latency`.
    pub reason: String,
    pub incidents: u64,
    pub pages: u64,
    pub self_healed: u64,
    pub acknowledged: u64,
    pub useful: u64,
    pub useless: u64,
    /// Of those that were useful.
    pub too_late: u64,
}

/// The record of a time, in figures.
#[utoipa::path(get, path = "/reports", params(Asked),
    responses((status = 200, body = ReportAnswer, description = "With `format=csv` one table as text/csv"), (status = 400, body = Problem)))]
pub async fn report(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(asked): Params<Asked>,
) -> Answer<Response> {
    watched::sees(&caller)?;
    let zone = zone_of(asked.tz.as_deref(), &services.zone)?;
    let (from, until) = window(&asked, &zone, services.clock.now().0)?;
    let table = match asked.format.as_deref() {
        None | Some("json") => None,
        Some("csv") => Some(tables::named(asked.table.as_deref().unwrap_or("services"))?),
        Some(other) => {
            return Err(Problem::bad_request(format!("`format` is `{other}`")).hint("write json or csv"));
        }
    };
    let scope = caller.scope.clone();
    let made = services.query(move |services, limits| made(services, limits, &scope, (from, until), &zone));
    let report = made.await??;
    Ok(match table {
        None => Json(report).into_response(),
        Some(table) => (
            [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=report.csv"),
            ],
            csv::written(&table(&report)),
        )
            .into_response(),
    })
}

fn zone_of(name: Option<&str>, otherwise: &TimeZone) -> Answer<TimeZone> {
    let Some(name) = name else { return Ok(otherwise.clone()) };
    TimeZone::get(name).map_err(|_| {
        Problem::bad_request(format!("`tz`: there is no time zone `{name}`"))
            .hint("write one such as Europe/Berlin or UTC")
    })
}

fn window(asked: &Asked, zone: &TimeZone, now: i64) -> Answer<(i64, i64)> {
    if let Some(month) = &asked.month {
        if asked.from.is_some() || asked.until.is_some() {
            return Err(Problem::bad_request("`month` stands in the place of `from` and `until`"));
        }
        let (from, until) = months::whole(month, zone).ok_or_else(|| {
            Problem::bad_request(format!("`month` is `{month}`")).hint("write it as 2026-10")
        })?;
        if from >= now {
            return Err(Problem::bad_request(format!("the month {month} lies in the future")));
        }
        return Ok((from, until.min(now)));
    }
    let until = asked.until.unwrap_or(now).clamp(0, now.max(0));
    let from = asked.from.unwrap_or(until - USUAL_SECONDS).max(0);
    if from >= until {
        return Err(Problem::bad_request("`from` is not before `until`, or lies in the future")
            .hint("both are seconds since 1970; left out, they are the last 30 days"));
    }
    if until - from > MAX_SECONDS {
        return Err(Problem::bad_request(format!("a report is of {} days at most", MAX_SECONDS / 86_400)));
    }
    Ok((from, until))
}

fn made(
    services: &Services,
    limits: &QueryLimits,
    scope: &Scope,
    (from, until): (i64, i64),
    zone: &TimeZone,
) -> Answer<ReportAnswer> {
    let record = services.desk.what_happened(from, until)?;
    let months = months::between(from, until, zone);
    let (headroom, headroom_left_out) = headroom::worst(services, scope, (from, until), limits)?;
    Ok(ReportAnswer {
        now: services.clock.now().0,
        from,
        until,
        tz: name_of(zone),
        record_begins: record.begins,
        all: dealing(reports::dealing(&record.cases, until)),
        services: of_services(services, &record, until, &months)?,
        people: people(services, &record, until - from),
        noisiest: noisiest(&record),
        headroom,
        headroom_left_out,
    })
}

fn name_of(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("the server's").to_owned()
}

fn of_services(
    services: &Services,
    record: &Record,
    until: i64,
    months: &[Month],
) -> Answer<Vec<ServiceItem>> {
    let estate = Estate::of(services);
    let mut items = Vec::new();
    for (service, members) in estate.services.all.iter().zip(estate.members()) {
        let reasons: Vec<String> = members.iter().map(|member| reason_of(member)).collect();
        let cases = record.cases.iter().filter(|case| reasons.contains(&case.reason));
        let mut of_months = Vec::with_capacity(months.len());
        for month in months {
            let attained = availability::of_service(services, &members, (month.from, month.until))?;
            of_months.push(month_item(month, &attained));
        }
        items.push(ServiceItem {
            name: service.name.clone(),
            external: service.external,
            dealing: dealing(reports::dealing(cases, until)),
            months: of_months,
        });
    }
    items.sort_by(|a, b| (a.external, &a.name).cmp(&(b.external, &b.name)));
    Ok(items)
}

/// What incidents of it are called. Those of what is not production are called otherwise, and do not count.
fn reason_of(member: &Summary) -> String {
    match member.kind {
        "host" => format!("host:{}", member.name),
        _ => format!("monitor:{}", member.name),
    }
}

fn month_item(month: &Month, attained: &Attained) -> MonthItem {
    let outages = attained.outages;
    MonthItem {
        month: month.name.clone(),
        from: month.from,
        until: month.until,
        attained_percent: attained.percent(),
        available_seconds: attained.available,
        in_trouble_seconds: attained.in_trouble,
        planned_seconds: attained.planned,
        unknown_seconds: attained.unknown,
        outages,
        available_seconds_per_outage: (outages > 0).then(|| attained.available as f64 / outages as f64),
    }
}

fn dealing(of: Dealing) -> DealingItem {
    DealingItem {
        incidents: of.incidents,
        left_out: LeftOut { flapped: of.flapped, untold: of.untold, not_production: of.not_production },
        paged: of.paged,
        self_healed: of.self_healed,
        open: of.open,
        to_acknowledge: of.to_acknowledge.map(figures),
        to_recover: of.to_recover.map(figures),
        between_failures: of.between.map(figures),
        failures: of.failures,
    }
}

fn figures(of: Figures) -> FiguresItem {
    FiguresItem { count: of.count, mean: of.mean, median: of.median, p95: of.p95 }
}

fn people(services: &Services, record: &Record, seconds: i64) -> Vec<PersonItem> {
    let nights = services.desk.nights(services.clock.now()).elsewhere(services.zone.clone());
    let weeks = seconds as f64 / WEEK_SECONDS;
    let item = |(name, of): (String, Load)| PersonItem {
        pages: of.pages,
        pages_per_week: (of.pages as f64 / weeks * 100.0).round() / 100.0,
        lost: of.lost,
        incidents: of.incidents,
        at_night: of.at_night,
        nights: of.nights,
        acknowledged: of.acknowledged,
        tz: name_of(nights.zone(&name)),
        name,
    };
    let mut all: Vec<PersonItem> = reports::load(record, &nights).into_iter().map(item).collect();
    all.sort_by_key(|one| std::cmp::Reverse((one.nights, one.pages)));
    all.truncate(MAX_LISTED);
    all
}

fn noisiest(record: &Record) -> Vec<NoisyItem> {
    let all = reports::noisiest(record).into_iter().take(MAX_LISTED);
    let item = |(reason, noise): (String, incidents::noise::Noise)| NoisyItem {
        reason,
        incidents: noise.incidents,
        pages: noise.pages,
        self_healed: noise.self_healed,
        acknowledged: noise.acknowledged,
        useful: noise.useful,
        useless: noise.useless,
        too_late: noise.too_late,
    };
    all.map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_month_or_two_moments() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
        let now = at("2026-11-22T12:00:00Z");
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let month = |text: &str| Asked { month: Some(text.into()), ..Asked::default() };
        let october = window(&month("2026-10"), &berlin, now).ok();
        assert_eq!(october, Some((at("2026-09-30T22:00:00Z"), at("2026-10-31T23:00:00Z"))));
        let now_on = window(&month("2026-11"), &TimeZone::UTC, now).ok();
        assert_eq!(now_on, Some((at("2026-11-01T00:00:00Z"), now)));
        for (asked, said) in [
            (month("2026-13"), "`month` is"),
            (month("October"), "`month` is"),
            (month("2026-12"), "in the future"),
            (Asked { from: Some(0), ..month("2026-10") }, "in the place of"),
            (Asked { from: Some(now), ..Asked::default() }, "not before"),
            (Asked { from: Some(0), ..Asked::default() }, "400 days"),
        ] {
            let problem = window(&asked, &TimeZone::UTC, now).unwrap_err();
            assert!(problem.error.contains(said), "{problem:?}");
        }
        assert_eq!(window(&Asked::default(), &berlin, now).ok(), Some((now - USUAL_SECONDS, now)));
        assert!(zone_of(Some("Europe/Brelin"), &berlin).is_err());
    }
}
