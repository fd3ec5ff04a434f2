//! Counts over time, of a project or a group, as a whole or by release or environment. They are exact, whatever is kept of events.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use error_tracking::look::{By, Span};
use error_tracking::users::Users;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;

use super::super::status::off_thread;
use super::super::watched::check_window;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::services::Services;

const DAY: i64 = 86_400;
const USUAL_SECONDS: i64 = DAY;
const MONTH: &str = "month";

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its number or name.
    project: Option<String>,
    /// Its number, or `WEB-12`.
    group: Option<String>,
    /// `events` (usually) or `users`: different people, of the whole group or project.
    what: Option<String>,
    /// Seconds since 1970; usually a day ago until now.
    from: Option<i64>,
    until: Option<i64>,
    /// 60 (kept for two days), 3600 (for 90) or 86400 seconds, or `month`; usually the smallest that is kept so long and is not too fine.
    step: Option<String>,
    /// `release` or `environment`.
    by: Option<String>,
    release: Option<String>,
    environment: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ErrorCounts {
    /// Seconds; null: months, by UTC.
    step: Option<i64>,
    from: i64,
    until: i64,
    series: Vec<ErrorSeries>,
}

#[derive(Serialize, ToSchema)]
pub struct ErrorSeries {
    /// Of what it is divided by; empty for what says of none.
    name: String,
    /// `[at, count]`; slots without events are left out.
    points: Vec<(i64, u64)>,
}

#[utoipa::path(get, path = "/errors/series", params(Which),
    responses((status = 200, body = ErrorCounts), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn series(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<ErrorCounts>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let asked = which.asked(services, &caller)?;
        let series = match asked.is_of_people {
            true => vec![asked.people(services)?],
            false => asked.events(services)?,
        };
        let Asked { span, is_by_month, .. } = asked;
        let step = (!is_by_month).then_some(span.step);
        Ok(Json(ErrorCounts { step, from: span.from.0, until: span.until.0, series }))
    })
    .await
}

struct Asked {
    span: Span,
    /// The span is of days then.
    is_by_month: bool,
    is_of_people: bool,
}

impl Asked {
    fn events(&self, services: &Services) -> Answer<Vec<ErrorSeries>> {
        let mut series = BTreeMap::<String, BTreeMap<i64, u64>>::new();
        for slot in services.tracker.counts(&self.span, services.clock.now())? {
            *series.entry(slot.name).or_default().entry(self.slot(slot.at.0)).or_default() += slot.count;
        }
        let of = |(name, points): (String, BTreeMap<i64, u64>)| ErrorSeries {
            name,
            points: points.into_iter().collect(),
        };
        Ok(series.into_iter().map(of).collect())
    }

    /// Whoever comes on two days of a month is one of its people.
    fn people(&self, services: &Services) -> Answer<ErrorSeries> {
        let mut slots = BTreeMap::<i64, Users>::new();
        for (at, users) in services.tracker.people(&self.span, services.clock.now())? {
            slots.entry(self.slot(at.0)).or_default().join(&users);
        }
        let points = slots.into_iter().map(|(at, users)| (at, users.count()));
        Ok(ErrorSeries { name: String::new(), points: points.collect() })
    }

    fn slot(&self, at: i64) -> i64 {
        if self.is_by_month { month_of(at) } else { at }
    }
}

/// When it began.
fn month_of(at: i64) -> i64 {
    let moment = jiff::Timestamp::from_second(at).unwrap_or_default().to_zoned(TimeZone::UTC);
    let first = moment.date().first_of_month().to_zoned(TimeZone::UTC);
    first.map_or(at, |first| first.timestamp().as_second())
}

impl Which {
    fn times(&self, now: Timestamp) -> Answer<(i64, i64)> {
        check_window(self.from, self.until)?;
        let until = self.until.unwrap_or(now.0 + 1);
        Ok((self.from.unwrap_or(until - USUAL_SECONDS), until))
    }

    fn asked(self, services: &Services, caller: &Caller) -> Answer<Asked> {
        let (project, group) = match (&self.project, &self.group) {
            (_, Some(group)) => {
                let (group, project) = super::group(services, caller, group)?;
                (project, Some(group.id))
            }
            (Some(named), None) => (super::project(services, caller, named)?, None),
            (None, None) => return Err(Problem::bad_request("name a project or a group")),
        };
        let now = services.clock.now();
        let (from, until) = self.times(now)?;
        let is_of_people = self.is_of_people()?;
        let is_by_month = self.step.as_deref() == Some(MONTH);
        let step = match self.step.as_deref() {
            None => usual_step(from, until, now),
            Some(MONTH) => DAY,
            Some(text) => text.parse().map_err(|_| {
                Problem::bad_request(format!("`{text}` is no step"))
                    .hint("step is 60, 3600, 86400 (seconds) or month")
            })?,
        };
        // The slot that it lies in counts as a whole.
        let from = match is_by_month {
            true => month_of(from),
            false if step > 0 => from.saturating_sub(from.rem_euclid(step)),
            false => from,
        };
        let span = Span {
            project: project.id,
            group,
            step,
            from: Timestamp(from),
            until: Timestamp(until),
            by: self.by()?,
            environment: self.environment,
            release: self.release,
        };
        let asked = Asked { span, is_by_month, is_of_people };
        asked.span.problem().map_or(Ok(asked), |why| Err(Problem::bad_request(why)))
    }

    fn by(&self) -> Answer<Option<By>> {
        match self.by.as_deref() {
            None => Ok(None),
            Some("release") => Ok(Some(By::Release)),
            Some("environment") => Ok(Some(By::Environment)),
            Some(strange) => Err(Problem::bad_request(format!("counts are not divided by `{strange}`"))
                .hint("by is release or environment")),
        }
    }

    fn is_of_people(&self) -> Answer<bool> {
        let is_divided = self.by.is_some() || self.release.is_some() || self.environment.is_some();
        match self.what.as_deref() {
            None | Some("events") => Ok(false),
            Some("users") if !is_divided => Ok(true),
            Some("users") => Err(Problem::bad_request("people are counted of a whole group or project")
                .hint("leave out `by`, `release` and `environment`")),
            Some(strange) => Err(Problem::bad_request(format!("`{strange}` is not counted over time"))
                .hint("what is events or users")),
        }
    }
}

fn usual_step(from: i64, until: i64, now: Timestamp) -> i64 {
    use error_tracking::limits::{HOURS_KEPT_SECONDS, MINUTES_KEPT_SECONDS};
    let (length, age) = (until.saturating_sub(from), now.0.saturating_sub(from));
    match (length, age) {
        (length, age) if length <= 6 * 3_600 && age < MINUTES_KEPT_SECONDS => 60,
        (length, age) if length <= 31 * 86_400 && age < HOURS_KEPT_SECONDS => 3_600,
        _ => 86_400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_such_as_clocks_show() {
        let now = Timestamp(1_000_000);
        let times = |from: Option<i64>, until: Option<i64>| {
            Which { from, until, ..Which::default() }.times(now).map_err(|problem| problem.error)
        };
        assert_eq!(times(None, None), Ok((1_000_001 - USUAL_SECONDS, 1_000_001)));
        assert_eq!(times(Some(5), Some(7)), Ok((5, 7)));
        assert_eq!(times(None, Some(0)), Ok((-USUAL_SECONDS, 0)));
        assert!(times(None, Some(i64::MIN)).unwrap_err().contains("`until`"));
        assert!(times(Some(i64::MAX), None).unwrap_err().contains("`from`"));
    }

    #[test]
    fn months_begin_on_their_first_day() {
        let check = |at: &str, first: &str| {
            let second = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
            assert_eq!(month_of(second(at)), second(first), "{at}");
        };
        check("2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z");
        check("2028-03-01T00:00:00Z", "2028-03-01T00:00:00Z");
        check("1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z");
        // Beyond all that there is.
        month_of(i64::MAX);
        month_of(i64::MIN);
    }

    #[test]
    fn the_usual_step_is_one_that_is_kept() {
        let day = 86_400;
        let now = Timestamp(1_000 * day);
        let check = |ago: i64, length: i64, step: i64| {
            assert_eq!(usual_step(now.0 - ago, now.0 - ago + length, now), step, "{ago} {length}");
        };
        check(3_600, 3_600, 60);
        check(day, day, 3_600);
        check(10 * day, 3_600, 3_600);
        check(60 * day, 60 * day, day);
        check(400 * day, 3_600, day);
    }
}
