//! What becomes of an event, step by step. Plain work on one event: nothing here knows of other events.

use formats::sentry::{Tree, json, when};
use vocabulary::Timestamp;
use vocabulary::error::{EventId, StoredEvent};

use crate::event::{Digested, Hash, Invalid, Kind, Level, Received, Scrubbed, UserMark};
use crate::limits::{MAX_AGE_SECONDS, MAX_AHEAD_SECONDS, MIN_DRIFT_SECONDS};
use crate::normal::normalise;
use crate::project::Project;
use crate::read::{exceptions, text_at};
use crate::{grouping, in_app, person, tags, title};

/// Names in the place of what a build tool made of them: source maps. It changes frames before they are grouped, so that a
/// new build splits no groups.
pub trait Symbols {
    fn resolve(&self, project: &Project, event: &mut Tree<'_>);
}

/// There are none.
pub struct NoSymbols;

impl Symbols for NoSymbols {
    fn resolve(&self, _: &Project, _: &mut Tree<'_>) {}
}

/// Keys of the lines around a place in the source: most of an event, and nothing is found, counted or scrubbed by them. Whoever
/// reads an event to digest it may leave them unread ([`json::read_but`]).
pub const LINES: [&str; 2] = ["pre_context", "post_context"];

/// Where it stands in the body what was taken out of it.
const SCRUBBED: &str = "_scrubbed";

pub fn digest(
    project: &Project,
    payload: Tree<'_>,
    received: &Received,
    symbols: &dyn Symbols,
) -> Result<Digested, Invalid> {
    let mut event = validate(payload)?;
    leave_out_ours(&mut event);
    let event_id = identify(&mut event, received);
    let at = date(&mut event, received);
    normalise(&mut event, received);
    let user_hash = person::hash_in(project, &event);
    let scrubbed = project.made.scrubber.scrub(&mut event);
    symbols.resolve(project, &mut event);
    in_app::mark(&project.made.rules, &mut event);
    let hashes = grouping::hashes(project, &event, received.at);
    let facts = Facts { event_id, at, received_at: received.at, user_hash };
    let digested = facts.with(project, &event, hashes);
    Ok(Digested { body: body(event, &scrubbed), scrubbed, ..digested })
}

/// The same of an event that was kept, for whoever counts what a kill left uncounted.
pub fn digest_stored(project: &Project, stored: &StoredEvent) -> Result<Digested, Invalid> {
    let tree = json::read(&stored.body, &json::Limits::default()).map_err(|bad| Invalid(bad.to_string()))?;
    let event = validate(tree)?;
    let hashes = grouping::hashes(project, &event, stored.key.at);
    let StoredEvent { key, user, .. } = stored;
    let facts = Facts { event_id: key.id, at: key.at, received_at: key.at, user_hash: *user };
    Ok(facts.with(project, &event, hashes))
}

/// What is known of an event beside what stands in it.
struct Facts {
    event_id: EventId,
    at: Timestamp,
    received_at: Timestamp,
    user_hash: Option<u64>,
}

impl Facts {
    fn with(self, project: &Project, event: &Tree<'_>, hashes: Vec<Hash>) -> Digested {
        let text = |key: &str| text_at(event, &[key]).map(str::to_owned);
        let label = || person::label(event).unwrap_or_default();
        Digested {
            project: project.id,
            event_id: self.event_id,
            at: self.at,
            received_at: self.received_at,
            kind: kind(event),
            level: text_at(event, &["level"]).and_then(Level::read).unwrap_or_default(),
            platform: text("platform").unwrap_or_default(),
            logger: text("logger"),
            transaction: text("transaction"),
            environment: text("environment"),
            release: text("release"),
            dist: text("dist"),
            server_name: text("server_name"),
            user: self.user_hash.map(|hash| UserMark { hash, label: label() }),
            tags: tags::tags(event, &project.settings.facets),
            title: title::title(event),
            culprit: title::culprit(event),
            handled: handled(event),
            hashes,
            owner: project.made.rules.owner(event).map(str::to_owned),
            scrubbed: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// What begins with a `_` we say ourselves of an event: where its source lies, what people said. Whoever has a public key could lead
/// people elsewhere by it.
fn leave_out_ours(event: &mut Tree<'_>) {
    if let Tree::Map(fields) = event {
        fields.retain(|(name, _)| !name.starts_with('_'));
    }
}

fn validate(payload: Tree<'_>) -> Result<Tree<'_>, Invalid> {
    match payload {
        event @ Tree::Map(_) => Ok(event),
        _ => Err(Invalid("an event is a JSON object".to_owned())),
    }
}

/// The envelope's goes before the event's own.
fn identify(event: &mut Tree<'_>, received: &Received) -> EventId {
    let own = || text_at(event, &["event_id"])?.parse().ok().filter(|id: &EventId| !id.is_zero());
    let id = received.envelope_event_id.or_else(own).unwrap_or(received.spare_id);
    event.set("event_id", Tree::owned_text(id.to_string()));
    id
}

/// By our clock: how much the sender's is off is taken away. What is too far off happened when it came.
fn date(event: &mut Tree<'_>, received: &Received) -> Timestamp {
    let now = received.at.0 as f64;
    let drift = received.sent_at.map_or(0.0, |sent| now - sent.0 as f64);
    let drift = if drift.abs() < MIN_DRIFT_SECONDS as f64 { 0.0 } else { drift };
    let said = event.get("timestamp").and_then(when::read).map(|at| at + drift);
    let right = now - MAX_AGE_SECONDS as f64..=now + MAX_AHEAD_SECONDS as f64;
    let at = said.filter(|at| right.contains(at)).unwrap_or(now);
    event.set("timestamp", Tree::Number(format!("{at:.6}").into()));
    Timestamp(at.floor() as i64)
}

fn kind(event: &Tree<'_>) -> Kind {
    if event.get("csp").is_some() {
        return Kind::Security;
    }
    if text_at(event, &["type"]) == Some("feedback") || event.at(&["contexts", "feedback"]).is_some() {
        return Kind::Feedback;
    }
    if exceptions(event).is_empty() { Kind::Message } else { Kind::Exception }
}

/// Of the outermost exception: did the program catch it?
fn handled(event: &Tree<'_>) -> Option<bool> {
    exceptions(event).last()?.at(&["mechanism", "handled"])?.bool()
}

/// With what was taken out of it, for whoever reads it.
fn body(mut event: Tree<'_>, scrubbed: &[Scrubbed]) -> Vec<u8> {
    let note = |one: &Scrubbed| {
        let text = |text: &str| Tree::owned_text(text);
        Tree::Map(vec![("path".into(), text(&one.path)), ("rule".into(), text(&one.rule))])
    };
    event.set(SCRUBBED, Tree::List(scrubbed.iter().map(note).collect()));
    event.to_bytes()
}
