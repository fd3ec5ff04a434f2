//! What of a tree was imported already: lines that are added to a file below the data directory, batch by batch.
//! A file that was changed since is imported again, which adds what is new in it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::tree::Stamp;

/// A file that was changed so shortly before it was read may be changed again without its time showing it.
const UNSETTLED: Duration = Duration::from_millis(50);

pub struct Done {
    path: PathBuf,
    /// By path below the tree.
    known: HashMap<String, Stamp>,
    file: Mutex<File>,
}

impl Done {
    /// The list of one tree, as it was left; an empty one if `again`.
    pub fn open(data_dir: &Path, tree: &Path, again: bool) -> io::Result<Done> {
        let directory = data_dir.join("import");
        fs::create_dir_all(&directory)?;
        let digest = Sha256::digest(tree.as_os_str().as_encoded_bytes());
        let name: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let path = directory.join(format!("whisper-{name}.jsonl"));
        if again {
            File::create(&path)?;
        }
        let mut file = File::options().create(true).append(true).read(true).open(&path)?;
        let (known, is_torn) = load(&file)?;
        if is_torn {
            file.write_all(b"\n")?;
        }
        Ok(Done { path, known, file: Mutex::new(file) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn has(&self, relative: &Path, stamp: Stamp) -> bool {
        relative.to_str().and_then(|path| self.known.get(path)) == Some(&stamp)
    }

    /// Note files whose points are on the disk: what they were like before they were read, at that time since 1970.
    pub fn add<'a>(&self, files: impl Iterator<Item = (&'a Path, Stamp)>, read: Duration) -> io::Result<()> {
        let settled = read.saturating_sub(UNSETTLED).as_nanos() as i64;
        let mut lines = Vec::new();
        for (path, stamp) in files.filter(|(_, stamp)| stamp.modified < settled) {
            let Some(path) = path.to_str() else { continue };
            serde_json::to_writer(&mut lines, &(path, stamp.bytes, stamp.modified))?;
            lines.push(b'\n');
        }
        let mut file = self.file.lock();
        file.write_all(&lines)?;
        file.sync_data()
    }
}

/// Whole lines count; true if the last one is torn.
fn load(file: &File) -> io::Result<(HashMap<String, Stamp>, bool)> {
    let mut known = HashMap::new();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok((known, false));
        }
        if !line.ends_with(b"\n") {
            return Ok((known, true));
        }
        if let Ok((path, bytes, modified)) = serde_json::from_slice::<(String, u64, i64)>(&line) {
            known.insert(path, Stamp { bytes, modified });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_known_the_next_time() {
        let directory = tempfile::tempdir().unwrap();
        let open = |again| Done::open(directory.path(), Path::new("/tree"), again).unwrap();
        let now = Duration::from_secs(1_000);
        let stamp = |modified| Stamp { bytes: 10, modified };
        let old = stamp(999_000_000_000);
        let done = open(false);
        let files = [("a/\"ü.wsp", old), ("hot.wsp", stamp(999_990_000_000))];
        done.add(files.iter().map(|(path, stamp)| (Path::new(*path), *stamp)), now).unwrap();
        assert!(!done.has(Path::new("a/\"ü.wsp"), old), "this run goes by the list it began with");
        File::options().append(true).open(done.path()).unwrap().write_all(b"[\"torn").unwrap();
        let done = open(false);
        assert!(done.has(Path::new("a/\"ü.wsp"), old));
        assert!(!done.has(Path::new("a/\"ü.wsp"), stamp(5)) && !done.has(Path::new("hot.wsp"), files[1].1));
        done.add([(Path::new("b.wsp"), old)].into_iter(), now).unwrap();
        assert!(open(false).has(Path::new("b.wsp"), old));
        assert!(!open(true).has(Path::new("b.wsp"), old));
    }
}
