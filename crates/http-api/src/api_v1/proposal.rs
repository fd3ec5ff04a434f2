//! What would have to change in a rule so that an incident that was worth nothing had not paged, and what that change
//! would have done in 30 days: it must still catch every incident that was judged useful.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::reports::Case;
use monitors::config::{Definitions, MonitorConfig, MonitorKind};
use monitors::kinds::metric::Look;
use monitors::replay::{Past, Replayed};
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::ports::{QueryLimits, Scope};
use vocabulary::state::State as Word;
use vocabulary::time::{HumanDuration, Timestamp};

use super::proof::pager::Pager;
use super::watched;
use crate::accounts::Caller;
use crate::answer::{Answer, Id, Problem};
use crate::evaluate::StateEvents;
use crate::services::Services;

/// As long as most archives keep what a rule needs.
const PAST_SECONDS: i64 = 30 * 86_400;
/// An incident opens some seconds after what is in it became bad.
const LEAD_SECONDS: i64 = 300;
/// Longer ones first would hide more than they must.
const LASTING_SECONDS: [u64; 7] = [30, 60, 120, 300, 600, 900, 1_800];
const GOES_ON: &str = "it goes on: what would have left it out can be tried when it is over";
/// By how much further a value may go.
const FACTORS: [f64; 6] = [1.1, 1.25, 1.5, 2.0, 3.0, 5.0];

#[derive(Serialize, ToSchema)]
pub struct ProposalAnswer {
    monitor: String,
    /// Of the past that was tried.
    from: i64,
    until: i64,
    /// How the rule is now, and what it did then. None of what is no metric monitor: there is nothing to try, and
    /// `sentence` says what to do instead.
    now: Option<Tried>,
    /// Those that leave this incident out and keep all useful ones, the smallest change of each kind.
    proposals: Vec<Proposal>,
    /// Changes that were tried.
    tried: usize,
    /// There was no time to try all.
    cut: bool,
    /// Judged useful in this past. If there is none, nothing says that a change goes too far.
    useful_incidents: usize,
    useless_incidents: usize,
    /// One line of plain words.
    sentence: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Tried {
    #[serde(rename = "for")]
    lasting: Option<String>,
    critical: Option<String>,
    warning: Option<String>,
    /// How often it would have fired, and paged.
    fired: u64,
    told: u64,
    /// Of the incidents that were judged.
    useful_caught: usize,
    useless_caught: usize,
    sentence: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Proposal {
    /// `for`, `critical`, `warning`, or `thresholds`: both of these.
    changes: &'static str,
    #[serde(flatten)]
    tried: Tried,
    /// The whole rule, for `POST /api/v1/monitors/test`, a file, or `PUT /api/v1/monitors/NAME`.
    #[schema(value_type = Object)]
    monitor: MonitorConfig,
}

/// Of an incident that was judged not useful: a changed threshold or `for`.
#[utoipa::path(get, path = "/incidents/{id}/proposal", params(("id" = i64, Path)),
    responses((status = 200, body = ProposalAnswer), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn proposal(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<ProposalAnswer>> {
    watched::sees(&caller)?;
    if !caller.scope.is_everything() {
        return Err(Problem::forbidden("a token that sees a part of all series cannot try rules on them"));
    }
    services.query(move |services, limits| proposed(services, limits, id).map(Json)).await?
}

fn proposed(services: &Services, limits: &QueryLimits, id: i64) -> Answer<ProposalAnswer> {
    let found = services.desk.one(id)?.ok_or_else(|| super::incidents::unknown(id))?;
    let judged = services.desk.verdict(id)?;
    if judged.is_none_or(|judged| judged.worth.is_useful()) {
        let why = "the incident was not judged to be noise, so there is nothing to change";
        return Err(Problem::new(StatusCode::CONFLICT, why)
            .hint(format!("POST /api/v1/incidents/{id}/judge {{\"useful\": false}} says so")));
    }
    let definitions = services.monitors.definitions();
    let now = services.clock.now();
    let reason = &found.incident.reason;
    let Some(rule) = rule_of(&definitions, reason) else { return Ok(nothing_to_try(reason, now)) };
    let past = Past { from: now.minus(PAST_SECONDS), until: now, blind: services.control.away() };
    let record = services.desk.what_happened(past.from.0, now.0 + 1)?;
    let of_rule: Vec<Case> =
        record.cases.into_iter().filter(|case| case.reason == found.incident.reason).collect();
    let events = StateEvents { state: &services.state, scope: &Scope::everything() };
    let look = Look { source: services.source.as_ref(), events: &events, zone: &services.zone, limits, now };
    let pager = Pager::of(services, &definitions, past.from, past.until)?;
    let mut trial =
        Trial { look, definitions: &definitions, past: &past, pager, cases: &of_rule, now: now.0 };
    let (present, _) = trial.run(rule).map_err(Problem::bad_request)?;
    // A longer `for` would seem to leave out whatever is younger than it.
    let goes_on = found.incident.closed.is_none();
    let (proposals, tried, cut) = if goes_on { (Vec::new(), 0, false) } else { trial.search(rule, id) };
    let judged = |useful| of_rule.iter().filter(|case| case.useful() == Some(useful)).count();
    Ok(ProposalAnswer {
        monitor: rule.name.clone(),
        from: past.from.0,
        until: now.0,
        sentence: if goes_on { GOES_ON.to_owned() } else { sentence(&present, &proposals) },
        now: Some(present),
        proposals,
        tried,
        cut,
        useful_incidents: judged(true),
        useless_incidents: judged(false),
    })
}

fn rule_of<'d>(definitions: &'d Definitions, reason: &str) -> Option<&'d MonitorConfig> {
    let name = monitor_of(reason);
    definitions.monitors.iter().find(|rule| rule.name == name && rule.kind == MonitorKind::Metric)
}

fn monitor_of(reason: &str) -> &str {
    let name = reason.strip_prefix("monitor:").unwrap_or(reason);
    // Those of one team.
    name.split_once("@team:").map_or(name, |(name, _)| name)
}

/// Of a check, a heartbeat, or what is defined no longer.
fn nothing_to_try(reason: &str, now: Timestamp) -> ProposalAnswer {
    let monitor = monitor_of(reason).to_owned();
    ProposalAnswer {
        from: now.minus(PAST_SECONDS).0,
        until: now.0,
        sentence: format!(
            "`{monitor}` is not a metric monitor that is defined now: of a check change its max_check_attempts, thresholds or contacts"
        ),
        monitor,
        now: None,
        proposals: Vec::new(),
        tried: 0,
        cut: false,
        useful_incidents: 0,
        useless_incidents: 0,
    }
}

struct Trial<'t> {
    look: Look<'t>,
    definitions: &'t Definitions,
    past: &'t Past,
    pager: Pager<'t>,
    cases: &'t [Case],
    now: i64,
}

impl Trial<'_> {
    fn run(&mut self, rule: &MonitorConfig) -> Result<(Tried, Replayed), String> {
        let replayed = self.pager.tried(rule, self.definitions, &self.look, self.past)?;
        let caught = |useful| {
            let judged = self.cases.iter().filter(|case| case.useful() == Some(useful));
            judged.filter(|case| self.catches(rule, &replayed, case)).count()
        };
        let tried = Tried {
            lasting: rule.lasting.map(|lasting| lasting.to_string()),
            critical: rule.critical.clone(),
            warning: rule.warning.clone(),
            fired: replayed.fired(),
            told: replayed.told(),
            useful_caught: caught(true),
            useless_caught: caught(false),
            sentence: replayed.sentence(),
        };
        Ok((tried, replayed))
    }

    /// Would it have fired in this incident, as badly as pages?
    fn catches(&self, rule: &MonitorConfig, replayed: &Replayed, case: &Case) -> bool {
        let (from, until) = (case.opened - LEAD_SECONDS, case.closed.unwrap_or(self.now));
        replayed.firings.iter().any(|firing| {
            let pages = firing.state == Word::Critical || rule.critical.is_none();
            let ended = firing.ended.unwrap_or(self.now);
            pages && firing.fired.is_some_and(|fired| fired <= until) && ended >= from
        })
    }

    /// The smallest change of each kind that will do; how many were tried; was there no time for all?
    fn search(&mut self, rule: &MonitorConfig, id: i64) -> (Vec<Proposal>, usize, bool) {
        let (mut proposals, mut tried) = (Vec::new(), 0);
        let (thresholds, moved) = further(rule, self.pager.page_warnings());
        for (changes, candidates) in [("for", longer(rule)), (thresholds, moved)] {
            for candidate in candidates {
                if self.look.limits.deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline) {
                    return (proposals, tried, true);
                }
                tried += 1;
                let Ok((outcome, replayed)) = self.run(&candidate) else { continue };
                let caught = |case: &&Case| self.catches(&candidate, &replayed, case);
                let this_one = self.cases.iter().find(|case| case.id == id).is_some_and(|case| caught(&case));
                let misses =
                    self.cases.iter().filter(|case| case.useful() == Some(true)).any(|case| !caught(&case));
                if misses {
                    // A larger change of this kind would miss it, too.
                    break;
                }
                if !this_one {
                    proposals.push(Proposal { changes, tried: outcome, monitor: candidate });
                    break;
                }
            }
        }
        (proposals, tried, false)
    }
}

/// The rule with a longer `for`.
fn longer(rule: &MonitorConfig) -> Vec<MonitorConfig> {
    let present = rule.lasting.map_or(Duration::ZERO, |lasting| lasting.0);
    let longer =
        LASTING_SECONDS.into_iter().map(HumanDuration::from_secs).filter(|lasting| lasting.0 > present);
    longer.map(|lasting| MonitorConfig { lasting: Some(lasting), ..rule.clone() }).collect()
}

/// The rule with what pages further off, and what that is. What is no plain threshold has none.
fn further(rule: &MonitorConfig, page_warnings: bool) -> (&'static str, Vec<MonitorConfig>) {
    let warning = rule.warning.as_deref().filter(|_| page_warnings);
    let changes = match (rule.critical.is_some(), warning.is_some()) {
        (true, true) => "thresholds",
        (false, true) => "warning",
        _ => "critical",
    };
    // What warns goes along with what is critical: else it pages in its place.
    let with = |factor: &f64| {
        let critical = rule.critical.as_deref().map(|condition| farther(condition, *factor));
        let warning = warning.map(|condition| farther(condition, *factor));
        let mut moved = rule.clone();
        if let Some(critical) = critical {
            moved.critical = Some(critical?);
        }
        if let Some(warning) = warning {
            moved.warning = Some(warning?);
        }
        (moved != *rule).then_some(moved)
    };
    (changes, FACTORS.iter().filter_map(with).collect())
}

fn farther(condition: &str, factor: f64) -> Option<String> {
    let (sign, limit) = threshold(condition).filter(|(_, limit)| *limit != 0.0)?;
    let moved = if sign.starts_with('>') == (limit > 0.0) { limit * factor } else { limit / factor };
    Some(format!("{sign} {}", rounded(moved)))
}

fn threshold(condition: &str) -> Option<(&'static str, f64)> {
    let condition = condition.trim();
    let sign = [">=", "<=", ">", "<"].into_iter().find(|sign| condition.starts_with(sign))?;
    let limit: f64 = condition[sign.len()..].trim().parse().ok()?;
    limit.is_finite().then_some((sign, limit))
}

/// To three digits: nobody wants a threshold of 366.66666.
fn rounded(value: f64) -> f64 {
    let digits = 10_f64.powf((value.abs().log10().floor() - 2.0).min(0.0));
    let digits = if value.abs() >= 1_000.0 { 10_f64.powf(value.abs().log10().floor() - 2.0) } else { digits };
    let rounded = (value / digits).round() * digits;
    // What is left of a division in binary.
    (rounded * 1e6).round() / 1e6
}

fn sentence(now: &Tried, proposals: &[Proposal]) -> String {
    let Some(best) = proposals.iter().min_by_key(|proposal| proposal.tried.told) else {
        return "no longer `for` and no further threshold leaves this one out and keeps those that were useful: think of \
                another rule, or delete it"
            .to_owned();
    };
    let to = match best.changes {
        "for" => format!("for = \"{}\"", best.tried.lasting.as_deref().unwrap_or_default()),
        of => {
            let thresholds = [("warning", &best.tried.warning), ("critical", &best.tried.critical)];
            let moved = thresholds.iter().filter(|(key, _)| of == *key || of == "thresholds");
            let said = moved
                .map(|(key, condition)| format!("{key} = \"{}\"", condition.as_deref().unwrap_or_default()));
            said.collect::<Vec<_>>().join(" and ")
        }
    };
    format!(
        "with {to} it would have paged {} times in 30 days in the place of {}, and missed nothing that was useful",
        best.tried.told, now.told
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(critical: &str, lasting: Option<u64>) -> MonitorConfig {
        let lasting = lasting.map(HumanDuration::from_secs);
        MonitorConfig { critical: Some(critical.into()), lasting, ..MonitorConfig::default() }
    }

    #[test]
    fn a_threshold_moves_away_from_what_is_good() {
        let check = |critical: &str, wanted: &[&str]| {
            let (_, found) = further(&rule(critical, None), false);
            let found: Vec<&str> = found.iter().filter_map(|rule| rule.critical.as_deref()).take(3).collect();
            assert_eq!(found, wanted, "{critical}");
        };
        check("> 300", &["> 330", "> 375", "> 450"]);
        check(">= 0.5", &[">= 0.55", ">= 0.625", ">= 0.75"]);
        check("< 10", &["< 9.09", "< 8", "< 6.67"]);
        check("< -10", &["< -11", "< -12.5", "< -15"]);
        check("> -10", &["> -9.09", "> -8", "> -6.67"]);
        check("> 12345", &["> 13600", "> 15400", "> 18500"]);
        check("> 0", &[]);
        check("avg over 5m > 3", &[]);
        check("> 5%", &[]);
    }

    #[test]
    fn a_warning_moves_where_warnings_page() {
        let warns = MonitorConfig { warning: Some("> 100".into()), ..MonitorConfig::default() };
        let both = MonitorConfig { critical: Some("> 300".into()), ..warns.clone() };
        let first = |rule: &MonitorConfig, page_warnings: bool| {
            let (changes, moved) = further(rule, page_warnings);
            let moved = moved.first().map(|rule| (rule.warning.clone(), rule.critical.clone()));
            (changes, moved.unwrap_or_default())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(first(&warns, true), ("warning", (some("> 110"), None)));
        assert_eq!(first(&both, true), ("thresholds", (some("> 110"), some("> 330"))));
        assert_eq!(first(&both, false), ("critical", (some("> 100"), some("> 330"))));
        assert_eq!(first(&warns, false), ("critical", (None, None)));
        // One that cannot be moved would page on in the place of the other.
        let windowed = MonitorConfig { warning: Some("avg over 5m > 3".into()), ..both };
        assert_eq!(first(&windowed, true), ("thresholds", (None, None)));
    }

    #[test]
    fn only_what_is_longer_is_tried() {
        let seconds = |present| -> Vec<u64> {
            longer(&rule("> 1", present)).iter().filter_map(|rule| Some(rule.lasting?.0.as_secs())).collect()
        };
        assert_eq!(seconds(None), LASTING_SECONDS);
        assert_eq!(seconds(Some(300)), [600, 900, 1_800]);
        assert_eq!(seconds(Some(7_200)), [] as [u64; 0]);
    }
}
