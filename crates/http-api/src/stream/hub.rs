//! All open streams.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use incidents::Seen;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::StateChange;

use super::batches::{Batch, Batches};
use super::message;
use crate::accounts::{self, Caller, Via};
use crate::answer::{Answer, Problem};
use crate::api_v1::errors;

pub const MAX_STREAMS: usize = 1_000;
/// Of these whoever has signed in, or one token: a browser has one for all of its tabs. Where nobody signs in all are one.
pub const MAX_STREAMS_OF_ONE: usize = 50;
pub const MAX_TARGETS: usize = 500;
pub const MAX_TARGET_LENGTH: usize = 16_384;
/// Ticks that wait for a slow reader before its stream is closed.
const QUEUE: usize = 32;
/// Changes of state in one message.
const MAX_CHANGES: usize = 500;
#[derive(Default)]
pub struct Hub {
    pub(super) streams: Mutex<HashMap<String, Stream>>,
    /// How often streams were ended since who may see what had changed.
    changes: AtomicU64,
}

/// When a request was looked at: a stream that it opens later is not fed by what its caller was allowed before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedAt(u64);

pub(super) struct Stream {
    /// The person or token that opened it.
    pub(super) who: String,
    /// Nobody signs in: everybody is one.
    pub(super) is_of_all: bool,
    pub(super) scope: Scope,
    /// When what it was opened with holds no more.
    until: Option<Timestamp>,
    pub(super) events: mpsc::Sender<Batch>,
    pub(super) targets: Vec<Wanted>,
}

/// Why a stream is ended while the server goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The session or token that it was opened with is none any more.
    Expired,
    /// Who may see what is another thing than when it was opened.
    Changed,
}

impl Stream {
    /// Its reader is told why, if there is room for that; dropping it is what ends it.
    fn say(&self, why: End) {
        // A reader who is too slow for one more event learns it from the answer to the next request.
        let _ = self.events.try_send(vec![message::end(why)]);
    }
}

/// A target of one stream, and how far the stream has been told about it.
#[derive(Clone)]
pub(super) struct Wanted {
    pub text: String,
    pub from: Option<Timestamp>,
    /// The version of the set of series that was told last; `None`: nothing yet.
    pub told: Option<u64>,
}

impl Hub {
    /// To be taken before it is looked at who asks.
    pub fn now(&self) -> LookedAt {
        LookedAt(self.changes.load(Ordering::Acquire))
    }

    pub fn open(
        &self,
        looked_at: LookedAt,
        caller: Caller,
        targets: Vec<String>,
        from: Option<Timestamp>,
    ) -> Answer<(String, Batches)> {
        check(&targets)?;
        let id = accounts::random_secret().map_err(Problem::internal)?;
        let (events, receiver) = mpsc::channel(QUEUE);
        let mut streams = self.streams.lock();
        if streams.len() >= MAX_STREAMS {
            return Err(Problem::new(
                axum::http::StatusCode::SERVICE_UNAVAILABLE,
                format!("{MAX_STREAMS} streams are open already"),
            ));
        }
        let targets = targets.into_iter().map(|text| Wanted { text, from, told: None }).collect();
        let Caller { name: who, scope, until, via, .. } = caller;
        let of_one = || streams.values().filter(|stream| stream.who == who).count();
        if via != Via::Loopback && of_one() >= MAX_STREAMS_OF_ONE {
            let why = format!("{who} has {MAX_STREAMS_OF_ONE} streams open already");
            return Err(Problem::new(axum::http::StatusCode::TOO_MANY_REQUESTS, why).hint(
                "close some: one stream carries 500 targets, and PUT /api/v1/streams/ID changes them",
            ));
        }
        let stream = Stream { who, is_of_all: via == Via::Loopback, scope, until, events, targets };
        match self.now() == looked_at {
            true => drop(streams.insert(id.clone(), stream)),
            // It may be theirs that changed. Whoever still may comes back at once.
            false => stream.say(End::Changed),
        }
        Ok((id, Batches::new(receiver)))
    }

    /// Targets that the stream already had go on without a break.
    pub fn set_targets(
        &self,
        id: &str,
        scope: &Scope,
        targets: Vec<String>,
        from: Option<Timestamp>,
    ) -> Answer<()> {
        check(&targets)?;
        let mut streams = self.streams.lock();
        let stream = streams.get_mut(id).filter(|stream| stream.scope == *scope);
        let stream = stream.ok_or_else(|| Problem::not_found("there is no such stream; open a new one"))?;
        let before = std::mem::take(&mut stream.targets);
        stream.targets = targets
            .into_iter()
            .enumerate()
            .map(|(place, text)| {
                // At another place it has another number, which the reader must be told.
                let same = before.get(place).filter(|wanted| wanted.text == text);
                same.cloned().unwrap_or(Wanted { text, from, told: None })
            })
            .collect();
        Ok(())
    }

    /// At once, and not with the next tick. A reader who is too slow for it is closed, and looks again when it is back.
    pub fn tell_changes(&self, changes: &[StateChange]) {
        let mut streams = self.streams.lock();
        if streams.is_empty() {
            return;
        }
        for chunk in changes.chunks(MAX_CHANGES) {
            streams.retain(|_, stream| {
                let seen: Vec<&StateChange> =
                    chunk.iter().filter(|change| is_seen(&stream.scope, change)).collect();
                seen.is_empty() || stream.events.try_send(vec![message::changes(&seen)]).is_ok()
            });
        }
    }

    /// What has happened to incidents, to each who sees something of them.
    pub fn tell_incidents(&self, seen: &[Seen]) {
        let mut streams = self.streams.lock();
        for chunk in seen.chunks(MAX_CHANGES) {
            streams.retain(|_, stream| {
                let seen: Vec<Seen> = chunk.iter().filter_map(|one| one.part(&stream.scope)).collect();
                seen.is_empty() || stream.events.try_send(vec![message::incidents(&seen)]).is_ok()
            });
        }
    }

    /// Does anybody listen at all?
    pub fn is_heard(&self) -> bool {
        !self.streams.lock().is_empty()
    }

    /// Groups of errors that are new or have changed, each with the name of its project, to each who sees that.
    pub fn tell_errors(&self, new: &[(String, Value)], changed: &[(String, Value)]) {
        let mut streams = self.streams.lock();
        streams.retain(|_, stream| {
            let seen = |all: &'_ [(String, Value)]| -> Vec<Value> {
                let theirs = all.iter().filter(|(project, _)| errors::sees(&stream.scope, project));
                theirs.map(|(_, group)| group.clone()).collect()
            };
            let (new, changed) = (seen(new), seen(changed));
            let is_nothing = new.is_empty() && changed.is_empty();
            is_nothing || stream.events.try_send(vec![message::errors(&new, &changed)]).is_ok()
        });
    }

    pub fn close(&self, id: &str) {
        self.streams.lock().remove(id);
    }

    /// What this one may see is another than when these were opened; nobody named: what anybody may see. Whoever still may
    /// comes back at once.
    pub fn close_of(&self, who: Option<&str>) {
        // Before the streams are looked through: what is opened behind that sees it.
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.end(End::Changed, |stream| who.is_none_or(|who| who == stream.who));
    }

    /// A stream lasts no longer than what it was opened with. In a session that is there in its place it is opened again.
    pub(super) fn end_expired(&self, now: Timestamp) {
        self.end(End::Expired, |stream| stream.until.is_some_and(|until| until <= now));
    }

    fn end(&self, why: End, which: impl Fn(&Stream) -> bool) {
        self.streams.lock().retain(|_, stream| {
            let ends = which(stream);
            if ends {
                stream.say(why);
            }
            !ends
        });
    }
}

fn is_seen(scope: &Scope, change: &StateChange) -> bool {
    let name = change.id.monitor.strip_prefix(monitors::machine::HOST_PREFIX);
    scope.sees_watched(name.unwrap_or(&change.id.monitor), &change.id.instance)
}

fn check(targets: &[String]) -> Answer<()> {
    if targets.len() > MAX_TARGETS {
        return Err(Problem::bad_request(format!("a stream carries at most {MAX_TARGETS} targets")));
    }
    if targets.iter().any(|target| target.len() > MAX_TARGET_LENGTH) {
        return Err(Problem::bad_request(format!("a target has at most {MAX_TARGET_LENGTH} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::response::sse::Event;
    use tokio_stream::StreamExt;

    use super::*;

    #[test]
    fn streams_end_with_what_they_stand_for() {
        let hub = Hub::default();
        let open = |who: &str| hub.open(hub.now(), caller(who, None), Vec::new(), None).unwrap().0;
        let (_first, second) = (open("ana"), open("ben"));
        hub.close_of(Some("ana"));
        assert_eq!(hub.streams.lock().keys().cloned().collect::<Vec<_>>(), [second]);
        hub.close_of(None);
        assert!(hub.streams.lock().is_empty());
    }

    #[test]
    fn whoever_has_signed_in_has_some_streams_and_not_all() {
        let hub = Hub::default();
        let open = |who: &str, via: accounts::Via| {
            hub.open(hub.now(), Caller { via, ..caller(who, None) }, Vec::new(), None).map(drop)
        };
        for _ in 0..MAX_STREAMS_OF_ONE {
            open("ana", accounts::Via::Token).unwrap();
        }
        let refused = open("ana", accounts::Via::Session).unwrap_err();
        assert_eq!(refused.status(), axum::http::StatusCode::TOO_MANY_REQUESTS);
        open("ben", accounts::Via::Session).unwrap();
        (0..=MAX_STREAMS_OF_ONE).for_each(|_| open("anonymous", accounts::Via::Loopback).unwrap());
    }

    #[tokio::test]
    async fn what_is_opened_over_a_change_ends_with_it() {
        let hub = Hub::default();
        let before = hub.now();
        hub.close_of(Some("ana"));
        let (_, late) = hub.open(before, caller("ana", None), Vec::new(), None).unwrap();
        assert!(hub.streams.lock().is_empty());
        let told: Vec<Event> = late.collect().await;
        assert_eq!(told.len(), 1, "why it ends, and then the end");
        assert!(format!("{:?}", told[0]).contains("changed"), "{told:?}");
        let (_, _again) = hub.open(hub.now(), caller("ana", None), Vec::new(), None).unwrap();
        assert_eq!(hub.streams.lock().len(), 1);
    }

    fn caller(name: &str, until: Option<i64>) -> Caller {
        Caller {
            name: name.into(),
            role: accounts::Role::Viewer,
            scope: Scope::everything(),
            via: accounts::Via::Session,
            until: until.map(Timestamp),
        }
    }

    #[tokio::test]
    async fn no_stream_outlives_what_it_was_opened_with() {
        let hub = Hub::default();
        let (_, short) = hub.open(hub.now(), caller("ana", Some(100)), Vec::new(), None).unwrap();
        let (longer, _still) = hub.open(hub.now(), caller("ana", Some(101)), Vec::new(), None).unwrap();
        let (for_ever, _also) = hub.open(hub.now(), caller("ben", None), Vec::new(), None).unwrap();
        hub.end_expired(Timestamp(99));
        assert_eq!(hub.streams.lock().len(), 3);
        hub.end_expired(Timestamp(100));
        let left: BTreeSet<_> = hub.streams.lock().keys().cloned().collect();
        assert_eq!(left, BTreeSet::from([longer, for_ever]));
        let told: Vec<Event> = short.collect().await;
        assert_eq!(told.len(), 1, "why it ends, and then the end");
        assert!(format!("{:?}", told[0]).contains("expired"), "{told:?}");
    }

    #[tokio::test]
    async fn whoever_is_too_slow_for_the_reason_is_ended_all_the_same() {
        let hub = Hub::default();
        let (_, slow) = hub.open(hub.now(), caller("ana", Some(100)), Vec::new(), None).unwrap();
        for stream in hub.streams.lock().values() {
            while stream.events.try_send(Vec::new()).is_ok() {}
        }
        hub.end_expired(Timestamp(100));
        assert!(hub.streams.lock().is_empty());
        assert_eq!(slow.collect::<Vec<_>>().await.len(), 0);
    }
}
