//! What is to be done, by whom and until when. One of kind `new_monitor` names a rule: it is done when that rule, tried
//! on the past, catches what was missed.

use serde::{Deserialize, Serialize};

use super::{MAX_TITLE, MAX_WORDS, PostMortemId};
use crate::people::Refusal;

/// Of one post-mortem. More is a project.
pub const MAX_FOLLOW_UPS: usize = 50;

/// The proof that a rule catches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub monitor: String,
    /// When it was tried.
    pub at: i64,
    /// When it would have fired.
    pub fired: i64,
    pub instance: String,
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    pub id: i64,
    pub post_mortem: PostMortemId,
    pub new: NewFollowUp,
    /// When and by whom it was done.
    pub done: Option<(i64, String)>,
    pub proof: Option<Proof>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Task,
    NewMonitor,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFollowUp {
    pub what: String,
    /// A person. Whoever does it, not whoever it is about.
    pub owner: String,
    /// The day by which it is done, such as `2026-12-01`.
    pub due: String,
    #[serde(default)]
    pub kind: Kind,
    /// Of a new monitor: its name, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
}

impl NewFollowUp {
    pub fn check(&self) -> Result<(), Refusal> {
        let bad = |why: &str| Err(Refusal::Bad(why.to_owned()));
        match () {
            () if self.what.trim().is_empty() => bad("a follow-up says `what` is to be done"),
            () if self.what.len() > MAX_WORDS => {
                bad("`what` is too long: what is to be done fits into a few lines")
            }
            () if self.owner.trim().is_empty() => {
                bad("a follow-up has an `owner`: what is everybody's is nobody's")
            }
            () if self.owner.len() > MAX_TITLE => bad("`owner` is too long"),
            () if self.due.parse::<jiff::civil::Date>().is_err() => {
                bad("`due` is the day by which it is done, such as \"2026-12-01\"")
            }
            () if self.kind == Kind::Task && self.monitor.is_some() => {
                bad("`monitor` belongs to a follow-up of kind \"new_monitor\"")
            }
            () => Ok(()),
        }
    }

    /// Is the day over by which it should be done?
    pub fn is_late(&self, today: jiff::civil::Date) -> bool {
        self.due.parse::<jiff::civil::Date>().is_ok_and(|due| due < today)
    }
}
