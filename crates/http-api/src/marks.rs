//! Moments on graphs: what was posted to `/events/`, changes of settings, and incidents. The last two are kept where they belong,
//! and copied nowhere. Graphite's own ways to events have them when their tags are asked for: whoever asks for all gets what was
//! posted, as from Graphite.

use state_store::{StateError, StateStore};
use vocabulary::ports::Scope;

use crate::annotations::{self, Annotation, Query, TagSet};
use crate::audit;

pub const AUDIT: &str = "audit";
pub const INCIDENT: &str = "incident";
/// Incidents of one answer, the newest; each has a beginning and an end.
const MOST_INCIDENTS: usize = 200;
/// Ids below it are of incidents; no event has one below 0, and those of changes are far above it. It is a whole number in
/// JavaScript, too.
const FIRST_OF_INCIDENTS: i64 = -(1 << 52);

/// What was posted, and what else the tags ask for.
pub fn asked(state: &StateStore, scope: &Scope, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    with_own(annotations::list(state, query)?, state, scope, query)
}

/// The same, for what only looks at when they were.
pub fn moments(state: &StateStore, scope: &Scope, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    with_own(annotations::marks(state, query)?, state, scope, query)
}

/// All of the time, for our own graphs.
pub fn all(state: &StateStore, scope: &Scope, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    let mut found = annotations::seen(scope, annotations::marks(state, query)?);
    found.extend(changes(state, scope, query)?);
    found.extend(incidents(state, scope, query)?);
    found.sort_by(|a, b| a.at.total_cmp(&b.at));
    Ok(found)
}

fn with_own(
    posted: Vec<Annotation>,
    state: &StateStore,
    scope: &Scope,
    query: &Query<'_>,
) -> Result<Vec<Annotation>, StateError> {
    let mut found = annotations::seen(scope, posted);
    let Some(tags) = query.tags else { return Ok(found) };
    let names = |tag: &str| tags.iter().any(|asked| asked == tag);
    let mut own = Vec::new();
    if names(AUDIT) {
        own.extend(changes(state, scope, query)?);
    }
    if names(INCIDENT) {
        own.extend(incidents(state, scope, query)?);
    }
    own.retain(|mark| match query.set {
        TagSet::Any => true,
        TagSet::All | TagSet::Each => tags.iter().all(|tag| mark.tags.contains(tag)),
    });
    found.extend(own);
    found.sort_by(|a, b| a.at.total_cmp(&b.at));
    Ok(found)
}

/// Whose part of all names is limited is not told what others call things.
fn changes(state: &StateStore, scope: &Scope, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    match scope.is_everything() {
        true => audit::marks(state, query.from, query.until),
        false => Ok(Vec::new()),
    }
}

fn incidents(state: &StateStore, scope: &Scope, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    let (from, until) = (query.from.ceil() as i64, query.until.floor() as i64);
    let found = incidents::between(state, scope, from, until, MOST_INCIDENTS)?;
    let ends = found.iter().flat_map(|one| {
        let opened = Some((one.opened.0, "opened", 0));
        let ended = one.closed.map(|closed| (closed.0, "ended", 1));
        opened.into_iter().chain(ended).map(move |end| (one, end))
    });
    let within = ends.filter(|(_, (at, ..))| (from..=until).contains(at));
    let mark = |(one, (at, word, side)): (&incidents::Incident, (i64, &str, i64))| Annotation {
        id: FIRST_OF_INCIDENTS - 2 * one.id - side,
        at: at as f64,
        what: format!("incident #{} {word}: {}", one.id, one.title),
        tags: vec![INCIDENT.into(), word.into()],
        data: format!("/incidents/{}", one.id),
        projects: Vec::new(),
    };
    Ok(within.map(mark).collect())
}
