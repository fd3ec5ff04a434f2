//! The types of channels, one folder each, and one table of them: [`TYPES`].
//!
//! | file | holds |
//! |---|---|
//! | [`own`] | where a person is reached by each type |
//! | [`post`] | one call for each page and recipient: what most providers want |
//! | [`asks`] | a question at a fixed pace: how most answers are heard |
//! | [`pictures`] | graphs that follow their page |
//! | [`problems`] | what may be wrong with keys that several types have |
//! | [`unopened`] | one that could not be opened |

pub mod asks;
pub mod command;
pub mod email;
pub mod ntfy;
pub mod opsgenie;
pub mod own;
pub mod pagerduty;
pub mod pictures;
pub mod post;
pub mod problems;
pub mod push;
pub mod pushover;
pub mod slack;
pub mod telegram;
#[cfg(test)]
pub mod tests;
pub mod twilio;
pub mod unopened;
pub mod webhook;

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use incidents::outbox::Waiting;
use incidents::{Handle, What};
use outbound::Egress;

use crate::config::{ChannelConfig, ChannelType};
use crate::incoming::Reads;
use crate::retry::Failure;
use crate::sender::{Mark, Settings};
use pictures::Pictures;
use problems::Problems;

/// All that the rest has to know of a type.
pub struct Entry {
    pub kind: ChannelType,
    pub word: &'static str,
    /// Its keys, beside `name` and `type`.
    pub keys: &'static [&'static str],
    pub problems: fn(&ChannelConfig) -> Problems,
    pub open: fn(&ChannelConfig) -> Result<Box<dyn Channel>, String>,
    /// What listens for what comes back, if anything can.
    pub ear: fn(&ChannelConfig) -> Opened,
    /// Seconds after which a page is told in another way.
    pub give_up: i64,
    /// What reads what the provider posts to us, if it can.
    pub posted: Option<Reads>,
    pub pictures: Pictures,
    /// The provider keeps a state of each incident, and calls people until somebody has it; or shows who has it.
    pub follows: fn(&ChannelConfig) -> bool,
    /// There is a person at the other end. A room may be empty at night: it never counts as reaching somebody.
    pub reaches: fn(&ChannelConfig) -> bool,
}

pub fn yes(_: &ChannelConfig) -> bool {
    true
}

pub fn no(_: &ChannelConfig) -> bool {
    false
}

pub const TYPES: [&Entry; 12] = [
    &email::ENTRY,
    &webhook::ENTRY,
    &pagerduty::ENTRY,
    &opsgenie::ENTRY,
    &slack::ENTRY,
    &ntfy::ENTRY,
    &telegram::ENTRY,
    &pushover::ENTRY,
    &twilio::SMS,
    &twilio::VOICE,
    &push::ENTRY,
    &command::ENTRY,
];

pub fn of(kind: ChannelType) -> &'static Entry {
    TYPES.into_iter().find(|entry| entry.kind == kind).unwrap_or(TYPES[0])
}

/// What listens, if anything can.
pub type Opened = Result<Option<Box<dyn Ear>>, String>;

/// For types to which nothing comes back.
pub fn deaf(_: &ChannelConfig) -> Opened {
    Ok(None)
}

/// A page that is to be sent, with what belongs into its text.
pub struct Letter {
    pub waiting: Waiting,
    pub marks: Vec<Mark>,
    /// What the value usually is.
    pub usual: Option<String>,
    /// How the same went the last time, and what helped.
    pub last_time: Option<String>,
    /// Whoever has it may acknowledge the incident in the contact's name.
    pub token: Option<String>,
    /// Its graph as PNG, for channels that show one.
    pub picture: Option<Vec<u8>>,
    /// The address of its graph, for those who show one by that: it shows this graph, and can do nothing.
    pub graph: Option<String>,
    /// The first page of this incident to this contact by this channel, which may be this one.
    pub first: i64,
    /// What the receiver calls earlier messages of this incident by this channel, and whom each was for.
    pub earlier: Vec<(Arc<str>, String)>,
}

/// What belongs to one round of sending or listening.
pub struct Post<'p> {
    pub settings: &'p Settings,
    pub egress: &'p Egress,
    /// Seconds since 1970.
    pub now: i64,
    /// When these channels began to send: what is older may have been sent by one that died.
    pub since: i64,
    /// Who is told that an address of a contact is there no more: contact, kind of way, address.
    pub gone: &'p (dyn Fn(&str, &str, &str) + Send + Sync),
}

/// What the receiver calls it, if it said so and may answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub handle: Option<String>,
    /// There was nothing to say of this there, so that nobody was called.
    pub is_unsaid: bool,
}

impl Sent {
    pub fn called(handle: Option<String>) -> Sent {
        Sent { handle, is_unsaid: false }
    }
}

/// What became of some pages: those of which nothing is said wait on.
pub type Results = Vec<(i64, Result<Sent, Failure>)>;
pub type Work<'w, T> = Pin<Box<dyn Future<Output = T> + Send + 'w>>;

/// Ready to send.
pub trait Channel: Send + Sync {
    /// Some of these letters, from the first on; at least one, unless all have to wait.
    fn send<'w>(&'w mut self, letters: &'w [Letter], post: &'w Post<'w>) -> Work<'w, Results>;
}

/// Somebody has answered a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub whose: Whose,
    pub what: What,
    /// `in PagerDuty, by Ana`
    pub how: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of the contact that got this page.
    Page(i64),
    /// Of the contact that got this page, if the receiver calls it so: a button tells both, and anybody may write one. When it
    /// was pressed is not said.
    PageCalled(i64, String),
    /// Of whomever this was signed for, said at this time.
    Token { token: String, at: i64 },
    /// Of whoever is reached there, below a message of this incident. Names are chosen by those who have them, and say nothing.
    Person { incident: i64, way: &'static str, at: String },
}

/// What came of what somebody said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Somebody has it already.
    Taken,
    /// There is nothing left to do, or never was.
    Over,
    /// It was said, or may have been, before the incident became nobody's again.
    Older,
    /// Nobody whom we know has said it.
    Stranger,
    /// It could not be done now.
    NotNow,
}

#[derive(Debug, Default)]
pub struct Heard {
    pub said: Vec<Said>,
    /// From where to read next time; none: as before.
    pub cursor: Option<String>,
    /// Nothing that was said before it was asked is left to hear.
    pub is_all: bool,
}

/// Those of the channel, else where the contact itself is reached this way.
pub fn recipients(
    letter: &Letter,
    of_channel: &[String],
    way: &str,
    is_fine: fn(&str) -> bool,
) -> Result<Vec<String>, Failure> {
    if !of_channel.is_empty() {
        return Ok(of_channel.to_vec());
    }
    let page = &letter.waiting.page;
    match page.message.ways.get(way) {
        Some(own) if is_fine(own) => Ok(vec![own.clone()]),
        Some(_) => Err(Failure::Person {
            why: format!("`{way}` of contact {} is not what it has to be", page.contact),
        }),
        None => {
            let why = format!("contact {} has no `{way}`, and the channel has no `to`", page.contact);
            Err(Failure::Person { why })
        }
    }
}

/// All of these at the same time; what came of each in their order.
pub async fn side_by_side<T>(mut all: Vec<Work<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (work, done) in all.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let Poll::Ready(what) = work.as_mut().poll(context) {
                *done = Some(what);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Of several pages that the receiver calls the same the newest: the others are older words of it.
pub fn newest_of_each(open: &[Handle]) -> Vec<&Handle> {
    let mut seen = HashSet::new();
    open.iter().filter(|one| seen.insert(&one.handle)).collect()
}

/// Asks a provider what people did there, so that nobody needs to reach us from outside.
pub trait Ear: Send + Sync {
    /// Between two questions. While nothing is open nothing is asked.
    fn every(&self) -> Duration;
    fn listen<'w>(
        &'w mut self,
        open: &'w [Handle],
        cursor: &'w str,
        post: &'w Post<'w>,
    ) -> Work<'w, Result<Heard, Failure>>;
    /// It listens also while nothing is open.
    fn is_always_open(&self) -> bool {
        false
    }
    /// What came of all that was heard last, in that order: for whoever said it. A nicety, so nothing is said of its failure.
    fn tell<'w>(&'w mut self, _came: &'w [(Said, Outcome)], _post: &'w Post<'w>) -> Work<'w, ()> {
        Box::pin(async {})
    }
}
