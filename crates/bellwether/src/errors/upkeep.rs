//! What is kept long enough goes: bodies of events, and what belongs to them. Counts stay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

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

/// The thread `errors-upkeep`: rewriting a segment takes seconds, and no event waits for it.
pub struct Upkeep {
    stop: Arc<(AtomicBool, Mutex<()>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Upkeep {
    pub fn start(house: &Arc<House>) -> Result<Upkeep, Failure> {
        let stop = Arc::new((AtomicBool::new(false), Mutex::new(()), Condvar::new()));
        let (house, stopping) = (house.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("errors-upkeep".into()).spawn(move || {
            let mut pause = FIRST;
            while wait(&stopping, pause) {
                expire(&house);
                pause = EVERY;
            }
        });
        Ok(Upkeep { stop, thread: thread.map_err(Failure::doing("start"))? })
    }

    pub fn stop(self) {
        let (flag, lock, changed) = &*self.stop;
        let held = lock.lock();
        flag.store(true, Ordering::Relaxed);
        drop(held);
        changed.notify_all();
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

/// False: it is time to stop.
fn wait(stop: &(AtomicBool, Mutex<()>, Condvar), pause: Duration) -> bool {
    let (flag, lock, changed) = stop;
    let end = std::time::Instant::now() + pause;
    let mut held = lock.lock();
    while !flag.load(Ordering::Relaxed) {
        if changed.wait_until(&mut held, end).timed_out() {
            return !flag.load(Ordering::Relaxed);
        }
    }
    false
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
