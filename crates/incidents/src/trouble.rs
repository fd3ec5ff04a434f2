//! One instance that is, or was, bad.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vocabulary::state::{OfSender, State, StateChange, Withheld};

use crate::incident::Key;
use crate::limits::{MAX_TEXT, cut};

/// What is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// As it is now; OK or UP once it is over.
    pub state: State,
    /// The worst that it was.
    pub worst: State,
    pub since: i64,
    /// When we heard that it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Since when it is well for whoever looked, if that is before we heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub well_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    pub text: String,
    /// Of what people declare: what they call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why nobody is told of it for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
    /// Somebody closed its incident while it was bad: only when it gets worse does another one open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dismissed: bool,
    /// It is not defined any more, since then. Should it be again, it is as bad as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<i64>,
    /// Contacts whose notice a silence kept back, while it is in no incident.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub owed: BTreeSet<String>,
    /// Why it is in an incident of another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// It came later than what people were told of its incident, and nobody has heard of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
    /// Of an alert of others, or an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_sender: Option<OfSender>,
}

impl Trouble {
    pub fn of(state: State, since: i64, text: &str) -> Trouble {
        Trouble {
            state,
            worst: state,
            since,
            until: None,
            well_since: None,
            value: None,
            text: cut(text, MAX_TEXT).to_owned(),
            title: None,
            withheld: None,
            dismissed: false,
            gone: None,
            owed: BTreeSet::new(),
            why: None,
            unheard: false,
            of_sender: None,
        }
    }

    pub fn new(change: &StateChange) -> Trouble {
        let (value, withheld) = (change.value, change.withheld);
        let of_sender = change.of_sender.as_deref().cloned();
        Trouble { value, withheld, of_sender, ..Trouble::of(change.to, change.seen_since().0, &change.text) }
    }

    /// When it went bad: the sender of an alert may know that better than whoever looked.
    pub fn began(&self) -> i64 {
        let known = self.of_sender.as_ref().and_then(|said| said.since);
        known.map_or(self.since, |known| known.min(self.since))
    }

    /// When it was over, which whoever looked may know better than we, who count waits from when we were told.
    pub fn ended(&self) -> Option<i64> {
        let until = self.until?;
        Some(self.well_since.map_or(until, |seen| seen.clamp(self.began().min(until), until)))
    }

    /// What is to be done, as its sender says.
    pub fn runbook(&self) -> Option<&str> {
        self.of_sender.as_ref()?.runbook.as_deref()
    }

    /// The team or person whose it is by itself, whatever else is said of what it belongs to.
    pub fn assigned(&self) -> Option<&str> {
        self.of_sender.as_ref()?.assigned.as_deref()
    }

    /// For people: its own title, else how it is named.
    pub fn called(&self, key: &Key) -> String {
        self.title.clone().unwrap_or_else(|| key.to_string())
    }

    /// What an incident is called that opens with it.
    pub fn title_of_incident(&self, key: &Key) -> String {
        self.title.clone().unwrap_or_else(|| key.monitor.to_string())
    }

    pub fn is_over(&self) -> bool {
        !self.state.is_problem()
    }

    pub fn take(&mut self, change: &StateChange) {
        self.state = change.to;
        self.value = change.value;
        self.text = cut(&change.text, MAX_TEXT).to_owned();
        self.withheld = change.withheld;
        self.until = (!change.to.is_problem()).then_some(change.at.0);
        self.well_since = self.until.map(|_| change.seen_since().0).filter(|seen| *seen < change.at.0);
        if let Some(said) = change.of_sender.as_deref() {
            self.of_sender = Some(said.clone());
        }
        if change.to.badness() > self.worst.badness() {
            self.worst = change.to;
        }
    }
}
