//! What was learnt: post-mortems with what is to be done about it.
//!
//! A post-mortem says regret, reason and remedy, and how it went. There is no place in it for a culprit: people are
//! named by their part (`responder 1`) unless somebody writes otherwise. It outlives its incident, which is forgotten
//! one day.
//!
//! | module | holds |
//! |---|---|
//! | [`timeline`] | how it went, made from the incident's own timeline |
//! | [`follow_ups`] | what is to be done, by whom and until when; a new monitor must catch what was missed |
//! | [`redaction`] | what is taken out before others than us may read it |
//! | `looks` | what of it shows by its looks, such as a telephone number |
//! | [`wording`] | words that blame, and what to write instead |
//! | [`earlier`] | the last times that the same happened, and what helped |
//! | `link` | what the address of a published one holds |
//! | `store` | the tables |

pub mod earlier;
pub mod follow_ups;
mod link;
mod looks;
pub mod redaction;
pub mod store;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod wording;

use serde::{Deserialize, Serialize};

use crate::incident::IncidentId;
use crate::people::Refusal;

pub use earlier::{Earlier, Helped};
pub use follow_ups::{FollowUp, NewFollowUp, Proof};
pub use store::MIGRATIONS;

pub type PostMortemId = i64;

/// Each of the three texts.
pub const MAX_TEXT: usize = 50_000;
pub const MAX_TITLE: usize = 300;
pub const MAX_WORDS: usize = 4_000;
/// Lines of a timeline: as many as one reads, some of them hidden.
pub const MAX_LINES: usize = 500;
/// Words that are to be taken out of a published one.
pub const MAX_REDACTED: usize = 200;
/// Versions of one that are kept; the oldest go.
pub const MAX_VERSIONS: i64 = 200;

/// One moment of how it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub at: i64,
    /// Who, by their part: `monitoring`, `responder 1`.
    #[serde(default)]
    pub role: String,
    pub words: String,
    /// Kept, and not shown to readers.
    #[serde(default)]
    pub hidden: bool,
}

/// What people write and change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Text {
    pub title: String,
    /// What it was like for those who rely on us, and that we are sorry.
    pub regret: String,
    /// What brought it about: conditions and decisions as they looked then.
    pub reason: String,
    /// What was done, and what will be, so that it does not come again.
    pub remedy: String,
    pub timeline: Vec<Line>,
    /// Words to take out when it is published, besides those that are known to be names.
    pub redact: Vec<String>,
    /// Words that are known to be names, and may stay.
    pub keep: Vec<String>,
}

impl Text {
    /// What is wrong with it, and how to mend it.
    pub fn check(&self) -> Result<(), Refusal> {
        let too_long =
            |what: &str, bound: usize| Refusal::Bad(format!("`{what}` is longer than {bound} bytes"));
        if self.title.trim().is_empty() {
            return Err(Refusal::Bad("a post-mortem needs a `title`".into()));
        }
        if self.title.len() > MAX_TITLE {
            return Err(too_long("title", MAX_TITLE));
        }
        for (what, text) in [("regret", &self.regret), ("reason", &self.reason), ("remedy", &self.remedy)] {
            if text.len() > MAX_TEXT {
                return Err(too_long(what, MAX_TEXT));
            }
        }
        if self.timeline.len() > MAX_LINES {
            return Err(Refusal::Bad(format!(
                "a timeline has {MAX_LINES} lines at most: keep what mattered"
            )));
        }
        if self.timeline.iter().any(|line| line.words.len() > MAX_WORDS || line.role.len() > MAX_TITLE) {
            return Err(too_long("timeline[].words", MAX_WORDS));
        }
        for (what, words) in [("redact", &self.redact), ("keep", &self.keep)] {
            if words.len() > MAX_REDACTED || words.iter().any(|word| word.len() > MAX_TITLE) {
                return Err(Refusal::Bad(format!(
                    "`{what}` has {MAX_REDACTED} words at most, {MAX_TITLE} bytes each"
                )));
            }
        }
        Ok(())
    }
}

/// What it is about, as it was when it was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub incident: IncidentId,
    /// Such as `monitor:api-latency`: by this it is found again.
    pub reason: String,
    pub title: String,
    /// From the first trouble on.
    pub began: i64,
    pub opened: i64,
    /// None: it was open.
    pub ended: Option<i64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PostMortem {
    pub id: PostMortemId,
    pub about: About,
    pub text: Text,
    /// Counts changes of the text; whoever changes it says which one was read.
    pub version: i64,
    pub created: i64,
    pub changed: i64,
    pub author: String,
    pub published: Option<Published>,
    pub follow_ups: Vec<FollowUp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub at: i64,
    pub by: String,
    /// Of its address. Withdrawn and published again it has another one.
    pub token: String,
    /// The text that is shown is this version's.
    pub version: i64,
}
