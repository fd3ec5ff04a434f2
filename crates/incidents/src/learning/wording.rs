//! Words that blame. People who fear blame do not tell what happened, so that nobody learns from it.

use serde::Serialize;

use super::Text;

/// Somewhere in a post-mortem that reads as blame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hint {
    /// `regret`, `reason`, `remedy`, or `timeline` and the number of its line from 0.
    pub place: String,
    pub found: String,
    pub instead: &'static str,
}

const WHAT_WAS_SEEN: &str = "say what was known then, and what made it look right";
const WHAT_ALLOWED: &str = "say what let it happen: a missing check, an unclear step, a default";
const FINDINGS: [(&str, &str); 16] = [
    ("should have", WHAT_WAS_SEEN),
    ("shouldn't have", WHAT_WAS_SEEN),
    ("could have", WHAT_WAS_SEEN),
    ("failed to", "say what was done in its place, and why that looked right"),
    ("neglected", "say what was done in its place, and why that looked right"),
    ("forgot", WHAT_ALLOWED),
    ("human error", WHAT_ALLOWED),
    ("operator error", WHAT_ALLOWED),
    ("user error", WHAT_ALLOWED),
    ("by mistake", WHAT_ALLOWED),
    ("careless", WHAT_ALLOWED),
    ("fault of", WHAT_ALLOWED),
    ("'s fault", WHAT_ALLOWED),
    ("blame", WHAT_ALLOWED),
    ("be more careful", "say which change makes care unnecessary"),
    ("pay more attention", "say which change makes care unnecessary"),
];

pub fn hints(text: &Text) -> Vec<Hint> {
    let fields = [("regret", &text.regret), ("reason", &text.reason), ("remedy", &text.remedy)];
    let fields = fields.into_iter().map(|(place, text)| (place.to_owned(), text.as_str()));
    let lines = text.timeline.iter().enumerate();
    let lines = lines.map(|(index, line)| (format!("timeline {index}"), line.words.as_str()));
    let mut hints = Vec::new();
    for (place, text) in fields.chain(lines) {
        let text = text.to_lowercase();
        let found = FINDINGS.iter().filter(|(words, _)| text.contains(words));
        hints.extend(found.map(|(words, instead)| Hint {
            place: place.clone(),
            found: (*words).into(),
            instead,
        }));
    }
    hints
}
