//! Copies of one project that wait for the old side: a file each, called by its number, so that a `kill -9` loses none. They are not
//! synced: after a power cut the last seconds may be missing there, and are here.
//!
//! A file is one line of JSON, the head, and the body as it came. What is no whole copy is passed over and counted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use http_api::sentry::tee::Copy;
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

/// Of one project; the oldest go. An hour of 100 KB a second, or of 5 events a second.
pub const MAX_BYTES: u64 = 512 << 20;
pub const MAX_COPIES: usize = 20_000;
/// Bodies are 20 MiB at most, and headers 64 KiB.
const MAX_FILE: u64 = 24 << 20;

pub struct Waiting {
    directory: PathBuf,
    /// How long each is, by its number.
    files: BTreeMap<u64, u64>,
    bytes: u64,
    next: u64,
}

#[derive(Serialize, Deserialize)]
struct Head {
    at: i64,
    way: String,
    query: String,
    headers: Vec<(String, String)>,
    client: Option<String>,
    /// Of the body.
    length: usize,
}

impl Waiting {
    /// The directory is made with the first copy.
    pub fn open(directory: PathBuf) -> io::Result<Waiting> {
        let mut waiting = Waiting { directory, files: BTreeMap::new(), bytes: 0, next: 1 };
        let listed = match fs::read_dir(&waiting.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(waiting),
            listed => listed?,
        };
        for entry in listed {
            let entry = entry?;
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            waiting.note(number, entry.metadata()?.len());
        }
        Ok(waiting)
    }

    fn note(&mut self, number: u64, bytes: u64) {
        self.files.insert(number, bytes);
        self.bytes += bytes;
        self.next = self.next.max(number + 1);
    }

    pub fn copies(&self) -> u64 {
        self.files.len() as u64
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Answers how many of the oldest had to go for it.
    pub fn push(&mut self, copy: &Copy) -> io::Result<u64> {
        let number = self.next;
        self.next += 1;
        let bytes = self.write(number, copy).inspect_err(|_| {
            // Half a copy is none.
            let _ = fs::remove_file(self.path(number));
        })?;
        self.note(number, bytes);
        let mut gone = 0;
        while self.bytes > MAX_BYTES || self.files.len() > MAX_COPIES {
            let Some(oldest) = self.files.keys().next().copied() else { break };
            self.remove(oldest);
            gone += 1;
        }
        Ok(gone)
    }

    fn write(&self, number: u64, copy: &Copy) -> io::Result<u64> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let Copy { at, way, query, headers, client, body, .. } = copy;
        let (way, query, headers) = (way.clone(), query.clone(), headers.clone());
        let head = Head { at: at.0, way, query, headers, client: client.clone(), length: body.len() };
        let mut head = serde_json::to_vec(&head).map_err(io::Error::other)?;
        head.push(b'\n');
        // What people did stands in it, and nobody has taken out what is secret.
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(self.path(number))?;
        file.write_all(&head)?;
        file.write_all(body)?;
        Ok((head.len() + body.len()) as u64)
    }

    /// The numbers of the first of them.
    pub fn first(&self, most: usize) -> Vec<u64> {
        self.files.keys().take(most).copied().collect()
    }

    /// How long it is.
    pub fn length(&self, number: u64) -> u64 {
        self.files.get(&number).copied().unwrap_or_default()
    }

    /// Whether it was there.
    pub fn remove(&mut self, number: u64) -> bool {
        let Some(bytes) = self.files.remove(&number) else { return false };
        self.bytes -= bytes;
        // What stays because the disk says no is sent again after the next start: the old side knows its id.
        let _ = fs::remove_file(self.path(number));
        true
    }

    pub fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:020}"))
    }
}

/// Of a project. None: it is no whole copy.
pub fn read(path: &Path, project: u64) -> Option<Copy> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let body = bytes.split_off(end + 1);
    let Head { at, way, query, headers, client, length } = head;
    (body.len() == length).then_some(Copy { project, at: Timestamp(at), way, query, headers, client, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(body: &str) -> Copy {
        Copy {
            project: 7,
            at: Timestamp(5),
            way: "envelope/".into(),
            query: String::new(),
            headers: vec![("content-type".into(), "text/plain".into())],
            client: Some("test/1".into()),
            body: body.into(),
        }
    }

    #[test]
    fn copies_wait_over_a_restart_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("7");
        let mut waiting = Waiting::open(place.clone()).unwrap();
        for body in ["one", "two\nlines", ""] {
            assert_eq!(waiting.push(&copy(body)).unwrap(), 0);
        }
        let first = waiting.first(1)[0];
        assert_eq!(read(&waiting.path(first), 7), Some(copy("one")));
        waiting.remove(first);
        let again = Waiting::open(place).unwrap();
        let numbers = again.first(9);
        assert_eq!((again.copies(), again.bytes()), (2, waiting.bytes()));
        let bodies: Vec<_> = numbers.iter().map(|number| read(&again.path(*number), 7).unwrap()).collect();
        assert_eq!(bodies, [copy("two\nlines"), copy("")]);
    }

    #[test]
    fn what_was_being_written_is_no_copy() {
        let directory = tempfile::tempdir().unwrap();
        let mut waiting = Waiting::open(directory.path().to_owned()).unwrap();
        waiting.push(&copy("a body")).unwrap();
        let path = waiting.path(waiting.first(1)[0]);
        let whole = fs::metadata(&path).unwrap().len();
        for length in [whole - 1, 5, 0] {
            File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
            assert_eq!(read(&path, 7), None, "{length}");
        }
        assert_eq!(read(&directory.path().join("none"), 7), None);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let mut waiting = Waiting::open(directory.path().to_owned()).unwrap();
        waiting.push(&copy("first")).unwrap();
        let (first, bytes) = (waiting.first(1)[0], waiting.bytes());
        // As if the one before were as long as may be.
        waiting.files.insert(first, MAX_BYTES);
        waiting.bytes = MAX_BYTES;
        assert_eq!(waiting.push(&copy("other")).unwrap(), 1);
        assert_eq!((waiting.copies(), waiting.bytes(), waiting.path(first).exists()), (1, bytes, false));
    }
}
