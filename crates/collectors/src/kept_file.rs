//! A file of /proc that is opened once and read again and again into the same buffer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Instant;

use crate::limits;

#[derive(Debug)]
pub struct KeptFile {
    path: PathBuf,
    file: Option<File>,
    /// When it is worth another try after it could not be opened.
    missing_since: Option<Instant>,
    buffer: Vec<u8>,
}

impl KeptFile {
    pub fn new(path: PathBuf) -> KeptFile {
        KeptFile { path, file: None, missing_since: None, buffer: Vec::new() }
    }

    /// The text as it is now; `None` if there is none, which is normal for what a kernel does not have.
    pub fn read(&mut self, at: Instant) -> Option<&str> {
        if self.file.is_none() && !self.open(at) {
            return None;
        }
        if self.fill().is_err() {
            // The thing it told of has gone; the next read opens anew.
            self.file = None;
            return None;
        }
        std::str::from_utf8(&self.buffer).ok()
    }

    fn open(&mut self, at: Instant) -> bool {
        if self.missing_since.is_some_and(|since| at.duration_since(since) < limits::LOOK_AGAIN_AFTER) {
            return false;
        }
        self.file = File::open(&self.path).ok();
        self.missing_since = self.file.is_none().then_some(at);
        self.file.is_some()
    }

    fn fill(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let mut length = 0;
        loop {
            if length == self.buffer.len() {
                if length >= limits::FILE_BYTES_MAX {
                    break;
                }
                self.buffer.resize((length * 2).max(4096), 0);
            }
            match file.read_at(&mut self.buffer[length..], length as u64) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn reads_what_is_there_now() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let (mut kept, now) = (KeptFile::new(path.clone()), Instant::now());
        assert_eq!(kept.read(now), None);
        std::fs::write(&path, "x".repeat(10_000)).unwrap();
        assert_eq!(kept.read(now), None, "not looked for again at once");
        let later = now + limits::LOOK_AGAIN_AFTER + Duration::from_secs(1);
        assert_eq!(kept.read(later).map(str::len), Some(10_000));
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3).unwrap();
        assert_eq!(kept.read(later), Some("xxx"));
    }
}
