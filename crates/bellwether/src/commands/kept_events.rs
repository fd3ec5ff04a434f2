//! Events that no server took: a file each in the user's own state directory, until one takes them. Several
//! processes may keep and send at the same time; whoever renames a file has it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

/// A server that is away for months does not fill a disk.
const MAX_KEPT: usize = 1_000;
/// A process that claimed a file has ended long before, if it is still there.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(60);

const KEPT: &str = "event";
const CLAIMED: &str = "claimed";

/// Longer than any event that is kept.
const MAX_FILE_BYTES: u64 = 1 << 20;

pub struct KeptEvents {
    directory: PathBuf,
    /// Since 1970.
    now: Duration,
}

pub struct Claimed {
    path: PathBuf,
    event: Value,
}

impl KeptEvents {
    /// Where programs keep what should outlive them and need not be looked at.
    pub fn of_this_user(now: Duration) -> Option<KeptEvents> {
        let given = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let home = given("XDG_STATE_HOME").or_else(|| Some(given("HOME")?.join(".local/state")))?;
        Some(KeptEvents { directory: home.join("bellwether/events"), now })
    }

    /// The file that it is in. The oldest gives way if there are too many.
    pub fn keep(&self, destination: &str, event: &Value) -> Result<PathBuf, String> {
        let told = |error: std::io::Error| format!("{}: {error}", self.directory.display());
        fs::create_dir_all(&self.directory).map_err(told)?;
        let files = self.files();
        for oldest in files.iter().take((files.len() + 1).saturating_sub(MAX_KEPT)) {
            eprintln!(
                "warning: {MAX_KEPT} events are kept already; the oldest is dropped: {}",
                oldest.display()
            );
            fs::remove_file(oldest).map_err(told)?;
        }
        let name = format!("{:020}-{}", self.now.as_nanos(), std::process::id());
        let (partial, path) = (self.directory.join(&name), self.directory.join(&name).with_extension(KEPT));
        let text = json!({"for": destination, "event": event}).to_string();
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(format!("it is longer than {MAX_FILE_BYTES} bytes"));
        }
        let mut file = fs::File::create(&partial).map_err(told)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(told)?;
        fs::rename(&partial, &path).map_err(told)?;
        Ok(path)
    }

    /// Oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| self.is_free(path)).collect();
        files.sort();
        files
    }

    /// The oldest for this destination, for this process alone.
    pub fn claim(&self, destination: &str) -> Option<Claimed> {
        self.files().iter().find_map(|path| {
            let kept: Value = serde_json::from_slice(&read(path).ok()?).ok()?;
            if kept["for"] != destination {
                return None;
            }
            let claimed = path.with_extension(CLAIMED);
            fs::rename(path, &claimed).ok()?;
            // From now on it is this process's; the time of the file says since when.
            let touched = fs::File::open(&claimed).and_then(|file| file.set_modified(UNIX_EPOCH + self.now));
            touched.ok().map(|()| Claimed { path: claimed, event: kept["event"].clone() })
        })
    }

    fn is_free(&self, path: &Path) -> bool {
        let modified =
            || fs::metadata(path).and_then(|found| found.modified()).ok()?.duration_since(UNIX_EPOCH).ok();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(KEPT) => true,
            Some(CLAIMED) => modified().is_some_and(|modified| self.now > modified + CLAIM_TIMEOUT),
            _ => false,
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

impl Claimed {
    pub fn event(&self) -> &Value {
        &self.event
    }

    pub fn done(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            eprintln!("warning: {} is sent and cannot be removed: {error}", self.path.display());
        }
    }

    pub fn give_back(self) {
        // If it cannot be given back now it is free again after a minute.
        let _ = fs::rename(&self.path, self.path.with_extension(KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> (tempfile::TempDir, KeptEvents) {
        let directory = tempfile::tempdir().unwrap();
        let kept = KeptEvents { directory: directory.path().join("events"), now: Duration::from_secs(1_000) };
        (directory, kept)
    }

    #[test]
    fn kept_events_come_back_in_order_for_their_server_only() {
        let (_directory, mut kept) = kept();
        for (destination, what) in [("http://a", "1"), ("http://b", "2"), ("http://a", "3")] {
            kept.now += Duration::from_secs(1);
            kept.keep(destination, &json!(what)).unwrap();
        }
        let first = kept.claim("http://a").unwrap();
        assert_eq!(first.event(), "1");
        let second = kept.claim("http://a").unwrap();
        assert_eq!(second.event(), "3", "what is claimed is nobody else's");
        assert!(kept.claim("http://a").is_none());
        kept.now += CLAIM_TIMEOUT * 2;
        assert_eq!(kept.claim("http://a").unwrap().event(), "1", "whoever claimed it has ended");
        first.give_back();
        second.done();
        assert_eq!(kept.claim("http://a").unwrap().event(), "1");
        assert_eq!(kept.claim("http://b").unwrap().event(), "2");
    }

    #[test]
    fn there_are_never_too_many() {
        let (_directory, kept) = kept();
        fs::create_dir_all(&kept.directory).unwrap();
        for number in 0..MAX_KEPT {
            fs::write(kept.directory.join(format!("{number:05}.{KEPT}")), "{}").unwrap();
        }
        kept.keep("http://a", &json!("new")).unwrap();
        assert_eq!(kept.files().len(), MAX_KEPT);
        assert!(!kept.directory.join(format!("00000.{KEPT}")).exists());
        assert_eq!(kept.claim("http://a").unwrap().event(), "new");
    }

    #[test]
    fn damaged_files_are_left_alone() {
        let (_directory, kept) = kept();
        kept.keep("http://a", &json!("good")).unwrap();
        fs::write(kept.directory.join(format!("0.{KEPT}")), "{ not json").unwrap();
        assert_eq!(kept.claim("http://a").unwrap().event(), "good");
    }
}
