//! The life of a group: what an event does to one that somebody has resolved, or ignores.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::limits::{
    MAX_IGNORED_EVENTS, MAX_IGNORED_SECONDS, MAX_IGNORED_USERS, MAX_RELEASE, MAX_WINDOW_SECONDS,
};
use crate::release::Releases;

/// Slots of a window of "so many within".
const SLOTS: i64 = 60;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    #[default]
    Unresolved,
    Resolved(Resolution),
    Ignored(Ignored),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    pub at: i64,
    pub by: String,
    pub fixed: Fixed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fixed {
    /// In what runs now: the newest release of that moment, if there are releases.
    Now {
        release: Option<String>,
    },
    InRelease {
        release: String,
    },
    /// In whatever comes after the newest one of that moment.
    InNextRelease {
        after: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    pub at: i64,
    pub by: String,
    pub until: Until,
    /// What came since, as far as that decides.
    #[serde(default)]
    events: BTreeMap<i64, u64>,
    #[serde(default)]
    users: BTreeSet<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    Forever,
    Time(i64),
    /// So many more.
    Events(u64),
    EventsWithin {
        count: u64,
        seconds: i64,
    },
    Users(u64),
    /// It is seen in this release or a later one.
    Release(String),
}

/// What of an event decides.
#[derive(Clone, Copy, Debug)]
pub struct Meeting<'m> {
    pub release: Option<&'m str>,
    pub user: Option<u64>,
    pub now: Timestamp,
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    New,
    /// It was resolved, and is back.
    Regressed {
        resolved_release: Option<String>,
        release: Option<String>,
    },
    /// It was ignored until this.
    Unignored {
        why: String,
    },
}

impl Until {
    pub fn problem(&self, now: Timestamp) -> Option<String> {
        let (fits, hint) = match self {
            Until::Forever => (true, ""),
            Until::Time(at) => {
                let wait = Timestamp(*at).since(now);
                ((1..=MAX_IGNORED_SECONDS).contains(&wait), "name a time to come, within ten years")
            }
            Until::Events(count) => {
                ((1..=MAX_IGNORED_EVENTS).contains(count), "name a number of events, from 1 on")
            }
            Until::EventsWithin { count, seconds } => (
                (1..=MAX_IGNORED_EVENTS).contains(count) && (1..=MAX_WINDOW_SECONDS).contains(seconds),
                "name a number of events from 1 on, and a time of a week at most",
            ),
            Until::Users(count) => {
                ((1..=MAX_IGNORED_USERS).contains(count), "name a number of people, 1 to 1000")
            }
            Until::Release(version) => (is_release(version), "name a release"),
        };
        (!fits).then(|| hint.to_owned())
    }
}

pub(crate) fn is_release(version: &str) -> bool {
    !version.is_empty() && version.len() <= MAX_RELEASE
}

impl Ignored {
    pub fn new(until: Until, by: &str, now: Timestamp) -> Ignored {
        Ignored { at: now.0, by: by.to_owned(), until, events: BTreeMap::new(), users: BTreeSet::new() }
    }

    /// Counts the event. Some: that is enough.
    fn meets(&mut self, event: &Meeting<'_>, releases: &Releases) -> Option<String> {
        match &self.until {
            Until::Forever => None,
            Until::Time(at) => (event.now.0 >= *at).then(|| "the time is over".to_owned()),
            Until::Events(most) => {
                let seen = self.events.entry(0).or_default();
                *seen += 1;
                (*seen >= *most).then(|| format!("{most} more events came"))
            }
            Until::EventsWithin { count, seconds } => {
                let width = (seconds / SLOTS).max(1);
                *self.events.entry(event.now.0 / width).or_default() += 1;
                let oldest = (event.now.0 - seconds) / width;
                self.events.retain(|slot, _| *slot > oldest);
                let seen: u64 = self.events.values().sum();
                (seen >= *count)
                    .then(|| format!("{seen} events came within {}", vocabulary::time::spell(*seconds)))
            }
            Until::Users(most) => {
                self.users.extend(event.user);
                (self.users.len() as u64 >= *most).then(|| format!("{most} people had it"))
            }
            Until::Release(version) => {
                let seen = event.release.filter(|seen| releases.is_since(seen, version));
                seen.map(|seen| format!("it was seen in {seen}"))
            }
        }
    }
}

impl Resolution {
    /// What is older than the fix was to be expected.
    fn is_broken_by(&self, release: Option<&str>, releases: &Releases) -> bool {
        match &self.fixed {
            Fixed::Now { release: Some(newest) } => {
                release.is_none_or(|seen| !releases.is_later(newest, seen))
            }
            Fixed::Now { release: None } => true,
            // What says of no release is of before there were any.
            Fixed::InRelease { release: fixed } => release.is_some_and(|seen| releases.is_since(seen, fixed)),
            Fixed::InNextRelease { after: Some(after) } => {
                release.is_some_and(|seen| releases.is_later(seen, after))
            }
            Fixed::InNextRelease { after: None } => release.is_some(),
        }
    }

    fn release(&self) -> Option<String> {
        match &self.fixed {
            Fixed::Now { release } | Fixed::InNextRelease { after: release } => release.clone(),
            Fixed::InRelease { release } => Some(release.clone()),
        }
    }
}

impl Life {
    pub fn word(&self) -> &'static str {
        match self {
            Life::Unresolved => "unresolved",
            Life::Resolved(_) => "resolved",
            Life::Ignored(_) => "ignored",
        }
    }

    /// What is ignored until a time is open again when it is over, though no event tells of it.
    pub fn word_at(&self, now: Timestamp) -> &'static str {
        match self.ignored_until() {
            Some(until) if until <= now.0 => Life::Unresolved.word(),
            _ => self.word(),
        }
    }

    pub(crate) fn ignored_until(&self) -> Option<i64> {
        match self {
            Life::Ignored(Ignored { until: Until::Time(at), .. }) => Some(*at),
            _ => None,
        }
    }

    /// An event of the group came; its release has been noted.
    pub fn meet(&mut self, event: &Meeting<'_>, releases: &Releases) -> Option<News> {
        let news = match self {
            Life::Unresolved => return None,
            Life::Resolved(resolution) if resolution.is_broken_by(event.release, releases) => {
                News::Regressed {
                    resolved_release: resolution.release(),
                    release: event.release.map(str::to_owned),
                }
            }
            Life::Resolved(_) => return None,
            Life::Ignored(ignored) => News::Unignored { why: ignored.meets(event, releases)? },
        };
        *self = Life::Unresolved;
        Some(news)
    }
}
