//! The threads of a store: one hands the log to the kernel, one makes it durable, one
//! flushes, one merges.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vocabulary::ports::StoreError;

use crate::limits::WAL_BUFFER_AGE;
use crate::store::Store;

/// The running threads. Dropped, they stop; [`Background::stop`] also closes the store.
pub struct Background {
    store: Arc<Store>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Start the store's threads.
pub fn spawn_background(store: &Arc<Store>) -> std::io::Result<Background> {
    let stopping = Arc::new(AtomicBool::new(false));
    let mut background = Background { store: Arc::clone(store), stopping, threads: Vec::new() };
    background.spawn("store-log", log_thread)?;
    background.spawn("store-sync", sync_thread)?;
    background.spawn("store-flush", flush_thread)?;
    background.spawn("store-merge", merge_thread)?;
    Ok(background)
}

impl Background {
    fn spawn(&mut self, name: &str, run: fn(&Store, &AtomicBool)) -> std::io::Result<()> {
        let (store, stopping) = (Arc::clone(&self.store), Arc::clone(&self.stopping));
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || run(&store, &stopping))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Stop the threads, write everything out. The next start has nothing to replay.
    pub fn stop(mut self) -> Result<(), StoreError> {
        self.join();
        self.store.close()
    }

    fn join(&mut self) {
        self.stopping.store(true, Ordering::Release);
        self.store.log_waker.raise();
        self.store.sync_waker.raise();
        self.store.flush_waker.raise();
        self.store.merge_waker.raise();
        for thread in self.threads.drain(..) {
            // A panic was reported on stderr by the thread itself; stopping goes on.
            drop(thread.join());
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.join();
    }
}

/// Sleeps while nothing comes in; what came goes to the kernel a little later.
fn log_thread(store: &Store, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Acquire) {
        if store.log_waker.wait(Duration::from_secs(60)) {
            std::thread::sleep(WAL_BUFFER_AGE);
            store.write_log_out_or_stop();
            store.sync_waker.raise();
        }
    }
}

fn sync_thread(store: &Store, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Acquire) {
        if !store.sync_waker.wait(Duration::from_secs(60)) {
            continue;
        }
        let interval = store.config.load().wal.sync_interval.0;
        std::thread::sleep(interval);
        if let Err(error) = store.sync_log() {
            store.log_failed(&error);
        }
    }
}

fn flush_thread(store: &Store, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Acquire) {
        let started = Instant::now();
        if !store.flush_round() {
            store.flush_waker.wait(ROUND.saturating_sub(started.elapsed()).max(PAUSE));
        }
    }
}

fn merge_thread(store: &Store, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Acquire) {
        let rate = store.config.load().compaction_rate.0.max(1 << 20);
        let more = store.merge_round(&|bytes| {
            let hurry = stopping.load(Ordering::Acquire) || store.in_a_hurry.load(Ordering::Relaxed) > 0;
            if !hurry {
                std::thread::sleep(Duration::from_secs_f64(bytes as f64 / rate as f64));
            }
        });
        if !more {
            store.merge_waker.wait(ROUND);
        }
    }
}

/// How often it is looked whether something is due, and how long to wait at least after a round.
const ROUND: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);
