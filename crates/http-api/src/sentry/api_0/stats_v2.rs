//! Counts of all projects, as newer exporters ask for them: in groups, each with its sum and its series.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::{Extension, Json};
use error_tracking::Project;
use serde_json::{Map, Value, json};
use vocabulary::Timestamp;
use vocabulary::time::HumanDuration;

use super::stats::{pairs, span};
use super::{Told, projects_asked, shapes, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::parameters::Parameters;
use crate::services::Services;

/// What is counted over time here: errors that were taken.
const OUTCOME: &str = "accepted";
const CATEGORY: &str = "error";
const FIELDS: [&str; 2] = ["sum(quantity)", "sum(times_seen)"];
const GROUPS: [&str; 4] = ["project", "outcome", "category", "reason"];
const HOUR: i64 = 3_600;

struct Asked {
    field: String,
    by: Vec<String>,
    /// By name or number; none: all.
    projects: Vec<String>,
    step: i64,
    from: Timestamp,
    until: Timestamp,
    /// Something else than what is counted here.
    is_of_others: bool,
}

impl Asked {
    fn read(query: &str, now: Timestamp) -> Answer<Asked> {
        let parameters = Parameters::of_query(query);
        let field = parameters.last("field").unwrap_or(FIELDS[0]).to_owned();
        if !FIELDS.contains(&field.as_str()) {
            return Err(Problem::bad_request(format!("`field` is not `{field}`"))
                .hint("it is sum(quantity) or sum(times_seen)"));
        }
        let by = parameters.all("groupBy");
        if let Some(strange) = by.iter().find(|by| !GROUPS.contains(&by.as_str())) {
            return Err(Problem::bad_request(format!("`groupBy` is not `{strange}`"))
                .hint("it is project, outcome, category or reason"));
        }
        let step = match parameters.last("interval").unwrap_or("1h") {
            "1h" => HOUR,
            "1d" => 24 * HOUR,
            "1m" => 60,
            other => {
                return Err(Problem::bad_request(format!("interval is not `{other}`"))
                    .hint("it is 1m (of two days), 1h (of 90 days) or 1d"));
            }
        };
        let period = parameters.last("statsPeriod").unwrap_or("24h");
        let length: Option<HumanDuration> = period.parse().ok();
        let seconds = length.and_then(|length| i64::try_from(length.0.as_secs()).ok()).ok_or_else(|| {
            Problem::bad_request(format!("statsPeriod is not `{period}`")).hint("write 24h, 14d or the like")
        })?;
        let until = now.0.div_euclid(step) * step + step;
        let from = until.saturating_sub(seconds).div_euclid(step) * step;
        let is_other = |name: &str, counted: &str| {
            let all = parameters.all(name);
            !all.is_empty() && all.iter().all(|one| one != counted)
        };
        let mut projects = parameters.all("project");
        projects.retain(|project| project != "-1");
        Ok(Asked {
            is_of_others: is_other("outcome", OUTCOME) || is_other("category", CATEGORY),
            field,
            by,
            projects,
            step,
            from: Timestamp(from),
            until: Timestamp(until),
        })
    }

    fn has(&self, by: &str) -> bool {
        self.by.iter().any(|one| one == by)
    }

    fn by(&self, project: &Project) -> Value {
        let mut by = Map::new();
        for (name, value) in [
            ("project", json!(project.id)),
            ("outcome", json!(OUTCOME)),
            ("category", json!(CATEGORY)),
            ("reason", json!("none")),
        ] {
            if self.has(name) {
                by.insert(name.to_owned(), value);
            }
        }
        Value::Object(by)
    }

    /// Of each project, or of all that are asked for together.
    fn groups(&self, services: &Services, projects: &[Arc<Project>], now: Timestamp) -> Answer<Vec<Value>> {
        let mut groups: Vec<(Value, Vec<u64>)> = Vec::new();
        for project in projects.iter().filter(|_| !self.is_of_others) {
            let span = span(project.id, None, self.step, self.from, self.until);
            let counts: Vec<u64> = pairs(services, &span, now)?.into_iter().map(|(_, count)| count).collect();
            match groups.last_mut().filter(|_| !self.has("project")) {
                Some((_, sums)) => sums.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count),
                None => groups.push((self.by(project), counts)),
            }
        }
        let group = |(by, counts): (Value, Vec<u64>)| {
            let total: u64 = counts.iter().sum();
            json!({"by": by, "totals": {(self.field.as_str()): total}, "series": {(self.field.as_str()): counts}})
        };
        Ok(groups.into_iter().map(group).collect())
    }
}

pub async fn of_organization(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Told<Json<Value>> {
    let query = uri.query().unwrap_or_default().to_owned();
    working(&services, caller, Role::Viewer, move |services, caller| {
        let now = services.clock.now();
        let asked = Asked::read(&query, now)?;
        let projects = projects_asked(services, caller, &asked.projects)?;
        let slots = (asked.from.0..asked.until.0).step_by(asked.step as usize);
        let intervals: Vec<String> = slots.take(MAX_INTERVALS).map(|at| shapes::time(Timestamp(at))).collect();
        Ok(Json(json!({"start": shapes::time(asked.from), "end": shapes::time(asked.until), "intervals": intervals,
            "groups": asked.groups(services, &projects, now)?})))
    })
    .await
}

/// As many slots as an answer has.
const MAX_INTERVALS: usize = error_tracking::limits::MAX_SLOTS as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read() {
        let now = Timestamp(1_700_000_000);
        let asked = Asked::read("groupBy=project&groupBy=outcome&field=sum(times_seen)&statsPeriod=2h", now);
        let asked = asked.unwrap();
        assert_eq!((asked.step, asked.from.0, asked.until.0), (3_600, 1_699_995_600, 1_700_002_800));
        assert!(
            asked.has("project") && asked.has("outcome") && !asked.has("category") && !asked.is_of_others
        );
        let others = |query: &str| Asked::read(query, now).unwrap().is_of_others;
        assert!(others("outcome=rate_limited") && others("category=transaction"));
        assert!(!others("outcome=rate_limited&outcome=accepted&category=error"));
        for wrong in ["field=max(quantity)", "groupBy=luck", "interval=7s", "statsPeriod=soon"] {
            assert!(Asked::read(wrong, now).is_err(), "{wrong}");
        }
    }
}
