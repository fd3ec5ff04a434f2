//! The pager proved on its own past: asked for, made on a thread of its own, and kept under an address that can be shared.

mod answered;
pub mod pager;
mod part;
mod reasons;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::night::Night;
use incidents::nights::Nights;
use jiff::tz::TimeZone;
use monitors::Definitions;
use monitors::config::MonitorKind;
use monitors::kinds::metric::Look;
use monitors::look::Origin;
use monitors::made::Origins;
use monitors::proof::{self, Ground, Label, MAX_LABELS, Proof, Question, Sent, label};
use monitors::replay::Past;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use self::pager::Pager;
use self::reasons::Reasons;
use super::monitor_test::Moment;
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::control::Readiness;
use crate::evaluate::StateEvents;
use crate::guard::require;
use crate::proofs::{self, DONE, FAILED, Kept, Place, RUNNING};
use crate::services::Services;

const USUAL_DAYS: i64 = 90;
const MAX_DAYS: i64 = 400;
/// What is not tried by then is not proposed, and the report says so.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProofRequest {
    /// Default: 90 days ago. Seconds since 1970, or Graphite's time grammar.
    #[schema(value_type = Option<String>)]
    from: Option<Moment>,
    #[schema(value_type = Option<String>)]
    until: Option<Moment>,
    /// Of times without a zone, and where people live whose own zone is not known; default: the server's.
    tz: Option<String>,
    /// Default: that of the quiet hours (`[incidents] night`).
    night: Option<Hours>,
    /// Known outages as CSV: `start,end,title`. Incidents that were judged useful count too.
    outages: String,
}

/// Hours of the day, 0 to 23.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Hours {
    from: i8,
    until: i8,
}

#[derive(Serialize, ToSchema)]
pub struct Proofs {
    proofs: Vec<ProofItem>,
}

#[derive(Serialize, ToSchema)]
pub struct ProofItem {
    id: i64,
    made: i64,
    author: String,
    from: i64,
    until: i64,
    /// `running`, `done` or `failed`.
    state: String,
    /// How much is done, 0 to 1.
    share: f64,
    sentence: String,
}

#[derive(Serialize, ToSchema)]
pub struct ProofAnswer {
    #[serde(flatten)]
    item: ProofItem,
    /// Why there is none.
    error: Option<String>,
    /// docs/proof.md has its parts.
    #[schema(value_type = Option<Object>)]
    proof: Option<serde_json::Value>,
}

/// When people sleep, as the proof asks.
struct Sleep(Nights);

impl proof::Nights for Sleep {
    fn of(&self, contact: &str, at: i64) -> Option<jiff::civil::Date> {
        self.0.of(contact, at)
    }

    fn count(&self, contact: &str, from: i64, until: i64) -> u64 {
        self.0.count(contact, from, until)
    }
}

/// What was asked, read.
struct Asked {
    from: Timestamp,
    until: Timestamp,
    nights: Sleep,
    labels: Vec<Label>,
}

/// Begins to make a proof; `GET` of its id tells how far it is.
#[utoipa::path(post, path = "/proof", request_body = ProofRequest,
    responses((status = 202, body = ProofItem), (status = 400, body = Problem), (status = 409, body = Problem, description = "another one is being made")))]
pub async fn begin(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<ProofRequest>,
) -> Answer<(StatusCode, Json<ProofItem>)> {
    watched::may(&caller, Role::Responder)?;
    let asked = read(&services, &request)?;
    let working = services.clone();
    let item = off_thread(&services, move |services| {
        let new = Kept {
            id: 0,
            made: services.clock.now().0,
            author: caller.name,
            from: asked.from.0,
            until: asked.until.0,
            state: RUNNING.into(),
            sentence: String::new(),
            body: String::new(),
        };
        let place = services.proofs.begin(&services.state, &new)?.ok_or_else(busy)?;
        let item = item(services, Kept { id: place.id, ..new });
        // A thread, not a task: it takes minutes, and no stop waits for it.
        let thread = std::thread::Builder::new().name("proof".into());
        thread.spawn(move || make(&working, &place, asked)).map_err(Problem::internal)?;
        Ok(item)
    })
    .await?;
    Ok((StatusCode::ACCEPTED, Json(item)))
}

fn busy() -> Problem {
    Problem::new(StatusCode::CONFLICT, "another proof is being made")
        .hint("GET /api/v1/proof tells how far it is")
}

/// Those that are kept, the newest first.
#[utoipa::path(get, path = "/proof", responses((status = 200, body = Proofs)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Proofs>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let all = proofs::list(&services.state)?.into_iter();
        let proofs = all.map(|kept| part::item(&caller.scope, item(services, kept))).collect();
        Ok(Json(Proofs { proofs }))
    })
    .await
}

/// What was sent, what these rules would have sent, and what to change.
#[utoipa::path(get, path = "/proof/{id}", params(("id" = i64, Path)),
    responses((status = 200, body = ProofAnswer), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<ProofAnswer>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let unknown = || {
            Problem::not_found(format!("there is no proof {id}"))
                .hint("GET /api/v1/proof lists those that are kept")
        };
        let kept = proofs::one(&services.state, id)?.ok_or_else(unknown)?;
        let body = kept.body.clone();
        let item = item(services, kept);
        let (error, proof) = match item.state.as_str() {
            DONE => (None, Some(without_secrets(serde_json::from_str(&body).map_err(Problem::internal)?))),
            FAILED if body.is_empty() => {
                (Some("the server stopped before it was done: ask again".to_owned()), None)
            }
            FAILED => (Some(body), None),
            _ => (None, None),
        };
        Ok(Json(part::of(&caller.scope, ProofAnswer { item, error, proof })))
    })
    .await
}

/// They are not written any more, but older proofs have them.
fn without_secrets(mut proof: serde_json::Value) -> serde_json::Value {
    let proposals = proof.get_mut("proposals").and_then(serde_json::Value::as_array_mut);
    for proposal in proposals.into_iter().flatten() {
        if let Some(serde_json::Value::String(file)) = proposal.get_mut("toml") {
            *file = proof::without_secrets(file);
        }
    }
    proof
}

/// What is said to be running, and is not being made, was cut off.
fn item(services: &Services, kept: Kept) -> ProofItem {
    let making = services.proofs.making().filter(|making| making.id == kept.id);
    let state = match (&making, kept.state.as_str()) {
        (None, RUNNING) => FAILED.to_owned(),
        _ => kept.state,
    };
    ProofItem {
        id: kept.id,
        made: kept.made,
        author: kept.author,
        from: kept.from,
        until: kept.until,
        share: making.map_or(1.0, |making| making.share),
        state,
        sentence: kept.sentence,
    }
}

fn read(services: &Services, request: &ProofRequest) -> Answer<Asked> {
    let now = services.clock.now();
    let zone = match request.tz.as_deref() {
        None => services.zone.clone(),
        Some(name) => TimeZone::get(name).map_err(|_| {
            Problem::bad_request(format!("`tz`: there is no zone `{name}`")).hint("write \"Europe/Berlin\"")
        })?,
    };
    let tz = request.tz.as_deref().unwrap_or("UTC");
    let time = |moment: &Option<Moment>, otherwise: Timestamp| {
        moment.as_ref().map_or(Ok(otherwise), |moment| moment.read(now, tz))
    };
    let until = time(&request.until, now)?.min(now);
    let from = time(&request.from, until.minus(USUAL_DAYS * 86_400))?;
    if from >= until || until.since(from) > MAX_DAYS * 86_400 {
        return Err(Problem::bad_request(format!(
            "`from` is not before `until`, or more than {MAX_DAYS} days before"
        ))
        .hint("write -90d, or seconds since 1970"));
    }
    let mut nights = services.desk.nights(now).elsewhere(zone);
    if let Some(hours) = &request.night {
        nights = nights.at(night(hours)?);
    }
    let mut labels =
        label::read_csv(&request.outages).map_err(|why| Problem::bad_request(format!("`outages`: {why}")))?;
    labels.retain(|label| label.end >= from.0 && label.start <= until.0);
    Ok(Asked { from, until, nights: Sleep(nights), labels })
}

fn night(hours: &Hours) -> Answer<Night> {
    let text = format!("{:02}:00-{:02}:00", hours.from, hours.until);
    Night::read(&text).ok().flatten().ok_or_else(|| {
        Problem::bad_request("`night` is two different hours from 0 to 23")
            .hint("{\"from\": 22, \"until\": 7}")
    })
}

fn make(services: &Services, place: &Place, asked: Asked) {
    let made = prove(services, place, asked);
    let (state, sentence, body) = match &made {
        Ok(proof) => (DONE, proof.sentence.clone(), serde_json::to_string(proof).unwrap_or_default()),
        Err(why) => (FAILED, String::new(), why.error.clone()),
    };
    if let Err(error) = proofs::end(&services.state, place.id, state, &sentence, &body) {
        tracing::error!(%error, id = place.id, "a proof could not be kept");
    }
}

fn prove(services: &Services, place: &Place, asked: Asked) -> Answer<Proof> {
    let Asked { from, until, nights, mut labels } = asked;
    let definitions = services.monitors.definitions();
    let reasons = Reasons::of(&definitions);
    let mut judged: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for verdict in services.desk.verdicts(from, until)? {
        let counts = judged.entry(reasons.rule(&verdict.reason)).or_default();
        *(if verdict.useful { &mut counts.0 } else { &mut counts.1 }) += 1;
        if verdict.useful && labels.len() < MAX_LABELS {
            labels.push(Label {
                start: verdict.opened,
                end: verdict.closed.unwrap_or(until.0),
                title: verdict.title,
            });
        }
    }
    labels.sort_by_key(|label| (label.start, label.end));
    let question = Question {
        definitions: &definitions,
        origins: &origins(services, &definitions),
        labels,
        nights: &nights,
        sent: sent(services, &reasons, from, until)?,
        judged,
    };
    let ended = Arc::new(AtomicBool::new(false));
    let http = services.settings.load().http.clone();
    let limits = QueryLimits {
        max_series: http.max_query_series,
        max_points: http.max_query_points,
        max_bytes: http.max_query_bytes,
        deadline: Some(Instant::now() + LONGEST),
        cancelled: ended.clone(),
    };
    let pager = Pager::of(services, &definitions, from, until)?;
    let began = Instant::now();
    let go_on = |share: f64| {
        place.note(share);
        let on = began.elapsed() < LONGEST && services.control.readiness() != Readiness::Stopping;
        ended.store(!on, Ordering::Relaxed);
        on
    };
    let look = Look {
        source: services.source.as_ref(),
        events: &StateEvents { state: &services.state, scope: &Scope::everything() },
        zone: &services.zone,
        limits: &limits,
        now: services.clock.now(),
    };
    let past = Past { from, until, blind: services.control.away() };
    let (store, monitors, zone) = (&services.state, &services.monitors, &services.zone);
    let made = pager.with(|telling| {
        proof::prove(&question, &Ground { look, past, store, monitors, zone, telling }, &go_on)
    });
    made.map_err(Problem::bad_request)
}

/// Words of incidents, by what they are about.
fn sent(services: &Services, reasons: &Reasons<'_>, from: Timestamp, until: Timestamp) -> Answer<Vec<Sent>> {
    let words = services.desk.words(from, until)?.into_iter();
    let sent =
        words.map(|word| Sent { at: word.at, rule: reasons.rule(&word.reason), contact: word.contact });
    Ok(sent.collect())
}

fn origins(services: &Services, all: &Definitions) -> Origins {
    let metric = all.monitors.iter().filter(|monitor| monitor.kind == MonitorKind::Metric);
    let monitors = metric.map(|monitor| ("monitor", &monitor.name));
    let checks = all.checks.iter().map(|check| ("check", &check.name));
    let hosts = all.hosts.iter().map(|host| ("host", &host.name));
    let place = |(table, name): (&'static str, &String)| {
        let key = if table == "host" { format!("host:{name}") } else { name.clone() };
        match services.monitors.origin(&key) {
            Origin::File(place) => Some(((table, name.clone()), place)),
            Origin::Ui => None,
        }
    };
    monitors.chain(checks).chain(hosts).filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_proofs_tell_no_secrets_either() {
        let toml = "# check:shop\n[[check]]\nname = \"shop\"\ncommand = [\"check_x\", \"s3cret\"]\n";
        let kept = serde_json::json!({ "sentence": "fine", "proposals": [{ "rule": "check:shop", "toml": toml }, {}] });
        let shown = without_secrets(kept);
        let file = shown["proposals"][0]["toml"].as_str().unwrap();
        assert!(!file.contains("s3cret") && file.contains("check_x") && file.contains("(hidden)"), "{file}");
        assert_eq!((&shown["sentence"], &shown["proposals"][1]), (&"fine".into(), &serde_json::json!({})));
        assert_eq!(without_secrets(serde_json::json!({})), serde_json::json!({}));
    }
}
