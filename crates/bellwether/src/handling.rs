//! Event handlers: one bounded command when a state changes, and a mark in time of what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_api::annotations::{self, NewAnnotation};
use monitors::kinds::check::Subject;
use monitors::kinds::check::plugin::{self, Ended, Ending, PluginRun};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use vocabulary::Timestamp;

use crate::house::House;

/// Each is a process; a burst of changes waits.
const AT_ONCE: usize = 16;
/// … for as many as half the services of a large estate; what is beyond is dropped and counted.
const WAITING: usize = 1_000;
/// Of what it said, in the mark.
const OUTPUT_BYTES_MAX: usize = 1_000;

pub struct Handlers {
    at_once: Arc<Semaphore>,
    room: Arc<Semaphore>,
    pub stats: Arc<HandlerStats>,
}

#[derive(Debug, Default)]
pub struct HandlerStats {
    pub run: AtomicU64,
    pub failed: AtomicU64,
    pub dropped: AtomicU64,
}

impl Default for Handlers {
    fn default() -> Self {
        Handlers {
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            room: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            stats: Arc::default(),
        }
    }
}

impl Handlers {
    pub fn run(
        &self,
        runtime: &Handle,
        house: &Arc<House>,
        subject: Subject,
        run: PluginRun,
        now: Timestamp,
    ) {
        let Ok(room) = self.room.clone().try_acquire_owned() else {
            self.stats.dropped.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(name = %subject, "an event handler was not run: too many are");
            return;
        };
        self.stats.run.fetch_add(1, Ordering::Relaxed);
        let (at_once, stats, house) = (self.at_once.clone(), self.stats.clone(), house.clone());
        runtime.spawn(async move {
            let _room = room;
            // Never closed; if it were, we stop.
            let Ok(_turn) = at_once.acquire().await else { return };
            let ended = plugin::run(&run).await;
            if ended.ending != Ending::Exit(0) {
                stats.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(name = %subject, ending = ?ended.ending, "an event handler failed");
            }
            let mark = mark(&subject, &run, &ended, now);
            let kept = tokio::task::spawn_blocking(move || annotations::add_all(&house.state, &[mark])).await;
            if !matches!(kept, Ok(Ok(_))) {
                tracing::warn!("what an event handler did could not be noted on the timeline");
            }
        });
    }
}

fn mark(subject: &Subject, run: &PluginRun, ended: &Ended, now: Timestamp) -> NewAnnotation {
    let how = match &ended.ending {
        Ending::Exit(0) => "done".to_owned(),
        Ending::Exit(code) => format!("ended with {code}"),
        Ending::Signal(signal) => format!("was ended by signal {signal}"),
        Ending::TimedOut => "was killed: its time was up".to_owned(),
        Ending::NotFound => "is not there".to_owned(),
        Ending::NotExecutable => "may not be run".to_owned(),
        Ending::NotStarted(why) => format!("could not be started: {why}"),
    };
    let said = [&ended.output[..], &ended.error_output[..]].concat();
    let said = String::from_utf8_lossy(&said[..said.len().min(OUTPUT_BYTES_MAX)]).into_owned();
    let what = format!("event handler of {subject} {how}");
    NewAnnotation {
        at: now.0 as f64,
        what: what.chars().take(annotations::MAX_WHAT).collect(),
        tags: vec!["event_handler".into()],
        // The program only: arguments may hold what is secret.
        data: format!("{}\n{said}", run.command.first().map_or("", String::as_str)),
    }
}
