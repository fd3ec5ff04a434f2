//! What is kept long enough goes: bodies of events, and what belongs to them. Counts stay.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_api::control::Checked;
use http_api::sentry::kept;
use parking_lot::{Condvar, Mutex};
use vocabulary::Timestamp;
use vocabulary::ports::EventLog;

use crate::failure::Failure;
use crate::house::House;

const EVERY: Duration = Duration::from_secs(3_600);
/// The start has enough to do.
const FIRST: Duration = Duration::from_secs(60);

/// By which the thread is called before its time.
#[derive(Default)]
pub struct Bell {
    calls: Mutex<Calls>,
    rung: Condvar,
}

#[derive(Default)]
struct Calls {
    is_wanted: bool,
    is_over: bool,
}

impl Bell {
    pub fn ring(&self) {
        self.call(|calls| calls.is_wanted = true);
    }

    fn call(&self, what: impl FnOnce(&mut Calls)) {
        what(&mut self.calls.lock());
        self.rung.notify_all();
    }

    /// Until it rings, or the pause is over. False: it is time to stop.
    fn wait(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        let mut calls = self.calls.lock();
        while !calls.is_over && !calls.is_wanted {
            if self.rung.wait_until(&mut calls, end).timed_out() {
                break;
            }
        }
        calls.is_wanted = false;
        !calls.is_over
    }
}

/// The thread `errors-upkeep`: rewriting a segment takes seconds, and no event waits for it.
pub struct Upkeep {
    house: Arc<House>,
    thread: JoinHandle<()>,
}

impl Upkeep {
    pub fn start(house: &Arc<House>) -> Result<Upkeep, Failure> {
        let kept = house.clone();
        let thread = std::thread::Builder::new().name("errors-upkeep".into()).spawn(move || {
            let mut pause = FIRST;
            while kept.errors.upkeep_bell.wait(pause) {
                expire(&kept);
                pause = EVERY;
            }
        });
        Ok(Upkeep { house: house.clone(), thread: thread.map_err(Failure::doing("start"))? })
    }

    pub fn stop(self) {
        self.house.errors.upkeep_bell.call(|calls| calls.is_over = true);
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

/// Is everything there? What is being written in the moment of one look is whole in the next one.
pub fn check(house: &House, checked: &mut Checked) {
    let _still = house.errors.rewriting.lock();
    let directory = house.config.load().data_dir.0.join("errors");
    let look = || event_store::fsck::check(&disk::RealIo, &directory);
    let looked = look().and_then(|first| {
        let again = if first.findings.is_empty() { Vec::new() } else { look()?.findings };
        Ok((first, again))
    });
    match looked {
        Ok((report, again)) => {
            checked.files += report.segments;
            let stays = report.findings.iter().filter(|finding| again.contains(finding));
            checked.damaged.extend(stays.map(ToString::to_string));
        }
        Err(error) => checked.damaged.push(error.to_string()),
    }
}

pub fn expire(house: &House) {
    let errors = &*house.errors;
    let _alone = errors.rewriting.lock();
    let config = house.config.load();
    match errors.artifacts.tend(house.clock.now()) {
        Ok(0) => {}
        Ok(gone) => tracing::info!(bundles = gone, "artifacts of builds that nobody needed are gone"),
        Err(error) => tracing::warn!(%error, "artifacts of builds cannot be looked after"),
    }
    for project in errors.projects.list() {
        let before = Timestamp(house.clock.now().0 - config.errors.retention_seconds(&project.settings));
        match errors.log.expire(project.id, before) {
            Ok(0) => {}
            Ok(gone) => {
                tracing::info!(project = project.name, events = gone, "events of errors have expired")
            }
            Err(error) => tracing::warn!(%error, project = project.name, "events of errors do not expire"),
        }
        if let Err(error) = kept::expire(&house.state, project.id, before) {
            tracing::warn!(%error, project = project.name, "attachments of errors do not expire");
        }
    }
}
