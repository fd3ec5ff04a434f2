//! Pages that wait, and what became of each. They are on the disk before anybody tries to send them, and stay until
//! they are delivered or given up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use vocabulary::Timestamp;

use crate::incident::IncidentId;
use crate::limits::{
    CLOCK_SET_SECONDS, FAILURES_TO_TELL, MAX_TEXT, MAX_WAITING, MAX_WAITING_WITH_LETTERS, cut,
};
use crate::page::{Message, Page, PageKind};
use crate::store::KeptPage;
use crate::unreached::Unreached;

#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    pub page: Page,
    pub tries: u32,
    /// Milliseconds since 1970; 0 = at once.
    pub next_try: i64,
}

/// Plain counters of what was sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub delivered: u64,
    /// Tries that failed.
    pub failures: u64,
    pub given_up: u64,
    /// Told by another channel than was meant.
    pub rerouted: u64,
    /// Given up, and there was no other way to tell.
    pub reached_nobody: u64,
    /// There was no room for it.
    pub refused: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: BTreeMap<i64, Waiting>,
    /// Those of one incident and contact.
    to_same: BTreeMap<(Option<IncidentId>, Arc<str>), BTreeSet<i64>>,
    /// Those that go in the place of a page.
    of_origin: BTreeMap<i64, BTreeSet<i64>>,
    pub counters: Counters,
    /// Tries that failed in a row, by channel.
    pub failing: HashMap<Arc<str>, Failing>,
    /// By contact and channel: ways that lead to somebody no more.
    pub unreached: BTreeMap<(Arc<str>, Arc<str>), Unreached>,
    /// The disk knows others.
    pub unreached_changed: bool,
    /// Those whose message has changed since it was written.
    pub changed: BTreeSet<i64>,
    /// Those that were given up, until that is on the disk.
    pub ended: BTreeSet<i64>,
}

#[derive(Clone, Debug, Default)]
pub struct Failing {
    pub in_a_row: u32,
    pub since: i64,
    pub why: String,
    /// Others have been told.
    pub told: bool,
    /// It has said that it wants no more pages, for ever.
    pub off: bool,
    /// Whom it did not lead to, since it led to anybody.
    pub people: BTreeSet<Arc<str>>,
}

impl Failing {
    /// Off: for ever.
    pub(crate) fn note(&mut self, why: &str, off: bool, now: Timestamp) {
        if self.in_a_row == 0 {
            self.since = now.0;
        }
        self.in_a_row += 1;
        if off {
            self.off = true;
            self.in_a_row = self.in_a_row.max(FAILURES_TO_TELL);
        }
        self.why = cut(why, MAX_TEXT).to_owned();
    }
}

impl Outbox {
    pub fn load(pages: Vec<KeptPage>) -> Outbox {
        let mut outbox = Outbox::default();
        for kept in pages {
            let KeptPage { page, tries, next_try, .. } = kept;
            outbox.insert(Waiting { page, tries, next_try });
        }
        outbox
    }

    fn insert(&mut self, waiting: Waiting) {
        let Page { id, incident, contact, .. } = &waiting.page;
        self.to_same.entry((*incident, contact.clone())).or_default().insert(*id);
        let origin = waiting.page.message.detour.origin(*id);
        if origin != *id {
            self.of_origin.entry(origin).or_default().insert(*id);
        }
        self.waiting.insert(*id, waiting);
    }

    /// Returns those there is no room for.
    #[must_use]
    pub fn put(&mut self, pages: impl Iterator<Item = Page>) -> Vec<Page> {
        let mut refused = Vec::new();
        for page in pages {
            let most = if page.kind == PageKind::Letter { MAX_WAITING_WITH_LETTERS } else { MAX_WAITING };
            if self.waiting.len() >= most {
                self.counters.refused += 1;
                refused.push(page);
            } else {
                self.insert(Waiting { page, tries: 0, next_try: 0 });
            }
        }
        refused
    }

    /// What may be tried by this channel now, in order, letters behind all that is about trouble. Of one contact and incident
    /// only the first that waits, so that nobody hears of an end before the beginning.
    pub fn due(&self, channel: &str, now_ms: i64, limit: usize) -> Vec<Waiting> {
        // No try is put off by an hour, unless by a clock that was ahead.
        let is_due = |next: i64| next <= now_ms || next.saturating_sub(now_ms) > CLOCK_SET_SECONDS * 1_000;
        let due = self.first(channel).filter(|waiting| is_due(waiting.next_try));
        let (letters, pages): (Vec<_>, Vec<_>) =
            due.partition(|waiting| waiting.page.kind == PageKind::Letter);
        pages.into_iter().chain(letters).take(limit).cloned().collect()
    }

    /// Those that wait behind no other one.
    fn first<'o>(&'o self, channel: &'o str) -> impl Iterator<Item = &'o Waiting> + 'o {
        let mut behind = HashSet::new();
        let of_channel = self.waiting.values().filter(move |waiting| &*waiting.page.channel == channel);
        of_channel.filter(move |waiting| {
            let Page { contact, incident, .. } = &waiting.page;
            incident.is_none_or(|incident| behind.insert((contact.clone(), incident)))
        })
    }

    /// When the next one of this channel is due, in milliseconds since 1970.
    pub fn next_due(&self, channel: &str) -> Option<i64> {
        self.first(channel).map(|waiting| waiting.next_try).min()
    }

    pub fn overdue(&self, now_ms: i64) -> Option<Duration> {
        let fails = |channel: &str| self.failing.get(channel).is_some_and(|failing| failing.in_a_row > 0);
        // What is behind another one is not to be tried before that.
        let mut behind = HashSet::new();
        let first = self.waiting.values().filter(|waiting| {
            let Page { channel, contact, incident, .. } = &waiting.page;
            incident.is_none_or(|incident| behind.insert((channel.clone(), contact.clone(), incident)))
        });
        let tried =
            first.filter(|waiting| waiting.page.kind != PageKind::Letter && !fails(&waiting.page.channel));
        let due = tried.map(|waiting| waiting.next_try.max(waiting.page.at.0.saturating_mul(1_000))).min()?;
        u64::try_from(now_ms - due).ok().map(Duration::from_millis)
    }

    pub fn of_channel(&self, channel: &str) -> Vec<Page> {
        let of_channel = self.waiting.values().filter(|waiting| &*waiting.page.channel == channel);
        of_channel.map(|waiting| waiting.page.clone()).collect()
    }

    /// Those that have not gone another way yet. Letters have no other.
    pub fn to_reroute(&self, channel: &str) -> Vec<Page> {
        let stays = |page: &Page| page.message.rerouted || page.kind == PageKind::Letter;
        let of_channel = self.waiting.values().map(|waiting| &waiting.page);
        of_channel.filter(|page| &*page.channel == channel && !stays(page)).cloned().collect()
    }

    /// What waits to say the same to the same contact by other channels. Each end is for itself: this channel may have brought
    /// the trouble late, after another one brought the end, and what is heard last must be that it is over.
    pub fn of_word(&self, page: &Page) -> Vec<(i64, Arc<str>)> {
        if page.kind.is_end() {
            return Vec::new();
        }
        let word = |page: &Page| {
            let Message { name, instance, .. } = &page.message;
            (page.incident, page.contact.clone(), page.kind, page.at, name.clone(), instance.clone())
        };
        let this = word(page);
        let same = self.to_same(page);
        let same =
            same.filter(|other| other.channel != page.channel && other.at == page.at && word(other) == this);
        same.map(|other| (other.id, other.channel.clone())).collect()
    }

    /// What waits for the same contact of the same incident, with this one.
    pub fn to_same(&self, page: &Page) -> impl Iterator<Item = &Page> {
        let same = self.to_same.get(&(page.incident, page.contact.clone()));
        same.into_iter().flatten().filter_map(|id| self.waiting.get(id)).map(|waiting| &waiting.page)
    }

    pub fn of_incident(&self, incident: IncidentId) -> impl Iterator<Item = &Page> {
        let all = self.to_same.range((Some(incident), "".into())..(Some(incident + 1), "".into()));
        let pages = all.flat_map(|(_, ids)| ids).filter_map(|id| self.waiting.get(id));
        pages.map(|waiting| &waiting.page)
    }

    /// Words of its end that wait, whomever they are for.
    pub fn ends_of(&self, incident: IncidentId) -> impl Iterator<Item = &Page> {
        self.of_incident(incident).filter(|page| page.kind.is_end())
    }

    /// This page, and what waits in its place.
    pub fn of_origin(&self, origin: i64) -> impl Iterator<Item = &Page> {
        let others = self.of_origin.get(&origin).into_iter().flatten().copied();
        let all = others.chain([origin]).filter_map(|id| self.waiting.get(&id));
        all.map(|waiting| &waiting.page)
    }

    /// It was not given up just now.
    pub fn is_to_go(&self, id: i64) -> bool {
        !self.ended.contains(&id)
    }

    pub fn get(&self, id: i64) -> Option<&Waiting> {
        self.waiting.get(&id)
    }

    pub fn get_mut(&mut self, id: i64) -> Option<&mut Waiting> {
        self.waiting.get_mut(&id)
    }

    pub fn remove(&mut self, id: i64) {
        self.ended.remove(&id);
        let Some(Waiting { page, .. }) = self.waiting.remove(&id) else { return };
        let origin = page.message.detour.origin(id);
        forget(&mut self.to_same, &(page.incident, page.contact), id);
        forget(&mut self.of_origin, &origin, id);
    }

    pub fn depths(&self) -> BTreeMap<Arc<str>, usize> {
        let mut depths = BTreeMap::new();
        for waiting in self.waiting.values() {
            *depths.entry(waiting.page.channel.clone()).or_default() += 1;
        }
        depths
    }
}

fn forget<K: Ord>(index: &mut BTreeMap<K, BTreeSet<i64>>, key: &K, id: i64) {
    let Some(all) = index.get_mut(key) else { return };
    all.remove(&id);
    if all.is_empty() {
        index.remove(key);
    }
}
