//! Groups over the state database, shared by threads.
//!
//! An event goes in three steps, all under the lock of one [`Batch`]: [`Batch::take`] says which group it is of and whether
//! that is news, and changes nothing; the caller writes the bodies to the log; [`Batch::commit`] counts them, with the number
//! up to which the log is counted now. A batch that is dropped before has never been. What opened or reopened a group is
//! written at once ([`Batch::save`], in the transaction that tells of it); repeats wait for [`Tracker::tick`]. What a kill left
//! uncounted is read back from the log's end and goes through [`Batch::recount`].
//!
//! Lock order: the tracker, runs that wait, then the database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use crate::event::{Digested, HashValue};
use crate::flood;
use crate::group::{Group, Mark};
use crate::life::{Life, Meeting, News};
use crate::limits::{MAX_ENVIRONMENTS_PER_GROUP, MAX_HASHES_PER_GROUP};
use crate::memory::{Happened, Memory, NewHash, REGRESSED};
use crate::project::Project;
use crate::runs::Waiting;

pub struct Tracker {
    pub(crate) store: Arc<StateStore>,
    pub(crate) memory: Mutex<Memory>,
    pub(crate) runs: Mutex<Waiting>,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub group: u64,
    /// `WEB-12`
    pub short: String,
    /// The number in it.
    pub number: u64,
    pub news: Option<News>,
    /// It began with this batch, whether that is news or not.
    pub has_begun: bool,
    /// The first one of this environment, unless what is new is not told yet.
    pub is_new_here: bool,
    /// Nobody has resolved it or ignores it, or it has come back.
    pub is_open: bool,
    /// The team or person whose it is.
    pub assigned: Option<String>,
}

/// What it did since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub events: u64,
    pub doubled: u64,
    pub opened: u64,
    pub regressed: u64,
    pub unignored: u64,
    pub recounted: u64,
}

impl Tracker {
    pub fn open(store: Arc<StateStore>) -> Result<Tracker, StateError> {
        let memory = Memory::open(&store)?;
        Ok(Tracker { store, memory: Mutex::new(memory), runs: Mutex::default() })
    }

    /// To be taken before a transaction begins that this is to be part of.
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            store: &self.store,
            memory: self.memory.lock(),
            ids: HashSet::new(),
            fresh: HashMap::new(),
            fresh_hashes: HashMap::new(),
            lives: HashMap::new(),
            happened: Vec::new(),
            new_hashes: Vec::new(),
            marks: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// The number of the first event of the log that is not counted yet.
    pub fn counted(&self) -> u64 {
        self.memory.lock().counted
    }

    /// Once a second: what was counted goes into the tables. Returns whether there was anything.
    pub fn tick(&self, now: Timestamp) -> Result<bool, StateError> {
        self.flush(&mut self.memory.lock(), now)
    }

    pub(crate) fn flush(&self, memory: &mut Memory, now: Timestamp) -> Result<bool, StateError> {
        let waiting = std::mem::take(&mut *self.runs.lock());
        let done = self.write_out(memory, &waiting, now);
        if done.is_err() {
            self.runs.lock().put_back(waiting);
        }
        done
    }

    fn write_out(&self, memory: &mut Memory, waiting: &Waiting, now: Timestamp) -> Result<bool, StateError> {
        let runs = waiting.settled(&self.store, memory, now)?;
        if memory.is_saved() && runs.is_empty() {
            return Ok(false);
        }
        self.store.transaction(|tx| {
            memory.save(tx)?;
            runs.save(tx)?;
            memory.tidy(tx, now)
        })?;
        memory.saved();
        memory.tidied(now);
        Ok(true)
    }

    pub fn counters(&self) -> Counters {
        self.memory.lock().counters
    }

    /// A release is made, before anything is seen of it.
    pub fn note_release(&self, project: u64, version: &str, now: Timestamp) -> Result<(), StateError> {
        let mut memory = self.memory.lock();
        memory.know(&self.store, project)?;
        memory.note_release(project, version, now);
        self.flush(&mut memory, now).map(drop)
    }
}

/// Events that are taken together or not at all.
pub struct Batch<'t> {
    store: &'t StateStore,
    memory: MutexGuard<'t, Memory>,
    ids: HashSet<(u64, EventId)>,
    fresh: HashMap<u64, Group>,
    fresh_hashes: HashMap<(u64, HashValue), u64>,
    lives: HashMap<u64, Life>,
    happened: Vec<Happened>,
    new_hashes: Vec<NewHash>,
    marks: Vec<Mark>,
    counters: Counters,
}

impl Batch<'_> {
    /// None: the event is there already, or `is_known` to the log; the first one stands.
    pub fn take(
        &mut self,
        project: &Project,
        event: &Digested,
        is_known: bool,
        now: Timestamp,
    ) -> Result<Option<Taken>, StateError> {
        if is_known || !self.ids.insert((project.id, event.event_id)) {
            self.counters.doubled += 1;
            return Ok(None);
        }
        self.memory.know(self.store, project.id)?;
        self.memory.note_seen(project.id, event.release.as_deref(), event.environment.as_deref(), now);
        let is_told = project.tells_of_new(now);
        let mut found = self.find(event)?;
        let one_of_many;
        let mut event = event;
        if found.is_none() && !self.memory.may_open(project.id, now) {
            one_of_many = flood::one_of_many(event);
            event = &one_of_many;
            found = self.find(event)?;
        }
        let (group, news) = match found {
            Some(group) => (group, self.meet(group, event, now)),
            None => {
                let id = self.memory.next_group();
                (id, self.begin(id, event, is_told, now)?)
            }
        };
        let is_new_here = is_told && self.is_first_here(group, event);
        self.attach(group, event);
        self.marks.push(Mark::of(event, group));
        self.counters.note(news.as_ref());
        Ok(Some(self.taken(project, group, news, is_new_here)))
    }

    /// An event that was kept by a process that is gone, before it was counted: it belongs where the log says.
    pub fn recount(
        &mut self,
        project: &Project,
        event: &Digested,
        group: u64,
        now: Timestamp,
    ) -> Result<Taken, StateError> {
        self.memory.know(self.store, project.id)?;
        self.memory.note_seen(project.id, event.release.as_deref(), event.environment.as_deref(), now);
        self.memory.spend_group(group);
        let is_told = project.tells_of_new(now);
        let there = match self.fresh.contains_key(&group) {
            true => Some(group),
            false => self.memory.bring(self.store, group)?,
        };
        let news = match there {
            Some(there) => self.meet(there, event, now),
            None => {
                // It had its place among those of the day.
                self.memory.may_open(project.id, now);
                self.begin(group, event, is_told, now)?
            }
        };
        let group = there.unwrap_or(group);
        let one_of_many;
        let mut event = event;
        if self.memory.led(self.store, (project.id, flood::hash().value))? == Some(group) {
            one_of_many = flood::one_of_many(event);
            event = &one_of_many;
        }
        let is_new_here = is_told && self.is_first_here(group, event);
        self.attach(group, event);
        self.marks.push(Mark::of(event, group));
        self.counters.note(news.as_ref());
        self.counters.recounted += 1;
        Ok(self.taken(project, group, news, is_new_here))
    }

    fn taken(&self, project: &Project, group: u64, news: Option<News>, is_new_here: bool) -> Taken {
        let known = self.group(group);
        let number = known.map_or(0, |group| group.number);
        let life = self.lives.get(&group).or(known.map(|group| &group.detail.life));
        let is_open = life.is_none_or(|life| *life == Life::Unresolved);
        let has_begun = self.fresh.contains_key(&group);
        let assigned = known.and_then(|group| group.assigned.clone());
        Taken { group, short: project.short(number), number, news, has_begun, is_new_here, is_open, assigned }
    }

    /// Of more environments than a group lists none is known to be the first.
    fn is_first_here(&self, group: u64, event: &Digested) -> bool {
        let Some(known) = self.group(group) else { return false };
        // Where it was seen there is not told.
        if known.detail.moved_from.is_some() {
            return false;
        }
        let environments = &known.detail.environments;
        let here = event.environment.as_ref();
        let is_known = match here {
            Some(here) => environments.contains(here) || environments.len() >= MAX_ENVIRONMENTS_PER_GROUP,
            None => known.count > 0,
        };
        !is_known && !self.marks.iter().any(|mark| mark.group == group && mark.environment.as_ref() == here)
    }

    /// The events are in the log, which is counted up to `next` now.
    pub fn commit(&mut self, next: u64) {
        let memory = &mut *self.memory;
        memory.adopt(self.fresh.drain().map(|(_, group)| group));
        for (group, life) in self.lives.drain() {
            memory.live(group, life);
        }
        self.happened.drain(..).for_each(|one| memory.happened(one));
        for hash in self.new_hashes.drain(..) {
            memory.lead(hash);
        }
        for mark in self.marks.drain(..) {
            memory.count(&mark);
        }
        self.fresh_hashes.clear();
        memory.counted = memory.counted.max(next);
        memory.counters.add(std::mem::take(&mut self.counters));
    }

    /// All that has been counted, of this batch and of those before.
    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        self.memory.save(tx)
    }

    /// The transaction has happened.
    pub fn saved(&mut self) {
        self.memory.saved();
    }

    /// So much waits to be written that it should not wait for the second to be over.
    pub fn wants_saving(&self) -> bool {
        self.memory.is_full()
    }

    fn group(&self, id: u64) -> Option<&Group> {
        self.fresh.get(&id).or_else(|| self.memory.group(id))
    }

    /// By the first of its hashes that is known.
    fn find(&mut self, event: &Digested) -> Result<Option<u64>, StateError> {
        for hash in &event.hashes {
            let place = (event.project, hash.value);
            if let Some(group) = self.fresh_hashes.get(&place) {
                return Ok(Some(*group));
            }
            if let Some(group) = self.memory.led(self.store, place)?
                && let Some(group) = self.memory.bring(self.store, group)?
            {
                return Ok(Some(group));
            }
        }
        Ok(None)
    }

    /// A group that was not here before. If it was where the project comes from, it is no news by itself.
    fn begin(
        &mut self,
        id: u64,
        event: &Digested,
        is_told: bool,
        now: Timestamp,
    ) -> Result<Option<News>, StateError> {
        let moved = crate::moved::find(self.store, event.project, &event.title, &event.culprit)?;
        self.open(id, event);
        let Some(moved) = moved else { return Ok(is_told.then_some(News::New)) };
        if let Some(group) = self.fresh.get_mut(&id) {
            moved.give(group, event.release.as_deref());
        }
        self.happened.push(Happened { group: id, at: now, kind: "moved", text: moved.words() });
        Ok(self.meet(id, event, now))
    }

    fn open(&mut self, id: u64, event: &Digested) {
        let number = self.memory.next_number(event.project);
        self.fresh.insert(id, Group::new(id, number, event));
        self.counters.opened += 1;
    }

    fn meet(&mut self, group: u64, event: &Digested, now: Timestamp) -> Option<News> {
        let now_lives = self.lives.get(&group).or_else(|| self.group(group).map(|group| &group.detail.life));
        let mut life = now_lives.cloned().unwrap_or_default();
        if life == Life::Unresolved {
            return None;
        }
        let release = event.release.as_deref();
        let meeting = Meeting { release, user: event.user.as_ref().map(|user| user.hash), now };
        let news = life.meet(&meeting, self.memory.releases(event.project));
        self.lives.insert(group, life);
        self.happened.extend(news.as_ref().and_then(|news| told(group, news, now)));
        news
    }

    /// All hashes of the event lead to its group from now on: those of another version too.
    fn attach(&mut self, group: u64, event: &Digested) {
        let room = MAX_HASHES_PER_GROUP.saturating_sub(self.group(group).map_or(0, |group| group.hashes));
        for hash in event.hashes.iter().take(room) {
            let place = (event.project, hash.value);
            if self.memory.leads(place) || self.fresh_hashes.contains_key(&place) {
                continue;
            }
            self.fresh_hashes.insert(place, group);
            self.new_hashes.push(NewHash { project: event.project, group, hash: hash.clone(), at: event.at });
        }
    }
}

fn told(group: u64, news: &News, at: Timestamp) -> Option<Happened> {
    let (kind, text) = match news {
        News::New => return None,
        News::Regressed { release, .. } => {
            (REGRESSED, release.as_ref().map_or_else(String::new, |release| format!("in {release}")))
        }
        News::Unignored { why } => ("unignored", why.clone()),
    };
    Some(Happened { group, at, kind, text })
}

impl Counters {
    fn note(&mut self, news: Option<&News>) {
        self.events += 1;
        match news {
            Some(News::Regressed { .. }) => self.regressed += 1,
            Some(News::Unignored { .. }) => self.unignored += 1,
            Some(News::New) | None => {}
        }
    }

    fn add(&mut self, more: Counters) {
        let Counters { events, doubled, opened, regressed, unignored, recounted } = more;
        self.events += events;
        self.doubled += doubled;
        self.opened += opened;
        self.regressed += regressed;
        self.unignored += unignored;
        self.recounted += recounted;
    }
}
