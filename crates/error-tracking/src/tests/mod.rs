//! Stories of events and groups, with a clock of their own.

mod common;
mod digesting;
mod grouping;
mod lives;
mod model;
mod moved;
mod splitting;
mod tracking;

use std::sync::Arc;

use formats::sentry::json;
use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use crate::digest::{LINES, NoSymbols, digest};
use crate::event::{Digested, Received};
use crate::life::News;
use crate::project::{Project, Settings};
use crate::read::Tree;
use crate::tracker::{Taken, Tracker};

pub(crate) fn store() -> (tempfile::TempDir, Arc<StateStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = StateStore::open(&directory.path().join("state.db"), &[crate::MIGRATIONS]).unwrap();
    (directory, Arc::new(store))
}

fn project(settings: Settings) -> Project {
    Project::new(1, "shop", Vec::new(), settings, Timestamp(0))
}

const NOW: i64 = 1_700_000_000;

fn received(at: i64, id: u64) -> Received {
    let mut spare = [0; 16];
    spare[..8].copy_from_slice(&(id + 1).to_be_bytes());
    Received {
        at: Timestamp(at),
        sent_at: None,
        peer_ip: None,
        envelope_event_id: None,
        spare_id: EventId(spare),
        client: None,
    }
}

fn digested_by(project: &Project, event: &str, received: &Received) -> Digested {
    let tree = json::read_but(&LINES, event.as_bytes(), &json::Limits::default(), &mut []).unwrap();
    digest(project, tree, received, &NoSymbols).unwrap()
}

pub(crate) fn digested_tree(event: Tree<'_>) -> Digested {
    digest(&project(Settings::default()), event, &received(NOW, 0), &NoSymbols).unwrap()
}

fn digested(event: &str) -> Digested {
    digested_by(&project(Settings::default()), event, &received(NOW, 0))
}

/// A tracker that is opened again after each event if it is told to, as if the process had been killed.
pub(crate) struct Story {
    store: Arc<StateStore>,
    _directory: tempfile::TempDir,
    pub(crate) tracker: Tracker,
    project: Project,
    pub(crate) now: i64,
    /// Also the number of the next event of the log.
    events: u64,
    restarts: bool,
}

impl Story {
    pub(crate) fn new() -> Story {
        let (directory, store) = store();
        let tracker = Tracker::open(store.clone()).unwrap();
        let project = project(Settings::default());
        Story { store, _directory: directory, tracker, project, now: NOW, events: 0, restarts: false }
    }

    fn event(&mut self, event: &str) -> Taken {
        self.now += 1;
        let event = digested_by(&self.project, event, &received(self.now, self.events));
        self.take(&event).unwrap()
    }

    fn take(&mut self, event: &Digested) -> Option<Taken> {
        let mut batch = self.tracker.batch();
        let taken = batch.take(&self.project, event, false, Timestamp(self.now)).unwrap();
        self.events += 1;
        batch.commit(self.events);
        drop(batch);
        if self.restarts {
            self.restart();
        }
        taken
    }

    /// An exception of this kind, in this release.
    pub(crate) fn seen(&mut self, kind: &str, release: &str) -> Option<News> {
        self.event(&exception(kind, release)).news
    }

    /// After a stop that wrote all.
    fn restart(&mut self) {
        self.tracker.tick(Timestamp(self.now)).unwrap();
        self.tracker = Tracker::open(self.store.clone()).unwrap();
    }
}

fn exception(kind: &str, release: &str) -> String {
    let release = if release.is_empty() { String::new() } else { format!(r#","release":"{release}""#) };
    format!(r#"{{"exception":[{{"type":"{kind}","value":"v"}}]{release}}}"#)
}
