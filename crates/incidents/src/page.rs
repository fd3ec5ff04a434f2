//! One attempt to reach one contact by one channel, and what it says.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;
use vocabulary::state::{NoticeKind, State};

use crate::book::Ways;
use crate::incident::IncidentId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// Something is wrong.
    Problem,
    /// It is still wrong, and has become worse.
    Worse,
    /// It is still wrong, and what held back the word of it has lifted.
    Still,
    /// It is over.
    Recovery,
    /// Somebody closed it by hand.
    Resolved,
    /// Still wrong, and somebody has given it into these hands.
    HandedOver,
    /// Somebody wants this contact to read what was said.
    Mention,
    /// There is more of what this contact has in hand.
    Joined,
    Acknowledgement,
    FlappingStart,
    FlappingStop,
    DowntimeStart,
    DowntimeEnd,
    DowntimeCancelled,
    Custom,
    /// A turn begins soon, somebody asks for cover or covers; or a way leads to this contact no more.
    OnCall,
    /// Mail about no trouble.
    Letter,
    /// By which a person shows that this way leads to them. Sent beside the outbox: it is of no use later.
    Code,
}

impl PageKind {
    pub fn of_notice(kind: NoticeKind) -> PageKind {
        match kind {
            NoticeKind::Problem => PageKind::Problem,
            NoticeKind::Recovery => PageKind::Recovery,
            NoticeKind::Acknowledgement => PageKind::Acknowledgement,
            NoticeKind::FlappingStart => PageKind::FlappingStart,
            NoticeKind::FlappingStop | NoticeKind::FlappingDisabled => PageKind::FlappingStop,
            NoticeKind::DowntimeStart => PageKind::DowntimeStart,
            NoticeKind::DowntimeEnd => PageKind::DowntimeEnd,
            NoticeKind::DowntimeCancelled => PageKind::DowntimeCancelled,
            NoticeKind::Custom => PageKind::Custom,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            PageKind::Problem => "problem",
            PageKind::Worse => "worse",
            PageKind::Still => "still",
            PageKind::Recovery => "recovery",
            PageKind::Resolved => "resolved",
            PageKind::HandedOver => "handed_over",
            PageKind::Mention => "mention",
            PageKind::Joined => "joined",
            PageKind::Acknowledgement => "acknowledgement",
            PageKind::FlappingStart => "flapping_start",
            PageKind::FlappingStop => "flapping_stop",
            PageKind::DowntimeStart => "downtime_start",
            PageKind::DowntimeEnd => "downtime_end",
            PageKind::DowntimeCancelled => "downtime_cancelled",
            PageKind::Custom => "custom",
            PageKind::OnCall => "on_call",
            PageKind::Letter => "letter",
            PageKind::Code => "code",
        }
    }

    /// Whoever gets it knows of something that is bad.
    pub fn is_problem(self) -> bool {
        matches!(self, PageKind::Problem | PageKind::Worse | PageKind::Still | PageKind::HandedOver)
    }

    /// The end of what was told.
    pub fn is_end(self) -> bool {
        matches!(self, PageKind::Recovery | PageKind::Resolved)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub id: i64,
    /// None: of a check that is in no incident, such as the start of a downtime.
    pub incident: Option<IncidentId>,
    pub kind: PageKind,
    pub contact: Arc<str>,
    pub channel: Arc<str>,
    pub at: Timestamp,
    pub message: Message,
}

/// All that a channel needs to say it in its own form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub title: String,
    pub state: State,
    /// Since when it is, or was, bad.
    pub since: i64,
    /// Of an end: when it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<String>,
    /// What the check said.
    pub text: String,
    /// A few of those that are bad.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Named>,
    /// All that are bad.
    pub bad: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// What it is about: a check, host or monitor.
    pub about: About,
    pub name: String,
    /// The series or whatever else a monitor watches several of; the worst.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// Of an acknowledgement, a downtime, a note.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The number of the notice, of a check's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Why it comes this way and not another, such as a channel that fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// Where the contact gets mail, unless the channel says where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// And where the contact is reached otherwise.
    #[serde(default, skip_serializing_if = "Ways::is_empty")]
    pub ways: Ways,
    /// Channels by which this was tried before, and that are no way for anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// How it came to go this way, if it was meant to go another one.
    #[serde(default, skip_serializing_if = "Detour::is_empty")]
    pub detour: Detour,
    /// It goes another way too, since this channel fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rerouted: bool,
    /// What became of the same word to the same contact by its other ways.
    #[serde(default, skip_serializing_if = "Otherwise::is_empty")]
    pub otherwise: Otherwise,
    /// Somebody had it, and since then nobody has it any more: whoever keeps a state of it has to call people again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nobodys_since: Option<i64>,
    /// Of a letter: where its reader says that no more are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<String>,
}

/// What was tried for whom, and in whose place somebody is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detour {
    /// (contact, channel): ways that lead to that person no more. Others are reached by the same channel.
    pub not_for: Vec<(String, String)>,
    /// The page in whose place it goes to those of last resort, who get one each.
    pub stands_for: Option<i64>,
    /// The page in whose place it goes to the same contact by another way.
    pub first: Option<i64>,
    /// The contact's own rule says it again: for its first word others were told.
    pub again: bool,
    /// Another one of these has reached somebody.
    pub stood_in: bool,
    /// Somebody wants it to be heard now: who has heard of the incident before may not look.
    pub called: bool,
    /// Of an end: those who are told by default and have it by another page, or will.
    pub have_it: Vec<String>,
    /// … and of whom it turned out that they have not.
    pub missed_it: Vec<String>,
    /// … and who got it.
    pub got_it: Vec<String>,
}

impl Detour {
    /// The first page of this word, of the one that has this number.
    pub(crate) fn origin(&self, id: i64) -> i64 {
        self.stands_for.or(self.first).unwrap_or(id)
    }

    fn is_empty(&self) -> bool {
        *self == Detour::default()
    }
}

/// Channels of the contact beside the page's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Otherwise {
    /// By these it was delivered.
    pub reached: Vec<String>,
    /// By these it was not, or it waits there.
    pub used: Vec<String>,
}

impl Otherwise {
    fn is_empty(&self) -> bool {
        self.reached.is_empty() && self.used.is_empty()
    }

    pub(crate) fn has(&self, channel: &str) -> bool {
        self.reached.iter().chain(&self.used).any(|one| one == channel)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    Monitor,
    Check,
    Host,
    Channel,
    /// Something that a person says is wrong.
    Declared,
    /// What a comment is on that nobody watches, such as a panel.
    Comment,
    /// Who is on call.
    Schedule,
    /// An error group.
    Errors,
    /// No trouble at all.
    Letter,
}

impl About {
    pub fn word(self) -> &'static str {
        match self {
            About::Monitor => "monitor",
            About::Check => "check",
            About::Host => "host",
            About::Channel => "channel",
            About::Declared => "declared",
            About::Comment => "comment on",
            About::Schedule => "schedule",
            About::Errors => "errors",
            About::Letter => "letter",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    pub instance: String,
    pub state: State,
    pub text: String,
}

/// Nobody sees these, and they turn what stands behind them round, so that a text of a stranger reads as another than it is. Marks
/// and isolates, which well-made Arabic and Hebrew texts have, are none of them.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}')
}

/// Such letters are seen, as `[U+202E]`: so the pages of the web show them. Everything else is as it was.
pub fn readable(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for letter in text.chars() {
        match turns(letter) {
            true => seen += &format!("[U+{:04X}]", u32::from(letter)),
            false => seen.push(letter),
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_a_text_round_is_seen_and_nothing_else_changes() {
        let check = |text: &str, seen: &str| assert_eq!(readable(text), seen);
        check("photo_\u{202e}gpj.exe", "photo_[U+202E]gpj.exe");
        check("\u{202a}a\u{202b}b\u{202c}c\u{202d}", "[U+202A]a[U+202B]b[U+202C]c[U+202D]");
        for same in ["", "ü → 日本", "שלום\u{200f} \u{2067}a\u{2069}", "👩\u{200d}🚀", "a\nb"] {
            check(same, same);
        }
    }
}
