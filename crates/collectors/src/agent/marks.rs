//! Which batches of whom the outbox has: a flush of this machine's StatsD that is told again after a kill is taken once.
//!
//! A mark is written with the last rows of its batch, by one write to the log of the rows. Before that log is emptied
//! all of them go to a file. Drawn in docs/formats/agent-batch.md.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use vocabulary::Applied;
use vocabulary::ports::BatchMark;

use super::limits;

pub struct Marks {
    path: PathBuf,
    taken: BTreeMap<String, Applied>,
    /// Something is not in the file yet.
    is_changed: bool,
}

impl Marks {
    /// `left`: what [`Marks::note`] gave to the log of the rows.
    pub fn open(path: PathBuf, left: &[String]) -> io::Result<Marks> {
        let mut text = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(limits::MARKS_BYTES_READ).read_to_end(&mut text));
        if let Err(error) = read
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let line = |line: &str| {
            let (sender, ranges) = line.rsplit_once(' ')?;
            Some((sender.to_owned(), Applied::parse(ranges)))
        };
        let taken = String::from_utf8_lossy(&text).lines().filter_map(line).collect();
        let mut marks = Marks { path, taken, is_changed: false };
        left.iter().for_each(|told| marks.read(told));
        Ok(marks)
    }

    fn read(&mut self, told: &str) {
        let mut words = told.rsplitn(3, ' ');
        let mut number = || words.next()?.parse().ok();
        let (settled, number): (Option<u64>, Option<u64>) = (number(), number());
        if let (Some(settled), Some(number), Some(sender)) = (settled, number, words.next()) {
            self.take(sender, number, settled);
        }
    }

    pub fn has(&self, mark: BatchMark<'_>) -> bool {
        self.taken.get(mark.sender).is_some_and(|taken| taken.contains(mark.number))
    }

    pub fn last(&self, sender: &str) -> u64 {
        self.taken.get(sender).and_then(Applied::last).unwrap_or(0)
    }

    /// What the log of the rows is to say of it.
    pub fn note(&mut self, mark: BatchMark<'_>) -> String {
        let BatchMark { sender, number, settled } = mark;
        self.take(sender, number, settled);
        format!("{sender} {number} {settled}")
    }

    fn take(&mut self, sender: &str, number: u64, settled: u64) {
        let taken = self.taken.entry(sender.to_owned()).or_default();
        taken.forget_below(settled);
        // The newest stays whatever is settled: the sender's numbers go on above it.
        taken.insert(number);
        self.is_changed = true;
    }

    /// Before the log of the rows, which has the newest, is emptied.
    pub fn keep(&mut self) {
        if !self.is_changed {
            return;
        }
        let line = |(sender, taken): (&String, &Applied)| format!("{sender} {taken}\n");
        let text: String = self.taken.iter().map(line).collect();
        let partial = self.path.with_extension("partial");
        // On a full disk it is tried again with the next batch; until then a kill may bring a flush twice.
        self.is_changed = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &self.path)).is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_found_in_the_file_and_in_what_the_log_says() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("marks");
        let mark = |number, settled| BatchMark { sender: "statsd", number, settled };
        let mut marks = Marks::open(path.clone(), &[]).unwrap();
        assert_eq!((marks.has(mark(1, 1)), marks.last("statsd")), (false, 0));
        marks.note(mark(7, 6));
        marks.keep();
        let told = [marks.note(mark(8, 7)), "torn".into(), "statsd x 1".into()];
        let again = Marks::open(path.clone(), &told).unwrap();
        assert!(again.has(mark(7, 7)) && again.has(mark(8, 8)) && !again.has(mark(9, 9)));
        assert_eq!((again.last("statsd"), again.last("other")), (8, 0));
        assert_eq!(Marks::open(path, &[]).unwrap().last("statsd"), 7);
    }
}
