//! What is told of errors, the way in for those who keep them. A rule on errors is a [`Subject`](crate::Subject) of kind
//! [`Errors`](crate::book::Kind::Errors): its contacts, policy, playbook and shadow hold as those of any monitor. Each group
//! is a reason of its own, so that a new error pages although somebody has another one in hand; those of one rule that
//! begin together (a deploy brings many) are one incident.
//!
//! What this makes goes through [`Batch::take`](crate::desk::Batch::take), in the transaction that keeps the error: no
//! error that was answered for goes untold.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, OfSender, State, StateChange, StateType};

use crate::book::{Book, Kind};
use crate::core::Incidents;
use crate::incident::Key;
use crate::limits::{MAX_TITLE, cut};

/// Why a group is worth telling of.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Never seen before.
    New,
    /// It was said to be resolved, and is back.
    Back,
    /// So many people had it within so many seconds; the rule tells from so many on.
    Users { count: u64, from: u64, within: i64 },
    /// So many events.
    Events { count: u64, from: u64, within: i64 },
    /// So many events within so many seconds, where so many are usual; and the service that most of them name.
    Spike { count: u64, usual: f64, within: i64, dependency: Option<String> },
}

impl Condition {
    fn words(&self) -> String {
        let time = vocabulary::time::spell;
        match self {
            Condition::New => "it is new".to_owned(),
            Condition::Back => "it is back".to_owned(),
            Condition::Users { count, from, within } => {
                format!("{count} people had it within {} ({from} are too many)", time(*within))
            }
            Condition::Events { count, from, within } => {
                format!("{count} times within {} ({from} are too many)", time(*within))
            }
            Condition::Spike { count, usual, within, dependency } => {
                let named = dependency.as_ref().map(|name| format!("; most of them name {name}"));
                let named = named.unwrap_or_default();
                format!("{count} times within {}, where {usual:.0} are usual{named}", time(*within))
            }
        }
    }

    fn value(&self) -> Option<f64> {
        match self {
            Condition::New | Condition::Back => None,
            Condition::Users { count, .. }
            | Condition::Events { count, .. }
            | Condition::Spike { count, .. } => Some(*count as f64),
        }
    }
}

/// A group meets the condition of a rule, or does so no more.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTrouble {
    /// The name of the rule.
    pub rule: Arc<str>,
    /// The group, such as `shop/12`: the same for ever.
    pub group: String,
    /// Of the events that met it; what is not production pages nobody.
    pub environment: Option<String>,
    /// What people know it by: `TypeError: x is not a function`.
    pub title: String,
    pub state: State,
    /// The team or person whose the group is.
    pub assigned: Option<String>,
    pub condition: Condition,
    /// What the events have in common that others have not, in words.
    pub in_common: Option<String>,
    pub at: Timestamp,
}

impl ErrorTrouble {
    pub fn begins(&self) -> StateChange {
        let title = self.title.lines().next().unwrap_or_default().to_owned();
        let lines = [Some(title), Some(self.condition.words()), self.in_common.clone()];
        let text = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
        self.change((State::Ok, self.state), self.condition.value(), &text, self.at)
    }

    /// `why`: somebody resolved the group, or it has been calm for long enough.
    pub fn ends(&self, why: &str, at: Timestamp) -> StateChange {
        self.change((self.state, State::Ok), None, why, at)
    }

    fn change(
        &self,
        (from, to): (State, State),
        value: Option<f64>,
        text: &str,
        at: Timestamp,
    ) -> StateChange {
        // As the tag of a series, which is where environments are looked for.
        let environment = self.environment.as_ref().map(|name| format!(";environment={name}"));
        let instance = format!("{}{}", self.group, environment.unwrap_or_default());
        StateChange {
            id: InstanceId { monitor: self.rule.clone(), instance: instance.into() },
            at,
            from,
            from_type: StateType::Hard,
            to,
            to_type: StateType::Hard,
            attempt: 1,
            value,
            text: text.into(),
            withheld: None,
            since: None,
            // Also where it is nobody's any more: then this is news.
            of_sender: Some(Arc::new(OfSender { assigned: self.assigned.clone(), ..OfSender::default() })),
        }
    }
}

/// Of the incident of one group: what people know it by.
pub(crate) fn title(text: &str) -> String {
    cut(text.lines().next().unwrap_or_default(), MAX_TITLE).to_owned()
}

impl Incidents {
    pub(crate) fn is_of_errors(&self, key: &Key) -> bool {
        self.book.is_of_errors(key)
    }
}

impl Book {
    pub(crate) fn is_of_errors(&self, key: &Key) -> bool {
        self.about(key).is_some_and(|subject| subject.kind == Kind::Errors)
    }

    /// Two groups of one rule.
    pub(crate) fn by_errors(&self, member: &Key, key: &Key) -> Option<String> {
        let both = self.is_of_errors(key) && member.monitor == key.monitor && member.host == key.host;
        both.then(|| format!("it began with another error of {}", key.monitor))
    }
}
