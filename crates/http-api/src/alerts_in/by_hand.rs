//! What people do with incidents that have alerts of others in them. Closed by hand, these alerts are over, so that the next word
//! of their senders is news; opened again, they are as bad as they were, so that their senders end them. What is posted
//! again and again while it fires ends by itself, and is quiet until then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::incidents::incident::{Key, Trouble};
use ::monitors::config::CheckType;
use ::monitors::{Outcome, Part, Refused, Ticket};
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::State;

use super::USUAL_CHECKS;
use crate::answer::Answer;
use crate::services::Services;

/// With this begins what is said of an alert that somebody ended.
const CLOSED_BY: &str = "closed by ";

/// What came of an incident that was closed.
pub struct Ended {
    pub ticket: Option<Ticket>,
    /// Alerts that whoever closed it does not see: nobody but their senders ends them.
    pub left: usize,
}

/// While nothing can be kept, alerts can neither be ended nor brought back: then nor is the incident that they are in.
pub fn refuse_while_failing(services: &Services) -> Answer<()> {
    match services.monitors.failure() {
        Some(why) => Err(Refused::NotKept(format!("nothing can be kept at present: {why}")).into()),
        None => Ok(()),
    }
}

/// Somebody who sees this much has closed an incident with these members.
pub fn end(
    services: &Services,
    closed: &[Key],
    author: &str,
    scope: &Scope,
    now: Timestamp,
) -> Answer<Ended> {
    let mut by_check: BTreeMap<&str, Vec<Part>> = BTreeMap::new();
    let mut left = 0;
    for key in closed.iter().filter(|key| is_of_sender(services, key)) {
        if !scope.sees_watched(&key.monitor, &key.instance) {
            left += 1;
            continue;
        }
        let outcome = Outcome { output: format!("{CLOSED_BY}{author}"), ..Outcome::default() };
        by_check.entry(&key.monitor).or_default().push(Part { name: key.instance.to_string(), outcome });
    }
    Ok(Ended { ticket: say(services, by_check, now)?, left })
}

/// Of a closed incident: alerts that its closing ended, and of which nobody has said anything since.
pub fn ended(services: &Services, id: i64, scope: &Scope) -> Answer<Vec<Key>> {
    let Some(whole) = services.desk.one(id)?.filter(|whole| whole.incident.closed.is_some()) else {
        return Ok(Vec::new());
    };
    let of_senders = whole
        .incident
        .bad()
        .map(|(key, _)| key)
        .filter(|key| is_of_sender(services, key) && scope.sees_watched(&key.monitor, &key.instance));
    let keys: Vec<Key> = of_senders.cloned().collect();
    let checks: BTreeSet<&str> = keys.iter().map(|key| &*key.monitor).collect();
    let now = services.clock.now();
    let mut quiet: BTreeSet<(String, String)> = BTreeSet::new();
    for check in checks {
        for found in services.monitors.instances(check, now) {
            let status = &found.status;
            if status.state == Some(State::Ok) && status.output.starts_with(CLOSED_BY) {
                quiet.insert((check.to_owned(), status.id.instance.to_string()));
            }
        }
    }
    let is_quiet = |key: &Key| quiet.contains(&(key.monitor.to_string(), key.instance.to_string()));
    Ok(keys.iter().filter(|key| is_quiet(key)).cloned().collect())
}

/// These are as bad again as the incident says that they were.
pub fn bring_back(services: &Services, id: i64, back: &[Key], now: Timestamp) -> Answer<Option<Ticket>> {
    let Some(whole) = services.desk.one(id)? else { return Ok(None) };
    let mut by_check: BTreeMap<&str, Vec<Part>> = BTreeMap::new();
    for key in back {
        if let Some(trouble) = whole.incident.troubles.get(key).filter(|trouble| !trouble.is_over()) {
            by_check.entry(&key.monitor).or_default().push(as_it_was(key, trouble));
        }
    }
    say(services, by_check, now)
}

fn as_it_was(key: &Key, trouble: &Trouble) -> Part {
    let outcome = Outcome {
        status: trouble.state.status(),
        output: trouble.text.clone(),
        of_sender: trouble.of_sender.clone().map(Arc::new),
        ..Outcome::default()
    };
    Part { name: key.instance.to_string(), outcome }
}

/// Is it an alert whose end its sender says once? Results of other passive checks are of those who send them.
fn is_of_sender(services: &Services, key: &Key) -> bool {
    let ends = &services.alert_ends;
    !key.host
        && !key.instance.is_empty()
        && (USUAL_CHECKS.contains(&&*key.monitor) || ends.are_sent_to(&key.monitor))
        && !ends.has(&key.monitor, &key.instance)
}

fn say(
    services: &Services,
    mut by_check: BTreeMap<&str, Vec<Part>>,
    now: Timestamp,
) -> Answer<Option<Ticket>> {
    let definitions = services.monitors.definitions();
    let checks = definitions.checks.iter().filter(|check| check.kind == CheckType::Passive);
    let mut last = None;
    for check in checks.map(|check| check.name.as_str()) {
        let Some(parts) = by_check.remove(check) else { continue };
        match services.monitors.result_of_some(check, || parts, now) {
            Ok((_, ticket)) => last = Some(ticket),
            // It was taken out, or takes no results, in this moment.
            Err(Refused::Conflict(_) | Refused::NotFound(_)) => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(last)
}
