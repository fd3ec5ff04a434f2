//! The graph of the page: a picture, so that it needs no script and comes once.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use graphite::{Defaults, Environment, RenderRequest};
use incidents::desk::Whole;
use incidents::page::{About, Message};
use incidents::{Incident, Trouble};
use serde::Deserialize;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use super::{PREFIX, page, read};
use crate::answer::{Answer, Params, Problem};
use crate::api_v1::off_thread;
use crate::evaluate::StateEvents;
use crate::services::Services;

/// Chats take a picture for one by the end of its name.
const ENDING: &str = ".png";
/// Lines that can be told apart on a phone.
const MOST_LINES: usize = 4;
/// What led to it is drawn too: a quarter of its length, and this at least.
const LEAD_SECONDS: i64 = 1_800;
/// Of a phone with two dots for each of its points, over its whole width.
const WIDTH: &str = "720";
const HEIGHT: &str = "300";
/// What a name of a series may hold to be a target as it is.
const NOT_PLAIN: &[char] = &['*', '?', '[', ']', '{', '}', '(', ')', ',', ';', '\'', '"', ' ', '\\'];

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub struct Look {
    /// `1`: for a dark page.
    dark: u8,
    /// Any number: another one is another picture, whatever a browser has kept.
    at: i64,
}

pub async fn graph(
    State(services): State<Arc<Services>>,
    Path(token): Path<String>,
    Params(look): Params<Look>,
) -> Response {
    shown(draw(&services, token, look.dark != 0).await)
}

/// `/a/graph/TOKEN.png`: for chats and providers, which show a picture by its address. Whoever has it sees how this goes on,
/// and nothing else.
pub async fn picture(State(services): State<Arc<Services>>, Path(name): Path<String>) -> Response {
    let parameters = off_thread(&services, move |services| {
        let unknown = || Problem::not_found("this is the address of no graph here");
        let token = name.strip_suffix(ENDING).ok_or_else(unknown)?;
        let id = services.desk.read_graph_token(token).ok_or_else(unknown)?;
        let whole = services.desk.one(id)?.ok_or_else(unknown)?;
        parameters_of(services, &whole, &Scope::everything(), false)
    });
    let parameters = match parameters.await {
        Ok(parameters) => parameters,
        Err(problem) => return problem.into_response(),
    };
    shown(rendered(&services, parameters, Scope::everything()).await)
}

/// Below this server's address; none: nothing is measured of it.
pub fn picture_path(services: &Services, incident: i64) -> Option<String> {
    let whole = services.desk.one(incident).ok()??;
    drawn(services, &whole, &Scope::everything())?;
    Some(format!("{PREFIX}graph/{}{ENDING}", services.desk.graph_token(incident)))
}

fn shown(picture: Answer<Vec<u8>>) -> Response {
    match picture {
        Ok(picture) => {
            let headers =
                [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=5")];
            (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), picture).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// Of the incident that this token is of, as PNG: what its contact sees of it.
pub async fn draw(services: &Arc<Services>, token: String, dark: bool) -> Answer<Vec<u8>> {
    let parameters = off_thread(services, move |services| {
        let link = read(services, token)?;
        Ok((parameters_of(services, &link.whole, &link.scope, dark)?, link.scope))
    });
    let (parameters, scope) = parameters.await?;
    rendered(services, parameters, scope).await
}

fn parameters_of(
    services: &Services,
    whole: &Whole,
    scope: &Scope,
    dark: bool,
) -> Answer<Vec<(String, String)>> {
    let none = || Problem::not_found("nothing is measured of it").hint("the page itself says what is known");
    let drawn = drawn(services, whole, scope).ok_or_else(none)?;
    Ok(parameters(&drawn, &whole.incident, services.clock.now(), dark))
}

async fn rendered(
    services: &Arc<Services>,
    parameters: Vec<(String, String)>,
    scope: Scope,
) -> Answer<Vec<u8>> {
    let pictures = services.pictures.load();
    let defaults = Defaults {
        zone: services.zone.clone(),
        templates: pictures.templates.clone(),
        fonts: pictures.fonts.clone(),
    };
    let refused = |refusal: graphite::Refusal| Problem::internal(format!("draw the graph: {}", refusal.text));
    let request =
        RenderRequest::from_params(&parameters, services.clock.now(), &defaults).map_err(refused)?;
    let picture = services.query(move |services, limits| {
        let events = StateEvents { state: &services.state, scope: &scope };
        let environment =
            Environment { source: services.source.as_ref(), events: &events, scope: &scope, limits };
        graphite::render(&request, environment).map(|(answer, _)| answer.body)
    });
    picture.await?.map_err(refused)
}

/// What is drawn of an incident.
pub struct Drawn {
    targets: Vec<String>,
    /// Of a rule with a simple threshold.
    warning: Option<f64>,
    critical: Option<f64>,
}

pub fn drawn(services: &Services, whole: &Whole, scope: &Scope) -> Option<Drawn> {
    let message = page::message(whole, scope)?;
    let targets = match message.about {
        About::Monitor => of_monitor(services, message, &whole.incident),
        About::Check | About::Host => services.control.usual(message).series.into_iter().collect(),
        About::Channel
        | About::Declared
        | About::Comment
        | About::Schedule
        | About::Errors
        | About::Letter => Vec::new(),
    };
    let level = |rule: &Option<String>| rule.as_deref().and_then(threshold);
    let drawn = Drawn { targets, warning: level(&message.warning), critical: level(&message.critical) };
    (!drawn.targets.is_empty()).then_some(drawn)
}

fn of_monitor(services: &Services, message: &Message, incident: &Incident) -> Vec<String> {
    let definitions = services.monitors.definitions();
    let rule = definitions.monitors.iter().find(|monitor| monitor.name == message.name);
    let target = rule.and_then(|rule| rule.target.as_deref());
    target.map(|target| targets_of(target, &message.name, incident)).unwrap_or_default()
}

/// Of the stored series of this monitor those that are worst; of the outcome of a function the whole.
pub fn targets_of(target: &str, monitor: &str, incident: &Incident) -> Vec<String> {
    let of_monitor = incident.troubles.iter().filter(|(key, _)| !key.host && *key.monitor == *monitor);
    let mut bad: Vec<(&str, &Trouble)> = of_monitor.map(|(key, trouble)| (&*key.instance, trouble)).collect();
    bad.sort_by_key(|(_, trouble)| (std::cmp::Reverse(trouble.worst.badness()), trouble.since));
    let names: Vec<String> = bad.iter().take(MOST_LINES).map(|(name, _)| (*name).to_owned()).collect();
    let plain = |name: &String| !name.is_empty() && !name.contains(NOT_PLAIN);
    match !target.contains('(') && !names.is_empty() && names.iter().all(plain) {
        true => names,
        false => vec![target.to_owned()],
    }
}

/// `> 300`, as most rules are; a line for what is more than that would say something else.
pub fn threshold(rule: &str) -> Option<f64> {
    let number = rule.trim().trim_start_matches(['>', '<', '=']).trim();
    if number.len() == rule.trim().len() {
        return None;
    }
    number.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Colours of the pages' two themes.
struct Theme {
    ground: &'static str,
    text: &'static str,
    grid: &'static str,
    series: &'static str,
    warning: &'static str,
    critical: &'static str,
}

const LIGHT: Theme = Theme {
    ground: "ffffff",
    text: "171a20",
    grid: "dfe3e8",
    series: "2f66c4,a8337f,8f48f5,0c87ab",
    warning: "a86a00",
    critical: "a31d1a",
};
const DARK: Theme = Theme {
    ground: "15181d",
    text: "e8eaee",
    grid: "272c35",
    series: "619efb,fe9dcd,8f5be0,1f93b2",
    warning: "ecad0a",
    critical: "ea6a58",
};

fn parameters(drawn: &Drawn, incident: &Incident, now: Timestamp, dark: bool) -> Vec<(String, String)> {
    let theme = if dark { DARK } else { LIGHT };
    let mut targets = drawn.targets.clone();
    let levels = [(drawn.warning, "warning", theme.warning), (drawn.critical, "critical", theme.critical)];
    for (level, word, colour) in levels {
        if let Some(level) = level {
            targets.push(format!("color(alias(constantLine({level}),'{word}'),'{colour}')"));
        }
    }
    let (from, until) = window(incident, now);
    let mut all: Vec<(String, String)> =
        targets.into_iter().map(|target| ("target".to_owned(), target)).collect();
    let looks = [
        ("from", from.to_string()),
        ("until", until.to_string()),
        ("format", "png".into()),
        ("width", WIDTH.into()),
        ("height", HEIGHT.into()),
        ("bgcolor", theme.ground.into()),
        ("fgcolor", theme.text.into()),
        ("majorGridLineColor", theme.grid.into()),
        ("minorGridLineColor", theme.ground.into()),
        ("colorList", theme.series.into()),
        // Two dots of the picture are one of the phone.
        ("fontSize", "18".into()),
        ("lineWidth", "3".into()),
        ("margin", "12".into()),
        ("hideLegend", "true".into()),
    ];
    all.extend(looks.map(|(name, value)| (name.to_owned(), value)));
    all
}

/// It begins before the incident and ends after it.
fn window(incident: &Incident, now: Timestamp) -> (i64, i64) {
    let end = incident.closed.unwrap_or(now).0;
    let lead = LEAD_SECONDS.max((end - incident.opened.0).max(0) / 4);
    let until = if incident.closed.is_some() { (end + lead).min(now.0) } else { now.0 };
    (incident.opened.0 - lead, until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_simple_threshold_is_a_line() {
        let check = |rule: &str, level: Option<f64>| assert_eq!(threshold(rule), level, "{rule}");
        check("> 300", Some(300.0));
        check(">= 0.5", Some(0.5));
        check("< -2", Some(-2.0));
        check("> 300 and < 400", None);
        check("no point for 60s", None);
        check("300", None);
        check("> inf", None);
    }
}
