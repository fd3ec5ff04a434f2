//! Who watches the watcher: once a second it is asked whether the pager really works. If so, whoever waits for our
//! heartbeat gets it; what is wrong with our own parts becomes an incident.
//!
//! | module | holds |
//! |---|---|
//! | [`turning`] | which threads still turn |
//! | [`outside`] | the heartbeat to the outside: when it is due, why it is held back, what became of it |
//! | [`leavers`] | people who have not come by the sign-in provider's word for long: their tokens rest, and health names them |
//! | [`letters`] | mail that nobody is woken by: the report of the month, news for readers of the status page |
//! | [`links`] | do the links in pages lead here? |
//! | [`full_disk`] | the log's word of a disk that takes nothing |
//! | [`own`] | parts that are in trouble for long enough, as state changes |
//! | [`doubts`] | everything that cannot be trusted now, in one list |

pub mod doubts;
pub mod full_disk;
pub mod leavers;
pub mod letters;
pub mod links;
pub mod outside;
pub mod own;
pub mod turning;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::house::House;
use outside::{Facts, Outside};
use own::OwnMonitors;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look of the metric monitors may take 20 s, and a disk that is slow has its time too.
pub const STALLED_AFTER: Duration = Duration::from_secs(60);
/// What is being asked at the stop is not waited for longer.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A task of the runtime: if that hangs nobody gets a heartbeat either.
pub struct Watcher {
    stop: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 6],
    runtime: Handle,
}

impl Watcher {
    pub fn start(house: &Arc<House>, runtime: &Handle) -> Watcher {
        let (stop, stopped) = watch::channel(false);
        let links = runtime.spawn(links::run(house.clone(), stopped.clone()));
        let letters = runtime.spawn(letters::run(house.clone(), stopped.clone()));
        let calendars = runtime.spawn(crate::calendars::run(house.clone(), stopped.clone()));
        let leavers = runtime.spawn(leavers::run(house.clone(), stopped.clone()));
        let tee = runtime.spawn(crate::errors::tee::run(house.clone(), stopped.clone()));
        let tasks = [runtime.spawn(run(house.clone(), stopped)), links, letters, calendars, leavers, tee];
        Watcher { stop, tasks, runtime: runtime.clone() }
    }

    pub fn stop(self) {
        self.stop.send_replace(true);
        // Whoever waits for a heartbeat that is not answered in time gets none.
        let all = async {
            for task in self.tasks {
                // A task that panicked has said so.
                let _ = task.await;
            }
        };
        let _ = self.runtime.block_on(async { tokio::time::timeout(STOP_TIMEOUT, all).await });
    }
}

async fn run(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    let mut outside = Outside::default();
    let mut own = Some(OwnMonitors::of(house.desk.open_own()));
    while !*stopped.borrow_and_update() {
        let (facts, back) = look(&house, own.take()).await;
        own = back;
        let beat = async {
            outside.turn(&house, facts).await;
            tokio::time::sleep(LOOK_EVERY).await;
        };
        tokio::select! {
            () = beat => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Off the runtime, as it waits for locks that are held while the disk writes. None: it could not be found out.
async fn look(house: &Arc<House>, own: Option<OwnMonitors>) -> (Option<Facts>, Option<OwnMonitors>) {
    let house = house.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let own = own.map(|mut own| {
            own.look(&house, Instant::now());
            own
        });
        (Some(outside::facts(&house)), own)
    });
    looked.await.unwrap_or_default()
}
