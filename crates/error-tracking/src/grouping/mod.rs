//! Which events have the same cause. In this order: a rule of the project or the client's own fingerprint; else the chain of
//! exceptions with the frames of the program's own code; else a stack alone; else the message.
//!
//! What contributes makes a tree ([`Why`]), and the hash is made of that tree alone: what people are shown as the
//! reason is the reason.
//!
//! | module | holds |
//! |---|---|
//! | `stack` | which frames count, and what of them |
//! | `names` | names of functions, modules and files without what compilers and build tools put into them |
//! | `message` | messages without what changes from event to event |
//! | `fingerprint` | `{{ default }}` and the other variables |
//! | `value` | what of an exception's text counts beside frames |
//! | [`rules`] | rules of a project: conditions, what then |

mod fingerprint;
mod message;
mod names;
pub mod rules;
mod stack;
mod value;

use serde::Serialize;
use sha2::{Digest, Sha256};
use vocabulary::Timestamp;

use crate::event::{Hash, HashValue};
use crate::project::Project;
use crate::read::{Tree, exceptions, is_grouped, text_at};

pub(crate) use message::parameterised;

/// All ways of grouping, the first version first. What stands in the tables was made by one of them, so a better one is a
/// new one.
const WAYS: [fn(&Tree<'_>) -> Why; 1] = [own];
pub const NEWEST: u32 = WAYS.len() as u32;

/// What is hashed of an event with a usual stack.
const HASHED_BYTES: usize = 8 << 10;

/// What decides, and what of it counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Why {
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    pub counts: bool,
    /// Why it does not count, or what was done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Why>,
}

impl Why {
    pub(crate) fn leaf(name: &'static str, value: impl Into<String>) -> Why {
        Why { name, value: Some(value.into()), counts: true, ..Why::default() }
    }

    pub(crate) fn of(name: &'static str, parts: Vec<Why>) -> Why {
        let counts = parts.iter().any(|part| part.counts);
        Why { name, counts, parts, ..Why::default() }
    }

    pub(crate) fn not(mut self, hint: &'static str) -> Why {
        self.counts = false;
        self.hint = Some(hint);
        self
    }

    pub(crate) fn with_hint(self, hint: Option<&'static str>) -> Why {
        Why { hint: hint.or(self.hint), ..self }
    }

    pub(crate) fn hash(&self) -> HashValue {
        let mut bytes = Vec::with_capacity(HASHED_BYTES);
        self.spell(&mut bytes);
        let mut value = [0; 16];
        value.copy_from_slice(&Sha256::digest(&bytes)[..16]);
        HashValue(value)
    }

    /// Only what counts. Lengths go before texts, so that no two trees read alike. All of it is hashed at once: a hasher that
    /// is given thousands of pieces takes longer over each than over its bytes.
    fn spell(&self, out: &mut Vec<u8>) {
        if !self.counts {
            return;
        }
        let value = self.value.as_deref().unwrap_or_default();
        for text in [self.name, value] {
            out.extend_from_slice(&(text.len() as u64).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out.push(b'[');
        for part in &self.parts {
            part.spell(out);
        }
        out.push(b']');
    }

    /// The same contribution, whatever else stands beside it.
    fn is_like(&self, other: &Why) -> bool {
        let mut ours = self.parts.iter().filter(|part| part.counts);
        let mut theirs = other.parts.iter().filter(|part| part.counts);
        let mut are_parts_alike = || loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(one), Some(another)) if one.is_like(another) => {}
                _ => return false,
            }
        };
        let are_counted = self.counts && other.counts;
        are_counted && self.name == other.name && self.value == other.value && are_parts_alike()
    }
}

/// What an event is found by: the first decides, those of the version before follow for a while.
pub(crate) fn hashes(project: &Project, event: &Tree<'_>, now: Timestamp) -> Vec<Hash> {
    let settings = &project.settings;
    let before = settings.grouping_before.filter(|before| now.0 < before.until).map(|before| before.version);
    let versions = std::iter::once(settings.grouping_version).chain(before);
    let mut hashes: Vec<Hash> = Vec::with_capacity(1);
    for version in versions {
        let why = group(project, event, version);
        let value = why.hash();
        if hashes.iter().all(|one| one.value != value) {
            hashes.push(Hash { value, version, why });
        }
    }
    hashes
}

fn group(project: &Project, event: &Tree<'_>, version: u32) -> Why {
    let ruled = project.made.rules.fingerprint(event);
    let asked = ruled.map(|texts| ("rule", texts.to_vec()));
    let asked = asked.or_else(|| fingerprint::of_client(event).map(|texts| ("fingerprint", texts)));
    let way = WAYS[(version.clamp(1, NEWEST) - 1) as usize];
    match asked {
        Some((name, texts)) => fingerprint::filled(name, &texts, event, || way(event)),
        None => way(event),
    }
}

/// By what the event itself is: the first way of grouping.
fn own(event: &Tree<'_>) -> Why {
    let of_event = security(event)
        .or_else(|| of_feedback(event))
        .or_else(|| of_exceptions(event))
        .or_else(|| of_stack(event))
        .or_else(|| of_message(event));
    // Nothing to tell it by: what is empty is of one kind for each platform.
    of_event.unwrap_or_else(|| Why::leaf("platform", text_at(event, &["platform"]).unwrap_or("other")))
}

fn of_exceptions(event: &Tree<'_>) -> Option<Why> {
    let chain = exceptions(event);
    let is_group = chain.iter().any(is_grouped);
    let has_own = chain.iter().any(|exception| stack::has_own(exception.get("stacktrace")));
    let mut parts: Vec<Why> = Vec::with_capacity(chain.len());
    for exception in chain {
        let part = of_exception(event, exception, has_own);
        // Of a group of exceptions, how many of a kind there were says nothing of the cause.
        let is_repeat = is_group && parts.iter().any(|earlier| earlier.is_like(&part));
        parts.push(if is_repeat { part.not("the same as one before") } else { part });
    }
    let why = Why::of("exceptions", parts);
    why.counts.then_some(why)
}

/// Its kind, its frames, and what of its text tells more. `has_own`: some exception of the chain has frames of the program's
/// own code, so that those of libraries, which an update changes, do not count in any.
fn of_exception(event: &Tree<'_>, exception: &Tree<'_>, has_own: bool) -> Why {
    let stack = stack::of(event, exception.get("stacktrace"), has_own);
    let is_synthetic = exception.at(&["mechanism", "synthetic"]).and_then(Tree::bool) == Some(true);
    let kind = exception.get("type").and_then(Tree::text).filter(|text| !text.is_empty());
    let written = kind;
    let kind = kind.map(|kind| Why::leaf("type", names::kind(kind)));
    let has_frames = stack.as_ref().is_some_and(|stack| stack.counts);
    let value = exception.get("value").and_then(Tree::text).filter(|text| !text.trim().is_empty());
    let kind = match kind {
        Some(kind) if is_synthetic && has_frames => Some(kind.not("made up by the client")),
        kind => kind,
    };
    let value = value.map(|value| match &stack {
        Some(stack) if stack.counts => {
            value::beside_frames(written, value, stack::crash(stack, exception.get("stacktrace")))
        }
        _ => Why::leaf("value", parameterised(value)),
    });
    Why::of("exception", [kind, stack, value].into_iter().flatten().collect())
}

/// A stack without an exception, with the message that was sent with it: one helper may send many messages.
fn of_stack(event: &Tree<'_>) -> Option<Why> {
    let stack = stack::of(event, stack::alone(event), false)?;
    if !stack.counts {
        return None;
    }
    let parts = std::iter::once(stack).chain(of_message(event)).collect();
    Some(Why::of("stack and message", parts))
}

/// By its template, if it has one: that is what the programmer wrote.
fn of_message(event: &Tree<'_>) -> Option<Why> {
    let entry = event.get("logentry")?;
    let text = |key| entry.get(key).and_then(Tree::text).filter(|text: &&str| !text.trim().is_empty());
    let template = text("message").filter(|_| entry.get("params").is_some_and(|params| !is_empty(params)));
    let written = template.or(text("message")).or(text("formatted"))?;
    let hint = template.is_some().then_some("the template, not what it became");
    Some(Why::leaf("message", parameterised(written)).with_hint(hint))
}

fn is_empty(tree: &Tree<'_>) -> bool {
    tree.is_null() || (tree.list().is_empty() && tree.entries().is_empty())
}

/// Two people who say the same mean the same; anything else is dealt with by itself.
fn of_feedback(event: &Tree<'_>) -> Option<Why> {
    crate::title::feedback(event).map(|said| Why::leaf("said", said.trim()))
}

/// What a browser reports of its own: what was refused, and from where.
fn security(event: &Tree<'_>) -> Option<Why> {
    let (directive, host) = crate::title::refused(event)?;
    Some(Why::of("security", vec![Why::leaf("directive", directive), Why::leaf("host", host)]))
}

#[cfg(test)]
mod tests {
    use super::Why;

    #[test]
    fn what_does_not_count_changes_no_hash_and_what_counts_does() {
        let leaf = |value: &str| Why::leaf("type", value);
        let one = Why::of("exception", vec![leaf("A"), leaf("x").not("made up")]);
        let two = Why::of("exception", vec![leaf("A"), leaf("y").not("made up")]);
        assert_eq!(one.hash(), two.hash());
        assert_ne!(one.hash(), Why::of("exception", vec![leaf("B")]).hash());
        // Nothing runs together.
        let nested = Why::of("e", vec![Why::of("a", vec![leaf("1")]), leaf("2")]);
        let flat = Why::of("e", vec![Why::of("a", vec![leaf("1"), leaf("2")])]);
        assert_ne!(nested.hash(), flat.hash());
        assert_ne!(Why::leaf("ab", "c").hash(), Why::leaf("a", "bc").hash());
    }
}
