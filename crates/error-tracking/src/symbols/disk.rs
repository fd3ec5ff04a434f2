//! All access to the files of artifacts goes through here, so that tests can break the disk.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use formats::sentry::zip::Source;

use super::Sum;
use crate::limits::MAX_CHUNK_BYTES;

/// One directory of files. Real: [`Directory`].
pub trait Disk: Send + Sync {
    /// A file that is there whole or not at all. After a power cut it may be there in part.
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// To the end of a file, which begins to be there.
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()>;
    /// Under another name from now on. Contents and name survive a power cut when this returns.
    fn settle(&self, name: &str, to: &str) -> io::Result<()>;
    /// A chunk, which is small.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    fn open(&self, name: &str) -> io::Result<Box<dyn Source>>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Names and lengths.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;
}

/// A directory of the operating system.
pub struct Directory(PathBuf);

impl Directory {
    pub fn open(path: &Path) -> io::Result<Directory> {
        fs::create_dir_all(path)?;
        Ok(Directory(path.to_owned()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Disk for Directory {
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = self.path(&partial(name));
        let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, self.path(name)));
        written.inspect_err(|_| drop(fs::remove_file(&beside)))
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fs::OpenOptions::new().create(true).append(true).open(self.path(name))?.write_all(bytes)
    }

    fn settle(&self, name: &str, to: &str) -> io::Result<()> {
        fs::OpenOptions::new().write(true).open(self.path(name))?.sync_data()?;
        fs::rename(self.path(name), self.path(to))?;
        fs::File::open(&self.0)?.sync_all()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(self.path(name))?.take(MAX_CHUNK_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        let file = fs::File::open(self.path(name))?;
        let length = file.metadata()?.len();
        Ok(Box::new(OpenFile { file, length }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            files.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len()));
        }
        Ok(files)
    }
}

struct OpenFile {
    file: fs::File,
    length: u64,
}

impl Source for OpenFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), String> {
        self.file.read_exact_at(buffer, offset).map_err(|error| error.to_string())
    }
}

const CHUNK: &str = ".chunk";
const BUNDLE: &str = ".bundle";
const PARTIAL: &str = ".partial";

pub(super) fn chunk(sum: Sum) -> String {
    format!("{sum}{CHUNK}")
}

pub(super) fn bundle(sum: Sum) -> String {
    format!("{sum}{BUNDLE}")
}

pub(super) fn partial(name: &str) -> String {
    format!("{name}{PARTIAL}")
}

/// What a file is by its name.
pub(super) enum Named {
    Chunk(Sum),
    Bundle(Sum),
    /// It was being written when the process ended.
    Partial,
    NotOurs,
}

impl Named {
    pub(super) fn read(name: &str) -> Named {
        let sum = |end: &str| -> Option<Sum> { name.strip_suffix(end)?.parse().ok() };
        if name.ends_with(PARTIAL) {
            return Named::Partial;
        }
        sum(CHUNK).map(Named::Chunk).or_else(|| sum(BUNDLE).map(Named::Bundle)).unwrap_or(Named::NotOurs)
    }
}
