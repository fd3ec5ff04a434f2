//! The thread of heartbeats: pings are written together, what they mean goes to the state machine, and then whoever
//! pinged is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use monitors::Monitors;
use monitors::config::{MonitorConfig, MonitorKind};
use monitors::kinds::heartbeat::beats::Round;
use monitors::kinds::heartbeat::{Beat, Heartbeats};
use monitors::made::Definition;
use vocabulary::Clock;

use crate::failure::Failure;
use crate::house::House;
use crate::watcher::turning::Wheel;

/// Definitions that were made meanwhile are seen within this time.
const PATIENCE: Duration = Duration::from_secs(1);
/// The state machine's transaction is waited for so long, and then the ping is answered all the same: it is on the disk.
const MACHINE_PATIENCE: Duration = Duration::from_secs(5);

pub struct Beating {
    heartbeats: Arc<Heartbeats>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Beating {
    pub fn start(house: &Arc<House>) -> Result<Beating, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let (house, stopping) = (house.clone(), stop.clone());
        let heartbeats = house.heartbeats.clone();
        let thread = std::thread::Builder::new().name("heartbeats".into());
        let thread = thread.spawn(move || run(&house, &stopping)).map_err(Failure::doing("start"))?;
        Ok(Beating { heartbeats, stop, thread })
    }

    /// Who has pinged gets an answer; it is on the disk when this returns.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.heartbeats.stop();
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

fn run(house: &House, stop: &AtomicBool) {
    let (heartbeats, monitors) = (&*house.heartbeats, &*house.monitors);
    let now_ms = || i64::try_from(house.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
    let mut known = monitors.definitions();
    // What was told to nobody since the process ended in between.
    give(monitors, &heartbeats.beats(now_ms()), &*house.clock);
    heartbeats.under_real_clock(now_ms());
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        house.turning.note(Wheel::Heartbeats);
        let round = heartbeats.work(now_ms, PATIENCE);
        take(house, round);
        let definitions = monitors.definitions();
        if !Arc::ptr_eq(&definitions, &known) {
            heartbeats.reload(&definitions, &house.config.load().heartbeats);
            house.renew_book();
            known = definitions;
        }
        if stopping && heartbeats.is_idle() {
            return;
        }
    }
}

fn take(house: &House, round: Round) {
    let Round { beats, replies, made } = round;
    for name in made {
        define(house, &name);
    }
    give(&house.monitors, &beats, &*house.clock);
    for (reply, answer) in replies {
        reply(answer);
    }
}

/// From now on it is a monitor as any other, which people can look at and change.
fn define(house: &House, slug: &str) {
    let monitor = MonitorConfig {
        name: slug.to_owned(),
        kind: MonitorKind::Heartbeat,
        slug: Some(slug.to_owned()),
        ..MonitorConfig::default()
    };
    let definition = Definition::Monitor(Box::new(monitor));
    if let Err(why) = house.monitors.define(slug, definition, "ping", house.clock.now()) {
        tracing::warn!(slug, %why, "a ping made a heartbeat that cannot be a monitor: nobody is told of it");
    }
}

fn give(monitors: &Monitors, beats: &[Beat], clock: &dyn Clock) {
    if beats.is_empty() {
        return;
    }
    let results = beats.iter().map(|beat| (&*beat.name, "", &beat.outcome));
    let ticket = monitors.instance_results(results, clock.now());
    if let Err(why) = monitors.wait(ticket, MACHINE_PATIENCE) {
        tracing::warn!(%why, "what heartbeats say is not on the disk yet");
    }
}
