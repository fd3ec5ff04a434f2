//! `/api/v2/silences`, as amtool, Grafana and karma use them: silences of ours, of the alerts of one check by their labels.
//!
//! Those made in another way are shown where they say the same as matchers of labels: of the whole check, or of one alert.
//! What has ended is gone, not kept as expired.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::monitors::services::pattern::Glob;
use ::monitors::silence::labels::{ALERT_NAME, LabelMatcher, labels};
use ::monitors::silence::{Matcher as Meant, Silence};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::alertmanager::{Which, utc};
use super::details::moment;
use super::filters;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::api_v1::silences;
use crate::api_v1::watched::{author, may};
use crate::services::Services;

/// Clients take the number of a silence for a UUID.
const UUID_BEGINS: &str = "00000000-0000-4000-8000-";

pub fn uuid(id: i64) -> String {
    format!("{UUID_BEGINS}{id:012x}")
}

fn number(uuid: &str) -> Answer<i64> {
    let digits = uuid.strip_prefix(UUID_BEGINS).filter(|digits| digits.len() == 12);
    let id = digits.and_then(|digits| i64::from_str_radix(digits, 16).ok());
    id.ok_or_else(|| unknown(uuid))
}

fn unknown(uuid: &str) -> Problem {
    Problem::not_found(format!("there is no silence `{uuid}`: it may have ended"))
        .hint("GET /api/v2/silences lists them")
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Matcher {
    name: String,
    value: String,
    is_regex: bool,
    #[serde(default = "is_equal")]
    is_equal: bool,
}

fn is_equal() -> bool {
    true
}

impl From<LabelMatcher> for Matcher {
    fn from(one: LabelMatcher) -> Matcher {
        let LabelMatcher { name, value, is_regex, is_equal } = one;
        Matcher { name, value, is_regex, is_equal }
    }
}

impl From<Matcher> for LabelMatcher {
    fn from(one: Matcher) -> LabelMatcher {
        let Matcher { name, value, is_regex, is_equal } = one;
        LabelMatcher { name, value, is_regex, is_equal }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Posted {
    /// Of the one in whose place it comes.
    id: Option<String>,
    matchers: Vec<Matcher>,
    starts_at: Option<String>,
    ends_at: String,
    created_by: String,
    comment: String,
}

impl Posted {
    fn read(self, check: &str, author: String, now: i64) -> Answer<Silence> {
        let start = moment("startsAt", self.starts_at.as_deref()).map_err(Problem::bad_request)?;
        let end = moment("endsAt", Some(self.ends_at.as_str())).map_err(Problem::bad_request)?;
        let until = end.ok_or_else(|| Problem::bad_request("`endsAt` is missing"))?;
        let labels = self.matchers.into_iter().map(LabelMatcher::from).collect();
        let matcher = Meant { monitor: Some(check.to_owned()), labels, ..Meant::default() };
        let from = start.unwrap_or(now).max(now);
        let silence = Silence { id: 0, matchers: vec![matcher], from, until, reason: self.comment, author };
        match silence.wrong_labels() {
            Some(why) => Err(Problem::bad_request(why)),
            None if fits_what_has_no_labels(&silence) => Err(Problem::bad_request(
                "each of `matchers` fits a label that is not there, so that every alert would be silenced",
            )
            .hint("write one that names a value, such as alertname=\"Down\"")),
            None => Ok(silence),
        }
    }
}

/// As there, one of them at least has to ask for a label.
fn fits_what_has_no_labels(silence: &Silence) -> bool {
    let none = BTreeMap::new();
    silence.labels().filter_map(|label| label.test().ok()).all(|test| test.fits(&none))
}

#[derive(Serialize)]
pub struct Created {
    #[serde(rename = "silenceID")]
    silence_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gettable {
    id: String,
    status: Status,
    updated_at: String,
    matchers: Vec<Matcher>,
    starts_at: String,
    ends_at: String,
    created_by: String,
    comment: String,
}

#[derive(Serialize)]
struct Status {
    state: &'static str,
}

/// `None`: it cannot be said by matchers of labels.
fn matchers(silence: &Silence, check: &str) -> Option<Vec<LabelMatcher>> {
    let [Meant { monitor, instance, host: None, labels: own }] = silence.matchers.as_slice() else {
        return None;
    };
    if monitor.as_deref().is_some_and(|monitor| !Glob::new(monitor).matches(check)) {
        return None;
    }
    match instance {
        Some(instance) => {
            let name = Glob::new(instance).literal()?;
            let of_name = labels(&name).into_iter().map(|(name, value)| LabelMatcher {
                name,
                value,
                is_regex: false,
                is_equal: true,
            });
            Some(of_name.chain(own.iter().cloned()).collect())
        }
        None if own.is_empty() => Some(vec![LabelMatcher {
            name: ALERT_NAME.to_owned(),
            value: ".*".to_owned(),
            is_regex: true,
            is_equal: true,
        }]),
        None => Some(own.clone()),
    }
}

fn gettable(silence: &Silence, matchers: Vec<LabelMatcher>, now: i64) -> Gettable {
    Gettable {
        id: uuid(silence.id),
        status: Status { state: if silence.from > now { "pending" } else { "active" } },
        updated_at: utc(silence.from.min(now)),
        matchers: matchers.into_iter().map(Matcher::from).collect(),
        starts_at: utc(silence.from),
        ends_at: utc(silence.until),
        created_by: silence.author.clone(),
        comment: silence.reason.clone(),
    }
}

/// Those that can be said as Alertmanager's, with their matchers.
fn shown(services: &Services, caller: &Caller, check: &str) -> Vec<(Arc<Silence>, Vec<LabelMatcher>)> {
    let now = services.clock.now().0;
    let all = silences::seen(services, caller).into_iter().filter(|silence| silence.until > now);
    all.filter_map(|silence| matchers(&silence, check).map(|matchers| (silence, matchers))).collect()
}

fn one_of(
    services: &Services,
    caller: &Caller,
    check: &str,
    uuid: &str,
) -> Answer<(Arc<Silence>, Vec<LabelMatcher>)> {
    let id = number(uuid)?;
    let mut all = shown(services, caller, check).into_iter();
    all.find(|(silence, _)| silence.id == id).ok_or_else(|| unknown(uuid))
}

pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Vec<Gettable>>> {
    may(&caller, Role::Viewer)?;
    // As there, a filter is a matcher that the silence has.
    let wanted = filters::matchers(query.as_deref().unwrap_or_default())?;
    let now = services.clock.now().0;
    let all = shown(&services, &caller, which.check()).into_iter();
    let asked = all.filter(|(_, matchers)| wanted.iter().all(|one| matchers.contains(one)));
    Ok(Json(asked.map(|(silence, matchers)| gettable(&silence, matchers, now)).collect()))
}

pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(uuid): Path<String>,
    Params(which): Params<Which>,
) -> Answer<Json<Gettable>> {
    may(&caller, Role::Viewer)?;
    let (silence, matchers) = one_of(&services, &caller, which.check(), &uuid)?;
    Ok(Json(gettable(&silence, matchers, services.clock.now().0)))
}

/// With the `id` of another it comes in its place, and has another number.
pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
    Body(posted): Body<Posted>,
) -> Answer<Json<Created>> {
    may(&caller, Role::Responder)?;
    let before = posted.id.clone().filter(|id| !id.is_empty());
    let before = before.map(|uuid| one_of(&services, &caller, which.check(), &uuid)).transpose()?;
    let author = author(&caller, posted.created_by.clone());
    let silence = posted.read(which.check(), author, services.clock.now().0)?;
    let id = silences::begin(&services, &caller, silence).await?;
    if let Some((before, _)) = before {
        silences::end_one(&services, &caller, before.id).await?;
    }
    Ok(Json(Created { silence_id: uuid(id) }))
}

pub async fn end(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(uuid): Path<String>,
    Params(which): Params<Which>,
) -> Answer<StatusCode> {
    may(&caller, Role::Responder)?;
    let (silence, _) = one_of(&services, &caller, which.check(), &uuid)?;
    silences::end_one(&services, &caller, silence.id).await?;
    Ok(StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(matcher: Meant) -> Silence {
        let (reason, author) = ("moving".to_owned(), "ana".to_owned());
        Silence { id: 17, matchers: vec![matcher], from: 100, until: 200, reason, author }
    }

    fn posted(matchers: &str) -> Posted {
        let text = format!(
            "{{\"matchers\": {matchers}, \"startsAt\": \"2026-03-29T01:00:00Z\", \"endsAt\": \"2026-03-29T02:00:00Z\",
               \"createdBy\": \"ana\", \"comment\": \"moving\"}}"
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn numbers_are_uuids_and_back() {
        assert_eq!(uuid(17), "00000000-0000-4000-8000-000000000011");
        assert_eq!(number(&uuid(17)).unwrap(), 17);
        for wrong in ["17", "00000000-0000-4000-8000-11", "00000000-0000-4000-8000-00000000001x", ""] {
            assert_eq!(number(wrong).unwrap_err().status(), StatusCode::NOT_FOUND, "{wrong}");
        }
    }

    #[test]
    fn what_is_posted_is_a_silence_of_ours_and_shown_as_it_was() {
        let matchers_of = |text: &str| {
            let silence = posted(text).read("alertmanager", "ana".into(), 0)?;
            assert_eq!((silence.from, silence.until), (1_774_746_000, 1_774_749_600));
            let shown = matchers(&silence, "alertmanager").unwrap_or_default();
            assert_eq!(matchers(&silence, "other"), None);
            Ok::<_, Problem>(
                shown.iter().map(|one| format!("{} {}", one.name, one.value)).collect::<Vec<_>>(),
            )
        };
        let two = r#"[{"name": "job", "value": "a|b", "isRegex": true}, {"name": "env", "value": "x", "isRegex": false, "isEqual": false}]"#;
        assert!(
            matchers_of(r#"[{"name": "env", "value": "x", "isRegex": false, "isEqual": false}]"#).is_err()
        );
        assert!(matchers_of(r#"[{"name": "job", "value": "(", "isRegex": true}]"#).is_err());
        assert!(matchers_of("[]").is_err());
        assert_eq!(matchers_of(two).unwrap(), ["job a|b", "env x"]);
    }

    #[test]
    fn those_made_in_another_way_are_shown_if_labels_say_the_same() {
        let check = |matcher: Meant, wanted: Option<Vec<&str>>| {
            let said = |all: Vec<LabelMatcher>| -> Vec<String> {
                all.iter().map(|one| format!("{}={}", one.name, one.value)).collect()
            };
            let shown = matchers(&kept(matcher.clone()), "alertmanager").map(said);
            let wanted = wanted.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<String>>());
            assert_eq!(shown, wanted, "{matcher:?}");
        };
        let of = |monitor: &str| Meant { monitor: Some(monitor.to_owned()), ..Meant::default() };
        let instance = |name: &str| Meant { instance: Some(name.to_owned()), ..of("alertmanager") };
        check(of("alert*"), Some(vec!["alertname=.*"]));
        check(instance("Down;job=api"), Some(vec!["alertname=Down", "job=api"]));
        check(instance("Down*"), None);
        check(of("api-latency"), None);
        check(Meant { host: Some("web1".to_owned()), ..of("alertmanager") }, None);
    }
}
