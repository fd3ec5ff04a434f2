//! Copies of what programs send, on their way to the Sentry that their project comes from. Each project's wait on the disk in a queue
//! of their own, so that an old side that is slow or dead delays nobody: not who sends, nor another project's.

mod own;
mod sending;
mod waiting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use error_tracking::Quota;
use formats::sentry::dsn::Dsn;
use http_api::sentry::tee::{Copy, Passed};
use parking_lot::Mutex;
use series_store::Store;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use vocabulary::Timestamp;

use crate::house::House;
pub use own::{count, gauges, parts};
use waiting::Waiting;

/// Of one project under way together; their order does not matter.
const AT_ONCE: usize = 8;
/// Of all projects, in MiB: copies under way are in memory, and of those that answer nothing each holds its for some seconds.
const ALL_AT_ONCE: u32 = 128;
/// Each counts for so many at least, so that there are 64 under way at most.
const LEAST_MIB: u64 = 2;
/// Of one project in five minutes, as much as may wait: copies go on what the project may not send too, and the disk is everybody's.
const MOST_TAKEN: u64 = waiting::MAX_BYTES;
/// Between two tries while nothing is taken: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Errors of yesterday are no news to anybody, and are not kept unscrubbed for longer.
const KEPT_SECONDS: i64 = 86_400;
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub struct Tee {
    directory: PathBuf,
    store: Arc<Store>,
    queues: Mutex<BTreeMap<u64, Arc<Queue>>>,
    wake: Notify,
    mebibytes: Semaphore,
}

/// Of one project.
struct Queue {
    project: u64,
    taken: Quota,
    most_taken: u64,
    waiting: Mutex<Waiting>,
    passed: Mutex<Passed>,
    turn: Mutex<Turn>,
}

#[derive(Default)]
struct Turn {
    is_busy: bool,
    /// Nothing is tried before.
    next: Option<Instant>,
    pause: Duration,
}

/// A copy whose turn it is.
struct Next {
    number: u64,
    mebibytes: u32,
    path: PathBuf,
}

/// Of a copy of so many bytes: what it takes of [`ALL_AT_ONCE`].
fn weight(bytes: u64) -> u32 {
    let mebibytes = bytes.div_ceil(1 << 20).max(LEAST_MIB);
    u32::try_from(mebibytes).unwrap_or(ALL_AT_ONCE).min(ALL_AT_ONCE)
}

/// What became of a try.
enum Tried {
    Sent,
    /// Another try would end like this one.
    Refused(String),
    Later(String),
    /// It is no whole copy, or too old.
    Gone,
}

impl Tee {
    /// With what waited at the last stop.
    pub fn open(data: &Path, store: &Arc<Store>) -> std::io::Result<Tee> {
        let directory = data.join("tee");
        let mut queues = BTreeMap::new();
        for project in projects_in(&directory)? {
            queues.insert(project, Arc::new(Queue::open(&directory, project)?));
        }
        Ok(Tee {
            directory,
            store: store.clone(),
            queues: Mutex::new(queues),
            wake: Notify::new(),
            mebibytes: Semaphore::new(ALL_AT_ONCE as usize),
        })
    }

    fn queue(&self, project: u64) -> std::io::Result<Arc<Queue>> {
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.get(&project) {
            return Ok(queue.clone());
        }
        let queue = Arc::new(Queue::open(&self.directory, project)?);
        queues.insert(project, queue.clone());
        Ok(queue)
    }

    fn all(&self) -> Vec<Arc<Queue>> {
        self.queues.lock().values().cloned().collect()
    }
}

fn projects_in(directory: &Path) -> std::io::Result<Vec<u64>> {
    let listed = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut projects = Vec::new();
    for entry in listed {
        projects.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    Ok(projects)
}

impl http_api::sentry::tee::Tee for Tee {
    fn take(&self, copy: Copy) {
        let queue = match self.queue(copy.project) {
            Ok(queue) => queue,
            Err(error) => return tracing::warn!(%error, "copies for the old side cannot be kept"),
        };
        // What is left of the disk is for what people do.
        let pushed = match self.store.is_read_only() {
            true => Err("the disk has no room for copies".to_owned()),
            false => queue.push(&copy),
        };
        let mut passed = queue.passed.lock();
        match pushed {
            Ok(gone) => passed.dropped += gone,
            Err(why) => {
                passed.dropped += 1;
                passed.failure = Some(why);
            }
        }
        drop(passed);
        self.wake.notify_one();
    }

    fn forget(&self, project: u64) {
        let queue = self.queues.lock().get(&project).cloned();
        if let Some(queue) = queue {
            queue.clear();
        }
    }

    fn of(&self, project: u64) -> Option<Passed> {
        let queue = self.queues.lock().get(&project).cloned()?;
        Some(queue.now())
    }
}

impl Queue {
    fn open(directory: &Path, project: u64) -> std::io::Result<Queue> {
        let waiting = Waiting::open(directory.join(project.to_string()))?;
        let (passed, turn) = (Mutex::default(), Mutex::default());
        let taken = Quota::default();
        Ok(Queue { project, taken, most_taken: MOST_TAKEN, waiting: Mutex::new(waiting), passed, turn })
    }

    /// Answers how many of the oldest had to go for it.
    fn push(&self, copy: &Copy) -> Result<u64, String> {
        let bytes = copy.body.len() as u64;
        let admitted = self.taken.admit_many(self.project, bytes, self.most_taken, copy.at);
        let beyond = |_| format!("more than {} MiB came in five minutes", self.most_taken >> 20);
        admitted.map_err(beyond)?;
        self.waiting.lock().push(copy).map_err(|error| format!("the disk: {error}"))
    }

    fn now(&self) -> Passed {
        let passed = self.passed.lock().clone();
        let waiting = self.waiting.lock();
        Passed { waiting: waiting.copies(), waiting_bytes: waiting.bytes(), ..passed }
    }

    /// There is something to send, and it is time; it is busy then until [`Queue::rest`].
    fn begin(&self, now: Instant) -> bool {
        let mut turn = self.turn.lock();
        let is_due = !turn.is_busy && turn.next.is_none_or(|next| next <= now);
        if !is_due || self.waiting.lock().copies() == 0 {
            return false;
        }
        turn.is_busy = true;
        true
    }

    fn rest(&self, is_away: bool, now: Instant) {
        let mut turn = self.turn.lock();
        turn.is_busy = false;
        turn.pause =
            if is_away { (turn.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE) } else { Duration::ZERO };
        turn.next = is_away.then(|| now + turn.pause);
    }

    fn first(&self) -> Vec<Next> {
        let waiting = self.waiting.lock();
        let next =
            |number| Next { number, mebibytes: weight(waiting.length(number)), path: waiting.path(number) };
        waiting.first(AT_ONCE).into_iter().map(next).collect()
    }

    /// Whether it is over with this one. What is counted waits no more.
    fn settle(&self, number: u64, tried: Tried, now: Timestamp) -> bool {
        let is_over = !matches!(tried, Tried::Later(_));
        let was_there = is_over && self.waiting.lock().remove(number);
        let mut passed = self.passed.lock();
        match tried {
            Tried::Sent => {
                passed.sent += 1;
                passed.last_sent = Some(now.0);
                passed.failure = None;
            }
            Tried::Refused(why) => {
                passed.refused += 1;
                passed.failure = Some(why);
            }
            Tried::Later(why) => passed.failure = Some(why),
            // One that had to go for others was counted then.
            Tried::Gone => passed.dropped += u64::from(was_there),
        }
        is_over
    }

    /// Nobody is to have them any more.
    fn clear(&self) {
        let mut waiting = self.waiting.lock();
        let all = waiting.first(usize::MAX);
        let gone = all.iter().filter(|number| waiting.remove(**number)).count();
        drop(waiting);
        self.passed.lock().dropped += gone as u64;
    }
}

/// The task: wakes when something came, and looks each second for whose pause is over. It ends with the runtime.
pub async fn run(house: Arc<House>, mut stopped: tokio::sync::watch::Receiver<bool>) {
    let mut under_way = JoinSet::new();
    while !*stopped.borrow_and_update() {
        let now = Instant::now();
        for queue in house.tee.all().into_iter().filter(|queue| queue.begin(now)) {
            under_way.spawn(pass_on(house.clone(), queue));
        }
        tokio::select! {
            () = house.tee.wake.notified() => {}
            Some(_) = under_way.join_next() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopped.changed() => {}
        }
    }
    // What is cut off in the middle is sent again after the next start: the old side knows the ids.
    under_way.shutdown().await;
}

/// All that waits, until there is none or nothing of it is taken.
async fn pass_on(house: Arc<House>, queue: Arc<Queue>) {
    loop {
        let Some(old) = old_side(&house, queue.project) else {
            queue.clear();
            return queue.rest(false, Instant::now());
        };
        let copies = queue.first();
        if copies.is_empty() {
            return queue.rest(false, Instant::now());
        }
        let mut calls = JoinSet::new();
        for next in copies {
            let (house, old, project) = (house.clone(), old.clone(), queue.project);
            calls.spawn(async move { (next.number, one(&house, &old, next, project).await) });
        }
        let mut settled = 0;
        while let Some(called) = calls.join_next().await {
            // One that panicked has said so, and is tried again.
            let Ok((number, tried)) = called else { continue };
            settled += usize::from(queue.settle(number, tried, house.clock.now()));
        }
        if settled == 0 {
            return queue.rest(true, Instant::now());
        }
    }
}

fn old_side(house: &House, project: u64) -> Option<Dsn> {
    house.errors.projects.get(project)?.settings.tee.as_deref()?.parse().ok()
}

async fn one(house: &Arc<House>, old: &Dsn, next: Next, project: u64) -> Tried {
    let Next { mebibytes, path, .. } = next;
    let room = house.tee.mebibytes.acquire_many(mebibytes).await;
    let Ok(_room) = room else { return Tried::Later("we stop".into()) };
    let read = tokio::task::spawn_blocking(move || waiting::read(&path, project)).await;
    let Ok(Some(copy)) = read else { return Tried::Gone };
    if house.clock.now().0 - copy.at.0 > KEPT_SECONDS {
        return Tried::Gone;
    }
    sending::send(house, old, copy).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(query: &str, body: &str) -> Copy {
        Copy {
            project: 1,
            at: Timestamp(5),
            way: "security/".into(),
            query: query.into(),
            headers: vec![("content-type".into(), "application/json".into())],
            client: Some("sentry python, 2".into()),
            body: body.into(),
        }
    }

    fn queue(directory: &Path) -> Queue {
        let queue = Queue::open(directory, 1).unwrap();
        for _ in 0..3 {
            queue.waiting.lock().push(&copy("", "{}")).unwrap();
        }
        queue
    }

    #[test]
    fn whatever_becomes_of_a_copy_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let queue = queue(directory.path());
        let numbers: Vec<u64> = queue.first().into_iter().map(|next| next.number).collect();
        let tried = [Tried::Refused("no".into()), Tried::Later("away".into()), Tried::Sent];
        let over: Vec<bool> = numbers
            .iter()
            .zip(tried)
            .map(|(number, tried)| queue.settle(*number, tried, Timestamp(9)))
            .collect();
        assert_eq!(over, [true, false, true]);
        let passed = queue.now();
        assert_eq!((passed.sent, passed.refused, passed.waiting, passed.last_sent), (1, 1, 1, Some(9)));
        queue.clear();
        assert_eq!((queue.now().dropped, queue.now().waiting_bytes), (1, 0));
        assert!(waiting::read(&queue.waiting.lock().path(numbers[1]), 1).is_none(), "not on the disk either");
    }

    #[test]
    fn what_comes_in_five_minutes_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let queue = Queue { most_taken: 5, ..Queue::open(directory.path(), 1).unwrap() };
        let push = |at| queue.push(&Copy { at: Timestamp(at), ..copy("", "abc") }).is_ok();
        assert_eq!([push(600), push(601), push(899), push(900)], [true, false, false, true]);
        assert_eq!(queue.now().waiting, 2);
    }

    #[test]
    fn large_copies_wait_for_each_other() {
        assert_eq!([weight(0), weight(3 << 20), weight((20 << 20) + 1), weight(u64::MAX)], [2, 3, 21, 128]);
    }

    #[test]
    fn an_old_side_that_is_away_is_asked_less_and_less_often() {
        let directory = tempfile::tempdir().unwrap();
        let queue = queue(directory.path());
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            assert!(queue.begin(now) && !queue.begin(now));
            queue.rest(true, now);
            let pause = queue.turn.lock().pause;
            assert!(!queue.begin(now));
            now += pause;
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(queue.begin(now));
        queue.rest(false, now);
        assert!(queue.begin(now), "and at once when it is back");
    }
}
