//! Asks file systems for their size and sensors for their temperature, on a thread of its own: a network mount
//! whose server is gone holds whoever asks, for ever if need be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::limits;

/// What is to be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    FileSystem {
        path: PathBuf,
    },
    /// A `temp*_input` below /sys, in thousandths of a degree.
    Temperature {
        path: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    FileSystem(Space),
    Celsius(f64),
}

/// In bytes and files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    pub size: u64,
    pub free: u64,
    /// Free for everybody; the rest is kept for root.
    pub available: u64,
    pub files: u64,
    pub files_free: u64,
}

/// Each question by a name of the caller's.
pub type Questions = Vec<(String, Question)>;
pub type Answers = Vec<(String, Answer)>;

#[derive(Default)]
pub struct Probe {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default)]
struct State {
    questions: Option<Arc<Questions>>,
    answers: Arc<Answers>,
    /// The thread that answers at present; others have been given up.
    worker: u64,
    workers: usize,
    /// What that thread is busy with.
    asking: Option<(Question, Instant)>,
    /// What earlier threads are still stuck in.
    stuck: BTreeSet<Question>,
    stopped: bool,
}

impl Probe {
    /// Hands in questions, and takes the answers to earlier ones. Never waits.
    pub fn ask(&self, questions: Questions, at: Instant) -> Arc<Answers> {
        let mut state = self.shared.state.lock();
        let hangs = |(_, since): &(Question, Instant)| at.duration_since(*since) >= limits::PROBE_TIMEOUT;
        if let Some((question, _)) = state.asking.take_if(|asking| hangs(asking)) {
            state.stuck.insert(question);
            state.worker += 1;
            state.workers = 0;
        }
        if state.workers == 0 && state.stuck.len() < limits::PROBES_STUCK_MAX {
            let (shared, worker) = (Arc::clone(&self.shared), state.worker);
            let thread = thread::Builder::new().name("host-probe".into());
            // Out of threads: the next call tries again.
            state.workers = usize::from(thread.spawn(move || shared.run(worker)).is_ok());
        }
        state.questions = Some(Arc::new(questions));
        self.shared.rung.notify_all();
        Arc::clone(&state.answers)
    }

    /// File systems (and sensors) that have not answered in time and still do not.
    pub fn stuck(&self) -> usize {
        self.shared.state.lock().stuck.len()
    }
}

impl Drop for Probe {
    /// A stuck thread is left to itself; it ends when it comes back.
    fn drop(&mut self) {
        self.shared.state.lock().stopped = true;
        self.shared.rung.notify_all();
    }
}

impl Shared {
    fn run(&self, worker: u64) {
        while let Some(questions) = self.wait(worker) {
            let mut answers = Answers::new();
            for (name, question) in questions.iter() {
                if !self.begin(worker, question) {
                    continue;
                }
                let answer = answer(question);
                if !self.end(worker, question) {
                    return;
                }
                answers.extend(answer.map(|answer| (name.clone(), answer)));
            }
            self.state.lock().answers = Arc::new(answers);
        }
    }

    fn wait(&self, worker: u64) -> Option<Arc<Questions>> {
        let mut state = self.state.lock();
        loop {
            if state.stopped || state.worker != worker {
                return None;
            }
            if let Some(questions) = state.questions.take() {
                return Some(questions);
            }
            self.rung.wait(&mut state);
        }
    }

    /// False if an earlier thread is stuck in just this.
    fn begin(&self, worker: u64, question: &Question) -> bool {
        let mut state = self.state.lock();
        let free = state.worker == worker && !state.stuck.contains(question);
        if free {
            state.asking = Some((question.clone(), Instant::now()));
        }
        free
    }

    /// False if this thread was given up meanwhile.
    fn end(&self, worker: u64, question: &Question) -> bool {
        let mut state = self.state.lock();
        if state.worker != worker {
            state.stuck.remove(question);
            return false;
        }
        state.asking = None;
        true
    }
}

fn answer(question: &Question) -> Option<Answer> {
    match question {
        Question::FileSystem { path } => space(path).map(Answer::FileSystem),
        Question::Temperature { path } => celsius(path).map(Answer::Celsius),
    }
}

fn space(path: &Path) -> Option<Space> {
    let told = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Some(Space {
        size: bytes(told.f_blocks),
        free: bytes(told.f_bfree),
        available: bytes(told.f_bavail),
        files: told.f_files,
        files_free: told.f_ffree,
    })
}

fn celsius(path: &Path) -> Option<f64> {
    // A file of /sys is a page at most.
    let thousandths: f64 = std::fs::read_to_string(path).ok()?.trim().parse().ok()?;
    Some(thousandths / 1000.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn file_system(path: &Path) -> (String, Question) {
        ("it".into(), Question::FileSystem { path: path.to_owned() })
    }

    fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
        let give_up = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < give_up, "{what} did not come about");
            thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn answers_come_with_a_later_question() {
        let directory = tempfile::tempdir().unwrap();
        let temperature = directory.path().join("temp1_input");
        std::fs::write(&temperature, "42500\n").unwrap();
        let probe = Probe::default();
        let questions = vec![
            file_system(directory.path()),
            ("gone".into(), Question::FileSystem { path: "/no/such/place".into() }),
            ("cpu".into(), Question::Temperature { path: temperature }),
        ];
        wait_until("answers", || probe.ask(questions.clone(), Instant::now()).len() == 2);
        let answers = probe.ask(questions, Instant::now());
        assert!(matches!(answers[0].1, Answer::FileSystem(Space { size, .. }) if size > 0));
        assert_eq!(answers[1], ("cpu".into(), Answer::Celsius(42.5)));
    }

    #[test]
    fn a_question_that_hangs_does_not_hold_the_others() {
        let directory = tempfile::tempdir().unwrap();
        // Opening a pipe for reading waits for somebody to write: as dead as a dead mount.
        let pipe = directory.path().join("temp1_input");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let probe = Probe::default();
        let questions = vec![
            ("dead".into(), Question::Temperature { path: pipe.clone() }),
            file_system(directory.path()),
        ];
        probe.ask(questions.clone(), Instant::now());
        wait_until("the question to be asked", || probe.shared.state.lock().asking.is_some());
        // However long it took until it was.
        let later = Instant::now() + limits::PROBE_TIMEOUT;
        wait_until("the other answer", || probe.ask(questions.clone(), later).len() == 1);
        assert_eq!(probe.stuck(), 1);
        std::fs::write(&pipe, "1000").unwrap();
        wait_until("the return", || probe.stuck() == 0);
    }
}
