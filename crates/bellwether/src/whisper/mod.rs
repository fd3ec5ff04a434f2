//! Whisper trees: taking one over, and writing one.
//!
//! Both run where the data is, in the server or in a command beside no server, and tell how they get on.
//!
//! | module | holds |
//! |---|---|
//! | [`tree`] | which files there are |
//! | [`naming`] | from a path to a name and back, tagged series included |
//! | [`source`] | one file, read slot by slot |
//! | [`done`] | what was imported already, so that nothing is done twice |
//! | [`importing`], [`exporting`] | the work itself: threads, progress, counts |

mod done;
pub mod exporting;
pub mod importing;
mod naming;
mod source;
mod tree;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::house::House;

/// How often it is told how far things are.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// What threads have to say and nobody has heard yet; whoever has more to say waits.
const UNHEARD: usize = 1_024;

/// Set when the work is to end: nobody listens any more, or the server stops.
#[derive(Default)]
struct Stop(AtomicBool);

impl Stop {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The data directory is no place for somebody else's files. `root` need not be there yet: what counts is where it
/// will be.
fn outside_of_the_data(house: &House, root: &Path) -> Result<(), String> {
    let there = root.ancestors().find_map(|above| above.canonicalize().ok());
    let data = house.store.directory();
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    match there.filter(|there| there.starts_with(data)) {
        Some(_) => Err(format!("{} lies in the data directory: name another one", root.display())),
        None => Ok(()),
    }
}

/// As many threads as were asked for; else all cores, but one while a server has other things to do.
fn threads(asked: Option<u32>, house: &House) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let serves = house.ingest.read().is_some();
    let usual = if serves { cores - 1 } else { cores };
    asked.map_or(usual, |asked| asked as usize).clamp(1, 64)
}

fn cpu_seconds_of_this_thread() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
