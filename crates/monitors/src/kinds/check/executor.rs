//! Runs jobs. How many run at once is the scheduler's to say; what came of them waits in a queue with as many places,
//! so that a job never waits for its result to be taken, and nothing is dropped.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use vocabulary::Timestamp;

use super::judge::{About, judge};
use super::plugin::{self, Ended, PluginRun};
use super::schedule::{Start, Subject};
use crate::Outcome;

/// A check that is run by other means than a process of its own: NRPE, a probe. It has to keep to its time by itself;
/// the executor ends it a little later.
pub type Asking = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub enum Work {
    Plugin(PluginRun),
    Ask { asking: Asking, timeout: Duration },
}

/// One run of one check.
pub struct Job {
    pub start: Start,
    pub host: String,
    pub service: String,
    /// When it starts, by the wall clock.
    pub at: Timestamp,
    pub work: Work,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    pub subject: Subject,
    pub outcome: Outcome,
    pub latency: Duration,
    pub forced: bool,
    /// Bytes of output beyond what is kept.
    pub cut: u64,
    pub timed_out: bool,
}

/// Where jobs run.
pub struct Executor {
    runtime: Handle,
    finished: mpsc::Sender<Finished>,
}

impl Executor {
    /// The receiver's end belongs to whoever feeds the state machine.
    pub fn new(runtime: Handle, max_concurrent: usize) -> (Executor, mpsc::Receiver<Finished>) {
        let (finished, receiver) = mpsc::channel(max_concurrent.max(1));
        (Executor { runtime, finished }, receiver)
    }

    pub fn start(&self, job: Job) {
        let finished = self.finished.clone();
        self.runtime.spawn(async move {
            let done = run(job).await;
            // Nobody takes results any more: we stop.
            let _ = finished.send(done).await;
        });
    }
}

pub async fn run(job: Job) -> Finished {
    let Job { start, host, service, at, work } = job;
    let (outcome, cut, timed_out) = match work {
        Work::Plugin(run) => {
            let ended = plugin::run(&run).await;
            let about = About { subject: &start.subject, host: &host, service: &service, at };
            (judge(&ended, &about), ended.cut, ended.ending == plugin::Ending::TimedOut)
        }
        Work::Ask { asking, timeout } => {
            let began = Instant::now();
            match tokio::time::timeout(timeout, asking).await {
                Ok(outcome) => (Outcome { at, active: true, ..outcome }, 0, false),
                Err(_) => {
                    let ended = Ended::timed_out(began.elapsed());
                    let about = About { subject: &start.subject, host: &host, service: &service, at };
                    (judge(&ended, &about), 0, true)
                }
            }
        }
    };
    Finished { subject: start.subject, outcome, latency: start.latency, forced: start.forced, cut, timed_out }
}
