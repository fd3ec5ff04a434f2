//! What a value usually is, for whoever is told that it is not: by the day before, and how often it was bad before.

use std::time::{Duration, Instant};

use graphite::{Environment, Question, Window};
use incidents::page::{About, Message};
use monitors::Outcome;
use monitors::history::Run;
use monitors::kinds::check::perfdata;
use monitors::machine::ObjectName;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};
use vocabulary::state::{State, StateType};

use crate::house::House;

/// A page is not held up for longer.
const PATIENCE: Duration = Duration::from_secs(1);
const DAY: i64 = 86_400;
/// What led to it is no part of what is usual.
const BEFORE_SECONDS: i64 = 60;
/// With fewer points nothing is usual.
const POINTS_LEAST: usize = 30;
const HISTORY_DAYS: i64 = 30;
/// Runs of equal results that are looked through.
const RUNS_MOST: usize = 2_000;

pub fn usual(house: &House, message: &Message) -> Option<String> {
    let series = match message.about {
        About::Monitor => Some((String::new(), message.instance.clone())),
        About::Check | About::Host => of_check(house, message),
        About::Channel
        | About::Declared
        | About::Comment
        | About::Schedule
        | About::Errors
        | About::Letter => return None,
    };
    let values = series.and_then(|(now, series)| {
        let usual = day_before(house, &series, message.since)?;
        Some(format!("{now}{usual}"))
    });
    let known = [values, past(house, message)].into_iter().flatten().collect::<Vec<_>>();
    (!known.is_empty()).then(|| known.join("; "))
}

/// Where that is measured.
pub fn series(house: &House, message: &Message) -> Option<String> {
    match message.about {
        About::Monitor => Some(message.instance.clone()).filter(|instance| !instance.is_empty()),
        About::Check | About::Host => of_check(house, message).map(|(_, series)| series),
        About::Channel
        | About::Declared
        | About::Comment
        | About::Schedule
        | About::Errors
        | About::Letter => None,
    }
}

/// The number of the check's that is worst, as it is now and as a series.
fn of_check(house: &House, message: &Message) -> Option<(String, String)> {
    let definitions = house.monitors.definitions();
    let (host, service) = match message.about {
        About::Host => (message.name.clone(), String::new()),
        _ => {
            let check = definitions.checks.iter().find(|check| check.name == message.name)?;
            (check.host.clone(), check.service.clone().unwrap_or_else(|| check.name.clone()))
        }
    };
    let status = house.monitors.look(&name_of(message), house.clock.now()).ok()?.status;
    let (shown, _) = perfdata::shown(&status.perfdata);
    let measured: Vec<_> = shown.iter().filter(|item| item.value.is_some()).collect();
    let worst = measured.iter().rposition(|item| item.breach == "critical");
    let worst = worst.or_else(|| measured.iter().rposition(|item| item.breach == "warning")).unwrap_or(0);
    let outcome = Outcome { perfdata: status.perfdata.to_string(), ..Outcome::default() };
    // The first one is the state.
    let (series, value) = perfdata::points(&host, &service, &outcome, 0.0).into_iter().nth(worst + 1)?;
    let item = measured.get(worst)?;
    Some((format!("{} is {}, ", item.label, notify::text::number(value)), series))
}

fn name_of(message: &Message) -> ObjectName {
    match message.about {
        About::Host => ObjectName::Host(message.name.clone()),
        About::Check => ObjectName::Check(message.name.clone()),
        About::Monitor
        | About::Channel
        | About::Declared
        | About::Comment
        | About::Schedule
        | About::Errors
        | About::Letter => ObjectName::Instance(message.name.clone(), message.instance.clone()),
    }
}

fn day_before(house: &House, target: &str, since: i64) -> Option<String> {
    if target.is_empty() {
        return None;
    }
    let zone = jiff::tz::TimeZone::system();
    let question = Question {
        targets: vec![target.to_owned()],
        window: Window { from: Timestamp(since - DAY), until: Timestamp(since - BEFORE_SECONDS) },
        now: house.clock.now(),
        zone: zone.clone(),
        server_zone: zone,
        x_files_factor: 0.0,
        template: Vec::new(),
    };
    let limits = QueryLimits { deadline: Some(Instant::now() + PATIENCE), ..QueryLimits::default() };
    let scope = Scope::everything();
    let events = http_api::StateEvents { state: &house.state, scope: &scope };
    let environment = Environment { source: &*house.store, events: &events, scope: &scope, limits: &limits };
    let evaluated = graphite::evaluate(&question, environment).ok()?;
    let series = evaluated.series.first()?;
    let mut values: Vec<f64> =
        series.points().ok()?.iter().copied().filter(|value| value.is_finite()).collect();
    if values.len() < POINTS_LEAST {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| notify::text::number(values[((values.len() - 1) as f64 * share).round() as usize]);
    Some(match values.first() == values.last() {
        true => format!("{} all the day before", at(0.5)),
        false => format!("{} to {} on the day before, {} in the middle", at(0.05), at(0.95), at(0.5)),
    })
}

/// How it was for a month.
fn past(house: &House, message: &Message) -> Option<String> {
    let from = message.since - HISTORY_DAYS * DAY;
    let (runs, more) =
        house.monitors.history(&name_of(message), from, message.since - 1, Some(RUNS_MOST)).ok()?;
    spell(&runs, more, message.since)
}

fn spell(runs: &[Run], more: bool, since: i64) -> Option<String> {
    let first = runs.first()?;
    let bad = |run: &Run| run.state.is_problem() && run.state_type == StateType::Hard;
    let problems = runs.windows(2).filter(|pair| !bad(&pair[0]) && bad(&pair[1])).count();
    let problems = problems + usize::from(bad(first));
    let lasted = vocabulary::time::spell(since - first.began);
    let known = format!("in the {}{lasted} that we know of", if more { "last " } else { "" });
    let fine = if matches!(first.state, State::Up | State::Down | State::Unreachable) {
        State::Up
    } else {
        State::Ok
    };
    Some(match problems {
        0 => format!("{fine} {known}"),
        1 => format!("{fine}, and bad once {known}"),
        many => format!("{fine}, and bad {many} times {known}"),
    })
}
