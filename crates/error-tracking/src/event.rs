//! What becomes of an event: what is kept, found by and counted of it.

use std::net::IpAddr;

use serde::Serialize;
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use crate::grouping::Why;

/// How an event came.
#[derive(Clone, Debug)]
pub struct Received {
    pub at: Timestamp,
    /// By the sender's clock: how much that is off is taken from the event's time.
    pub sent_at: Option<Timestamp>,
    pub peer_ip: Option<IpAddr>,
    /// It goes before the event's own.
    pub envelope_event_id: Option<EventId>,
    /// For an event that brings none.
    pub spare_id: EventId,
    /// Such as `sentry.python/2.1.0`, for an event that does not say.
    pub client: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Debug,
    Info,
    Warning,
    #[default]
    Error,
    Fatal,
}

impl Level {
    pub const ALL: [Level; 5] = [Level::Debug, Level::Info, Level::Warning, Level::Error, Level::Fatal];

    pub fn word(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
            Level::Fatal => "fatal",
        }
    }

    /// A word in any case, or the number that old clients send.
    pub fn read(text: &str) -> Option<Level> {
        let text = text.trim();
        Some(match text.to_ascii_lowercase().as_str() {
            "debug" | "trace" | "10" => Level::Debug,
            "info" | "log" | "20" => Level::Info,
            "warning" | "warn" | "30" => Level::Warning,
            "error" | "40" => Level::Error,
            "fatal" | "critical" | "50" => Level::Fatal,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Exception,
    Message,
    /// What browsers report of their own: CSP and kin.
    Security,
    Feedback,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Exception, Kind::Message, Kind::Security, Kind::Feedback];

    pub fn word(self) -> &'static str {
        match self {
            Kind::Exception => "exception",
            Kind::Message => "message",
            Kind::Security => "security",
            Kind::Feedback => "feedback",
        }
    }
}

/// Who had it: by id, else e-mail address, name, address of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMark {
    pub hash: u64,
    /// For people to read, scrubbed as the event is: `id:17`.
    pub label: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HashValue(pub [u8; 16]);

impl std::fmt::Display for HashValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What an event is found by, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Hash {
    pub value: HashValue,
    /// Of the way of grouping.
    pub version: u32,
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scrubbed {
    pub path: String,
    pub rule: String,
}

/// An event as it is kept and counted.
#[derive(Clone, Debug)]
pub struct Digested {
    pub project: u64,
    pub event_id: EventId,
    pub at: Timestamp,
    pub received_at: Timestamp,
    pub kind: Kind,
    pub level: Level,
    pub platform: String,
    pub logger: Option<String>,
    pub transaction: Option<String>,
    pub environment: Option<String>,
    pub release: Option<String>,
    pub dist: Option<String>,
    pub server_name: Option<String>,
    pub user: Option<UserMark>,
    /// Its own, and those that follow from the rest of it: `browser`, `os`, `handled`, …
    pub tags: Vec<(String, String)>,
    pub title: String,
    pub culprit: String,
    /// Whether the program went on.
    pub handled: Option<bool>,
    /// The first decides; those of the version before follow.
    pub hashes: Vec<Hash>,
    /// Who is assigned, should it open a group.
    pub owner: Option<String>,
    pub scrubbed: Vec<Scrubbed>,
    /// Normalised JSON, as it is stored.
    pub body: Vec<u8>,
}

/// It cannot be an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}
